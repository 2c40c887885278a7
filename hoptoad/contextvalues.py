"""Values that go with every notice of the current task or thread, and the trail of its log records."""

import contextlib
import logging
from collections import deque
from collections.abc import Mapping
from contextvars import ContextVar, Token
from datetime import datetime, timezone
from types import TracebackType
from typing import Any

from django.core.signals import request_finished, request_started

from hoptoad.logtext import formatted
from hoptoad.masked import SLACK

_values: "ContextVar[Mapping[str, Any]]" = ContextVar("hoptoad_values")
_trail: "ContextVar[deque[tuple[float, str, str, str]]]" = ContextVar("hoptoad_trail")
_MAX_LINE = 500
_connected = False


class Context:
    """Adds values from now on; as a context manager only inside its block.

    Where it is not used as one, values last until the end of the request or of the Celery task,
    and elsewhere as long as the thread or asyncio task.
    """

    def __init__(self, values: Mapping[str, Any]) -> None:
        _forget_after_requests()
        self._token: Token[Mapping[str, Any]] = _values.set({**current(), **values})

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(ValueError):  # entered in one context, left in another: an async generator
            _values.reset(self._token)


def current() -> Mapping[str, Any]:
    """The values of the current task or thread."""
    return _values.get({})


def forget(**kwargs: Any) -> None:
    """Forgets values and trail: at the end of a request or task."""
    if _values.get(None):
        _values.set({})
    trail = _trail.get(None)
    if trail is not None:
        trail.clear()


class TrailHandler(logging.Handler):
    """Remembers the last `length` log records of each request or task, as bounded text."""

    def __init__(self, length: int) -> None:
        super().__init__()
        self._length = length
        request_started.connect(self._begin)

    def emit(self, record: logging.LogRecord) -> None:
        """Remembers a record. Evaluates none of its arguments."""
        if record.name.partition(".")[0] == "hoptoad":
            return
        trail = _trail.get(None)
        if trail is None:
            trail = self._begin()
        trail.append((record.created, record.levelname, record.name, formatted(record, _MAX_LINE + SLACK)))

    def stop(self) -> None:
        """Stops remembering. Not `close`, which a new configuration of logging calls as well."""
        request_started.disconnect(self._begin)

    def _begin(self, **kwargs: Any) -> "deque[tuple[float, str, str, str]]":
        root = logging.getLogger()
        if self not in root.handlers:  # the second django.setup() of a process configures logging anew
            root.addHandler(self)
        trail: deque[tuple[float, str, str, str]] = deque(maxlen=self._length)
        _trail.set(trail)
        return trail


def trail() -> tuple[tuple[str, int], ...]:
    """The last log records of the current request or task, oldest first, and how much is shown of each."""
    lines = []
    for created, level, name, text in tuple(_trail.get(())):
        said = f"{datetime.fromtimestamp(created, timezone.utc):%H:%M:%S.%f} {level} {name}: "
        lines.append((said + text, len(said) + _MAX_LINE))
    return tuple(lines)


def _forget_after_requests() -> None:
    global _connected
    if not _connected:  # a site that adds no values pays nothing for their end
        _connected = True
        request_finished.connect(forget)

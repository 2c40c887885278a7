"""Values and breadcrumbs that go with every notice of the current request, connection, task or job.

The text of a log record is made without evaluating its arguments: that of a QuerySet runs SQL.
"""

import asyncio
import contextlib
import logging
import sys
import threading
import weakref
from collections import deque
from collections.abc import Mapping
from contextvars import ContextVar, Token
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import partial
from types import TracebackType
from typing import Any

from django.core.signals import request_finished, request_started

from hoptoad.capture.raised import MAX_CAUSES, causes_of, identity_of, is_gone, is_same
from hoptoad.capture.values import bounded_repr, exact, plain
from hoptoad.redaction.cutting import SLACK, cut
from hoptoad.runtime import scope
from hoptoad.runtime.guards import log_exception
from hoptoad.runtime.messages import get_logger

logger = get_logger(__name__)

_NONE: Mapping[str, Any] = {}
_values: "ContextVar[Mapping[str, Any]]" = ContextVar("hoptoad_values", default=_NONE)
# Outside of every unit: breadcrumbs, and the asyncio task or main thread that they belong to.
_loose: "ContextVar[tuple[weakref.ref[Any], deque[Any]] | None]" = ContextVar("hoptoad_loose", default=None)
# The units of the requests where breadcrumbs are kept, from Django's signal on; the innermost is the last.
_request_units: "ContextVar[tuple[scope.Scope, ...]]" = ContextVar("hoptoad_request_units", default=())
_MAX_LINE = 500
_connected = False
_MAX_TEMPLATE = 2048 + SLACK
_PLAIN = (str, int, float, bool, type(None))


@dataclass(frozen=True, slots=True, eq=False)  # nothing of the site is compared
class _Left:
    """A block that an exception has left: the values inside of it and outside."""

    identity: Any
    values: Mapping[str, Any]
    outer: Mapping[str, Any]


class Context:
    """Adds values from now on; as a context manager only inside its block.

    Where it is not used as one, values last until the end of the request, connection, task or job,
    and outside of those as long as the thread or asyncio task. An exception that leaves the block
    keeps its values, so that they go with the notice of it.
    """

    def __init__(self, values: Mapping[str, Any]) -> None:
        _forget_between_requests()
        self._added = values
        self._add()

    def _add(self) -> None:
        self._outer = current()
        self._own: Mapping[str, Any] = {**self._outer, **self._added}
        scope.at_end(partial(_restore, self._outer))
        self._token: Token[Mapping[str, Any]] | None = _values.set(self._own)

    def __enter__(self) -> None:
        if self._token is None:  # the second block of the same object
            self._add()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            _keep(error, self._own, self._outer)
        token, self._token = self._token, None
        if token is not None:
            with contextlib.suppress(ValueError):  # entered in one context, left in another: async generators
                _values.reset(token)


def _restore(values: Mapping[str, Any]) -> None:
    _values.set(values)


def current() -> Mapping[str, Any]:
    """The values of the calling code."""
    return _values.get()


def values_for(error: BaseException | None, unit: "scope.Unit | None") -> Mapping[str, Any]:
    """The current values, and those of the blocks of `unit` that `error` or what caused it has left."""
    left = _left(unit)
    if error is None or not left:
        return current()
    found = {}
    causes = [cause for cause, _ in causes_of(error)][:MAX_CAUSES]
    for one in (*reversed(causes), error):
        for entry in tuple(left):
            if is_same(entry.identity, one):
                found.update(entry.values)
    return {**current(), **found}


def _keep(error: BaseException, own: Mapping[str, Any], outer: Mapping[str, Any]) -> None:
    """Remembers that `error` has left a block: of nested blocks, the values of the innermost."""
    left = _left(scope.current())
    for entry in tuple(left):
        is_known = is_same(entry.identity, error)
        if is_known and entry.outer is own:  # it goes on through the block around that one
            own = entry.values
        if is_known or is_gone(entry.identity):
            with contextlib.suppress(ValueError):  # another thread has removed it
                left.remove(entry)
    left.append(_Left(identity_of(error), own, outer))


def _left(unit: "scope.Unit | None") -> "deque[Any]":
    return (unit or scope.OUTSIDE).left


def forget(**kwargs: Any) -> None:
    """Forgets the values and the breadcrumbs of the calling thread or asyncio task."""
    if _values.get():
        _values.set(_NONE)
    if _loose.get() is not None:
        _loose.set(None)


class TrailHandler(logging.Handler):
    """Keeps the last `length` log records of each request, connection, task or job, as bounded text.

    Outside of those it keeps the records of an asyncio task, and of the main thread. It keeps none of
    other threads: a thread of a pool would carry them from one job to the next.
    """

    def __init__(self, length: int) -> None:
        super().__init__()
        self._length = length
        request_started.connect(self._begin)
        request_finished.connect(_end_request)

    def emit(self, record: logging.LogRecord) -> None:
        """Keeps a record. Evaluates none of its arguments. Raises nothing."""
        try:
            self._keep(record)
        except Exception:  # of a record that someone has built oddly
            log_exception(logger, "A log record could not be kept as a breadcrumb.")

    def _keep(self, record: logging.LogRecord) -> None:
        name = str(record.name)  # None where makeLogRecord was given no name
        if name.partition(".")[0] == "hoptoad":
            return
        breadcrumbs = self._breadcrumbs()
        if breadcrumbs is not None:
            text = formatted(record, _MAX_LINE + SLACK)
            breadcrumbs.append((float(record.created), record.levelname, name, text))

    def stop(self) -> None:
        """Keeps nothing more. Not `close`, which a new configuration of logging calls as well."""
        request_started.disconnect(self._begin)
        request_finished.disconnect(_end_request)

    def _breadcrumbs(self) -> "deque[Any] | None":
        unit = scope.current()
        if unit is not None:
            if unit.breadcrumbs is None:
                unit.breadcrumbs = deque(maxlen=self._length)
            return unit.breadcrumbs
        owner = _owner()
        if owner is None:
            return None
        loose = _loose.get()
        if loose is None or loose[0]() is not owner:
            loose = (weakref.ref(owner), deque(maxlen=self._length))
            _loose.set(loose)
        return loose[1]

    def _begin(self, **kwargs: Any) -> None:
        root = logging.getLogger()
        if self not in root.handlers:  # the second django.setup() of a process configures logging anew
            root.addHandler(self)
        _forget_before(**kwargs)
        units = _request_units.get()
        # An earlier request that has ended by a BaseException may have left its unit here.
        is_left_over = scope.CURRENT.get() in units
        unit = scope.begin_server_request(nested=not is_left_over)
        _request_units.set((unit,) if is_left_over else (*units, unit))


def _end_request(**kwargs: Any) -> None:
    units, unit = _request_units.get(), scope.CURRENT.get()
    if unit in units:
        _request_units.set(units[: units.index(unit)])
        scope.end(unit)


def _owner() -> "asyncio.Task[Any] | threading.Thread | None":
    """The owner of the breadcrumbs outside of every unit: an asyncio task, or the main thread."""
    try:
        return asyncio.current_task()
    except RuntimeError:  # no event loop runs here
        thread = threading.current_thread()
        return thread if thread is threading.main_thread() else None


def trail(unit: "scope.Unit | None") -> tuple[tuple[str, int], ...]:
    """The last log records of the unit, oldest first, and how much is shown of each."""
    if unit is not None:
        kept: deque[Any] = unit.breadcrumbs or deque()
    else:
        loose = _loose.get()
        kept = loose[1] if loose is not None and loose[0]() is _owner() else deque()
    lines = []
    for created, level, name, text in tuple(kept):
        said = f"{datetime.fromtimestamp(created, timezone.utc):%H:%M:%S.%f} {level} {name}: "
        lines.append((said + text, len(said) + _MAX_LINE))
    return tuple(lines)


def _forget_before(**kwargs: Any) -> None:
    """At `request_started`: what an earlier request left in this thread, however it ended, goes.

    An ASGI connection has a context of its own, and may have got values around Django's application.
    """
    if "environ" in kwargs:
        _forget_after()


def _forget_after(**kwargs: Any) -> None:
    """At `request_finished`. The values of a request are not those of one the test client makes in it."""
    if scope.current_request() is None:
        forget()


def _forget_between_requests() -> None:
    global _connected
    if not _connected:  # a site that adds no values pays nothing for their end
        _connected = True
        request_started.connect(_forget_before)
        request_finished.connect(_forget_after)


def formatted(record: logging.LogRecord, max_chars: int) -> str:
    """The record's message with its arguments in it, at most `max_chars` characters.

    That is SLACK more than are shown: a secret at the end of these must be seen whole.
    """
    text = template(record)
    if not record.args:
        return cut(text, max_chars)
    try:
        return cut(text % _safe(record.args, max_chars), max_chars)
    except Exception:  # arguments that do not fit, or an object that %d cannot take
        return cut(f"{text} {bounded_repr(record.args, max_chars)}", max_chars)


def template(record: logging.LogRecord) -> str:
    """The message without its arguments: the same for every record of one call."""
    event = event_of(record)
    if event:
        return exact(event["event"])
    return exact(record.msg) if issubclass(type(record.msg), str) else plain(record.msg, _MAX_TEMPLATE)


def event_of(record: logging.LogRecord) -> dict[str, Any]:
    """The dictionary that structlog logs in place of a message; empty where it is none.

    `{"event": "payment failed", "order": 7, "timestamp": "2026-01-31T10:00:00Z"}`
    """
    event = record.msg
    is_event = type(event) is dict and type(event.get("event")) is str
    return event if is_event else {}  # type: ignore[return-value]


def exception_of(record: logging.LogRecord) -> BaseException | None:
    """The exception of a record, which structlog may leave in its dictionary."""
    given: Any = record.exc_info or event_of(record).get("exc_info")
    if given is True:
        given = sys.exc_info()
    error = given[1] if type(given) is tuple and len(given) == 3 else given
    return error if isinstance(error, BaseException) else None


class _Shown:
    """In place of an argument that must not be evaluated."""

    def __init__(self, value: object, max_chars: int) -> None:
        self._value = value
        self._max_chars = max_chars

    def __str__(self) -> str:
        return plain(self._value, self._max_chars)

    def __repr__(self) -> str:
        return bounded_repr(self._value, self._max_chars)


def _safe(args: Any, max_chars: int) -> Any:
    if issubclass(type(args), dict):
        return {name: _shown(value, max_chars) for name, value in dict.items(args)}
    return (
        tuple(_shown(value, max_chars) for value in args) if type(args) is tuple else _shown(args, max_chars)
    )


def _shown(value: object, max_chars: int) -> object:
    return value if type(value) in _PLAIN else _Shown(value, max_chars)

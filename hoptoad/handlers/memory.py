"""Keeps notices in memory instead of sending them: for tests."""

from typing import Any

from hoptoad.api.parsers import parse
from hoptoad.errors import ParseError
from hoptoad.notice import ErrorInfo, Notice

MAX_NOTICES = 1000

# Tests use it as hoptoad.testing.outbox.
outbox: list[Notice] = []


def _read(payload: bytes) -> Notice:
    try:
        return parse(payload)
    except ParseError:  # of an API of the site's own
        text = payload.decode("utf-8", "replace")
        return Notice(id="", error=ErrorInfo(class_name="", message=text))


class MemoryNotifier:
    """Keeps the last MAX_NOTICES notices of the process, parsed from their bytes."""

    needs_threads = False

    def __init__(self, **kwargs: Any) -> None:
        """Takes the keyword of all our handlers; this one never falls back."""

    def enqueue(self, payload: bytes, timeout: float) -> None:
        """Parses the notice and keeps it; ignores `timeout`."""
        outbox.append(_read(payload))
        del outbox[:-MAX_NOTICES]

"""Delivery to nowhere: in tests, what would have been sent is kept to be looked at."""

from typing import Any

from hoptoad.api.parsers import parse
from hoptoad.errors import ParseError
from hoptoad.notice import ErrorInfo, Notice

MAX_NOTICES = 1000

# A test looks at it as hoptoad.testing.outbox.
outbox: list[Notice] = []


def _read(payload: bytes) -> Notice:
    try:
        return parse(payload)
    except ParseError:  # of an API of the site's own
        text = payload.decode("utf-8", "replace")
        return Notice(id="", error=ErrorInfo(class_name="", message=text))


class MemoryNotifier:
    """Keeps the last MAX_NOTICES notices of the process, read back from the bytes of the wire."""

    needs_threads = False

    def __init__(self, **kwargs: Any) -> None:
        """Takes what all handlers of ours take; this one never fails."""

    def enqueue(self, payload: bytes, timeout: float) -> None:
        """Reads the notice back and keeps it; `timeout` means nothing here."""
        outbox.append(_read(payload))
        del outbox[:-MAX_NOTICES]

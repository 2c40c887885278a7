"""Delivery to nowhere: in tests, what would have been sent is kept to be looked at."""

from hoptoad_before.api.parsers import parse
from hoptoad_before.errors import ParseError
from hoptoad_before.notice import ErrorInfo, Notice

MAX_NOTICES = 1000

# A test looks at it as hoptoad_before.testing.outbox.
outbox: list[Notice] = []


def _read(payload: bytes) -> Notice:
    try:
        return parse(payload)
    except ParseError:  # of an API of the site's own
        text = payload.decode("utf-8", "replace")
        return Notice(id="", error=ErrorInfo(class_name="", message=text))


class MemoryNotifier:
    """Keeps the last MAX_NOTICES notices of the process, read back from the bytes of the wire."""

    def enqueue(self, payload: bytes, timeout: float) -> None:
        """Reads the notice back and keeps it; `timeout` means nothing here."""
        outbox.append(_read(payload))
        del outbox[:-MAX_NOTICES]

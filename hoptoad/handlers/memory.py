"""Delivery to nowhere: in tests, what would have been sent is kept to be looked at."""

from hoptoad.api.parsers import parse_v2
from hoptoad.notice import Notice

MAX_NOTICES = 1000

# A test looks at it as hoptoad.testing.outbox.
outbox: list[Notice] = []


class MemoryNotifier:
    """Keeps the last MAX_NOTICES notices of the process, read back from the bytes of the wire."""

    def enqueue(self, payload: bytes, timeout: float) -> None:
        """Reads the notice back and keeps it; `timeout` means nothing here."""
        outbox.append(parse_v2(payload))
        del outbox[:-MAX_NOTICES]

"""For tests of sites: nothing is sent, and what would have been is here to be looked at."""

from hoptoad.handlers.memory import outbox

__all__ = ["outbox"]

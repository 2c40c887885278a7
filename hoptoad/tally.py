"""Honest counts: what became of every failure this process has seen."""

import os
import threading
import time
from collections import Counter
from collections.abc import Callable

from hoptoad.messages import get_logger

logger = get_logger(__name__)

NAMES = ("captured", "suppressed", "queued", "sent", "refused", "retried", "dropped", "spooled")
SAY_EVERY = 60.0  # seconds


class Tally:
    """Counters that only grow. Threads and signal handlers may share it."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.start_over()

    def start_over(self) -> None:
        """Everything at zero, with a lock of its own: for a forked child."""
        self._lock = threading.RLock()
        self._counts: Counter[str] = Counter()
        self._said_at = float("-inf")
        self._said = 0

    def count(self, name: str, number: int = 1) -> None:
        """Adds to one of NAMES."""
        with self._lock:
            self._counts[name] += number

    def drop(self, number: int, why: str) -> None:
        """Counts lost notices, and says so at most once a minute."""
        with self._lock:
            self._counts["dropped"] += number
            dropped = self._counts["dropped"]
            now = self._clock()
            if now - self._said_at < SAY_EVERY:
                return
            new, self._said, self._said_at = dropped - self._said, dropped, now
        # Outside the lock: a logging handler may fail, report that, and so come back here.
        logger.warning("%d notices lost, %d since this process began: %s", new, dropped, why)

    @property
    def dropped(self) -> int:
        """How many notices are lost so far."""
        return self._counts["dropped"]

    def counts(self) -> dict[str, int]:
        """All of NAMES with their counts so far."""
        with self._lock:
            return {name: self._counts[name] for name in NAMES}


tally = Tally()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=tally.start_over)

"""Honest counts: what became of every failure this process has seen."""

import atexit
import contextlib
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator

from hoptoad_before.messages import get_logger

logger = get_logger(__name__)

NAMES = (
    "captured",
    "suppressed",
    "queued",
    "spooled",
    "published",
    "mailed",
    "sent",
    "refused",
    "retried",
    "dropped",
)
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
        self._why = ""
        self._unknown = 0
        self._holds = 0

    def count(self, name: str, number: int = 1) -> None:
        """Adds to one of NAMES."""
        with self._lock:
            self._counts[name] += number

    def drop(self, number: int, why: str) -> None:
        """Counts lost notices, and says so at most once a minute."""
        with self._lock:
            self._counts["dropped"] += number
            self._why = why
            is_due = not self._holds and self._clock() - self._said_at >= SAY_EVERY
        if is_due:
            self.sum_up()

    def leave(self, number: int, why: str) -> None:
        """Remembers for the next line that the process ends while `number` notices are being sent."""
        with self._lock:
            self._unknown += number
            self._why = why

    @contextlib.contextmanager
    def one_line(self) -> Iterator[None]:
        """Says in a single line, at its end, what was lost in the block and before."""
        with self._lock:
            self._holds += 1
        try:
            yield
        finally:
            with self._lock:
                self._holds -= 1
            self.sum_up()

    def sum_up(self) -> None:
        """Says how many notices are lost, where that was not said yet."""
        with self._lock:
            dropped, unknown, why = self._counts["dropped"], self._unknown, self._why
            new = dropped - self._said
            if self._holds or not (new or unknown):
                return
            self._said, self._unknown, self._said_at = dropped, 0, self._clock()
        # Outside the lock: a logging handler may fail, report that, and so come back here.
        if unknown:
            logger.warning(
                "%d notices lost, %d since this process began, and %d were being sent, which may have "
                "arrived or not: %s",
                new,
                dropped,
                unknown,
                why,
            )
        else:
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
atexit.register(tally.sum_up)  # registered before those of the handlers, so it runs after them

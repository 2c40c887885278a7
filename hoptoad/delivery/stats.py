"""Counts the failures of this process and their notices, and logs the lost ones."""

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator

from hoptoad.delivery.log_once import OnceAMinute
from hoptoad.runtime import lifecycle
from hoptoad.runtime.lifecycle import Ending
from hoptoad.runtime.messages import get_logger

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
_LOST = "lost"  # the line in the log


class Stats:
    """Counters that only grow. Threads and signal handlers may share them."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.start_over()

    def start_over(self) -> None:
        """Sets every counter to zero, with a new lock: at first, and in a forked child."""
        self._lock = threading.RLock()
        self._counts: Counter[str] = Counter()
        self._once = OnceAMinute(clock=self._clock)
        self._logged = 0  # of those dropped
        self._why = ""
        self._unknown = 0
        self._holds = 0

    def count(self, name: str, number: int = 1) -> None:
        """Adds to one of NAMES."""
        with self._lock:
            self._counts[name] += number

    def drop(self, number: int, why: str) -> None:
        """Counts lost notices, and logs them at most once a minute."""
        with self._lock:
            self._counts["dropped"] += number
            self._why = why
            is_due = not self._holds and self._once.is_due(_LOST)
        if is_due:
            self.log_lost()

    def count_unknown(self, number: int, why: str) -> None:
        """Adds to the next line that `number` notices were being sent when the process ended."""
        with self._lock:
            self._unknown += number
            self._why = why

    @contextlib.contextmanager
    def in_one_line(self) -> Iterator[None]:
        """Logs all lost notices in a single line, at the end of the block."""
        with self._lock:
            self._holds += 1
        try:
            yield
        finally:
            with self._lock:
                self._holds -= 1
            self.log_lost()

    def log_lost(self) -> None:
        """Logs the lost notices that were not logged yet."""
        with self._lock:
            dropped, unknown, why = self._counts["dropped"], self._unknown, self._why
            new = dropped - self._logged
            if self._holds or not (new or unknown):
                return
            self._logged, self._unknown = dropped, 0
            self._once.logged(_LOST)
        # Outside the lock: a logging handler may fail, and reporting that comes back here.
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
        """The number of lost notices so far."""
        return self._counts["dropped"]

    def counts(self) -> dict[str, int]:
        """All of NAMES with their counts so far."""
        with self._lock:
            return {name: self._counts[name] for name in NAMES}


stats = Stats()
lifecycle.reset_after_fork(stats.start_over)
lifecycle.at_exit(Ending.STATS, stats.log_lost)

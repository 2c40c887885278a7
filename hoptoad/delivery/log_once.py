"""Log lines that are written once a minute at most, and the line on a server or broker that is back."""

import logging
import time
from collections.abc import Callable, Hashable

EVERY = 60.0  # seconds


class OnceAMinute:
    """Remembers which lines were logged. Threads may share it; two at once may log a line twice.

    >>> once = OnceAMinute(clock=lambda: 0.0)
    >>> once.is_due("the disk is full"), once.is_due("the disk is full"), once.is_due("it is gone")
    (True, False, True)
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._logged_at: dict[Hashable, float] = {}

    def start_over(self) -> None:
        """Forgets every line: for a forked child, which logs for itself."""
        self._logged_at.clear()

    def is_due(self, line: Hashable) -> bool:
        """Whether `line` was not logged within the last minute; if so, it counts as logged now."""
        is_due = self._clock() - self._logged_at.get(line, float("-inf")) >= EVERY
        if is_due:
            self.logged(line)
        return is_due

    def logged(self, line: Hashable) -> None:
        """Remembers that `line` was logged now."""
        self._logged_at[line] = self._clock()


def log_end_of_outage(logger: logging.Logger, who: str, done: str, waiting: int) -> None:
    """Logs that a server or a broker is back after an outage that was logged.

    "https://errbit.example.com accepts notices again: 3 delivered, 17 waiting."
    """
    logger.warning("%s accepts notices again: %s, %d waiting.", who, done, waiting)

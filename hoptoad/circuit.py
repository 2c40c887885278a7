"""Whether the server may be asked now: a dead one costs one attempt at a time, a busy one a pause."""

import os
import random
import threading
import time
import weakref
from collections.abc import Callable

from hoptoad.answers import Answer, Verdict

FIRST_PAUSE = 1.0  # seconds, doubled with each failure
LONGEST_PAUSE = 300.0
PAUSE_WHEN_TOLD_TO_WAIT = 60.0  # where the server does not say how long
LONGEST_DELAY = 3600.0  # whatever it says


class Circuit:
    """Closed, everyone may send. Open, nobody; then one probe decides. Threads may share it.

    An unreachable server opens it for twice as long each time, one that says "later" for as long
    as it says; both with some jitter, so that many processes do not come back at once. `longest` bounds
    the pauses of an unreachable one, in seconds.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
        longest: float = LONGEST_PAUSE,
    ) -> None:
        self._longest = longest
        self._clock = clock
        self._jitter = jitter
        self.start_over()
        _circuits.add(self)

    def start_over(self) -> None:
        """Closes it, with a lock of its own: for a forked child."""
        self._lock = threading.RLock()
        self._failures = 0
        self._open_until: float | None = None
        self._probing = False

    @property
    def is_open(self) -> bool:
        """Whether the last answer was "later", or none."""
        return self._open_until is not None

    def closed_in(self) -> float:
        """The seconds until someone may probe; 0.0 where anyone may send."""
        with self._lock:
            return 0.0 if self._open_until is None else max(self._open_until - self._clock(), 0.0)

    def permit(self) -> float:
        """0.0 where the caller may send now, and must tell the answer; else the seconds to wait."""
        with self._lock:
            if self._open_until is None:
                return 0.0
            left = self._open_until - self._clock()
            if left > 0 or self._probing:
                return max(left, FIRST_PAUSE)
            self._probing = True
            return 0.0

    def answered(self, answer: Answer) -> None:
        """Opens or closes it by what came of an attempt."""
        with self._lock:
            was_probing, self._probing = self._probing, False
            if answer.verdict in (Verdict.ACCEPTED, Verdict.REFUSED):
                self._failures = 0
                self._open_until = None
            elif self._open_until is None or was_probing:
                self._open_until = self._clock() + self._pause(answer)

    def withdraw(self) -> None:
        """Gives a permit back unused: nothing was asked, so nothing is known."""
        with self._lock:
            self._probing = False

    def _pause(self, answer: Answer) -> float:
        if answer.verdict is Verdict.LATER:
            delay = PAUSE_WHEN_TOLD_TO_WAIT if answer.delay is None else answer.delay
            return min(delay, LONGEST_DELAY) * (1 + self._jitter() / 10)
        self._failures += 1
        longest = min(FIRST_PAUSE * 2.0 ** min(self._failures - 1, 20), self._longest)
        return longest * (1 + self._jitter()) / 2


_circuits: "weakref.WeakSet[Circuit]" = weakref.WeakSet()


def _after_fork() -> None:
    for circuit in list(_circuits):
        circuit.start_over()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)

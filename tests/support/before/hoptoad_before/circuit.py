"""Whether the server may be asked now: a dead one costs one attempt at a time, a busy one a pause."""

import os
import random
import threading
import time
import weakref
from collections.abc import Callable

from hoptoad_before.answers import FIRST_PAUSE, LONGEST_PAUSE, Answer, Verdict, pause_after

_FAILING = (Verdict.LATER, Verdict.UNREACHABLE)


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
        self._clock = clock
        self._jitter = jitter
        self._longest = longest
        self.start_over()
        _circuits.add(self)

    def start_over(self) -> None:
        """Closes it, with a lock of its own: for a forked child."""
        self._lock = threading.RLock()
        self._failures = 0
        self._open_until: float | None = None
        self._prober: int | None = None  # the thread that has the permit of an open circuit

    @property
    def is_open(self) -> bool:
        """Whether the last answer was "later", or none."""
        return self._open_until is not None

    def closed_in(self) -> float:
        """The seconds until someone may probe; 0.0 where anyone may send."""
        with self._lock:
            return 0.0 if self._open_until is None else max(self._open_until - self._clock(), 0.0)

    def wait(self) -> float:
        """The seconds until a permit may be had; 0.0 where `permit` would give one now."""
        with self._lock:
            if self._open_until is None:
                return 0.0
            left = self._open_until - self._clock()
            return max(left, FIRST_PAUSE) if left > 0 or self._prober is not None else 0.0

    def permit(self) -> float:
        """0.0 where the caller may send now, else the seconds to wait.

        Who may send gives the permit back, in the same thread, by `attempt`, `answered` or `withdraw`.
        """
        with self._lock:
            wait = self.wait()
            if not wait and self.is_open:
                self._prober = threading.get_ident()
            return wait

    def attempt(self, send: Callable[[], object]) -> object:
        """Calls `send` under a permit that the caller holds, and gives the permit back whatever happens.

        Returns what `send` returns, and raises what it raises: then nothing is known of the server.
        """
        try:
            outcome = send()
        except BaseException:
            self.withdraw()
            raise
        self.answered(outcome)
        return outcome

    def answered(self, outcome: object) -> None:
        """Opens or closes it by what came of an attempt; whatever is not an Answer closes it."""
        with self._lock:
            was_probing = self._is_given_back()
            if not isinstance(outcome, Answer) or outcome.verdict not in _FAILING:
                self._failures = 0
                self._open_until = self._prober = None
            elif self._open_until is None or was_probing:
                self._open_until = self._clock() + self._pause(outcome)

    def withdraw(self) -> None:
        """Gives a permit back unused: nothing was asked, so nothing is known."""
        with self._lock:
            self._is_given_back()

    def end_pause(self) -> None:
        """Lets the next caller probe at once: for the end of a process, which cannot wait."""
        with self._lock:
            if self._open_until is not None:
                self._open_until = self._clock()

    def _is_given_back(self) -> bool:
        """Whether this thread had the permit to probe: that of another thread stays with it."""
        is_ours = self._prober == threading.get_ident()
        if is_ours:
            self._prober = None
        return is_ours

    def _pause(self, answer: Answer) -> float:
        pause = pause_after(answer, self._failures)
        if answer.verdict is Verdict.LATER:
            return pause * (1 + self._jitter() / 10)
        self._failures += 1
        return min(pause, self._longest) * (1 + self._jitter()) / 2


_circuits: "weakref.WeakSet[Circuit]" = weakref.WeakSet()


def _after_fork() -> None:
    for circuit in list(_circuits):
        circuit.start_over()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)

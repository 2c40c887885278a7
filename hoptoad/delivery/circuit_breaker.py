"""The circuit breaker: a dead server costs one attempt at a time, a busy one a pause."""

import random
import threading
import time
from collections.abc import Callable
from typing import TypeGuard

from hoptoad.delivery.answer import FIRST_PAUSE, LONGEST_PAUSE, Answer, Verdict, pause_after
from hoptoad.runtime import lifecycle

_FAILING = (Verdict.LATER, Verdict.UNREACHABLE)


class CircuitBreaker:
    """Closed, it lets every notice pass; open, none. After the pause one probe decides. Threads may share it.

    An unreachable server opens it for twice as long each time, an answer "later" for as long as the
    server asks; both with jitter, so that many processes do not come back at once. `longest` bounds the
    pauses of an unreachable server, in seconds.
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
        lifecycle.track(self)

    def start_over(self) -> None:
        """Closes it, with a new lock: at first, and in a forked child."""
        self._lock = threading.RLock()
        self._failures = 0
        self._open_until: float | None = None
        self._prober: int | None = None  # the thread that has the permit of an open circuit

    @property
    def is_open(self) -> bool:
        """Whether the last outcome was the answer "later" or no answer."""
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

        A permit is given back in the same thread, by `attempt`, `answered` or `withdraw`.
        """
        with self._lock:
            wait = self.wait()
            if not wait and self.is_open:
                self._prober = threading.get_ident()
            return wait

    def attempt(self, send: Callable[[], object]) -> object:
        """Calls `send` and gives the caller's permit back, whatever happens.

        Returns what `send` returns, and raises what it raises; an exception says nothing of the server.
        """
        try:
            outcome = send()
        except BaseException:
            self.withdraw()
            raise
        self.answered(outcome)
        return outcome

    def answered(self, outcome: object) -> None:
        """Opens or closes it by the outcome of an attempt; an outcome that is not an Answer closes it."""
        with self._lock:
            was_probing = self._give_back()
            if not isinstance(outcome, Answer) or outcome.verdict not in _FAILING:
                self._failures = 0
                self._open_until = self._prober = None
            if _asks_for_a_pause(outcome) and (self._open_until is None or was_probing):
                self._open_until = self._clock() + self._pause(outcome)

    def withdraw(self) -> None:
        """Gives a permit back unused: nothing was learned of the server."""
        with self._lock:
            self._give_back()

    def end_pause(self) -> None:
        """Lets the next caller probe at once: for the end of a process, which cannot wait."""
        with self._lock:
            if self._open_until is not None:
                self._open_until = self._clock()

    def _give_back(self) -> bool:
        """Whether this thread had the permit to probe: that of another thread stays with it."""
        is_ours = self._prober == threading.get_ident()
        if is_ours:
            self._prober = None
        return is_ours

    def _pause(self, answer: Answer) -> float:
        pause = pause_after(answer, self._failures)
        if answer.verdict is not Verdict.UNREACHABLE:
            return pause * (1 + self._jitter() / 10)
        self._failures += 1
        return min(pause, self._longest) * (1 + self._jitter()) / 2


def _asks_for_a_pause(outcome: object) -> TypeGuard[Answer]:
    """Whether there is to be a pause; a Sentry may ask for one in the answer by which it accepts a notice."""
    return isinstance(outcome, Answer) and (outcome.verdict in _FAILING or outcome.delay is not None)

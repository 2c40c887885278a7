"""The rate limit: of one failure the first notices go at once, the rest are counted and summed up."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from hoptoad_before.notice import Notice

WINDOW = 60.0  # seconds
MAX_FINGERPRINTS = 1000  # beyond these, the oldest goes first
MAX_VARIANTS = 32  # failures of one place that have a limit of their own; further ones share one
MAX_FLOODS = 32  # floods that have a notice of their own; further ones are summed up together
_OTHERS = b"others"

# Counts how often a fingerprint was seen in the current window in all processes; None where it fails.
Count = Callable[[bytes], "int | None"]


@dataclass(slots=True, eq=False)
class Flood:
    """What was suppressed of one failure in one window. Times are seconds since the epoch."""

    notice: Notice | None  # the first that was suppressed; None for several failures
    count: int
    since: float
    until: float


@dataclass(slots=True, eq=False)
class _Window:
    """How often one failure was seen, until `ends` of the clock."""

    ends: float
    seen: int = 0
    flood: Flood | None = None


class Throttle:
    """At most `limit` notices of one failure in a window of a minute. Threads may share it.

    Its memory is bounded, and what it suppresses is always counted.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._clock = clock
        self._wall_clock = wall_clock
        self.start_over()

    def start_over(self) -> None:
        """Forgets everything, with a lock of its own: for a forked child."""
        self._lock = threading.RLock()
        self._windows: dict[bytes, _Window] = {}  # the oldest first
        self._over: list[Flood] = []  # of windows that had to go before their end
        self._kept = 0  # floods that have a notice, or wait for theirs
        self._variants: dict[bytes, set[bytes]] = {}
        self._variants_end = 0.0
        self._variants_held = 0

    def key(self, failure: bytes, place: bytes) -> bytes:
        """What a failure is counted by: itself, or `place` where that has too many failures already.

        Code that makes up the names of its exceptions at run time would have no limit otherwise.
        """
        with self._lock:
            now = self._clock()
            if now >= self._variants_end or self._variants_held >= MAX_FINGERPRINTS:
                self._variants, self._variants_held, self._variants_end = {}, 0, now + WINDOW
            variants = self._variants.setdefault(place, set())
            if failure in variants:
                return failure
            if len(variants) >= MAX_VARIANTS:
                return place
            variants.add(failure)
            self._variants_held += 1
            return failure

    def admits(self, key: bytes, limit: int, *, count: Count | None = None) -> bool:
        """Whether one more of this may be sent; `count` overrules this process's own counting."""
        with self._lock:
            window = self._window(key)
            window.seen += 1
            seen = window.seen
        everywhere = count(key) if count else None
        return (seen if everywhere is None else everywhere) <= limit

    def suppress(self, key: bytes, capture: Callable[[], Notice]) -> None:
        """Counts one that was not admitted; the first of a flood is captured, to stand for all."""
        with self._lock:
            window = self._windows.get(key) or self._window(key)
            is_new = window.flood is None and self._kept < MAX_FLOODS
            if window.flood is None and not is_new:
                window = self._window(_OTHERS)
            now = self._wall_clock()
            flood = window.flood = window.flood or Flood(None, 0, now, now)
            flood.count += 1
            flood.until = now
            self._kept += is_new
        if is_new:
            flood.notice = capture()  # outside the lock: it takes a while

    def ended(self, *, all_of_them: bool = False) -> list[Flood]:
        """The floods whose windows have ended, or all; each is told once."""
        with self._lock:
            now = self._clock()
            for key in [key for key, window in self._windows.items() if all_of_them or window.ends <= now]:
                self._end(key)
            floods, self._over = self._over, []
            self._kept = sum(
                window.flood is not None for key, window in self._windows.items() if key != _OTHERS
            )
        return floods

    def has_floods(self) -> bool:
        """Whether anything is suppressed that was not told yet."""
        with self._lock:
            return bool(self._over) or any(window.flood is not None for window in self._windows.values())

    def _window(self, key: bytes) -> _Window:
        now = self._clock()
        window = self._windows.get(key)
        if window is not None and (window.ends > now or window.flood is not None):
            return window
        self._windows.pop(key, None)
        self._make_room(now)
        window = self._windows[key] = _Window(ends=now + WINDOW)
        return window

    def _make_room(self, now: float) -> None:
        """Removes the windows that have ended, and the oldest where there are too many."""
        while self._windows:
            key, oldest = next(iter(self._windows.items()))
            is_done = oldest.ends <= now and oldest.flood is None
            if not is_done and len(self._windows) < MAX_FINGERPRINTS:
                return
            self._end(key)

    def _end(self, key: bytes) -> None:
        flood = self._windows.pop(key).flood
        if flood is not None:
            self._over.append(flood)

"""Token buckets: how much one key, and one address, may send before anything is parsed."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

MAX_NAMES = 10_000


class Buckets:
    """One bucket for each name: `burst` at once, then `per_second`. Names used long ago are forgotten."""

    def __init__(self, per_second: float, burst: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_second
        self._burst = burst
        self._clock = clock
        self.start_over()

    def start_over(self) -> None:
        """Fills every bucket."""
        self._lock = threading.Lock()
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, name: str, cost: float = 1.0) -> float:
        """Takes `cost` tokens; 0.0 where there were enough, else the seconds until there are."""
        with self._lock:
            now = self._clock()
            level, then = self._levels.pop(name, (float(self._burst), now))
            level = min(level + (now - then) * self._per_second, float(self._burst))
            is_enough = level >= cost
            self._levels[name] = (level - cost if is_enough else level, now)
            if len(self._levels) > MAX_NAMES:
                self._levels.popitem(last=False)
            return 0.0 if is_enough else (cost - level) / self._per_second

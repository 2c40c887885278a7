"""Storm control: of one failure the first go at once, the flood is counted and summed up."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from hoptoad.notice import Incident, Notice
from hoptoad.text import class_name

WINDOW = 60.0  # seconds
MAX_FINGERPRINTS = 1000  # beyond these, new ones are not limited; their windows soon end

# Counts how often a fingerprint was seen in the current window in all processes; None where it fails.
Count = Callable[[str], "int | None"]


@dataclass(slots=True, eq=False)
class Flood:
    """What was suppressed of one failure in one window. Times are seconds since the epoch."""

    notice: Notice  # the first that was suppressed
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
    """At most `limit` notices of one fingerprint in a window of a minute. Threads may share it."""

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
        self._windows: dict[str, _Window] = {}

    def admits(self, fingerprint: str, limit: int, *, count: Count | None = None) -> bool:
        """Whether one more of this may be sent; `count` overrules this process's own counting."""
        with self._lock:
            window = self._window(fingerprint)
            if window is None:
                return True
            window.seen += 1
            seen = window.seen
        everywhere = count(fingerprint) if count else None
        return (seen if everywhere is None else everywhere) <= limit

    def suppress(self, fingerprint: str, capture: Callable[[], Notice]) -> None:
        """Counts one that was not admitted; the first of a flood is captured, to stand for all."""
        with self._lock:
            window = self._windows.get(fingerprint)
            flood = window.flood if window else None
            if flood is not None:
                flood.count += 1
                flood.until = self._wall_clock()
                return
        notice = capture()  # outside the lock: it takes a while, once in a window
        with self._lock:
            window = self._window(fingerprint)
            if window is None:
                return
            now = self._wall_clock()
            window.flood = window.flood or Flood(notice, 0, now, now)
            window.flood.count += 1

    def ended(self, *, all_of_them: bool = False) -> list[Flood]:
        """The floods whose windows have ended, or all; each is told once."""
        with self._lock:
            now = self._clock()
            over = [key for key, window in self._windows.items() if all_of_them or window.ends <= now]
            floods = [self._windows.pop(key).flood for key in over]
        return [flood for flood in floods if flood is not None]

    def has_floods(self) -> bool:
        """Whether any window that is still open has suppressed something."""
        with self._lock:
            return any(window.flood is not None for window in self._windows.values())

    def _window(self, fingerprint: str) -> _Window | None:
        now = self._clock()
        window = self._windows.get(fingerprint)
        if window is not None and (window.ends > now or window.flood is not None):
            return window
        if window is None and len(self._windows) >= MAX_FINGERPRINTS:
            self._forget_ended(now)
            if len(self._windows) >= MAX_FINGERPRINTS:
                return None
        window = self._windows[fingerprint] = _Window(ends=now + WINDOW)
        return window

    def _forget_ended(self, now: float) -> None:
        for key in [k for k, w in self._windows.items() if w.ends <= now and w.flood is None]:
            del self._windows[key]


def fingerprint(incident: Incident) -> str:
    """What makes two failures the same: the class and the line that raised, or status and route."""
    error = incident.exception
    if error is None and not incident.is_request:
        frame = incident.stack
        called = f"{frame.f_code.co_filename}:{frame.f_lineno}" if frame is not None else incident.site
        return f"{incident.kind} {incident.message} {called}"
    if error is None:
        match = getattr(incident.request, "resolver_match", None)
        return f"{incident.status} {match.route if match is not None else ''}"
    last = None
    step = BaseException.__dict__["__traceback__"].__get__(error)
    while step is not None:
        last, step = step, step.tb_next
    where = f"{last.tb_frame.f_code.co_filename}:{last.tb_lineno}" if last is not None else ""
    return f"{class_name(type(error))} {where}"

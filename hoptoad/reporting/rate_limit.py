"""The rate limit: the first notices of a failure are sent at once, the rest are counted and summed up."""

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

from django.core.cache import caches

from hoptoad.capture import build
from hoptoad.capture.values import iso_time
from hoptoad.capture.view import UNKNOWN
from hoptoad.conf.loading import get_settings
from hoptoad.conf.settings import Settings
from hoptoad.notice import ErrorInfo, Incident, Notice, RequestInfo
from hoptoad.reporting.fingerprint import fingerprint
from hoptoad.runtime.guards import log_exception
from hoptoad.runtime.lifecycle import importing
from hoptoad.runtime.messages import get_logger
from hoptoad.runtime.threads import Timer

logger = get_logger(__name__)

WINDOW = 60.0  # seconds
MAX_FINGERPRINTS = 1000  # beyond these, the oldest goes first
MAX_VARIANTS = 32  # failures of one place that have a limit of their own; further ones share one
MAX_SUMMARIES = 32  # in one window; further failures share one summary
_OTHERS = b"others"

# Returns how often a fingerprint was seen in the current window by all processes; None where that fails.
Count = Callable[[bytes], "int | None"]


class Cache(Protocol):
    """The part of Django's cache that is used."""

    def add(self, key: str, value: int, timeout: float) -> object:
        """Sets a value that is not set."""

    def incr(self, key: str) -> int:
        """Adds 1 and returns the sum."""


def _cache(alias: str) -> Cache:
    with importing:
        found: Cache = caches[alias]
    return found


def is_sampled(settings: Settings) -> bool:
    """Whether HOPTOAD_SAMPLE_RATE selects this failure, at random."""
    return settings.sample_rate >= 1 or random.random() < settings.sample_rate  # noqa: S311


class RateLimiter:
    """Holds each failure to HOPTOAD_STORM_LIMIT notices a minute. Threads may share it.

    `send` receives the summaries, in a background thread. `cache` finds a cache by its alias.
    """

    def __init__(
        self,
        send: Callable[[Notice], object],
        *,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
        cache: Callable[[str], Cache] = _cache,
    ) -> None:
        self._send = send
        self._cache = cache
        self._throttle = Throttle(clock=clock, wall_clock=wall_clock)
        self._timer = Timer("hoptoad-rate-limit", self._send_summaries)

    def over_limit(self, incident: Incident, settings: Settings) -> bytes | None:
        """Counts `incident`. Returns its key for `suppress` where the limit is exceeded, else None."""
        if not settings.storm_limit:
            return None
        key = self._throttle.key(*fingerprint(incident, settings.project_root))
        count = partial(self._count_in_cache, settings.storm_cache) if settings.storm_cache else None
        return None if self._throttle.allows(key, settings.storm_limit, count=count) else key

    def suppress(self, key: bytes, capture: Callable[[], Notice]) -> None:
        """Counts a failure over the limit. At the end of the window a summary is sent."""
        self._throttle.suppress(key, capture)
        self._timer.start(WINDOW + 0.1)

    def flush(self) -> None:
        """Sends all summaries now, also those of windows that have not ended."""
        self._send_summaries(all_of_them=True)

    def start_over(self) -> None:
        """Forgets every window: for a forked child, and for tests."""
        self._throttle.start_over()
        self._timer.forget()

    def _send_summaries(self, *, all_of_them: bool = False) -> None:
        for suppressed in self._throttle.take_ended(all_of_them=all_of_them):
            try:
                self._send(summary(suppressed, get_settings()))
            except Exception:
                log_exception(
                    logger,
                    "The summary of %d suppressed notices could not be sent, and is lost.",
                    suppressed.count,
                )
        if self._throttle.has_suppressed():
            self._timer.start(WINDOW + 0.1)

    def _count_in_cache(self, alias: str, fingerprint: bytes) -> int | None:
        key = f"hoptoad-storm-{fingerprint.hex()}"
        try:
            cache = self._cache(alias)
            cache.add(key, 0, WINDOW)
            return int(cache.incr(key))
        except Exception:
            logger.warning("HOPTOAD_STORM_CACHE %r failed: this process counts alone.", alias, exc_info=True)
            return None


@dataclass(slots=True, eq=False)
class Suppressed:
    """What was suppressed of one failure in one window. Times are seconds since the epoch."""

    notice: Notice | None  # the first that was suppressed; None for several failures
    count: int
    since: float
    until: float


def summary(suppressed: Suppressed, settings: Settings) -> Notice:
    """The first suppressed notice with their number, so that servers put it into the same group.

    The summary of several failures is a notice of its own.
    """
    notice = suppressed.notice
    which = "notices like this one" if notice is not None else "notices of other failures"
    data = {
        "STORM_SUPPRESSED": f"{suppressed.count} {which} in this process",
        "STORM_SINCE": iso_time(suppressed.since),
        "STORM_UNTIL": iso_time(suppressed.until),
    }
    if notice is None:
        error = ErrorInfo("StormLimit", "StormLimit: Notices of many failures were suppressed", ())
        notice = replace(build.blank(error, settings), request=RequestInfo(component=UNKNOWN))
    request = notice.request
    return replace(notice, request=replace(request, cgi_data={**data, **request.cgi_data}))


@dataclass(slots=True, eq=False)
class _Window:
    """How often one failure was seen, until `ends` of the clock."""

    ends: float
    seen: int = 0
    suppressed: Suppressed | None = None


class Throttle:
    """Counts failures by keys, in windows of one minute. Threads may share it.

    Its memory is bounded, and everything suppressed is counted.
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
        """Forgets everything, and makes a new lock: for a forked child."""
        self._lock = threading.RLock()
        self._windows: dict[bytes, _Window] = {}  # the oldest first
        self._ended: list[Suppressed] = []  # of windows that were removed
        self._captured = 0  # windows that have a notice, or wait for theirs
        self._variants: dict[bytes, set[bytes]] = {}
        self._variants_end = 0.0
        self._variants_held = 0

    def key(self, failure: bytes, place: bytes) -> bytes:
        """The key that a failure is counted by: `failure`, or `place` where that has too many failures.

        Code that makes exception classes at run time would have no limit otherwise.
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

    def allows(self, key: bytes, limit: int, *, count: Count | None = None) -> bool:
        """Counts a failure, and returns whether it is within the limit.

        `count` replaces the count of this process, unless it returns None.
        """
        with self._lock:
            window = self._window(key)
            window.seen += 1
            seen = window.seen
        everywhere = count(key) if count else None
        return (seen if everywhere is None else everywhere) <= limit

    def suppress(self, key: bytes, capture: Callable[[], Notice]) -> None:
        """Counts a failure over the limit. The first one in a window is captured for the summary."""
        with self._lock:
            window = self._windows.get(key) or self._window(key)
            is_first = window.suppressed is None and self._captured < MAX_SUMMARIES
            if window.suppressed is None and not is_first:
                window = self._window(_OTHERS)
            now = self._wall_clock()
            suppressed = window.suppressed = window.suppressed or Suppressed(None, 0, now, now)
            suppressed.count += 1
            suppressed.until = now
            self._captured += is_first
        if is_first:
            suppressed.notice = capture()  # outside the lock: it takes milliseconds

    def take_ended(self, *, all_of_them: bool = False) -> list[Suppressed]:
        """Removes the windows that have ended, or all, and returns what was suppressed in them."""
        with self._lock:
            now = self._clock()
            for key in [key for key, window in self._windows.items() if all_of_them or window.ends <= now]:
                self._end(key)
            ended, self._ended = self._ended, []
            self._captured = sum(
                window.suppressed is not None for key, window in self._windows.items() if key != _OTHERS
            )
        return ended

    def has_suppressed(self) -> bool:
        """Whether `take_ended` has something to return, now or later."""
        with self._lock:
            return bool(self._ended) or any(window.suppressed for window in self._windows.values())

    def _window(self, key: bytes) -> _Window:
        now = self._clock()
        window = self._windows.get(key)
        if window is not None and (window.ends > now or window.suppressed is not None):
            return window
        self._windows.pop(key, None)
        self._make_room(now)
        window = self._windows[key] = _Window(ends=now + WINDOW)
        return window

    def _make_room(self, now: float) -> None:
        """Removes windows that have ended, and the oldest one where there are too many."""
        while self._windows:
            key, oldest = next(iter(self._windows.items()))
            is_done = oldest.ends <= now and oldest.suppressed is None
            if not is_done and len(self._windows) < MAX_FINGERPRINTS:
                return
            self._end(key)

    def _end(self, key: bytes) -> None:
        suppressed = self._windows.pop(key).suppressed
        if suppressed is not None:
            self._ended.append(suppressed)

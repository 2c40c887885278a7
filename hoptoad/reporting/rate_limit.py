"""The rate limit at work: the process's throttle, the cache it may share, the notices that sum up."""

import random
from collections.abc import Callable
from dataclasses import replace

from django.core.cache import caches

from hoptoad.capture import build
from hoptoad.capture.values import iso_time
from hoptoad.capture.view import UNKNOWN
from hoptoad.conf.loading import get_settings
from hoptoad.conf.settings import Settings
from hoptoad.notice import ErrorInfo, Incident, Notice, RequestInfo
from hoptoad.reporting.fingerprint import fingerprint
from hoptoad.reporting.throttle import WINDOW, Flood, Throttle
from hoptoad.runtime import lifecycle
from hoptoad.runtime.guards import log_exception
from hoptoad.runtime.lifecycle import Ending, importing
from hoptoad.runtime.messages import get_logger
from hoptoad.runtime.threads import Timer

logger = get_logger(__name__)


def is_sampled(settings: Settings) -> bool:
    """Whether HOPTOAD_SAMPLE_RATE lets a failure pass. Chance decides."""
    return settings.sample_rate >= 1 or random.random() < settings.sample_rate  # noqa: S311


def over_limit(incident: Incident, settings: Settings) -> bytes | None:
    """Counts `incident`. Returns its key for `suppress` where HOPTOAD_STORM_LIMIT is exceeded, else None."""
    if not settings.storm_limit:
        return None
    key = _throttle.key(*fingerprint(incident, settings.project_root))
    count = _shared(settings.storm_cache) if settings.storm_cache else None
    return None if _throttle.admits(key, settings.storm_limit, count=count) else key


def suppress(key: bytes, *, capture: Callable[[], Notice], send: Callable[[Notice], object]) -> None:
    """Counts a failure that is over the limit.

    At the end of the window a background thread calls `send` with one notice that sums up.
    """
    global _send
    _send = send
    _throttle.suppress(key, capture)
    _timer.start(WINDOW + 0.1)


def summary(flood: Flood) -> Notice:
    """One notice for all that was suppressed: the first of them, so that it joins the same group.

    Where it sums up several failures, it has a group of its own.
    """
    notice = flood.notice
    which = "notices like this one" if notice is not None else "notices of other failures"
    data = {
        "STORM_SUPPRESSED": f"{flood.count} {which} in this process",
        "STORM_SINCE": iso_time(flood.since),
        "STORM_UNTIL": iso_time(flood.until),
    }
    if notice is None:
        error = ErrorInfo("StormLimit", "StormLimit: Notices of many failures were suppressed", ())
        notice = replace(build.blank(error, get_settings()), request=RequestInfo(component=UNKNOWN))
    request = notice.request
    return replace(notice, request=replace(request, cgi_data={**data, **request.cgi_data}))


def start_over() -> None:
    """Forgets every window: for a forked child, and for tests."""
    _throttle.start_over()
    _timer.forget()


def tell(*, all_of_them: bool = False) -> None:
    """Sums up the floods whose windows have ended, or all."""
    for flood in _throttle.ended(all_of_them=all_of_them):
        try:
            if _send is not None:
                _send(summary(flood))
        except Exception:
            log_exception(logger, "A storm of %d notices could not be summed up.", flood.count)
    if _throttle.has_floods():
        _timer.start(WINDOW + 0.1)


def tell_now() -> None:
    """Sums up every flood at once, also those whose windows have not ended."""
    tell(all_of_them=True)


def _shared(alias: str) -> "Callable[[bytes], int | None]":
    """Counts in Django's cache, for all processes; where that fails, this one counts alone."""

    def count(same: bytes) -> int | None:
        key = f"hoptoad-storm-{same.hex()}"
        try:
            with importing:
                cache = caches[alias]
            cache.add(key, 0, WINDOW)
            return int(cache.incr(key))
        except Exception:
            logger.warning("HOPTOAD_STORM_CACHE %r does not count.", alias, exc_info=True)
            return None

    return count


_throttle = Throttle()
_timer = Timer("hoptoad-storm", tell)
_send: "Callable[[Notice], object] | None" = None

lifecycle.reset_after_fork(start_over)
lifecycle.at_exit(Ending.SUMMARIES, tell_now)

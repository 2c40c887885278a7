"""The rate limit at work: the process's throttle, the cache it may share, the notices that sum up."""

import atexit
import os
import random
from collections.abc import Callable
from dataclasses import replace

from django.core.cache import caches

from hoptoad_before import capture
from hoptoad_before.conf import Settings, get_settings
from hoptoad_before.fingerprint import fingerprint
from hoptoad_before.guard import log_exception
from hoptoad_before.imports import importing
from hoptoad_before.later import Later
from hoptoad_before.messages import get_logger
from hoptoad_before.notice import ErrorInfo, Incident, Notice, RequestInfo
from hoptoad_before.text import iso_time
from hoptoad_before.throttle import WINDOW, Flood, Throttle
from hoptoad_before.viewname import UNKNOWN

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
    _later.start(WINDOW + 0.1)


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
        notice = replace(capture.blank(error, get_settings()), request=RequestInfo(component=UNKNOWN))
    request = notice.request
    return replace(notice, request=replace(request, cgi_data={**data, **request.cgi_data}))


def start_over() -> None:
    """Forgets every window: for a forked child, and for tests."""
    _throttle.start_over()
    _later.forget()


def tell(*, all_of_them: bool = False) -> None:
    """Sums up the floods whose windows have ended, or all."""
    for flood in _throttle.ended(all_of_them=all_of_them):
        try:
            if _send is not None:
                _send(summary(flood))
        except Exception:
            log_exception(logger, "A storm of %d notices could not be summed up.", flood.count)
    if _throttle.has_floods():
        _later.start(WINDOW + 0.1)


def tell_now() -> None:
    """Sums up every flood at once, also those whose windows have not ended."""
    tell(all_of_them=True)


def _shared(alias: str) -> "Callable[[bytes], int | None]":
    """Counts in Django's cache, for all processes; where that fails, this one counts alone."""

    def count(same: bytes) -> int | None:
        key = f"hoptoad_before-storm-{same.hex()}"
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
_later = Later("hoptoad_before-storm", tell)
_send: "Callable[[Notice], object] | None" = None

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=start_over)
atexit.register(tell_now)

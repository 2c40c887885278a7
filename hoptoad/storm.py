"""Storm control at work: the process's throttle, the cache it may share, the notices that sum up."""

import atexit
import hashlib
import os
import random
from collections.abc import Callable
from dataclasses import replace

from django.core.cache import caches

from hoptoad.conf import Settings
from hoptoad.guard import log_exception
from hoptoad.imports import importing
from hoptoad.later import Later
from hoptoad.messages import get_logger
from hoptoad.notice import Incident, Notice
from hoptoad.text import iso_time
from hoptoad.throttle import WINDOW, Flood, Throttle, fingerprint

logger = get_logger(__name__)


def admits(
    incident: Incident,
    settings: Settings,
    *,
    capture: Callable[[], Notice],
    send: Callable[[Notice], object],
) -> bool:
    """Whether `incident` may be reported now.

    Where it may not, it is counted, and at the end of the window a thread of ours calls `send` with
    one notice that sums up.
    """
    global _send
    if settings.sample_rate < 1 and random.random() >= settings.sample_rate:  # noqa: S311
        return False
    if not settings.storm_limit:
        return True
    same = fingerprint(incident)
    count = _shared(settings.storm_cache) if settings.storm_cache else None
    if _throttle.admits(same, settings.storm_limit, count=count):
        return True
    _send = send
    _throttle.suppress(same, capture)
    _later.start(WINDOW + 0.1)
    return False


def summary(flood: Flood) -> Notice:
    """The first suppressed notice once more, with what followed it: it joins the same group."""
    data = {
        "STORM_SUPPRESSED": f"{flood.count} notices like this one in this process",
        "STORM_SINCE": iso_time(flood.since),
        "STORM_UNTIL": iso_time(flood.until),
    }
    request = flood.notice.request
    return replace(flood.notice, request=replace(request, cgi_data={**data, **request.cgi_data}))


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


def _shared(alias: str) -> "Callable[[str], int | None]":
    """Counts in Django's cache, for all processes; where that fails, this one counts alone."""

    def count(same: str) -> int | None:
        key = "hoptoad-storm-" + hashlib.sha256(same.encode(errors="replace")).hexdigest()
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
_later = Later("hoptoad-storm", tell)
_send: "Callable[[Notice], object] | None" = None

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=start_over)
atexit.register(tell_now)

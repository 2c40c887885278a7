"""Missing pages that are asked for again and again: the first goes at once, the rest in one digest."""

import atexit
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial

from hoptoad import capture
from hoptoad.conf import Settings, get_settings
from hoptoad.guard import log_exception
from hoptoad.later import Later
from hoptoad.messages import get_logger
from hoptoad.notice import ErrorInfo, Incident, Notice, RequestInfo, Value
from hoptoad.text import iso_time
from hoptoad.viewname import UNKNOWN

logger = get_logger(__name__)

MAX_PATHS = 1000  # in one window; beyond these, each counts as the first of its path
MAX_REFERRERS = 10  # of one path
TOP = 20  # paths told of in one digest


@dataclass(slots=True, eq=False)
class Link:
    """A missing page, how often it was asked for after the first time, and from where."""

    path: str = ""
    count: int = 0
    referrers: "Counter[str]" = field(default_factory=Counter)
    known: dict[str, tuple[str, str]] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Links:
    """What one window has seen. Times are seconds since the epoch."""

    top: tuple[Link, ...]
    paths: int
    count: int
    since: float
    until: float


class Digest:
    """The missing pages of one window, which begins with the first of them. Threads may share it."""

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
        self._links: dict[str, Link] = {}
        self._over: list[Links | None] = []
        self._ends = 0.0
        self._since = 0.0

    def is_first(self, path: str, window: float) -> bool:
        """Whether nobody has asked for `path` in this window of `window` seconds yet."""
        with self._lock:
            now = self._clock()
            if self._links and now >= self._ends:
                self._over.append(self._taken())
            if not self._links:
                self._ends, self._since = now + window, self._wall_clock()
            if path in self._links:
                return False
            if len(self._links) < MAX_PATHS:
                self._links[path] = Link()
            return True

    def add(self, path: str, referrer: str, shown: Callable[[], tuple[str, str]]) -> None:
        """Counts another request for `path`. `shown` gives what may be told of the two; it is asked
        once for each pair, because finding out takes a while.
        """
        with self._lock:
            link = self._links.setdefault(path, Link())
            known = link.known.get(referrer)
            is_full = len(link.known) >= MAX_REFERRERS
        if known is None and not is_full:
            known = shown()
        with self._lock:
            link.count += 1
            if known is None:
                return
            link.known[referrer] = known
            link.path = known[0]
            if known[1]:
                link.referrers[known[1]] += 1

    def ended(self, *, all_of_them: bool = False) -> list[Links]:
        """What the windows that have ended have seen, each told once; nothing where no page came again."""
        with self._lock:
            if self._links and (all_of_them or self._clock() >= self._ends):
                self._over.append(self._taken())
            over, self._over = self._over, []
        return [links for links in over if links is not None]

    def _taken(self) -> Links | None:
        """The window so far; with it another begins."""
        links, self._links = [link for link in self._links.values() if link.count], {}
        links.sort(key=lambda link: -link.count)
        total = sum(link.count for link in links)
        return (
            Links(tuple(links[:TOP]), len(links), total, self._since, self._wall_clock()) if links else None
        )


def admits(incident: Incident, settings: Settings, *, send: Callable[[Notice], object]) -> bool:
    """Whether this missing page is told of by itself. Where not, the window's digest, for which a
    thread of ours calls `send`, counts it.
    """
    global _send
    if incident.status != 404 or not settings.digest_404:
        return True
    _send = send
    key = incident.path.partition("?")[0]
    _later.start(settings.digest_404 + 0.1)
    if _digest.is_first(key, settings.digest_404):
        return True
    _digest.add(key, incident.referrer, lambda: capture.link(incident, settings))
    return False


def tell(*, all_of_them: bool = False) -> None:
    """Sends the digest of a window that has ended; with `all_of_them` also of one that has not."""
    try:
        for links in _digest.ended(all_of_them=all_of_them):
            if _send is not None:
                _send(notice_of(links, get_settings()))
    except Exception:
        log_exception(logger, "A digest of missing pages could not be sent.")


def notice_of(links: Links, settings: Settings) -> Notice:
    """One notice for the missing pages that were asked for again."""
    pages: tuple[Value, ...] = tuple(
        {"path": page.path, "count": str(page.count), "referrers": tuple(_counted(page.referrers))}
        for page in links.top
    )
    data = {
        "DIGEST_COUNT": f"{links.count} more requests for {links.paths} missing pages",
        "DIGEST_SINCE": iso_time(links.since),
        "DIGEST_UNTIL": iso_time(links.until),
    }
    error = ErrorInfo("Http404", "Http404: Missing pages that were asked for again", ())
    request = RequestInfo(component=UNKNOWN, params={"pages": pages}, cgi_data=data)
    return replace(capture.blank(error, settings), request=request)


def _counted(referrers: "Counter[str]") -> Iterator[Value]:
    """Not by name: servers change the dots in one."""
    for referrer, count in referrers.most_common():
        yield {"referrer": referrer, "count": str(count)}


def start_over() -> None:
    """Forgets the window: for a forked child, and for tests."""
    _digest.start_over()
    _later.forget()


_digest = Digest()
_later = Later("hoptoad-digest", tell)
_send: "Callable[[Notice], object] | None" = None
tell_now = partial(tell, all_of_them=True)

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=start_over)
atexit.register(tell_now)

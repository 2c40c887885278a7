"""Missing pages: the first request for each is reported at once, the rest in one digest."""

import atexit
import os
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial

from hoptoad_before import capture, fingerprint
from hoptoad_before.brokenlinks import is_internal
from hoptoad_before.conf import Settings, get_settings
from hoptoad_before.guard import log_exception
from hoptoad_before.later import Later
from hoptoad_before.messages import get_logger
from hoptoad_before.notice import ErrorInfo, Incident, Notice, RequestInfo, Value
from hoptoad_before.text import iso_time
from hoptoad_before.viewname import UNKNOWN

logger = get_logger(__name__)

# In one window; beyond these, the pages go first that were not asked for the longest.
MAX_PATHS = 1000
MAX_REFERRERS = 10  # of one path
MAX_LOOKS = 1000  # pairs of path and referrer that are looked at, which takes a while
TOP = 30  # paths listed in one digest


@dataclass(slots=True, eq=False)
class Link:
    """A missing page, how often it was asked for without a notice of its own, and from where."""

    path: str = ""
    count: int = 0
    referrers: "Counter[str]" = field(default_factory=Counter)
    known: dict[bytes, str] = field(default_factory=dict)  # the referrers by their keys


@dataclass(slots=True, eq=False)
class Links:
    """What one window has seen. Times are seconds since the epoch."""

    top: tuple[Link, ...]
    paths: int
    count: int
    since: float
    until: float


class _Pages:
    """The collected pages of one window, the last to be asked for at the end. Their number is bounded."""

    def __init__(self) -> None:
        self.links: OrderedDict[bytes, Link] = OrderedDict()
        self.forgotten = Link()  # stands for those that had to go, and for those not looked at
        self.paths = 0
        self.looks = 0

    def link(self, key: bytes) -> Link:
        link = self.links.get(key)
        if link is not None:
            self.links.move_to_end(key)
            return link
        if len(self.links) >= MAX_PATHS:
            self.forgotten.count += self.links.popitem(last=False)[1].count
        self.paths += 1
        link = self.links[key] = Link()
        return link

    def may_look(self, link: Link) -> bool:
        if self.looks >= MAX_LOOKS or len(link.known) >= MAX_REFERRERS:
            return False
        self.looks += 1
        return True

    def top(self) -> list[Link]:
        """Pages with a referrer first: a person can mend that link."""
        shown = [link for link in self.links.values() if link.path]
        return sorted(shown, key=lambda link: (not link.referrers, -link.count))[:TOP]

    @property
    def count(self) -> int:
        return self.forgotten.count + sum(link.count for link in self.links.values())


class Digest:
    """The missing pages of one window, which begins with the first of them. Threads may share it.

    Paths and referrers are held by keys of fixed size.
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
        self._over: list[Links] = []
        self._ends = self._since = 0.0
        self._clear()

    def is_first(self, path: str, window: float) -> bool:
        """Whether nobody has asked for `path` in this window of `window` seconds yet."""
        key = fingerprint.digest(path)
        with self._lock:
            self._begin(window)
            if key in self._seen:
                self._seen.move_to_end(key)
                return False
            if len(self._seen) >= MAX_PATHS:
                self._seen.popitem(last=False)
            self._seen[key] = None
            return True

    def add(
        self, path: str, referrer: str, shown: Callable[[], tuple[str, str]], *, is_linked: bool = False
    ) -> None:
        """Counts a request for `path` that has no notice of its own.

        `shown` gives what may be told of the two; it is asked once for each pair, because finding out
        takes a while. `is_linked` says that a page of this site has the link: these have room of their
        own, which scanners do not take.
        """
        key, source = fingerprint.digest(path), fingerprint.digest(referrer)
        with self._lock:
            pages = self._linked if is_linked else self._others
            link = pages.link(key)
            link.count += 1
            is_new = source not in link.known and pages.may_look(link)
        if is_new:
            told = shown()
        with self._lock:
            if is_new:
                link.path, link.known[source] = told
            name = link.known.get(source)
            if name:
                link.referrers[name] += 1

    def ended(self, *, all_of_them: bool = False) -> list[Links]:
        """What the windows that have ended have seen, each told once; nothing where no page came again."""
        with self._lock:
            if self._seen and (all_of_them or self._clock() >= self._ends):
                self._take()
            over, self._over = self._over, []
        return over

    def _begin(self, window: float) -> None:
        now = self._clock()
        if self._seen and now >= self._ends:
            self._take()
        if not self._seen:
            self._ends, self._since = now + window, self._wall_clock()

    def _take(self) -> None:
        """Ends the window; with it another begins."""
        linked, others = self._linked, self._others
        self._clear()
        count = linked.count + others.count
        if count:
            top = (linked.top() + others.top())[:TOP]
            paths = linked.paths + others.paths
            self._over.append(Links(tuple(top), paths, count, self._since, self._wall_clock()))

    def _clear(self) -> None:
        self._seen: OrderedDict[bytes, None] = OrderedDict()
        self._linked = _Pages()
        self._others = _Pages()


def collects(incident: Incident, settings: Settings) -> bool:
    """Whether this is a missing page, and such pages are collected."""
    return incident.status == 404 and bool(settings.digest_404)


def is_first(incident: Incident, settings: Settings) -> bool:
    """Whether this is the first request for its page in this window."""
    _later.start(settings.digest_404 + 0.1)
    return _digest.is_first(_path_of(incident), settings.digest_404)


def add(incident: Incident, settings: Settings, *, send: Callable[[Notice], object]) -> None:
    """Counts a missing page. At the end of the window a background thread calls `send` with the digest."""
    global _send
    _send = send
    _digest.add(
        _path_of(incident),
        incident.referrer,
        lambda: capture.link(incident, settings),
        is_linked=is_internal(incident.referrer, incident.host),
    )


def _path_of(incident: Incident) -> str:
    return incident.path.partition("?")[0]


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
_later = Later("hoptoad_before-digest", tell)
_send: "Callable[[Notice], object] | None" = None
tell_now = partial(tell, all_of_them=True)

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=start_over)
atexit.register(tell_now)

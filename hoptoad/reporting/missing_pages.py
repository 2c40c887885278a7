"""The 404 digest: the first request for each missing page is reported at once, the rest in one notice."""

import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from hoptoad.capture import build
from hoptoad.capture.values import iso_time
from hoptoad.capture.view import UNKNOWN
from hoptoad.conf.loading import get_settings
from hoptoad.conf.settings import Settings
from hoptoad.notice import ErrorInfo, Incident, Notice, RequestInfo, Value, is_internal
from hoptoad.reporting.fingerprint import digest
from hoptoad.runtime.guards import log_exception
from hoptoad.runtime.messages import get_logger
from hoptoad.runtime.threads import Timer

logger = get_logger(__name__)

# Limits of one window.
MAX_PATHS = 1000  # beyond these, the page least recently asked for goes first
MAX_REFERRERS = 10  # of one page
MAX_DESCRIPTIONS = 1000  # pairs of page and referrer, because redaction takes time
TOP = 30  # pages listed in one digest


def is_missing_page(incident: Incident, settings: Settings) -> bool:
    """Whether HOPTOAD_DIGEST_404 applies to this failure."""
    return incident.status == 404 and bool(settings.digest_404)


class MissingPages:
    """Collects missing pages, and gives `send` one digest at the end of each window. Threads may share it."""

    def __init__(
        self,
        send: Callable[[Notice], object],
        *,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._send = send
        self._digest = Digest(clock=clock, wall_clock=wall_clock)
        self._timer = Timer("hoptoad-404-digest", self._send_digests)

    def is_first(self, incident: Incident, settings: Settings) -> bool:
        """Whether this is the first request for its page in this window."""
        self._timer.start(settings.digest_404 + 0.1)
        return self._digest.is_first(_page_of(incident), settings.digest_404)

    def add(self, incident: Incident, settings: Settings) -> None:
        """Counts a request that is reported by the digest only."""
        self._digest.add(
            _page_of(incident),
            incident.referrer,
            lambda: build.path_and_referrer(incident, settings),
            is_linked=is_internal(incident.referrer, incident.host),
        )

    def flush(self) -> None:
        """Sends the digest now, also that of a window that has not ended."""
        self._send_digests(all_of_them=True)

    def start_over(self) -> None:
        """Forgets the window: for a forked child, and for tests."""
        self._digest.start_over()
        self._timer.forget()

    def _send_digests(self, *, all_of_them: bool = False) -> None:
        try:
            for window in self._digest.take_ended(all_of_them=all_of_them):
                self._send(notice_of(window, get_settings()))
        except Exception:
            log_exception(logger, "A digest of missing pages could not be sent, and is lost.")


def _page_of(incident: Incident) -> str:
    return incident.path.partition("?")[0]


@dataclass(slots=True, eq=False)
class Page:
    """A missing page: the requests for it that were not reported by themselves, and their referrers."""

    path: str = ""
    count: int = 0
    referrers: "Counter[str]" = field(default_factory=Counter)
    names: dict[bytes, str] = field(default_factory=dict)  # redacted referrers by their keys


@dataclass(slots=True, eq=False)
class Window:
    """The missing pages of a window that has ended. Times are seconds since the epoch."""

    top: tuple[Page, ...]
    pages: int
    count: int
    since: float
    until: float


class _Pages:
    """The pages of the current window, least recently asked for first. Their number is bounded."""

    def __init__(self) -> None:
        self._pages: OrderedDict[bytes, Page] = OrderedDict()
        self._removed_count = 0  # requests for pages that had to go
        self._descriptions = 0
        self.total = 0  # pages, those that had to go included

    def page(self, key: bytes) -> Page:
        page = self._pages.get(key)
        if page is not None:
            self._pages.move_to_end(key)
            return page
        if len(self._pages) >= MAX_PATHS:
            self._removed_count += self._pages.popitem(last=False)[1].count
        self.total += 1
        page = self._pages[key] = Page()
        return page

    def reserve_description(self, page: Page) -> bool:
        """Counts a description. False where the window or the page has as many as it may."""
        if self._descriptions >= MAX_DESCRIPTIONS or len(page.names) >= MAX_REFERRERS:
            return False
        self._descriptions += 1
        return True

    def top(self) -> list[Page]:
        """Pages with a referrer first, because someone can correct that link."""
        described = [page for page in self._pages.values() if page.path]
        return sorted(described, key=lambda page: (not page.referrers, -page.count))[:TOP]

    @property
    def count(self) -> int:
        return self._removed_count + sum(page.count for page in self._pages.values())


class Digest:
    """Counts missing pages in windows; each begins with its first page. Threads may share it.

    Paths and referrers are held as keys of fixed size.
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
        self._ended: list[Window] = []
        self._ends = self._since = 0.0
        self._clear()

    def is_first(self, path: str, window: float) -> bool:
        """Whether this is the first request for `path` in a window of `window` seconds."""
        key = digest(path)
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
        self, path: str, referrer: str, describe: Callable[[], tuple[str, str]], *, is_linked: bool = False
    ) -> None:
        """Counts a request for `path` that is not reported by itself.

        `describe` returns the redacted path and referrer; it is called once for each pair. `is_linked`
        says that the link is on this site: such pages have room of their own, so scanners do not
        displace them.
        """
        key, source = digest(path), digest(referrer)
        with self._lock:
            pages = self._linked if is_linked else self._others
            page = pages.page(key)
            page.count += 1
            is_new = source not in page.names and pages.reserve_description(page)
        if is_new:
            described = describe()  # outside the lock: redaction takes time
        with self._lock:
            if is_new:
                page.path, page.names[source] = described
            name = page.names.get(source)
            if name:
                page.referrers[name] += 1

    def take_ended(self, *, all_of_them: bool = False) -> list[Window]:
        """Returns each window that has ended once. One without a repeated request is left out."""
        with self._lock:
            if self._seen and (all_of_them or self._clock() >= self._ends):
                self._end()
            ended, self._ended = self._ended, []
        return ended

    def _begin(self, window: float) -> None:
        now = self._clock()
        if self._seen and now >= self._ends:
            self._end()
        if not self._seen:
            self._ends, self._since = now + window, self._wall_clock()

    def _end(self) -> None:
        linked, others = self._linked, self._others
        self._clear()
        count = linked.count + others.count
        if count:
            top = (linked.top() + others.top())[:TOP]
            pages = linked.total + others.total
            self._ended.append(Window(tuple(top), pages, count, self._since, self._wall_clock()))

    def _clear(self) -> None:
        self._seen: OrderedDict[bytes, None] = OrderedDict()
        self._linked = _Pages()
        self._others = _Pages()


def notice_of(window: Window, settings: Settings) -> Notice:
    """The digest of one window."""
    pages: tuple[Value, ...] = tuple(
        {"path": page.path, "count": str(page.count), "referrers": tuple(_counted(page.referrers))}
        for page in window.top
    )
    data = {
        "DIGEST_COUNT": f"{window.count} more requests for {window.pages} missing pages",
        "DIGEST_SINCE": iso_time(window.since),
        "DIGEST_UNTIL": iso_time(window.until),
    }
    error = ErrorInfo("Http404", "Http404: Missing pages that were asked for again", ())
    request = RequestInfo(component=UNKNOWN, params={"pages": pages}, cgi_data=data)
    return replace(build.blank(error, settings), request=request)


def _counted(referrers: "Counter[str]") -> Iterator[Value]:
    # Not as a mapping: servers replace the dots in names.
    for referrer, count in referrers.most_common():
        yield {"referrer": referrer, "count": str(count)}

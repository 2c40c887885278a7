"""One pass from a Snapshot to a Notice: find all secrets, mask them at once, cut each text to its limit."""

import re
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import islice
from typing import NamedTuple

from hoptoad.notice import NOTHING, ErrorInfo, Notice, Owner, RequestInfo, Secret, Snapshot
from hoptoad.redaction.cutting import CUT, MASK, SLACK, cut, hidden
from hoptoad.redaction.encodings import Span, unquoted
from hoptoad.redaction.finders import Finder, Found
from hoptoad.redaction.page import FIXED_NAMES, Kind, Page, Text, walk
from hoptoad.redaction.policy import Policy
from hoptoad.redaction.secrets import Hit, Search, Values

ALLOWANCE = 0.09  # seconds of processor for one notice
_ASK_AFTER = 2_000  # characters
REAPPEARS = "holds a value that is masked elsewhere"
FAILED = "[withheld: it could not be redacted]"
TOO_MUCH = "[withheld: looking for secrets in it took too long]"
TOO_MANY = "[withheld: there were too many secrets to look for]"

MAX_NAME = 255
MAX_URL = 2048
MAX_LINE = 500  # of a breadcrumb, after its time, level and logger
_MIN_ROOM = 24  # characters that even a full notice has for a text, as for "[cut] 12 more"
_SHORT = 200  # no limit but that of HOPTOAD_MAX_TEXT is lower
_DETAILS = frozenset({"variables", "source"})
_LIMITS: dict[Kind, int] = {"name": MAX_NAME, "url": MAX_URL, "source": 200, "class": MAX_NAME}
_BREADCRUMB = re.compile(r"\d\d:\d\d:\d\d\.\d+ .*?: ", re.DOTALL)
_CLASS_IN_CODE = re.compile(r"[\w.<>]+")
_TOKENS_ONLY = frozenset(
    {"cgi-data", "variables"}
)  # a secret there is a token, and a word the state of something
_OWNERS = {"cgi-data": Owner.CLIENT, "request": Owner.CLIENT, "params": Owner.FORM}
# Where a client's own secret is not masked if it looks like a path, a host or a browser's name.
_WHEREABOUTS = frozenset(
    "url PATH_INFO REQUEST_URI RAW_URI HTTP_HOST HTTP_X_FORWARDED_HOST HTTP_USER_AGENT".split()
)
_LIKE_A_PLACE = re.compile(
    r"/[a-z\d./_-]*|[a-z\d-]{1,63}(?:\.[a-z\d-]{1,63})*\.[a-z]{2,24}(?::\d{1,5})?|\w{1,20}/\d+\.\d+\b.*"
)


class Finding(NamedTuple):
    """A masked part of a field. `name` is the name of the value that it quotes."""

    section: str
    field: str
    name: str
    rule: str


class Redacted(NamedTuple):
    """A notice that may be sent, and what was masked in it. `problem` says why texts were withheld."""

    notice: Notice
    findings: list[Finding]
    problem: str = ""


class _TookTooLong(Exception):
    """The allowance is spent."""


def redact(snapshot: Snapshot, policy: Policy, *, clock: Callable[[], float] = time.thread_time) -> Redacted:
    """The notice without secrets, within its limits. Raises nothing.

    Where looking for secrets fails or takes longer than the allowance, class, frames, view and server remain.
    """
    try:
        return _Pass(snapshot, policy, clock).redacted()
    except _TookTooLong:
        return _withheld(snapshot, TOO_MUCH)
    except Exception as error:  # its traceback holds what is not redacted
        return _withheld(snapshot, FAILED, f"{type(error).__name__} at {_place_of(error)}")


class _Pass:
    """The pass over the texts of one snapshot."""

    def __init__(self, snapshot: Snapshot, policy: Policy, clock: Callable[[], float]) -> None:
        self._snapshot = snapshot
        self._policy = policy
        self._clock = clock
        self._end = 0.0
        self._looked_at = 0
        entries: list[Text] = []
        walk(snapshot.raw, entries.extend)
        self._page = Page(entries)
        self._entries = entries
        self._begins = self._where_texts_begin()
        self._spans: dict[int, list[Span]] = {}
        self.findings = [
            Finding(secret.section, secret.name, secret.name, secret.rule) for secret in snapshot.hidden
        ]

    def redacted(self) -> Redacted:
        self._go_on(len(self._page.whole))  # finding suspects takes time as well
        values = Values()
        for secret in [*sorted(self._snapshot.hidden, key=_owner), *self._found()]:
            self._go_on(len(secret.value))
            values.add(secret)
        if values.is_full or self._snapshot.is_full:
            return _withheld(self._snapshot, TOO_MANY)
        search = Search(self._page, self._go_on)
        for hit in search.hits(self._policy.own, values):
            if self._counts(hit):
                self._mask(hit)
        return Redacted(self._notice(), self.findings)

    def _go_on(self, characters: int) -> None:
        """Counts characters that are looked at, and asks the clock now and then: that is slow itself."""
        self._looked_at += characters
        if self._looked_at < _ASK_AFTER:
            return
        self._looked_at = 0
        now = self._clock()
        self._end = self._end or now + ALLOWANCE
        if now > self._end:
            raise _TookTooLong

    def _where_texts_begin(self) -> dict[int, int]:
        """The length of a text's start that is not the site's: the class in a message, a route."""
        begins: dict[int, int] = {}
        texts = self._page.texts
        for number in self._of_kind("class"):
            name = texts[number]
            if _CLASS_IN_CODE.fullmatch(name):
                begins[number] = len(name)
                short = f"{name.rpartition('.')[2]}: "
                if texts[number + 1].startswith(short):
                    begins[number + 1] = len(short)
        if self._snapshot.is_routed:
            begins[1] = len(texts[1])
        return begins

    def _of_kind(self, *kinds: Kind) -> list[int]:
        return [number for number, (_, kind, _, _) in enumerate(self._entries) if kind in kinds]

    def _found(self) -> Iterable[Secret]:
        """The secrets that `Finder` finds in the texts."""
        policy = self._policy
        finder = Finder(policy.names, policy.patterns, self._snapshot.marked, self._page.whole)
        for number in sorted({*finder.suspects(self._page), *self._of_kind("url", "query")}):
            text, kind, section, name = self._entries[number]
            if kind in ("fixed", "quoted", "class"):
                continue
            self._go_on(len(text))
            begin = self._begins.get(number, 0)
            if self._snapshot.is_status and number == 1:
                found = finder.in_path(text[begin:])
            else:
                found = finder.find(text[begin:], kind)
            if found and kind == "url":
                self._mask_arguments(text, found)
            for one in found:
                self._spans.setdefault(number, []).append((one.start + begin, one.end + begin))
                self.findings.append(Finding(section, name, one.name, one.rule))
                yield _secret(one, section)

    def _mask_arguments(self, url: str, found: list[Found]) -> None:
        """Masks an argument of the route that has no name, where it is masked in the path."""
        shown = unquoted(hidden(url, [(one.start, one.end) for one in found]))
        for number, (text, kind, section, name) in enumerate(self._entries):
            if name == "[route]" and section == "params" and kind == "text" and text not in shown:
                self._spans[number] = [(0, len(text))]

    def _counts(self, hit: Hit) -> bool:
        """Whether the secret is masked there. A browser cannot hide the class and the place of a failure."""
        _, kind, section, name = self._entries[hit.text]
        if kind == "fixed":
            return False
        secret = hit.secret
        if secret.owner is Owner.SITE:
            return True
        if hit.end <= self._begins.get(hit.text, 0):
            return False
        is_place = name in _WHEREABOUTS and section in ("cgi-data", "request")
        return not (is_place and _LIKE_A_PLACE.fullmatch(secret.value))

    def _mask(self, hit: Hit) -> None:
        spans = self._spans.setdefault(hit.text, [])
        span = hit.start, hit.end
        if not [first for first, last in spans if first <= span[0] and span[1] <= last]:
            spans.append(span)
            _, _, section, name = self._entries[hit.text]
            self.findings.append(Finding(section, name, hit.secret.name, REAPPEARS))

    def _notice(self) -> Notice:
        """The notice with its secrets masked, each text within its limit, all within the notice's."""
        limits = self._snapshot.limits
        left = {True: limits.details, False: limits.chars}
        texts = self._page.texts
        is_tight = len(self._page.whole) > min(limits.chars, limits.details or limits.chars)
        short = min(limits.text, _SHORT)
        long = [number for number, length in enumerate(map(len, texts)) if length > short]
        shown = list(texts)
        for number in range(len(texts)) if is_tight else {*self._spans, *long}:
            _, kind, section, _ = self._entries[number]
            limit = room = self._limit(number)
            is_detail = bool(limits.details) and section in _DETAILS
            is_free = section == "user" or kind in ("fixed", "class")
            if is_tight and not is_free:
                room = min(limit, max(left[is_detail], _MIN_ROOM))
            mark = "" if kind == "url" else CUT
            text = shown[number] = _shown(texts[number], self._spans.get(number, []), limit, room, mark)
            left[is_detail] -= 0 if is_free or text == MASK else len(text)
        if shown == texts:
            return self._snapshot.raw
        changed = iter(shown)
        return walk(self._snapshot.raw, lambda texts: [*islice(changed, len(texts))])

    def _limit(self, number: int) -> int:
        """The limit of the text at this place."""
        text, kind, section, name = self._entries[number]
        limits = self._snapshot.limits
        if kind != "text":
            return _LIMITS.get(kind, limits.text)
        if section == "user":
            return 2 * MAX_NAME if name == "name" else MAX_NAME
        if number == 1 and limits.message:
            return limits.message
        breadcrumb = _BREADCRUMB.match(text) if name == "trail" and section == "extra" else None
        return min(breadcrumb.end() + MAX_LINE, limits.text) if breadcrumb else limits.text


def _shown(text: str, spans: list[Span], limit: int, room: int, mark: str) -> str:
    """A text as it is sent. Where it was cut while it was read, it may end in the half of a secret: that
    goes. One that begins before the limit was read whole.
    """
    if len(text) < limit + SLACK and not (len(text) > SLACK and text.endswith(CUT)):
        return cut(hidden(text, spans), room, mark)  # a mask may be longer than what it hides
    sure = max(len(text.removesuffix(CUT)) - SLACK, 0)
    return cut(hidden(text, spans, sure) + mark, room, mark)


def _owner(secret: Secret) -> Owner:
    return secret.owner


def _secret(found: Found, section: str) -> Secret:
    as_word = not found.is_named and section not in _TOKENS_ONLY
    owner = _OWNERS.get(section, Owner.SITE)
    return Secret(found.value, section, found.name, found.rule, owner, as_word)


def _withheld(snapshot: Snapshot, words: str, problem: str = "") -> Redacted:
    """What is no text of the site: what broke, where in the code, and what the server says of the request."""
    notice = snapshot.raw
    request = RequestInfo(
        component=notice.request.component,
        action=notice.request.action,
        cgi_data={name: text for name, text in notice.request.cgi_data.items() if name in FIXED_NAMES},
        params={"[parameters]": words},
    )
    message = notice.error.message if snapshot.is_routed else ""
    error = _bare(notice.error, words)
    return Redacted(
        replace(
            notice,
            error=replace(error, message=message or error.message),
            causes=tuple([_bare(cause, words) for cause in notice.causes]),
            request=request,
            user=None,
            extra={},
        ),
        [],
        problem or words,
    )


def _bare(error: ErrorInfo, words: str) -> ErrorInfo:
    name = error.class_name if _CLASS_IN_CODE.fullmatch(error.class_name) else "Exception"
    frames = tuple([replace(frame, variables=NOTHING, source=()) for frame in error.frames])
    message = f"{name.rpartition('.')[2]}: {words}"
    return replace(error, class_name=name, message=message, frames=frames, notes=())


def _place_of(error: Exception) -> str:
    """The innermost line of this package in the traceback of an error of ours."""
    step = error.__traceback__
    while step is not None and step.tb_next is not None:
        step = step.tb_next
    return f"{step.tb_frame.f_code.co_name}, line {step.tb_lineno}" if step is not None else "unknown"

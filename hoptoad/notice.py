"""A notice and its parts: plain data on the way from a failure to the server."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from types import FrameType
from typing import NamedTuple, NoReturn, Union

from django.http import HttpRequest

# Nested text: what XML variables and JSON objects can both hold. Numbers are text by now.
Value = Union[str, Mapping[str, "Value"], tuple["Value", ...]]  # noqa: UP007 - it names itself
Data = Mapping[str, Value]


class _Nothing(dict[str, Value]):
    """An empty dictionary that all notices without data share, so it refuses to be changed."""

    def _refuse(self, *args: object, **kwargs: object) -> NoReturn:
        raise TypeError("this is shared by many notices: give a new one by dataclasses.replace()")

    def __hash__(self) -> int:  # type: ignore[override]
        return 0

    __setitem__ = setdefault = update = __ior__ = _refuse


NOTHING: Data = _Nothing()


def _nothing() -> Data:  # Python 3.10 takes no dictionary for a default
    return NOTHING


# Those of version 3; those below "error" send no mails there.
SEVERITIES = ("debug", "info", "notice", "warning", "error", "critical", "alert", "emergency")


@dataclass(frozen=True, slots=True)
class Frame:
    """One line of a backtrace."""

    file: str
    line: int  # 0 where unknown
    function: str
    variables: Data = field(default_factory=_nothing)
    source: tuple[tuple[int, str], ...] = ()  # line numbers and lines around `line`
    column: int = 0  # 0 where unknown, as in notices of our own


@dataclass(frozen=True, slots=True)
class ErrorInfo:
    """One exception. Frames are innermost first."""

    class_name: str
    message: str
    frames: tuple[Frame, ...] = ()
    notes: tuple[str, ...] = ()
    relation: str = ""  # to the error it led to: "cause", "context" or "member" of a group
    frames_left_out: int = 0  # of the middle of a long traceback
    module: str = ""  # of the class; empty for built-in ones, and where unknown
    parent: int = 0  # of a cause: the error it led to, 0 the notice's, 1 its first cause, and so on
    is_message: bool = False  # logged or given to notify(): no exception, and `class_name` is no class


@dataclass(frozen=True, slots=True, repr=False)
class Reason:
    """The exception that Django answers with a status, in plain values: it is gone when the answer is judged.

    Not redacted yet; `hidden` is what must be masked in it.
    """

    error: ErrorInfo
    hidden: "tuple[Secret, ...]" = ()


@dataclass(slots=True, kw_only=True, eq=False, repr=False)
class Incident:
    """A cheap look at a failure, enough to decide on reporting it. Not frozen: that doubles its cost."""

    exception: BaseException | None = None
    status: int = 0  # HTTP status of the answer; 0 where an exception was seen
    reason: Reason | None = None  # of such an answer, where an exception of a view led to it
    path: str = ""  # with the query string, as the browser sent it
    agent: str = ""
    referrer: str = ""
    host: str = ""  # as the browser named it, which may be no host of this site
    is_request: bool = True  # seen by the middleware; settings about statuses and crashes are about these
    kind: str = ""  # stands for the class where there is no exception
    message: str = ""
    site: tuple[str, int, str] | None = None  # file, line and function of a log call
    stack: FrameType | None = None  # the innermost frame of a message's caller
    component: str = ""
    action: str = ""
    params: Mapping[str, object] = field(default_factory=_nothing)
    extra: Mapping[str, object] = field(default_factory=_nothing)
    severity: str = "error"
    request: HttpRequest | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestInfo:
    """The request, and the view or task that handled it. All fields are empty outside a request."""

    url: str = ""
    component: str = ""
    action: str = ""
    params: Data = field(default_factory=_nothing)
    session: Data = field(default_factory=_nothing)
    cgi_data: Data = field(default_factory=_nothing)


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """The user who was signed in, as far as HOPTOAD_SEND_USER allows."""

    id: str
    name: str = ""
    email: str = ""
    username: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Where it happened."""

    project_root: str = ""
    environment_name: str = "unknown"
    app_version: str = ""
    hostname: str = ""
    revision: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One failure, redacted and bounded, ready to be encoded."""

    id: str  # ours, 32 hexadecimal digits; not the one a server gives
    error: ErrorInfo
    causes: tuple[ErrorInfo, ...] = ()
    request: RequestInfo = RequestInfo()
    server: Server = Server()
    user: User | None = None
    framework: str = ""
    language: str = ""
    severity: str = "error"  # or another of SEVERITIES
    extra: Data = field(default_factory=_nothing)  # what the site itself adds
    lost: int = 0  # notices this process could not deliver so far
    time: float = 0.0  # of the failure, in seconds since the epoch; 0 where unknown


def is_internal(referrer: str, host: str) -> bool:
    """Whether the page `referrer` is on the site `host`. Another subdomain is another site."""
    return bool(host) and referrer.lower().startswith((f"http://{host}/".lower(), f"https://{host}/".lower()))


class Owner(IntEnum):
    """Who chose a secret value. What is looked for has room for each of them, the site's come first."""

    SITE = 0  # session, marked variables, route arguments, Authorization, session and CSRF cookie
    FORM = 1  # form and JSON
    CLIENT = 2  # query, other headers and cookies


class Secret(NamedTuple):
    """A value that is masked, and the name and the rule that made it a secret."""

    value: str
    section: str
    name: str
    rule: str
    owner: Owner = Owner.SITE
    as_word: bool = True  # whether it is looked for elsewhere although it is a word, like "expired"


@dataclass(frozen=True, slots=True)
class Limits:
    """How many characters a notice may hold."""

    text: int = 2048  # in one text
    chars: int = 200_000  # in all texts
    details: int = 0  # in variables and source lines, where these have a part of their own
    message: int = 0  # in the message, where that has a limit of its own


@dataclass(slots=True, kw_only=True, eq=False, repr=False)
class Snapshot:
    """What was in memory when something failed: plain and bounded values that are not redacted yet.

    `redaction.redact` makes a Notice of it. It refuses to be pickled and copied, and its repr shows nothing.
    """

    raw: Notice
    hidden: list[Secret]
    limits: Limits = Limits()
    marked: Mapping[str, str] = field(default_factory=dict)  # names of secrets in this request only
    is_status: bool = False  # the answer's status is the failure
    is_routed: bool = False  # and its message names the route, not the path
    arguments: Mapping[str, str] = field(default_factory=dict)  # of the route
    is_full: bool = False  # there were more secrets than `hidden` holds

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a Snapshot is not redacted yet: it must not be pickled or copied")

    def __repr__(self) -> str:
        return "<Snapshot>"

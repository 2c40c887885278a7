"""What a notice says: the data that travels from the site's failure to the server."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import FrameType
from typing import NoReturn, Union

from django.http import HttpRequest

# Nested text: what XML variables and JSON objects can both hold. Numbers are text by now.
Value = Union[str, Mapping[str, "Value"], tuple["Value", ...]]  # noqa: UP007 - it names itself
Data = Mapping[str, Value]


class _Nothing(dict[str, Value]):
    """No data, for all who have none: it cannot be filled, because that would fill it for everyone."""

    def _refuse(self, *args: object, **kwargs: object) -> NoReturn:
        raise TypeError("this is shared by many notices: give a new one by dataclasses.replace()")

    def __hash__(self) -> int:  # type: ignore[override]
        return 0

    __setitem__ = setdefault = update = __ior__ = _refuse


NOTHING: Data = _Nothing()


def _nothing() -> Data:
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


@dataclass(frozen=True, slots=True)
class ErrorInfo:
    """One exception. Frames are innermost first."""

    class_name: str
    message: str
    frames: tuple[Frame, ...] = ()
    notes: tuple[str, ...] = ()
    relation: str = ""  # to the error before it: "cause", "context" or "member" of a group
    frames_left_out: int = 0  # of the middle of a long traceback


@dataclass(frozen=True, slots=True, repr=False)
class Reason:
    """The exception that Django answers with a status, in plain values: it is gone when the answer is judged.

    Not redacted yet; `hidden` is what must be masked in it.
    """

    error: ErrorInfo
    hidden: tuple[str, ...] = ()


@dataclass(slots=True, kw_only=True, eq=False, repr=False)
class Incident:
    """A cheap look at a failure, enough to decide whether anyone wants to hear of it.

    Not frozen, because that would be half its cost; nothing changes one.
    """

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
    """What was being answered, and where in the project. All empty outside a request."""

    url: str = ""
    component: str = ""
    action: str = ""
    params: Data = field(default_factory=_nothing)
    session: Data = field(default_factory=_nothing)
    cgi_data: Data = field(default_factory=_nothing)


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Who was signed in, as far as the settings let it be said."""

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
    """One failure, scrubbed and bounded, ready to be encoded.

    `id` is ours (32 hexadecimal digits), not the one a server gives.
    """

    id: str
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

"""A notice as a letter: what a person reads where there is no server to look at it with."""

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from urllib.parse import urlsplit

from hoptoad_before.api.environment import FRAME
from hoptoad_before.brokenlinks import is_internal
from hoptoad_before.notice import Data, Notice, Value

_MAX_SUBJECT = 900  # RFC 5322, section 2.1.1, has lines end at 998


def is_broken_link(notice: Notice) -> bool:
    """Whether it tells of a page that was not found: the managers' business, not the admins'."""
    return notice.error.class_name == "Http404"


def subject(notice: Notice) -> str:
    """One line, as AdminEmailHandler and BrokenLinkEmailsMiddleware word it, so that the rules of
    people's mailboxes go on working. Django's EMAIL_SUBJECT_PREFIX comes before it.
    """
    meta = notice.request.cgi_data
    if "REQUEST_METHOD" not in meta:
        text = f"ERROR: {notice.error.message}"
    elif is_broken_link(notice):
        host = urlsplit(notice.request.url).netloc
        kind = "INTERNAL " if is_internal(str(meta.get("HTTP_REFERER", "")), host) else ""
        text = f"Broken {kind}link on {host}"
    else:
        who = "internal" if "INTERNAL_IP" in meta else "EXTERNAL"
        level, phrase = _level_and_phrase(notice.error.class_name)
        text = f"{level} ({who} IP): {phrase}: {meta.get('SCRIPT_NAME', '')}{meta.get('PATH_INFO', '')}"
    return text.replace("\n", "\\n").replace("\r", "\\r")[:_MAX_SUBJECT]


def _level_and_phrase(class_name: str) -> tuple[str, str]:
    status = class_name.removeprefix("Http")
    if not (status.isascii() and status.isdigit()):
        return "ERROR", HTTPStatus.INTERNAL_SERVER_ERROR.phrase
    try:
        phrase = HTTPStatus(int(status)).phrase
    except ValueError:
        phrase = f"Status {status}"
    return "ERROR" if status >= "500" else "WARNING", phrase


def body(notice: Notice) -> str:
    """The whole notice as plain text."""
    return "\n".join(_lines(notice)) + "\n"


def flat(data: "Mapping[str, Value]", prefix: str = "") -> list[tuple[str, str]]:
    """Nested data as `user[name]` and its text."""
    pairs: list[tuple[str, str]] = []
    for key, value in data.items():
        name = f"{prefix}[{key}]" if prefix else key
        if isinstance(value, tuple):
            value = {str(index): item for index, item in enumerate(value)}
        pairs += flat(value, name) if isinstance(value, Mapping) else [(name, value)]
    return pairs


def where(notice: Notice) -> str:
    """`component#action`, as Errbit writes it."""
    return "#".join(filter(None, (notice.request.component, notice.request.action)))


def _lines(notice: Notice) -> Iterator[str]:
    request = notice.request
    yield notice.error.message
    yield ""
    for name, text in (
        ("Where", where(notice)),
        ("URL", request.url),
        ("Referrer", str(request.cgi_data.get("HTTP_REFERER", ""))),
        ("User", notice.user.id if notice.user else ""),
        ("Host", notice.server.hostname),
        ("Site", notice.server.environment_name),
        ("Version", notice.server.app_version),
        ("Framework", notice.framework),
        ("Number", notice.id),
    ):
        if text:
            yield f"{name + ':':<11}{text}"
    yield ""
    yield "Backtrace (innermost first):"
    for frame in notice.error.frames:
        yield f"  {frame.file}:{frame.line} in {frame.function}"
        yield from (f"    {number:5} {line}" for number, line in frame.source)
        yield from (f"          {name} = {text}" for name, text in flat(frame.variables))
    for title, data in (
        ("Parameters", request.params),
        ("Session", request.session),
        ("Environment", _without_frames(request.cgi_data)),
        ("Extra", notice.extra),
    ):
        if data:
            yield ""
            yield f"{title}:"
            yield from (f"  {name} = {text}" for name, text in flat(data))


def _without_frames(cgi_data: Data) -> Data:
    """The environment without what stands below the lines of the backtrace."""
    return {name: value for name, value in cgi_data.items() if not name.startswith(f"{FRAME}_")}

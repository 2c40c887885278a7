"""The notifier API v2: XML as Hoptoad defined it and Airbrake, Errbit and Redmine plug-ins speak it.

Documents follow the published schema of version 2.4, and what those servers make of it: Errbit
fails on an empty message, a notice without lines, a missing notifier.
"""

import sys
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from django.http import HttpRequest

from hoptoad import NAME, URL, __version__, before, capture, transport
from hoptoad.answers import Answer
from hoptoad.api.environment import environment
from hoptoad.conf import get_settings
from hoptoad.notice import Data, ErrorInfo, Frame, Notice, RequestInfo, Server, User, Value
from hoptoad.text import clean

VERSION = "2.4"
CONTENT_TYPE = "text/xml"
_HEADERS = {"Content-Type": CONTENT_TYPE, "Accept": "text/xml, application/xml"}
_CAUSE_FRAMES = 10
_NO_FRAME = Frame("unknown", 0, "unknown")


def encode(notice: Notice) -> bytes:
    """The notice as an XML document in UTF-8, with the site's API key in it."""
    return "".join(_document(notice, get_settings().api_key)).encode()


def generate_payload(request_tuple: "tuple[HttpRequest, int | None]") -> bytes:
    """The document for a request and the status of its answer, or None for the current exception."""
    request, status = request_tuple
    exception = None if status else sys.exc_info()[1]
    if not status and exception is None:
        raise TypeError(
            "generate_payload((request, status)) needs a status, or to be called in an except block"
        )
    incident = capture.incident(request, exception=exception, status=status or 0)
    notice = capture.notice(incident, get_settings())
    return encode(before.noticed(notice, get_settings().before_notify) or before.bare(notice))


def report(payload: bytes, timeout: float | None = None) -> Answer:
    """Sends a document and returns the server's answer. Blocks up to `timeout` seconds, twice:
    once to connect, once for the answer. None means HOPTOAD_TIMEOUT. Raises nothing.
    """
    settings = get_settings()
    return transport.post(
        settings.url,
        payload if isinstance(payload, bytes) else str(payload).encode(),
        headers=_HEADERS,
        timeout=timeout or settings.timeout,
        plain_fallback=settings.no_ssl_fallback,
    )


def _document(notice: Notice, api_key: str) -> Iterator[str]:
    yield f'<?xml version="1.0" encoding="UTF-8"?>\n<notice version="{VERSION}">'
    yield _element("api-key", api_key)
    yield f"<notifier>{_element('name', NAME)}{_element('version', __version__)}"
    yield f"{_element('url', URL)}</notifier>"
    yield from _error(notice.error)
    yield from _request(notice.request, _cgi_data(notice))
    yield from _server(notice.server)
    if notice.user is not None:
        yield from _user(notice.user)
    if notice.framework:
        yield _element("framework", notice.framework)
    yield "</notice>"


def _error(error: ErrorInfo) -> Iterator[str]:
    kind = error.class_name or "Exception"
    yield f"<error>{_element('class', kind)}{_element('message', error.message or kind)}<backtrace>"
    for frame in error.frames or (_NO_FRAME,):
        # Errbit's grouping depends on the order of these three.
        yield (
            f'<line number="{frame.line}" file="{_attribute(frame.file)}"'
            f' method="{_attribute(frame.function)}"/>'
        )
    yield "</backtrace></error>"


def _request(request: RequestInfo, cgi_data: Data) -> Iterator[str]:
    yield f"<request>{_element('url', request.url)}{_element('component', request.component)}"
    if request.action:
        yield _element("action", request.action)
    for name, data in (
        ("params", request.params),
        ("session", request.session),
        ("cgi-data", cgi_data),
    ):
        if data:
            yield f"<{name}>"
            yield from _variables(data)
            yield f"</{name}>"
    yield "</request>"


def _cgi_data(notice: Notice) -> dict[str, Value]:
    """The headers, and what version 2 has no element for."""
    data = environment(notice)
    for number, cause in enumerate(notice.causes, 1):
        data["EXCEPTION_CAUSE" if number == 1 else f"EXCEPTION_CAUSE_{number}"] = _cause(cause)
    return data


def _cause(cause: ErrorInfo) -> str:
    lines = [f"{f.file}:{f.line} in {f.function}" for f in cause.frames[:_CAUSE_FRAMES]]
    where = f" at {lines[0]}" if lines else ""
    return "\n".join([f"{cause.message}{where} ({cause.relation})", *cause.notes, *lines[1:]])


def _server(server: Server) -> Iterator[str]:
    yield "<server-environment>"
    if server.project_root:
        yield _element("project-root", server.project_root)
    yield _element("environment-name", server.environment_name or "unknown")
    if server.app_version:
        yield _element("app-version", server.app_version)
    if server.hostname:
        yield _element("hostname", server.hostname)
    yield "</server-environment>"


def _user(user: User) -> Iterator[str]:
    yield f"<current-user>{_element('id', user.id)}"
    for name in ("name", "email", "username"):
        if text := getattr(user, name):
            yield _element(name, text)
    yield "</current-user>"


def _variables(data: "Mapping[str, Any]") -> Iterator[str]:
    for key, value in data.items():
        yield f'<var key="{_attribute(key)}">'
        if isinstance(value, tuple):
            # Errbit keeps only the last of repeated keys, so a list is numbered.
            value = {str(index): item for index, item in enumerate(value)}
        if isinstance(value, Mapping):
            yield from _variables(value)
        else:
            yield _text(value)
        yield "</var>"


def _element(name: str, text: str) -> str:
    return f"<{name}>{_text(text)}</{name}>"


def _text(text: str) -> str:
    # A parser reads a bare carriage return as a line feed.
    return escape(clean(text), quote=False).replace("\r", "&#13;")


def _attribute(text: str) -> str:
    # A parser reads bare line ends and tabs in an attribute as blanks.
    escaped = escape(clean(text)).replace("\r", "&#13;")
    return escaped.replace("\n", "&#10;").replace("\t", "&#9;")

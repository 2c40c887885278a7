"""The notifier API v2: XML as Hoptoad defined it and Airbrake, Errbit and Redmine plug-ins speak it.

Documents follow the published schema of version 2.4, and what those servers make of it: Errbit
fails on an empty message, a notice without lines, a missing notifier.
"""

import sys
from collections.abc import Iterator, Mapping
from functools import lru_cache
from html import escape
from typing import Any

from django.http import HttpRequest

from hoptoad_before import NAME, URL, __version__, before, capture, transport
from hoptoad_before.answers import Answer
from hoptoad_before.api.environment import environment
from hoptoad_before.api.keys import readable
from hoptoad_before.conf import get_settings
from hoptoad_before.notice import Data, ErrorInfo, Frame, Notice, RequestInfo, Server, User, Value
from hoptoad_before.text import clean

VERSION = "2.4"
CONTENT_TYPE = "text/xml"
_HEADERS = {"Content-Type": CONTENT_TYPE, "Accept": "text/xml, application/xml"}
_NO_FRAME = Frame("unknown", 0, "unknown")
_EMPTY = " "  # Errbit shows an empty element as {}


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
    yield _error(notice.error)
    yield _request(notice.request, environment(notice))
    yield _server(notice.server)
    if notice.user is not None:
        yield _user(notice.user)
    if notice.framework:
        yield _element("framework", notice.framework)
    yield "</notice>"


def _error(error: ErrorInfo) -> str:
    kind = error.class_name or "Exception"
    lines = "".join([_line(f.line, f.file, f.function) for f in error.frames or (_NO_FRAME,)])
    return (
        f"<error>{_element('class', kind)}{_element('message', error.message or kind)}"
        f"<backtrace>{lines}</backtrace></error>"
    )


@lru_cache(maxsize=4096)  # the same lines fail again
def _line(number: int, file: str, function: str) -> str:
    # Errbit's grouping depends on the order of these three.
    return f'<line number="{number}" file="{_attribute(file)}" method="{_attribute(function)}"/>'


def _request(request: RequestInfo, cgi_data: Data) -> str:
    sections = "".join(
        f"<{name}>{_variables(data)}</{name}>"
        for name, data in (("params", request.params), ("session", request.session), ("cgi-data", cgi_data))
        if data
    )
    action = _element("action", request.action) if request.action else ""
    return (
        f"<request>{_element('url', request.url or _EMPTY)}{_element('component', request.component)}{action}"
        f"{sections}</request>"
    )


def _server(server: Server) -> str:
    told = {
        "project-root": server.project_root,
        "environment-name": server.environment_name or "unknown",
        "app-version": server.app_version,
        "hostname": server.hostname,
    }
    elements = "".join(_element(name, text) for name, text in told.items() if text)
    return f"<server-environment>{elements}</server-environment>"


def _user(user: User) -> str:
    told = {"name": user.name, "email": user.email, "username": user.username}
    elements = "".join(_element(name, text) for name, text in told.items() if text)
    return f"<current-user>{_element('id', user.id or _EMPTY)}{elements}</current-user>"


def _variables(data: "Mapping[str, Any]") -> str:
    items = zip(readable(data), data.values(), strict=True)
    return "".join([f'<var key="{_attribute(key)}">{_content(value)}</var>' for key, value in items])


def _content(value: Value) -> str:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, tuple):
        # Errbit keeps only the last of repeated keys, so a list is numbered.
        value = {str(index): item for index, item in enumerate(value)}
    return _variables(value)


def _element(name: str, text: str) -> str:
    return f"<{name}>{_text(text)}</{name}>"


def _text(text: str) -> str:
    if not text.isprintable():
        # A parser reads a bare carriage return as a line feed.
        return escape(clean(text), quote=False).replace("\r", "&#13;")
    if "&" in text or "<" in text or ">" in text:
        return escape(text, quote=False)
    return text  # as most are


def _attribute(text: str) -> str:
    if text.isidentifier():  # as most names are
        return text
    # A parser reads bare line ends and tabs in an attribute as blanks.
    escaped = escape(clean(text)).replace("\r", "&#13;")
    return escaped.replace("\n", "&#10;").replace("\t", "&#9;")

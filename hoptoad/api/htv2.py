"""The notifier API v2: XML as Hoptoad defined it, for Airbrake, Errbit and the plug-ins of Redmine.

Documents follow the published schema of version 2.4, and avoid what these servers cannot handle: Errbit
fails on an empty message, a notice without lines, and a missing notifier.
"""

import sys
from collections.abc import Iterator, Mapping
from functools import lru_cache
from html import escape
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest

from hoptoad import NAME, URL, __version__
from hoptoad.api import airbrake
from hoptoad.api.cgi_data import environment
from hoptoad.api.characters import clean
from hoptoad.api.keys import readable
from hoptoad.capture import build
from hoptoad.conf.loading import get_settings
from hoptoad.conf.settings import Settings
from hoptoad.delivery import transport
from hoptoad.delivery.answer import Answer
from hoptoad.notice import Data, ErrorInfo, Frame, Notice, RequestInfo, Server, User, Value
from hoptoad.reporting import before_notify

VERSION = "2.4"
CONTENT_TYPE = "text/xml"
_HEADERS = {"Content-Type": CONTENT_TYPE, "Accept": "text/xml, application/xml"}
_DEPLOY = {
    "environment": "rails_env",
    "username": "local_username",
    "repository": "scm_repository",
    "revision": "scm_revision",
}
_NO_FRAME = Frame("unknown", 0, "unknown")
_EMPTY = " "  # Errbit shows an empty element as {}

default_url = airbrake.notices_v2


def encode(notice: Notice) -> bytes:
    """The notice as an XML document in UTF-8, with the site's API key in it."""
    return "".join(_document(notice, get_settings().api_key)).encode()


def generate_payload(request_tuple: "tuple[HttpRequest, int | None]") -> bytes:
    """The document for a request and the status of its response. Status None means the current exception."""
    request, status = request_tuple
    exception = None if status else sys.exc_info()[1]
    if not status and exception is None:
        raise TypeError(
            "generate_payload((request, status)) needs a status, or to be called in an except block"
        )
    incident = build.incident(request, exception=exception, status=status or 0)
    notice = build.notice(incident, get_settings())
    return encode(before_notify.apply(notice, get_settings().before_notify) or before_notify.bare(notice))


def report(payload: bytes, timeout: float | None = None) -> Answer:
    """Sends a document and returns the server's answer. Raises nothing.

    Blocks for up to `timeout` seconds while connecting, and again for the answer. None means HOPTOAD_TIMEOUT.
    """
    settings = get_settings()
    return transport.post(
        settings.notification_url or default_url(settings),
        payload if isinstance(payload, bytes) else str(payload).encode(),
        headers=_HEADERS,
        timeout=timeout or settings.timeout,
        plain_fallback=settings.no_ssl_fallback,
    )


def deploy(settings: Settings, deployment: Mapping[str, str]) -> Answer:
    """Announces a deployment: a form at /deploys.txt of the server that takes the notices."""
    form = {f"deploy[{_DEPLOY[name]}]": value for name, value in deployment.items() if name in _DEPLOY}
    return transport.post(
        airbrake.beside(settings.notification_url or default_url(settings), "deploys.txt"),
        urlencode({"api_key": settings.api_key, **form}).encode(),
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        timeout=settings.timeout,
    )


def _document(notice: Notice, api_key: str) -> Iterator[str]:
    yield _head(api_key)
    yield _error(notice.error)
    yield _request(notice.request, environment(notice))
    yield _server(notice.server)
    if notice.user is not None:
        yield _user(notice.user)
    if notice.framework:
        yield _element("framework", notice.framework)
    yield "</notice>"


@lru_cache(maxsize=8)
def _head(api_key: str) -> str:
    notifier = f"{_element('name', NAME)}{_element('version', __version__)}{_element('url', URL)}"
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<notice version="{VERSION}">'
        f"{_element('api-key', api_key)}<notifier>{notifier}</notifier>"
    )


def _error(error: ErrorInfo) -> str:
    kind = error.class_name or "Exception"
    lines = "".join([_line(f.line, f.file, f.function) for f in error.frames or (_NO_FRAME,)])
    return (
        f"<error>{_element('class', kind)}{_element('message', error.message or kind)}"
        f"<backtrace>{lines}</backtrace></error>"
    )


@lru_cache(maxsize=4096)  # the same frames recur
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


@lru_cache(maxsize=8)
def _server(server: Server) -> str:
    fields = {
        "project-root": server.project_root,
        "environment-name": server.environment_name or "unknown",
        "app-version": server.app_version,
        "hostname": server.hostname,
    }
    elements = "".join(_element(name, text) for name, text in fields.items() if text)
    return f"<server-environment>{elements}</server-environment>"


def _user(user: User) -> str:
    fields = {"name": user.name, "email": user.email, "username": user.username}
    elements = "".join(_element(name, text) for name, text in fields.items() if text)
    return f"<current-user>{_element('id', user.id or _EMPTY)}{elements}</current-user>"


def _variables(data: "Mapping[str, Any]") -> str:
    keys = readable(data)
    # Most need no escaping: one look at all of them.
    are_names = _is_plain(names := "".join(keys)) and '"' not in names and "'" not in names
    are_plain = _is_plain("".join([value for value in data.values() if type(value) is str]))
    return "".join(
        [
            f'<var key="{key if are_names else _attribute(key)}">'
            f"{value if are_plain and type(value) is str else _content(value)}</var>"
            for key, value in zip(keys, data.values(), strict=True)
        ]
    )


def _content(value: Value) -> str:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, tuple):
        # Errbit keeps only the last of repeated keys, so a list is numbered.
        value = {str(index): item for index, item in enumerate(value)}
    return _variables(value)


def _element(name: str, text: str) -> str:
    return f"<{name}>{_text(text)}</{name}>"


def _is_plain(text: str) -> bool:
    return text.isprintable() and "&" not in text and "<" not in text and ">" not in text


def _text(text: str) -> str:
    # A parser reads a bare carriage return as a line feed.
    return text if _is_plain(text) else escape(clean(text), quote=False).replace("\r", "&#13;")


def _attribute(text: str) -> str:
    if text.isidentifier():
        return text
    # A parser reads bare line breaks and tabs in an attribute as blanks.
    escaped = escape(clean(text)).replace("\r", "&#13;")
    return escaped.replace("\n", "&#10;").replace("\t", "&#9;")

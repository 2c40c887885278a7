"""The notifier API v3: JSON, for Airbrake and Errbit.

https://docs.airbrake.io/docs/devops-tools/api/#create-notice-v3
It sends what `htv2` sends, in the fields that version 3 has for it.
"""

import json
import platform
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from hoptoad import NAME, URL, __version__
from hoptoad.api import airbrake
from hoptoad.api.cgi_data import environment
from hoptoad.api.characters import clean
from hoptoad.api.keys import storable
from hoptoad.api.truncation import V3, fitted
from hoptoad.conf.loading import get_settings
from hoptoad.conf.settings import Settings
from hoptoad.delivery import transport
from hoptoad.delivery.answer import Answer
from hoptoad.notice import ErrorInfo, Frame, Notice, Value

CONTENT_TYPE = "application/json"
MAX_BYTES = 64_000  # Airbrake answers 413 above 64 KB
_SMALLER_BYTES = 16_000
_MAX_CAUSES = 3
_MAX_NAME = 255
_MAX_URL = 2048
_NO_FRAME = Frame("unknown", 0, "unknown")
_ROOT = re.compile(r"^\[([A-Z_]+)\]/")

default_url = airbrake.notices_v3


def encode(notice: Notice) -> bytes:
    """The notice as JSON in UTF-8, at most MAX_BYTES. Cut texts and lists are marked."""
    return fitted(_document(notice), MAX_BYTES, V3)


def report(payload: bytes, timeout: float | None = None) -> Answer:
    """Sends a document and returns the server's answer. Raises nothing.

    If the server finds it too large, sends a smaller one. Blocks for each for up to `timeout` seconds while
    connecting, and again for the answer. None means HOPTOAD_TIMEOUT.
    """
    answer = _post(payload, timeout)
    if answer.status != 413 or len(payload) <= _SMALLER_BYTES:
        return answer
    try:
        smaller = fitted(json.loads(payload), _SMALLER_BYTES, V3)
    except (ValueError, TypeError, KeyError):  # not of version 3: spooled before HOPTOAD_API changed
        return answer
    return _post(smaller, timeout)


def deploy(settings: Settings, deployment: Mapping[str, str]) -> Answer:
    """Announces a deployment by Airbrake's API v4: JSON, with the project in the address."""
    url = settings.notification_url or default_url(settings)
    project = settings.project_id or urlsplit(url).path.partition("/projects/")[2].partition("/")[0] or "1"
    return transport.post(
        airbrake.beside(url, f"api/v4/projects/{project}/deploys"),
        json.dumps(dict(deployment)).encode(),
        headers={"Content-Type": CONTENT_TYPE, "Authorization": f"Bearer {settings.api_key}"},
        timeout=settings.timeout,
    )


def operating_system() -> str:
    """The operating system and its version."""
    # platform.platform() may start a process.
    return "-".join((platform.system(), platform.release(), platform.machine()))


def _post(payload: bytes, timeout: float | None) -> Answer:
    settings = get_settings()
    return transport.post(
        settings.notification_url or default_url(settings),
        payload,
        headers={
            "Content-Type": CONTENT_TYPE,
            "Accept": "application/json",
            "Authorization": f"Bearer {settings.api_key}",
        },
        timeout=timeout or settings.timeout,
        plain_fallback=settings.no_ssl_fallback,
    )


def _document(notice: Notice) -> dict[str, Any]:
    causes = [cause for cause in notice.causes[:_MAX_CAUSES] if cause.class_name]
    return {
        "errors": [_error(error) for error in (notice.error, *causes)],
        "context": _context(notice),
        # Always objects: Redmine's plug-in fails without them, Errbit on a list.
        "environment": _plain(environment(notice)),
        "session": _plain(notice.request.session),
        "params": _plain(notice.request.params),
    }


def _error(error: ErrorInfo) -> dict[str, Any]:
    return {
        "type": clean(error.class_name)[:_MAX_NAME] or "Exception",
        "message": clean(error.message) or clean(error.class_name) or "Exception",
        "backtrace": [_frame(frame) for frame in error.frames or (_NO_FRAME,)],
    }


def _frame(frame: Frame) -> dict[str, Any]:
    shown = _line(frame.line, frame.file, frame.function)
    if frame.source:
        shown = {**shown, "code": {str(number): clean(line) for number, line in frame.source}}
    return shown


@lru_cache(maxsize=4096)  # the same frames recur
def _line(number: int, file: str, function: str) -> dict[str, Any]:
    return {"file": _ROOT.sub(r"/\1/", clean(file)), "line": number, "function": clean(function)}


def _context(notice: Notice) -> dict[str, Any]:
    request, server = notice.request, notice.server
    meta = request.cgi_data
    context: dict[str, Any] = {
        "environment": server.environment_name or "unknown",
        "severity": notice.severity,
        "component": request.component,
        "action": request.action,
        "os": operating_system(),
        "hostname": server.hostname,
        "language": notice.language,
        "version": server.app_version,
        "url": request.url,
        "httpMethod": meta.get("REQUEST_METHOD", ""),
        "userAgent": meta.get("HTTP_USER_AGENT", ""),
        "userAddr": meta.get("REMOTE_ADDR", ""),
        "revision": server.revision,
        "rootDirectory": server.project_root,
        "noticeId": notice.id,
    }
    context = {
        name: clean(value)[: _MAX_URL if name in ("url", "rootDirectory") else _MAX_NAME]
        for name, value in context.items()
        if isinstance(value, str) and value
    }
    if notice.framework:
        name, _, version = clean(notice.framework).partition(": ")
        context["versions"] = {name[:_MAX_NAME]: version[:_MAX_NAME]}
    if notice.user is not None:
        user = notice.user
        person = {"id": user.id, "name": user.name, "username": user.username, "email": user.email}
        context["user"] = {name: clean(value)[:_MAX_NAME] for name, value in person.items() if value}
    return {"notifier": {"name": NAME, "version": __version__, "url": URL}, **context}


def _plain(value: Value) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return {key: _plain(item) for key, item in zip(storable(value), value.values(), strict=True)}

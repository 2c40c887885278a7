"""A notice as an event of Sentry's, within the limits of Sentry and Bugsink.

https://develop.sentry.dev/sdk/data-model/event-payloads/
Servers answer 200 before they read an event, and drop one of the wrong types without an error. So a string
is always a string here, an object always an object, and nothing is null.
"""

import re
import time
import uuid
from collections.abc import Mapping
from typing import Any

from hoptoad import NAME, __version__
from hoptoad.api.characters import clean
from hoptoad.api.sentry.exception import MAX_NAME, MAX_TEXT, failure, plain
from hoptoad.notice import Notice, Value

OWN = "hoptoad"  # the context of what has no other place
MAX_LOGGER = 64
MAX_ENVIRONMENT = 64
MAX_TAGS = 100
MAX_TAG = 200
MAX_TAG_NAME = 32
LEVELS = {
    "debug": "debug",
    "info": "info",
    "notice": "info",
    "warning": "warning",
    "error": "error",
    "critical": "fatal",
    "alert": "fatal",
    "emergency": "fatal",
}
_UNKNOWN = "unknown"
_DAY = 86_400.0  # seconds
_LAST = 4e9  # in the year 2096; a later time is not that of a failure
_START = b'{"event_id":"'
_ID = re.compile(r"[0-9a-f]{32}")
_ADDRESS = re.compile(r"[0-9a-fA-F.:]{3,45}")
_NO_RELEASE = re.compile(r"[\n\r\t/\\]")
_NO_ENVIRONMENT = re.compile(r"[\s/]")
_NO_TAG_NAME = re.compile(r"[^a-zA-Z0-9_.:-]")
_CRUMB = re.compile(r"(\d\d:\d\d:\d\d\.\d{6}) (Level \d+|\S+) (.*?): (.*)", re.DOTALL)


def event(notice: Notice) -> dict[str, Any]:
    """The event of a notice, as an object of JSON without empty fields."""
    server = notice.server
    failed_at = notice.time if 0 < notice.time < _LAST else time.time()
    crumbs = _breadcrumbs(notice.extra.get("trail"), failed_at)
    found = {
        "event_id": event_id(notice.id),  # the first field: `id_of` reads it without parsing the rest
        "timestamp": failed_at,
        "platform": "python",
        "level": LEVELS.get(notice.severity, "error"),
        "logger": _short(notice.error.class_name, MAX_LOGGER) if _is_log_record(notice) else "",
        "transaction": _transaction(notice),
        "server_name": _short(server.hostname, 255),
        "release": _release(server.app_version) or _release(server.revision),
        "environment": _environment(server.environment_name),
        "sdk": {"name": NAME, "version": __version__},
        **failure(notice),
        "user": _user(notice),
        "request": _request(notice),
        "tags": _tags(notice.extra.get("tags")),
        "contexts": _contexts(notice),
        "breadcrumbs": {"values": crumbs} if crumbs else {},
        "extra": _extra(notice, without=("trail",) if crumbs else ()),
    }
    return {name: value for name, value in found.items() if value not in ("", {})}


def is_event(document: bytes) -> bool:
    """Whether these bytes are an event that was encoded here."""
    return document.startswith(_START) and _ID.fullmatch(id_of(document)) is not None


def id_of(document: bytes) -> str:
    """The id of an event that was encoded here."""
    return document[len(_START) : len(_START) + 32].decode("ascii", "replace")


def event_id(notice_id: str) -> str:
    """The notice's id if it is 32 hexadecimal digits, as ours are; otherwise a UUID made from it."""
    return notice_id if _ID.fullmatch(notice_id) else uuid.uuid5(uuid.NAMESPACE_OID, clean(notice_id)).hex


def _transaction(notice: Notice) -> str:
    names = [name for name in (notice.request.component, notice.request.action) if name not in ("", _UNKNOWN)]
    return _short(".".join(names), MAX_NAME)


def _release(version: str) -> str:
    name = _NO_RELEASE.sub("_", clean(version)).strip()[:MAX_NAME]
    return "" if name in (".", "..", "latest") else name


def _environment(name: str) -> str:
    name = _short(_NO_ENVIRONMENT.sub("_", name), MAX_ENVIRONMENT)
    return _UNKNOWN if name in ("", "None") else name  # where there is none, Sentry says "production"


def _user(notice: Notice) -> dict[str, str]:
    user = notice.user
    fields = (
        {"id": user.id, "username": user.username, "email": user.email, "name": user.name} if user else {}
    )
    address = notice.request.cgi_data.get("REMOTE_ADDR", "")
    if isinstance(address, str) and _ADDRESS.fullmatch(address):
        fields["ip_address"] = address
    return {name: _short(text, MAX_NAME) for name, text in fields.items() if text}


def _request(notice: Notice) -> dict[str, Any]:
    if not _is_of_a_request(notice):
        return {}
    request = notice.request
    url, _, query = clean(request.url).partition("?")
    cgi_data = dict(request.cgi_data)
    method = cgi_data.pop("REQUEST_METHOD", "")
    query = query or str(cgi_data.get("QUERY_STRING", ""))
    cgi_data.pop("QUERY_STRING", None)
    headers: dict[str, Any] = {}
    env: dict[str, Any] = {}
    for name, value in cgi_data.items():
        header = _header(name) if isinstance(value, str) else ""
        (headers if header else env)[clean(header or name)] = plain(value)
    fields = {
        "url": url,
        "method": clean(str(method)),
        "query_string": clean(query),
        "headers": headers,
        "env": env,
        "data": plain(request.params),
    }
    return {name: value for name, value in fields.items() if value}


def _is_of_a_request(notice: Notice) -> bool:
    return bool(notice.request.url or notice.request.cgi_data)


def _header(name: str) -> str:
    """`HTTP_USER_AGENT` as `User-Agent`; empty for a variable that is not a header."""
    if name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        name = f"HTTP_{name}"
    return name[5:].replace("_", "-").title() if name.startswith("HTTP_") else ""


def _tags(tags: Value | None) -> dict[str, str]:
    """The tags in a form that servers accept. If that changes one, `extra` has the site's own as well."""
    named = tags.items() if isinstance(tags, Mapping) else ()
    found = {
        _NO_TAG_NAME.sub("_", name)[:MAX_TAG_NAME]: _short(value.replace("\n", " "), MAX_TAG)
        for name, value in named
        if name and value and isinstance(value, str)
    }
    return dict(tuple(found.items())[:MAX_TAGS])


def _contexts(notice: Notice) -> dict[str, Any]:
    own = {
        "component": notice.request.component,
        "action": notice.request.action,
        "project_root": notice.server.project_root,
        "app_version": notice.server.app_version,
        "revision": notice.server.revision,
        "severity": "" if LEVELS.get(notice.severity) == notice.severity else notice.severity,
        "notices_lost": f"{notice.lost} by this process so far" if notice.lost else "",
    }
    fields = {
        "runtime": _versioned(notice.language, "/"),
        "framework": _versioned(notice.framework, ": "),
        OWN: {name: _short(text, MAX_TEXT) for name, text in own.items() if text},
    }
    return {name: {**context, "type": name} for name, context in fields.items() if context}


def _versioned(text: str, separator: str) -> dict[str, str]:
    name, _, version = clean(text).partition(separator)
    return {"name": name[:MAX_NAME], "version": version[:MAX_NAME]} if name else {}


def _breadcrumbs(trail: Value | None, failed_at: float) -> list[dict[str, Any]]:
    lines = trail if isinstance(trail, tuple) else ()
    return [_breadcrumb(line, failed_at) for line in lines if isinstance(line, str)]


def _breadcrumb(line: str, failed_at: float) -> dict[str, Any]:
    """`10:30:00.250000 WARNING shop.cart: empty` in its parts; another line is the message."""
    parts = _CRUMB.fullmatch(line)
    at, level, logger, message = parts.groups() if parts else ("", "INFO", "", line)
    fields = {
        "type": "default",
        "timestamp": _moment(at, failed_at) if at else failed_at,
        "level": LEVELS.get(level.lower(), "info"),
        "category": clean(logger),
        "message": clean(message),
    }
    return {name: value for name, value in fields.items() if value != ""}


def _moment(time_of_day: str, failed_at: float) -> float:
    """The last time before the failure when the clock, in UTC, showed this."""
    hours, minutes, seconds = time_of_day.split(":")
    moment = failed_at - failed_at % _DAY + int(hours) * 3600 + int(minutes) * 60 + float(seconds)
    return round(moment if moment <= failed_at else moment - _DAY, 6)


def _extra(notice: Notice, *, without: tuple[str, ...]) -> dict[str, Any]:
    extra = {name: value for name, value in notice.extra.items() if name not in without}
    tags = extra.get("tags")
    if tags is not None and plain(tags) == _tags(tags):
        del extra["tags"]
    params = {} if _is_of_a_request(notice) else notice.request.params
    for name, data in (("params", params), ("session", notice.request.session)):
        while name in extra:  # the site has one of the same name
            name += "_"
        if data:
            extra = {name: data, **extra}
    return {clean(name): plain(value) for name, value in extra.items()}


def _is_log_record(notice: Notice) -> bool:
    return notice.error.is_message and "log" in notice.extra


def _short(text: str, max_chars: int) -> str:
    return clean(text)[:max_chars]

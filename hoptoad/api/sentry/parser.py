"""From an event of Sentry's to a Notice: the outbox, mails and the preview read by it."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hoptoad.api.bounded import MAX_DEPTH, json_value
from hoptoad.api.cgi_data import FRAME, cause_key, environment
from hoptoad.api.sentry.event import LEVELS, OWN
from hoptoad.errors import ParseError
from hoptoad.notice import ErrorInfo, Frame, Notice, RequestInfo, Server, User, Value

_SECONDS = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,12})?")
_RELATIONS = {"__cause__": "cause", "__context__": "context"}
_SEVERITIES = {
    level: severity for severity, level in LEVELS.items() if severity not in ("alert", "emergency")
}


def parse_event(document: bytes) -> Notice:
    """The notice in an event. Raises ParseError with the reason.

    Notes are in the messages of their errors, and the source lines of a frame without their numbers but one.
    """
    found = json_value(document)
    if not isinstance(found, dict) or not (_values(found, "exception") or _object(found, "logentry")):
        raise ParseError("the document is not an event: it has neither an exception nor a logentry")
    main, *causes = _errors(found)
    contexts, request = _object(found, "contexts"), _object(found, "request")
    own, extra = _object(contexts, OWN), _data(_object(found, "extra"))
    session, params = _taken(extra, "session"), _taken(extra, "params")
    if tags := _data(_object(found, "tags")):
        extra = {"tags": tags, **extra}
    if trail := tuple(_line(item) for item in _values(found, "breadcrumbs")):
        extra["trail"] = trail
    query = _text(request, "query_string")
    notice = Notice(
        id=_text(found, "event_id"),
        error=main,
        causes=tuple(causes),
        request=RequestInfo(
            url=_text(request, "url") + (f"?{query}" if query else ""),
            component=_text(own, "component"),
            action=_text(own, "action"),
            params=_data(_object(request, "data")) or params,
            session=session,
            cgi_data=_cgi_data(request),
        ),
        server=Server(
            project_root=_text(own, "project_root"),
            environment_name=_text(found, "environment"),
            app_version=_text(own, "app_version"),
            hostname=_text(found, "server_name"),
            revision=_text(own, "revision"),
        ),
        user=_user(_object(found, "user")),
        framework=_versioned(_object(contexts, "framework"), ": "),
        language=_versioned(_object(contexts, "runtime"), "/"),
        severity=_text(own, "severity") or _SEVERITIES.get(_text(found, "level"), "error"),
        extra=extra,
        lost=_number(_text(own, "notices_lost").partition(" ")[0]),
        time=_seconds(found.get("timestamp")),
    )
    cgi_data = {**notice.request.cgi_data, **_causes_in_words(notice)}
    return replace(notice, request=replace(notice.request, cgi_data=cgi_data))


def _taken(extra: dict[str, Value], name: str) -> Mapping[str, Value]:
    """The object of this name, taken out of `extra`."""
    value = extra.get(name)
    if not isinstance(value, Mapping):
        return {}
    del extra[name]
    return value


def _causes_in_words(notice: Notice) -> dict[str, Value]:
    """The causes as the other APIs have them in their environment, where mails and commands read them."""
    return {
        name: text
        for name, text in environment(notice).items()
        if name.startswith(cause_key(1)) and FRAME not in name
    }


def _seconds(time: object) -> float:
    """The seconds since the epoch in a number as it is written; 0 for anything else."""
    return float(time) if isinstance(time, str) and _SECONDS.fullmatch(time) else 0.0


def _errors(found: dict[str, Any]) -> list[ErrorInfo]:
    values = _values(found, "exception")[::-1]
    if values:
        return [_error(item) for item in values]
    logentry = _object(found, "logentry")
    threads = _values(found, "threads") or [{}]
    kind = _text(found, "logger") or "Message"
    return [ErrorInfo(kind, _text(logentry, "message"), _frames(threads[0]), is_message=True)]


def _error(found: dict[str, Any]) -> ErrorInfo:
    mechanism = _object(found, "mechanism")
    kind, module, value = (_text(found, name) for name in ("type", "module", "value"))
    short = kind.rpartition(".")[2]
    relation = _RELATIONS.get(_text(mechanism, "source"), "member") if "source" in mechanism else ""
    return ErrorInfo(
        class_name=f"{module}.{kind}" if module else kind,
        message=f"{short}: {value}" if value else short,
        frames=_frames(found),
        relation=relation,
        frames_left_out=_number(_text(_object(mechanism, "data"), "frames_left_out")),
        module=module,
        parent=_number(_text(mechanism, "parent_id")),
    )


def _frames(found: dict[str, Any]) -> tuple[Frame, ...]:
    frames = _object(found, "stacktrace").get("frames")
    known = [frame for frame in frames if isinstance(frame, dict)] if isinstance(frames, list) else []
    return tuple(_frame(frame) for frame in reversed(known))


def _frame(found: dict[str, Any]) -> Frame:
    line = _number(_text(found, "lineno"))
    before, after = (_lines(found.get(name)) for name in ("pre_context", "post_context"))
    at = [_text(found, "context_line")] if "context_line" in found else []
    return Frame(
        _text(found, "abs_path") or _text(found, "filename"),
        line,
        _text(found, "function"),
        variables=_data(_object(found, "vars")),
        source=tuple(enumerate([*before, *at, *after], line - len(before))) if at else (),
    )


def _cgi_data(request: dict[str, Any]) -> dict[str, Value]:
    """Headers and variables by their names in CGI."""
    named = {"REQUEST_METHOD": _text(request, "method"), "QUERY_STRING": _text(request, "query_string")}
    headers = _data(_object(request, "headers")).items()
    return {
        **{name: text for name, text in named.items() if text},
        **{_cgi_name(name): value for name, value in headers},
        **_data(_object(request, "env")),
    }


def _cgi_name(header: str) -> str:
    name = header.upper().replace("-", "_")
    return name if name in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{name}"


def _user(found: dict[str, Any]) -> User | None:
    fields = {name: _text(found, name) for name in ("id", "name", "email", "username")}
    return User(**fields) if any(fields.values()) else None


def _line(crumb: dict[str, Any]) -> str:
    """A breadcrumb as one line: `WARNING shop.cart: empty`."""
    return f"{_text(crumb, 'level').upper()} {_text(crumb, 'category')}: {_text(crumb, 'message')}"


def _versioned(context: dict[str, Any], separator: str) -> str:
    name, version = _text(context, "name"), _text(context, "version")
    return f"{name}{separator}{version}" if version else name


def _values(found: dict[str, Any], name: str) -> list[dict[str, Any]]:
    values = _object(found, name).get("values")
    return [item for item in values if isinstance(item, dict)] if isinstance(values, list) else []


def _object(found: dict[str, Any], name: str) -> dict[str, Any]:
    value = found.get(name)
    return value if isinstance(value, dict) else {}


def _text(found: dict[str, Any], name: str) -> str:
    value = found.get(name)
    return "" if value is None or isinstance(value, (dict, list)) else str(value)


def _lines(found: object) -> list[str]:
    return [str(line) for line in found] if isinstance(found, list) else []


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _data(found: dict[str, Any], depth: int = 0) -> dict[str, Value]:
    return {str(name): _value(item, depth) for name, item in found.items()}


def _value(found: object, depth: int) -> Value:
    if depth >= MAX_DEPTH:
        raise ParseError(f"objects are nested more than {MAX_DEPTH} deep")
    if isinstance(found, dict):
        return _data(found, depth + 1)
    if isinstance(found, list):
        return tuple(_value(item, depth + 1) for item in found)
    return "" if found is None else str(found)

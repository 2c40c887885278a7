"""From bytes that may be hostile to a Notice: the outbox, and whoever else receives, reads by it."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import wraps
from typing import Any
from xml.etree.ElementTree import Element

from hoptoad.api.bounded import MAX_DEPTH, MAX_ITEMS, json_value, require_items, xml_tree
from hoptoad.api.cgi_data import FRAME, cause_key
from hoptoad.api.characters import clean
from hoptoad.api.frame_text import FrameText, parse_frame_text, where
from hoptoad.api.keys import original
from hoptoad.api.sentry.event import is_event
from hoptoad.api.sentry.parser import parse_event
from hoptoad.errors import ParseError
from hoptoad.notice import Data, ErrorInfo, Frame, Notice, RequestInfo, Server, User, Value

MAX_FRAMES = 10_000  # of all errors together
_USER = ("id", "name", "email", "username")
_BARE_ROOT = re.compile(r"^/(PROJECT_ROOT|SITE_PACKAGES|STDLIB|GEM_ROOT)/")
_KNOWN_VERSIONS = ("2.0", "2.1", "2.2", "2.3", "2.4")
# Clients that write the outermost frame first.
_REVERSED = ("django-airbrake", "airbrakepy", "airbrake-python")
# What version 3 has a place for and Notice has not: the headers of a request.
_HEADERS = (("userAgent", "HTTP_USER_AGENT"), ("httpMethod", "REQUEST_METHOD"), ("userAddr", "REMOTE_ADDR"))


def _bounded(parse: "Callable[[bytes], Notice]") -> "Callable[[bytes], Notice]":
    """The parser, with the ParseError that is promised where the interpreter's stack ends first."""

    @wraps(parse)
    def parsed(document: bytes) -> Notice:
        try:
            return parse(document)
        except RecursionError as error:
            raise ParseError("the document is nested too deep") from error

    return parsed


@_bounded
def parse_v2(document: bytes) -> Notice:
    """The notice in a v2 document. Raises ParseError, and says what is wrong with it.

    What version 2 keeps in cgi-data (notes, causes, our id) stays there; `id`, `language`, `extra`, `lost`
    and the variables and source of frames are read from it.
    """
    root = xml_tree(document)
    if root.tag != "notice" or root.get("version") not in _KNOWN_VERSIONS:
        raise ParseError(f"the document is a <{root.tag}>, not a notice of version 2.0 to 2.4")
    error = root.find("error")
    if error is None:
        raise ParseError("the notice has no <error>")
    request = _request(root.find("request"))
    extra = request.cgi_data.get("EXTRA", {})
    return Notice(
        id=_named(request.cgi_data, "HOPTOAD_NOTICE_ID"),
        error=ErrorInfo(
            _text(error, "class"),
            _text(error, "message"),
            detailed(_frames(error, _text(root, "notifier/name")), request.cgi_data, FRAME),
        ),
        request=request,
        server=replace(
            _server(root.find("server-environment")), revision=_named(request.cgi_data, "REVISION")
        ),
        user=_user(root.find("current-user")),
        framework=_text(root, "framework"),
        language=_named(request.cgi_data, "LANGUAGE"),
        severity=_named(request.cgi_data, "SEVERITY") or "error",
        extra=extra if isinstance(extra, Mapping) else {},
        lost=_leading_number(request.cgi_data.get("HOPTOAD_NOTICES_LOST")),
    )


@_bounded
def parse_v3(document: bytes) -> Notice:
    """The notice in a v3 document. Raises ParseError, and says what is wrong with it."""
    found = json_value(document)
    if not isinstance(found, dict) or not isinstance(found.get("errors"), list) or not found["errors"]:
        raise ParseError("the document is no notice of version 3: it has no errors")
    context = found.get("context")
    context = context if isinstance(context, dict) else {}
    step = -1 if _v3_notifier(context) in _REVERSED else 1
    errors = [_v3_error(item, step) for item in found["errors"] if isinstance(item, dict)]
    if not errors:
        raise ParseError("the document is no notice of version 3: its errors are no objects")
    _require_frames(sum(len(error.frames) for error in errors))
    text = {name: clean(item) for name, item in context.items() if isinstance(item, str)}
    cgi_data = {**_headers(context.get("headers"), text), **_v3_data(found.get("environment"))}
    extra = cgi_data.get("EXTRA", {})
    return Notice(
        id=_named(cgi_data, "HOPTOAD_NOTICE_ID"),
        error=replace(errors[0], frames=detailed(errors[0].frames, cgi_data, FRAME)),
        causes=tuple(
            replace(cause, frames=detailed(cause.frames, cgi_data, f"{cause_key(number)}_{FRAME}"))
            for number, cause in enumerate(errors[1:], 1)
        ),
        request=RequestInfo(
            url=text.get("url", ""),
            component=text.get("component", ""),
            action=text.get("action", ""),
            params=_v3_data(found.get("params")),
            session=_v3_data(found.get("session")),
            cgi_data=cgi_data,
        ),
        server=Server(
            project_root=text.get("rootDirectory", ""),
            environment_name=text.get("environment", ""),
            app_version=text.get("version", ""),
            hostname=text.get("hostname", ""),
            revision=text.get("revision", ""),
        ),
        user=_v3_user(context.get("user"), text),
        framework=_v3_framework(context.get("versions")),
        language=text.get("language", ""),
        severity=text.get("severity", "error"),
        extra=extra if isinstance(extra, Mapping) else {},
        lost=_leading_number(cgi_data.get("HOPTOAD_NOTICES_LOST")),
    )


def parse(document: bytes) -> Notice:
    """The notice in a document of version 2 or 3, or in an event of Sentry's. Raises ParseError."""
    if is_event(document):
        return parse_event(document)
    return parse_v3(document) if document.lstrip()[:1] == b"{" else parse_v2(document)


def _v3_notifier(context: dict[str, Any]) -> str:
    notifier = context.get("notifier")
    return _string(notifier.get("name")) if isinstance(notifier, dict) else ""


def _v3_error(found: dict[str, Any], step: int) -> ErrorInfo:
    lines = found.get("backtrace")
    frames = tuple(
        Frame(
            _BARE_ROOT.sub(r"[\1]/", _string(line.get("file"))),
            _number(_string(line.get("line"))),
            _string(line.get("function")),
            source=_v3_code(line.get("code")),
            column=_number(_string(line.get("column"))),
        )
        for line in (lines[::step] if isinstance(lines, list) else [])
        if isinstance(line, dict)
    )
    return ErrorInfo(_string(found.get("type")), _string(found.get("message")), frames)


def _v3_code(code: object) -> tuple[tuple[int, str], ...]:
    lines = code.items() if isinstance(code, dict) else ()
    return tuple(sorted((_number(number), _string(line)) for number, line in lines))


def _v3_user(user: object, context: "Mapping[str, str]") -> User | None:
    if isinstance(user, dict):
        return User(**{name: _string(user.get(name)) for name in _USER})
    if isinstance(user, str) and user:
        return User(id=clean(user))
    older = {name: context.get(f"user{name.title()}", "") for name in _USER}  # userId, userName, ...
    return User(**older) if any(older.values()) else None


def _headers(headers: object, context: "Mapping[str, str]") -> dict[str, Value]:
    """What a version 3 document says of the request beside its environment, by the names of version 2."""
    items = headers.items() if isinstance(headers, dict) else ()
    found: dict[str, Value] = {
        f"HTTP_{clean(name).upper().replace('-', '_')}": _json_value(item, original, 1)
        for name, item in items
    }
    found.update({name: context[key] for key, name in _HEADERS if context.get(key)})
    return found


def _v3_data(found: object) -> dict[str, Value]:
    return _json_data(found, original)


def _json_data(found: object, key: "Callable[[str], str]", depth: int = 0) -> dict[str, Value]:
    """An object of JSON, each name changed by `key`; nothing where it is none."""
    items = found.items() if isinstance(found, dict) else ()
    return {key(clean(name)): _json_value(item, key, depth) for name, item in items}


def _json_value(found: object, key: "Callable[[str], str]", depth: int) -> Value:
    if depth >= MAX_DEPTH:
        raise ParseError(f"objects are nested more than {MAX_DEPTH} deep")
    if isinstance(found, dict):
        return _json_data(found, key, depth + 1)
    if isinstance(found, list):
        return tuple(_json_value(item, key, depth + 1) for item in found)
    return _string(found)


def _string(found: object) -> str:
    """A value of JSON as text; objects and lists, where none should be, as JSON."""
    if isinstance(found, str):
        return clean(found)
    if isinstance(found, (dict, list)):
        return clean(json.dumps(found, ensure_ascii=False))
    return "" if found is None else str(found)


def _v3_framework(versions: object) -> str:
    pairs = versions.items() if isinstance(versions, dict) else ()
    return ", ".join(f"{clean(name)}: {_string(version)}" for name, version in pairs)


def _request(element: "Element | None") -> RequestInfo:
    if element is None:
        return RequestInfo()
    return RequestInfo(
        url=_text(element, "url").strip(),
        component=_text(element, "component"),
        action=_text(element, "action"),
        params=_variables(element.find("params")),
        session=_variables(element.find("session")),
        cgi_data=_variables(element.find("cgi-data")),
    )


def _variables(element: "Element | None") -> dict[str, Value]:
    return {} if element is None else {original(var.get("key", "")): _value(var) for var in element}


def _value(var: Element) -> Value:
    if not len(var):
        return var.text or ""
    nested = _variables(var)
    if list(nested) == [str(index) for index in range(len(nested))]:
        return tuple(nested.values())  # how lists are written
    return nested


def _frames(error: Element, notifier: str) -> tuple[Frame, ...]:
    lines = error.findall("backtrace/line")
    if notifier in _REVERSED:
        lines.reverse()
    _require_frames(len(lines))
    return tuple(
        Frame(
            line.get("file", ""),
            _number(line.get("number", "")),
            line.get("method", ""),
            column=_number(line.get("column", "")),
        )
        for line in lines
    )


def _require_frames(count: int) -> None:
    if count > MAX_FRAMES:
        raise ParseError(f"the backtraces have more than {MAX_FRAMES:,} lines")


def detailed(frames: tuple[Frame, ...], cgi_data: Data, key: str) -> tuple[Frame, ...]:
    """The frames with what cgi-data says of some of them, under `key` and their number."""
    detailed = list(frames)
    for number, text in _frame_texts(cgi_data, f"{key}_", len(frames)):
        place, found = parse_frame_text(text)
        if place == where(frames[number - 1]):  # not so where the middle of a backtrace was cut
            detailed[number - 1] = _with(found, frames[number - 1])
    return tuple(detailed)


def _frame_texts(cgi_data: Data, prefix: str, count: int) -> Iterator[tuple[int, str]]:
    """Numbers of frames with their texts. Raises ParseError where these hold more than MAX_ITEMS values."""
    items = 0
    for name, text in cgi_data.items():
        number = _number(name.removeprefix(prefix)) if name.startswith(prefix) else 0
        if isinstance(text, str) and 0 < number <= count:
            items += require_items(text) + text.count("\n")
            if items > MAX_ITEMS:
                raise ParseError(f"the frames have more than {MAX_ITEMS:,} lines and values")
            yield number, text


def _with(text: FrameText, frame: Frame) -> Frame:
    source = frame.source or tuple(text.source)
    return replace(frame, variables=_json_data(text.variables, str), source=source)


def _named(data: Data, name: str) -> str:
    found = data.get(name)
    return found if isinstance(found, str) else ""


def _leading_number(text: "Value | None") -> int:
    return _number(text.partition(" ")[0]) if isinstance(text, str) else 0


def _number(text: str) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else 0


def _server(element: "Element | None") -> Server:
    if element is None:
        return Server()
    return Server(
        project_root=_text(element, "project-root"),
        environment_name=_text(element, "environment-name"),
        app_version=_text(element, "app-version"),
        hostname=_text(element, "hostname") or _text(element, "host-name"),
    )


def _user(element: "Element | None") -> User | None:
    if element is None:
        return None
    return User(**{name: _text(element, name) for name in _USER})


def _text(element: Element, path: str) -> str:
    return element.findtext(path) or ""

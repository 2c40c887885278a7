"""From bytes that may be hostile to a Notice: the outbox, and whoever else receives, reads by it."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from hoptoad.api.cgi_data import FRAME, cause_key
from hoptoad.api.frame_text import FrameText, parse_frame_text, where
from hoptoad.api.keys import original
from hoptoad.api.sentry_event import is_event
from hoptoad.api.sentry_parser import parse_event
from hoptoad.errors import ParseError
from hoptoad.notice import Data, ErrorInfo, Frame, Notice, RequestInfo, Server, User, Value

MAX_DEPTH = 256  # elements in elements, as libxml2 has it
_USER = ("id", "name", "email", "username")
_BARE_ROOT = re.compile(r"^/(PROJECT_ROOT|SITE_PACKAGES|STDLIB|GEM_ROOT)/")
_KNOWN_VERSIONS = ("2.0", "2.1", "2.2", "2.3", "2.4")


def parse_v2(document: bytes) -> Notice:
    """The notice in a v2 document. Raises ParseError, and says what is wrong with it.

    What version 2 keeps in cgi-data (notes, causes, our id) stays there; `id`, `language`, `extra`, `lost`
    and the variables and source of frames are read from it.
    """
    root = _tree(document)
    if root.tag != "notice" or root.get("version") not in _KNOWN_VERSIONS:
        raise ParseError(f"the document is a <{root.tag}>, not a notice of version 2.0 to 2.4")
    error = root.find("error")
    if error is None:
        raise ParseError("the notice has no <error>")
    request = _request(root.find("request"))
    extra = request.cgi_data.get("EXTRA", {})
    return Notice(
        id=str(request.cgi_data.get("HOPTOAD_NOTICE_ID", "")),
        error=ErrorInfo(
            _text(error, "class"), _text(error, "message"), _detailed(_frames(error), request.cgi_data, FRAME)
        ),
        request=request,
        server=replace(
            _server(root.find("server-environment")), revision=str(request.cgi_data.get("REVISION", ""))
        ),
        user=_user(root.find("current-user")),
        framework=_text(root, "framework"),
        language=str(request.cgi_data.get("LANGUAGE", "")),
        severity=str(request.cgi_data.get("SEVERITY", "error")),
        extra=extra if isinstance(extra, Mapping) else {},
        lost=_leading_number(request.cgi_data.get("HOPTOAD_NOTICES_LOST")),
    )


def parse_v3(document: bytes) -> Notice:
    """The notice in a v3 document. Raises ParseError, and says what is wrong with it."""
    try:
        found = json.loads(document)
    except (ValueError, RecursionError) as error:
        raise ParseError(f"the document is not well-formed JSON: {error}") from error
    if not isinstance(found, dict) or not isinstance(found.get("errors"), list) or not found["errors"]:
        raise ParseError("the document is no notice of version 3: it has no errors")
    errors = [_v3_error(item) for item in found["errors"] if isinstance(item, dict)]
    if not errors:
        raise ParseError("the document is no notice of version 3: its errors are no objects")
    context = found.get("context")
    context = context if isinstance(context, dict) else {}
    cgi_data = _v3_data(found.get("environment"))
    extra = cgi_data.get("EXTRA", {})
    user = context.get("user")
    text = {name: item for name, item in context.items() if isinstance(item, str)}
    return Notice(
        id=str(cgi_data.get("HOPTOAD_NOTICE_ID", "")),
        error=replace(errors[0], frames=_detailed(errors[0].frames, cgi_data, FRAME)),
        causes=tuple(
            replace(cause, frames=_detailed(cause.frames, cgi_data, f"{cause_key(number)}_{FRAME}"))
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
        user=User(**{name: str(user.get(name, "")) for name in _USER}) if isinstance(user, dict) else None,
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


def _v3_error(found: dict[str, Any]) -> ErrorInfo:
    lines = found.get("backtrace")
    frames = tuple(
        Frame(
            _BARE_ROOT.sub(r"[\1]/", str(line.get("file", ""))),
            _number(str(line.get("line", ""))),
            str(line.get("function", "")),
            source=_v3_code(line.get("code")),
        )
        for line in (lines if isinstance(lines, list) else [])
        if isinstance(line, dict)
    )
    return ErrorInfo(str(found.get("type", "")), str(found.get("message", "")), frames)


def _v3_code(code: object) -> tuple[tuple[int, str], ...]:
    lines = code.items() if isinstance(code, dict) else ()
    return tuple(sorted((_number(str(number)), str(line)) for number, line in lines))


def _v3_data(found: object) -> dict[str, Value]:
    return _json_data(found, original)


def _json_data(found: object, key: "Callable[[str], str]", depth: int = 0) -> dict[str, Value]:
    """An object of JSON, each name changed by `key`; nothing where it is none."""
    items = found.items() if isinstance(found, dict) else ()
    return {key(str(name)): _json_value(item, key, depth) for name, item in items}


def _json_value(found: object, key: "Callable[[str], str]", depth: int) -> Value:
    if depth >= MAX_DEPTH:
        raise ParseError(f"objects are nested more than {MAX_DEPTH} deep")
    if isinstance(found, dict):
        return _json_data(found, key, depth + 1)
    if isinstance(found, list):
        return tuple(_json_value(item, key, depth + 1) for item in found)
    return "" if found is None else str(found)


def _v3_framework(versions: object) -> str:
    pairs = versions.items() if isinstance(versions, dict) else ()
    return ", ".join(f"{name}: {version}" for name, version in pairs)


def _tree(document: bytes) -> Element:
    """The element tree, built without document types and entities and at most MAX_DEPTH deep."""
    builder = TreeBuilder()
    parser = expat.ParserCreate()
    depth = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > MAX_DEPTH:
            raise ParseError(f"elements are nested more than {MAX_DEPTH} deep")
        builder.start(name, attributes)

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(name)

    def refuse(*declaration: object) -> None:
        raise ParseError("a notice must not declare a document type or entities")

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    try:
        parser.Parse(document, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise ParseError(f"the document is not well-formed XML: {error}") from error
    return builder.close()


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


def _frames(error: Element) -> tuple[Frame, ...]:
    lines = error.findall("backtrace/line")
    return tuple(
        Frame(line.get("file", ""), _number(line.get("number", "")), line.get("method", "")) for line in lines
    )


def _detailed(frames: tuple[Frame, ...], cgi_data: Data, key: str) -> tuple[Frame, ...]:
    """The frames with what cgi-data says of some of them, under `key` and their number."""
    detailed = list(frames)
    for name, text in cgi_data.items():
        number = _number(name.removeprefix(f"{key}_"))
        if isinstance(text, str) and 0 < number <= len(frames):
            place, found = parse_frame_text(text)
            if place == where(frames[number - 1]):  # not so where the middle of a backtrace was cut
                detailed[number - 1] = _with(found, frames[number - 1])
    return tuple(detailed)


def _with(text: FrameText, frame: Frame) -> Frame:
    source = frame.source or tuple(text.source)
    return replace(frame, variables=_json_data(text.variables, str), source=source)


def _leading_number(text: "Value | None") -> int:
    return _number(text.partition(" ")[0]) if isinstance(text, str) else 0


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


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

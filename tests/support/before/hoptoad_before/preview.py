"""A notice field by field, with the rule that masked what: for `manage.py hoptoad_preview`."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from hoptoad_before import NAME, URL, __version__
from hoptoad_before.letter import flat, where
from hoptoad_before.masked import MASK, REAPPEARS, Row
from hoptoad_before.names import Names
from hoptoad_before.notice import Data, ErrorInfo, Notice, Value


@dataclass(frozen=True, slots=True)
class Line:
    """One field of a notice. `rule` is empty where nothing in it was masked."""

    section: str
    name: str
    text: str
    rule: str = ""


def lines(notice: Notice, rows: Iterable[Row] | None, names: Names) -> list[Line]:
    """Every field that is sent. Without `rows`, as of a stored notice, rules are found by name."""
    rules = None if rows is None else _by_field(rows)
    return [
        Line(section, name, text, _rule(section, name, rules, names) if MASK in text else "")
        for section, name, text in _fields(notice)
    ]


def _by_field(rows: Iterable[Row]) -> "dict[tuple[str, str], list[str]]":
    """What was masked in each field, each reason once."""
    rules: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        reason = row.rule if row.name == row.field else f"{row.name}: {row.rule}"
        known = rules.setdefault((row.section, row.field), [])
        if reason not in known:
            known.append(reason)
    return rules


def _rule(section: str, name: str, rules: "Mapping[tuple[str, str], list[str]] | None", names: Names) -> str:
    own = name.rpartition("[")[2].rstrip("]")
    if name == "HTTP_COOKIE":
        return "cookies are sent by name only"
    if rules is None:
        return names.rule(own) or "masked when it was captured"
    return "; ".join(rules.get((section, name)) or rules.get((section, own)) or [REAPPEARS])


def _fields(notice: Notice) -> Iterator[tuple[str, str, str]]:
    yield from _error("error", "", notice.error)
    yield from _frames("backtrace", "", notice.error)
    for number, cause in enumerate(notice.causes, 1):
        prefix = f"{number} ({cause.relation}), " if cause.relation else f"{number}, "
        yield from _error("causes", prefix, cause)
        yield from _frames("causes", f"{prefix}frame ", cause)
    yield from _request(notice)
    if notice.user is not None:
        for name in ("id", "name", "email", "username"):
            if text := getattr(notice.user, name):
                yield "user", name, text
    yield from _origin(notice)


def _error(section: str, prefix: str, error: ErrorInfo) -> Iterator[tuple[str, str, str]]:
    yield section, f"{prefix}class", error.class_name
    yield section, f"{prefix}message", error.message
    for note in error.notes:
        yield section, f"{prefix}note", note


def _frames(section: str, prefix: str, error: ErrorInfo) -> Iterator[tuple[str, str, str]]:
    for number, frame in enumerate(error.frames):
        yield section, f"{prefix}{number}", f"{frame.file}:{frame.line} in {frame.function}"
        for name, text in _flat(frame.variables):
            yield "variables", name, text
        for line, text in frame.source:
            yield "source", str(line), text
    if error.frames_left_out:
        yield section, f"{prefix}left out", str(error.frames_left_out)


def _request(notice: Notice) -> Iterator[tuple[str, str, str]]:
    request = notice.request
    yield "request", "url", request.url
    yield "request", "where", where(notice)
    for section, data in (
        ("params", request.params),
        ("session", request.session),
        ("cgi-data", request.cgi_data),
        ("extra", notice.extra),
    ):
        for name, text in _flat(data):
            yield section, name, text


def _origin(notice: Notice) -> Iterator[tuple[str, str, str]]:
    server = notice.server
    yield "notice", "id", notice.id
    yield "notice", "notifier", f"{NAME} {__version__} {URL}"
    yield "notice", "severity", notice.severity
    if notice.lost:
        yield "notice", "lost", f"{notice.lost} by this process so far"
    for name in ("project_root", "environment_name", "app_version", "revision", "hostname"):
        if text := getattr(server, name):
            yield "server", name, text
    yield "server", "framework", notice.framework
    yield "server", "language", notice.language


def _flat(data: Data) -> list[tuple[str, str]]:
    """As `letter.flat` has it, but a field that holds several texts is one line."""
    return flat({name: _joined(value) for name, value in data.items()})


def _joined(value: Value) -> Value:
    if isinstance(value, Mapping):
        return {name: _joined(item) for name, item in value.items()}
    if not isinstance(value, tuple):
        return value
    if not all(isinstance(item, str) for item in value):
        return tuple(map(_joined, value))
    count = "1 value" if len(value) == 1 else f"{len(value)} values"
    return ": ".join(filter(None, [count, ", ".join(map(_quoted, value))]))


def _quoted(text: Value) -> str:
    return json.dumps(text, ensure_ascii=False)

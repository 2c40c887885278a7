"""A notice field by field, with the rule that masked what: for `manage.py hoptoad_preview`."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from hoptoad.letter import flat, where
from hoptoad.masked import MASK, REAPPEARS, Row
from hoptoad.names import Names
from hoptoad.notice import Notice


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


def _errors(notice: Notice) -> Iterator[tuple[str, str, str]]:
    yield "error", "class", notice.error.class_name
    yield "error", "message", notice.error.message
    for note in notice.error.notes:
        yield "error", "note", note
    for number, cause in enumerate(notice.causes, 1):
        yield "causes", f"{number} ({cause.relation})", cause.message
        for note in cause.notes:
            yield "causes", f"{number}, note", note


def _fields(notice: Notice) -> Iterator[tuple[str, str, str]]:
    yield from _errors(notice)
    request, server = notice.request, notice.server
    for number, frame in enumerate(notice.error.frames):
        yield "backtrace", str(number), f"{frame.file}:{frame.line} in {frame.function}"
        for name, text in flat(frame.variables):
            yield "variables", name, text
        for line, text in frame.source:
            yield "source", str(line), text
    yield "request", "url", request.url
    yield "request", "where", where(notice)
    for section, data in (
        ("params", request.params),
        ("session", request.session),
        ("cgi-data", request.cgi_data),
        ("extra", notice.extra),
    ):
        for name, text in flat(data):
            yield section, name, text
    if notice.user is not None:
        for name in ("id", "name", "email", "username"):
            if text := getattr(notice.user, name):
                yield "user", name, text
    for name in ("project_root", "environment_name", "app_version", "hostname"):
        if text := getattr(server, name):
            yield "server", name, text
    yield "server", "framework", notice.framework
    yield "server", "language", notice.language

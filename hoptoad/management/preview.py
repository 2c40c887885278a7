"""A notice field by field, with the rule that masked what: for `manage.py hoptoad_preview`."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hoptoad import NAME, URL, __version__
from hoptoad.handlers.letter import where
from hoptoad.notice import Notice
from hoptoad.redaction.cutting import MASK
from hoptoad.redaction.names import Names
from hoptoad.redaction.page import Kind, Text, walk
from hoptoad.redaction.redact import REAPPEARS, Finding

_LAST = ("request", "params", "session", "cgi-data", "extra", "user", "notice", "server")


@dataclass(frozen=True, slots=True)
class Line:
    """One field of a notice. `rule` is empty where nothing in it was masked."""

    section: str
    name: str
    text: str
    rule: str = ""


def lines(notice: Notice, findings: Iterable[Finding] | None, names: Names) -> list[Line]:
    """Every field that is sent. Without findings, as of a stored notice, rules are found by name."""
    rules = None if findings is None else _by_field(findings)
    fields = _Fields(notice)
    shown = [
        Line(section, label, text, _rule(section, name, rules, names) if MASK in label + text else "")
        for section, name, label, text in fields.all()
    ]
    return sorted(shown, key=lambda line: _LAST.index(line.section) if line.section in _LAST else -1)


class _Fields:
    """The fields of a notice in the order of `walk`; several texts of one name are one field."""

    def __init__(self, notice: Notice) -> None:
        self._notice = notice
        self._found: list[tuple[str, str, str, list[str]]] = []
        self._errors = 0
        self._frames = 0

    def all(self) -> list[tuple[str, str, str, str]]:
        walk(self._notice, self._look, look=self._look)
        self._found.append(("notice", "notifier", "notifier", [f"{NAME} {__version__} {URL}"]))
        following = [*self._found[1:], ("", "", "", [])]
        return [
            (section, name, label, _joined(texts))
            for (section, name, label, texts), after in zip(self._found, following, strict=True)
            if texts or not after[1].startswith(f"{name}[")
        ]

    def _look(self, texts: list[Text]) -> None:
        for text in texts:
            self._look_at(*text)

    def _look_at(self, text: str, kind: Kind, section: str, name: str) -> None:
        if kind == "name":
            self._found.append((section, name, name, []))
        elif section in ("error", "causes"):
            self._look_at_error(text, kind, section, name)
        elif section == "request" and kind == "fixed":
            if name == "component":
                self._found.append((section, "where", "where", [where(self._notice)]))
        elif section in ("request", "notice", "server", "user", "source"):
            of_all = f"{text} by this process so far" if name == "lost" else text
            self._found += [(section, name, name, [of_all])] if text or name == "url" else []
        elif self._found[-1][:2] == (section, name):
            self._found[-1][3].append(text)
        else:
            self._found.append((section, name, name, [text]))

    def _look_at_error(self, text: str, kind: Kind, section: str, name: str) -> None:
        if name == "module" and not text:
            return
        if kind == "class":
            self._errors += 1
            self._frames = 0
        label = name
        if name == "frame":
            label = f"frame {self._frames}"
            self._frames += 1
        if section == "causes":
            number = self._errors - 1
            relation = self._notice.causes[number - 1].relation
            label = f"{number} ({relation}), {label}" if relation else f"{number}, {label}"
        self._found.append((section, name, label, [text]))


def _joined(texts: list[str]) -> str:
    if len(texts) == 1:
        return texts[0]
    quoted = [json.dumps(text, ensure_ascii=False) for text in texts]
    return ": ".join(filter(None, [f"{len(texts)} values", ", ".join(quoted)]))


def _by_field(findings: Iterable[Finding]) -> "dict[tuple[str, str], list[str]]":
    """What was masked in each field, each reason once."""
    rules: dict[tuple[str, str], list[str]] = {}
    for section, field, name, rule in findings:
        of_another = f"{rule}: {name}" if rule == REAPPEARS else f"{name}: {rule}"
        reason = rule if name == field else of_another
        known = rules.setdefault((section, field), [])
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

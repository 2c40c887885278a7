"""Finds secrets in one text: in URLs, under names, by patterns."""

import re
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import NamedTuple

from hoptoad.redaction.cutting import MASK
from hoptoad.redaction.encodings import Span, back_in_encoded, unquoted
from hoptoad.redaction.key_values import names_before_values, pairs, says_a_name, values_beside_names
from hoptoad.redaction.names import Names
from hoptoad.redaction.page import Kind, Page
from hoptoad.redaction.patterns import Patterns

_QUERY = re.compile(r"[?#]([^\s\"<>?#]*=[^\s\"<>?#]*)")
_URL = re.compile(r"(\w+://[^/?#]*)?([^?]*)\??(.*)", re.DOTALL)
_PLAIN_ADDRESS = re.compile(r"[\w./&=%+?:*-]*", re.ASCII)
_ENCODED = re.compile(r"%[0-9A-Fa-f]{2}|\+")
_PLAIN = re.compile(r"(?:[\w.\-\[\]]|%(?![0-9A-Fa-f]{2}))*")  # a percent sign that encodes nothing is one
_SHORT = 12  # too short to be a secret itself
_SHORTEST_PATTERN = 8  # s://u:p@
_MAX_NESTED = 4
_MANY = 20


class Found(NamedTuple):
    """A secret in a text: its span, its value, and the rule that found it."""

    start: int
    end: int
    value: str
    name: str
    rule: str
    is_named: bool  # found under a name, not by a pattern

    def at(self, start: int, end: int) -> "Found":
        """The same secret at another place."""
        return self._replace(start=start, end=end)


class Finder:
    """Finds secrets in the texts of a page, by the names and patterns in force.

    `marked` are further names, each with the rule that makes it one; they are matched exactly.
    """

    def __init__(self, names: Names, patterns: Patterns, marked: Mapping[str, str], page: str) -> None:
        """A few looks at the page, because most hold nothing."""
        self._names = names
        self._patterns = patterns
        self._marked = marked
        self._says_a_name = says_a_name(page)
        self._hints = patterns.hints_in(page)
        self._secret_names = self._names_in(page)
        self._are_many = len(self._secret_names) >= _MANY

    def _names_in(self, page: str) -> set[str]:
        """The names before separators in the page that may be those of secrets."""
        names = names_before_values(page)
        meant = [*{meaning for _, meaning in names}]
        found = {*self._names.suspects(meant), *[n for n in meant for mark in self._marked if mark in n]}
        return {name for name, meaning in names if meaning in found} if found else found

    def rule(self, name: str) -> str:
        """The rule by which `name` names a secret; empty if it does not."""
        name = _unquoted(name) if "%" in name else name
        return self._marked[name] if name in self._marked else self._names.rule(name)

    def suspects(self, page: Page) -> set[int]:
        """The texts in which `find` may find something."""
        texts, patterns = page.texts, self._patterns
        if patterns.always:
            return {*range(len(texts))}
        parts = [*self._hints, *(["alue", "ALUE"] if self._says_a_name else [])]
        found = {number for part in parts for number in page.holding(part)}
        for name in "=:" if self._are_many else self._secret_names:
            found.update([n for n in page.holding(name) if "=" in texts[n] or ":" in texts[n]])
        for mark in "?#":
            found.update([n for n in page.holding(mark) if "=" in texts[n]])
        if patterns.has_run(page.whole):
            found.update([number for number, text in enumerate(texts) if patterns.has_run(text)])
        return found

    def find(self, text: str, kind: Kind) -> list[Found]:
        """The secrets in a text of this kind. They may overlap."""
        if kind == "url":
            return self._in_url(text)
        if kind == "query":
            return self._in_query(text, 0)
        if kind == "source":  # names stand for code there, and only literals can be secrets
            found = self._by_pattern(text)
            return found + self._by_name(text, found, only_after="\"'")
        return self.in_text(text, 0)

    def in_path(self, path: str) -> list[Found]:
        """The secrets in a percent-encoded path."""
        return self._in_quoted(path, 0)

    def _in_url(self, url: str) -> list[Found]:
        parts = _URL.match(url)
        if parts is None:
            return []
        found: list[Found] = []
        address, path, query = parts[1] or "", parts[2], parts[3]
        if not _PLAIN_ADDRESS.fullmatch(address):
            found += self.in_text(address, 0)
        found += _moved(self._in_quoted(path, 0), parts.start(2))
        found += _moved(self._in_query(query, 0), parts.start(3))
        return found

    def in_text(self, text: str, depth: int) -> list[Found]:
        """The secrets in free text that was decoded so often."""
        found: list[Found] = []
        has_equals = "=" in text
        if has_equals and ("?" in text or "#" in text):
            for query in _QUERY.finditer(text):
                found += _moved(self._in_query(query[1], depth), query.start(1))
        queries = [(one.start, one.end) for one in found]
        if text[_SHORTEST_PATTERN - 1 :] or self._patterns.always:
            found += self._by_pattern(text)
        if has_equals or ":" in text:
            found += self._by_name(text, found, done=queries)
        return found

    def _in_query(self, query: str, depth: int) -> list[Found]:
        found: list[Found] = []
        at = 0
        for part in query.split("&"):
            name, _, value = part.partition("=")
            start = at + len(name) + 1
            if not self._is_plain(name):
                found += _moved(self._in_quoted(name, depth), at)
            if not value:
                pass
            elif rule := self.rule(plain := _unquoted(name)):
                found.append(Found(start, start + len(value), _unquoted(value), plain, rule, True))
            elif not self._is_plain(value):
                found += _moved(self._in_quoted(value, depth), start)
            at += len(part) + 1
        return found

    def _is_plain(self, text: str) -> bool:
        """Whether a name or value holds no secret."""
        looks_at_all = bool(text[_SHORT:]) or bool(self._patterns.always)
        return _PLAIN.fullmatch(text) is not None and not (looks_at_all and self._by_pattern(text))

    def _in_quoted(self, text: str, depth: int) -> list[Found]:
        """In text that may be percent-encoded, once or more often: after each decoding, because the last
        one decodes the values of an inner URL as well.
        """
        decodings = _decodings(text)
        if not decodings or depth >= _MAX_NESTED:  # nobody quotes a harmless value that often
            return [Found(0, len(text), "", "", "quoted too often", True)]
        found: list[Found] = []
        for plain in decodings:
            finder = self if plain == text else Finder(self._names, self._patterns, self._marked, plain)
            inside = finder.in_text(plain, depth + 1)
            if inside and plain != text:
                spans = back_in_encoded(text, plain, [(one.start, one.end) for one in inside])
                inside = [one.at(*span) for one, span in zip(inside, _for_each(spans, inside), strict=True)]
            found += inside
        return found

    def _by_name(
        self, text: str, hidden: list[Found], *, done: list[Span] | None = None, only_after: str = ""
    ) -> list[Found]:
        """The values of secret names, but those that are hidden or begin in what is done."""
        names = self._secret_names
        if not self._are_many:
            names = {name for name in names if name in text}
        found = []
        beside = values_beside_names(text, self.rule) if self._says_a_name else ()
        for name, rule, start, end in chain(pairs(text, self.rule, names) if names else (), beside):
            if only_after and text[start - 1] not in only_after:
                continue
            value = text[start:end]
            is_hidden = [one for one in hidden if one.start <= start and end <= one.end]
            is_done = [first for first, last in done or () if first <= start < last]
            if value != MASK and not is_hidden and not is_done:
                found.append(Found(start, end, value, name, f"{rule}, in text", True))
        return found

    def _by_pattern(self, text: str) -> list[Found]:
        """The secrets that match a pattern."""
        return [
            Found(start, end, secret, f"[{pattern.name}]", "HOPTOAD_PATTERNS", False)
            for pattern in self._patterns.worth_trying(text, self._hints)
            for secret, (start, end) in pattern.secrets(text)
            if secret != MASK
        ]


def _unquoted(text: str) -> str:
    return unquoted(text.replace("+", " ")) if _ENCODED.search(text) else text


def _moved(found: list[Found], by: int) -> Iterator[Found]:
    """The same secrets in a text that begins so much earlier."""
    return (one.at(one.start + by, one.end + by) for one in found)


def _for_each(spans: list[Span], found: list[Found]) -> list[Span]:
    """One span for each; the only one for all where nobody knows where they stand."""
    return spans if len(spans) == len(found) else spans * len(found)


def _decodings(value: str) -> list[str]:
    """`value` decoded once, and again until nothing changes; empty where it is decoded too often."""
    if not _ENCODED.search(value):  # as of "?50%="
        return [value]
    shown = [_unquoted(value)]  # what is a plus now is none that stands for a blank
    while len(shown) <= _MAX_NESTED:
        decoded = unquoted(shown[-1])
        if decoded == shown[-1]:
            return shown
        shown.append(decoded)
    return []

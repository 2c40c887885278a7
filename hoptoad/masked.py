"""What one notice hides: each secret value, by which rule, and wherever else it turns up."""

import base64
import binascii
import html
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import quote, unquote_plus

MASK = "*" * 20
# Shorter values ("on", "1234") are masked where they stand, and nowhere else: they would blank the page.
MIN_LENGTH = 5
# What a text must have beyond its bound while it is being masked, so that a secret which the bound
# would cut in two is seen whole.
SLACK = 2048
MAX_VALUES = 1000

_ORDINARY = frozenset({"false", "undefined"})
_PIECE = 512  # a longer secret is looked for in pieces: no encoded form of one is longer than SLACK
_QUOTED = re.compile(r"[^\s&=?#;,\"'<>/]*%[^\s&=?#;,\"'<>/]*")
_UNRESERVED = re.compile(r"[\w.~-]*", re.ASCII)
_IN_QUOTES = re.compile(r"\"((?:[^\"\\]|\\.)*)\"|'((?:[^'\\]|\\.)*)'", re.DOTALL)
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|U000[0-9a-fA-F]{5}|x[0-9a-fA-F]{2}|.)", re.DOTALL)
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}
_MAX_DECODINGS = 4


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that was masked, for `hoptoad_preview`."""

    section: str
    field: str  # in which it stood
    name: str  # by which it was known; often the field's own
    rule: str


class Known:
    """Secret values in every form they may take. Immutable once built: threads may share it."""

    def __init__(self, values: Iterable[str]) -> None:
        self.values = frozenset(value for value in values if len(value) >= MIN_LENGTH)

    @cached_property
    def forms(self) -> tuple[str, ...]:
        return tuple(sorted({form for value in self.values for form in _forms(value)}, key=len, reverse=True))


class Masked:
    """Collects what is masked while one notice is built, and masks it where it reappears."""

    def __init__(self, known: Known | None = None) -> None:
        self.section = ""
        self.field = ""
        self.rows: list[Row] = []
        self._known = known or Known(())
        self._values: dict[str, None] = {}

    def add(self, value: str, name: str, rule: str) -> None:
        """Remembers a value that was masked, and under which name by which rule."""
        self.rows.append(Row(self.section, self.field, name, rule))
        self.remember(value)

    def remember(self, value: str) -> None:
        """Remembers a value, and what a credential is made of."""
        if value == MASK or len(self._values) >= MAX_VALUES:
            return
        for part in _parts(value):
            if len(part) >= MIN_LENGTH and part.lower() not in _ORDINARY:
                self._values[part] = None

    def reappearing(self, texts: Iterable[str]) -> "Eraser | None":
        """What masks those values that some of `texts` still hold; None where none does."""
        page = "\0".join(texts)
        own = {form for value in self._values for form in _forms(value)}
        found = [form for forms in (own, self._known.forms) for form in forms if form in page]
        decoded = _decoded(page)
        quoted = [value for value in (*self._values, *self._known.values) if value in decoded]
        return Eraser(found, quoted) if found or quoted else None


class Eraser:
    """Masks forms of secret values in text, and the percent-encoded words that hold a value."""

    def __init__(self, forms: "list[str]", values: "list[str]") -> None:
        self._forms = sorted(forms, key=len, reverse=True)
        self._values = values

    def __call__(self, text: str) -> str:
        for form in self._forms:
            if form in text:
                text = text.replace(form, MASK)
        if self._values and "%" in text:
            text = _QUOTED.sub(self._word, text)
        return text

    def _word(self, match: "re.Match[str]") -> str:
        decoded = _decoded(match[0])
        return MASK if any(value in decoded for value in self._values) else match[0]


def _parts(value: str) -> Iterator[str]:
    """The value, and what is in it: of `Bearer x` the x, of Basic credentials the password."""
    value = value.strip()
    yield value
    yield value.rstrip(".,;:!?)]}'\"")
    inside = [first or second for first, second in _IN_QUOTES.findall(value)] if value[:1] in "[{(" else []
    yield from inside
    for text in (value, *inside):
        if "\\" in text:
            yield _ESCAPE.sub(_unescaped, text).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        if "&" in text:
            yield html.unescape(text)
    scheme, blank, token = value.partition(" ")
    if blank and scheme.isalpha():
        token = token.strip()
        if scheme.lower() in ("bearer", "basic", "token", "digest", "apikey", "negotiate"):
            yield token
        if scheme.lower() == "basic":
            yield from _basic(token)


def _unescaped(found: "re.Match[str]") -> str:
    """What an escape in JSON or in a `repr` stands for."""
    code = found[1]
    return chr(int(code[1:], 16)) if code[0] in "uxU" and len(code) > 1 else _ESCAPED.get(code, code)


def _basic(token: str) -> Iterator[str]:
    try:
        plain = base64.b64decode(token, validate=True).decode()
    except (binascii.Error, ValueError):
        return
    yield plain
    yield plain.partition(":")[2]


def _decoded(text: str) -> str:
    """All that percent-encoded `text` says when it is decoded once, twice and more often."""
    said = []
    for _ in range(_MAX_DECODINGS):
        if "%" not in text:
            break
        text = unquote_plus(text)
        said.append(text)
    return "\0".join(said)


def _forms(value: str) -> Iterator[str]:
    for piece in _pieces(value):
        yield piece
        if _UNRESERVED.fullmatch(piece):
            continue  # the same in every notation
        yield quote(piece)
        yield quote(piece, safe="")
        yield quote(piece).replace("%20", "+")
        yield html.escape(piece)
        escaped = json.dumps(piece)[1:-1]
        yield escaped
        yield escaped.replace("\\", "\\\\")
        yield repr(piece)[1:-1]
    encoded = value.encode("utf-8", "surrogatepass")
    yield base64.b64encode(encoded).decode().rstrip("=")
    yield base64.urlsafe_b64encode(encoded).decode().rstrip("=")


def _pieces(value: str) -> Iterator[str]:
    for start in range(0, len(value), _PIECE):
        piece = value[start : start + _PIECE]
        if len(piece) >= MIN_LENGTH:
            yield piece

"""Masking in text: of URLs, of `name=value` pairs, of whatever has the shape of a secret."""

from collections.abc import Callable
from functools import lru_cache
from urllib.parse import quote, unquote, unquote_plus

from hoptoad.lazily import compiled
from hoptoad.masked import MASK, REAPPEARS, Eraser, Masked, Row, hidden
from hoptoad.names import Names
from hoptoad.pairs import pairs
from hoptoad.recognisers import BUILT_IN, Recognisers

_QUERY = compiled(r"(?<=[?#])[^\s\"<>?#]*=[^\s\"<>?#]*")
_SHORTEST_SHAPE = 8  # s://u:p@
_PLAIN_NAME = compiled(r"[\w.\-\[\]]*")
_SHORT_NAME = 12  # too short to be a secret itself
_BUILT_IN = Recognisers(BUILT_IN)
_MAX_NESTED = 4


class TextScrubber:
    """Masks what is named or shaped like a secret, for one notice, and remembers it in `masked`.

    `marked` are further names, each with the rule that makes it one; they are matched exactly. What
    `erase` finds is masked before anything else.
    """

    def __init__(
        self,
        names: Names | None = None,
        *,
        masked: Masked | None = None,
        recognisers: Recognisers = _BUILT_IN,
        marked: "dict[str, str] | None" = None,
        erase: Eraser | None = None,
    ) -> None:
        self.masked = Masked() if masked is None else masked
        self._names = names or Names()
        self._recognisers = recognisers
        self._marked = marked or {}
        self.known = _known(self._names, recognisers, frozenset(self._marked))
        self._erase = erase
        self._changes: dict[tuple[str, _Look], str] = {}

    def rule(self, name: str) -> str:
        """What makes `name` the name of a secret; empty where nothing does."""
        if "%" in name:
            name = unquote_plus(name)
        return self._marked.get(name) or self._names.rule(name)

    def text(self, text: str) -> str:
        """Free text with the secrets of its URLs, of its `name=value` pairs and of known shapes masked."""
        return self._looked_at(text, TextScrubber._text)

    def query(self, query: str) -> str:
        """A query string with its secret values masked, also those of URLs inside it."""
        return self._looked_at(query, TextScrubber._query)

    def source(self, line: str) -> str:
        """A line of source code: names stand for code there, and only literals can be secrets."""
        return self._looked_at(line, TextScrubber._source)

    def is_late(self) -> bool:
        """Whether only a part of a secret was masked somewhere, because it was not known yet.

        Of a passphrase `password=correct horse` masks a word; a card's number may begin in a token.
        """
        erase = self.masked.reappearing(self.changed) if self._changes else None
        if erase is None:
            return False
        again = TextScrubber(self._names, recognisers=self._recognisers, marked=self._marked, erase=erase)
        # Not by how it is quoted, which is the same in neither.
        return any(
            _unquoted(again._looked_at(*given)) != _unquoted(erase(shown))
            for given, shown in self._changes.items()
        )

    @property
    def changed(self) -> list[str]:
        """The texts in which something was masked, as they were before."""
        return [text for text, _ in self._changes]

    def _looked_at(self, text: str, look: "_Look") -> str:
        given = text
        if self._erase is not None:
            text = self._erase(text)
            if text != given:
                masked = self.masked
                masked.rows.append(Row(masked.section, masked.field, masked.field, REAPPEARS))
        shown = look(self, text, 0)
        if shown != given:
            self._changes[text, look] = shown
        return shown

    def is_plain(self, name: str) -> bool:
        """Whether a name holds nothing that `text` would mask."""
        if _PLAIN_NAME.fullmatch(name) is None:
            return False
        return len(name) <= _SHORT_NAME or self._recognisers.clean(name)

    def _text(self, text: str, depth: int) -> str:
        has_equals = "=" in text
        if has_equals and ("?" in text or "#" in text):
            text = _QUERY.sub(lambda match: self._query(match[0], depth), text)
        spans = self._shapes(text) if len(text) >= _SHORTEST_SHAPE else []
        if has_equals or ":" in text:
            spans += self._pairs(text, spans)
        return hidden(text, spans) if spans else text

    def _source(self, line: str, depth: int) -> str:
        spans = self._shapes(line)
        return hidden(line, spans + self._pairs(line, spans, only_after="\"'"))

    def _query(self, query: str, depth: int) -> str:
        return "&".join(self._query_part(part, depth) for part in query.split("&"))

    def _query_part(self, part: str, depth: int) -> str:
        name, equals, value = part.partition("=")
        if not self.is_plain(name):
            name = self._query_text(name, depth)
        if not value:
            return f"{name}{equals}"
        rule = self.rule(unquote_plus(name))
        if rule:
            self.masked.add(unquote_plus(value), unquote_plus(name), rule, strict=True)
            return f"{name}={MASK}"
        return f"{name}={self._query_text(value, depth)}"

    def _query_text(self, text: str, depth: int) -> str:
        plain_text = _unquoted(text)
        if plain_text is None or depth >= _MAX_NESTED:
            return MASK  # nobody quotes a harmless value that often
        masked = self._text(plain_text, depth + 1)
        return text if masked == plain_text else quote(masked, safe="*/:;?=@", errors="surrogatepass")

    def _pairs(self, text: str, shapes: "list[_Span]", *, only_after: str = "") -> "list[_Span]":
        """Where the values of secret names stand that are not masked yet, and that no shape covers."""
        found = []
        for name, rule, start, end in pairs(text, self.rule):
            if only_after and text[start - 1] not in only_after:
                continue
            value = text[start:end]
            # A query that is masked already may be followed by its fragment.
            is_done = value == MASK or value.startswith(f"{MASK}#")
            if not is_done and not any(first <= start and end <= last for first, last in shapes):
                self.masked.add(value, name, f"{rule}, in text", strict=True)
                found.append((start, end))
        return found

    def _shapes(self, text: str) -> "list[_Span]":
        """Where secrets of known shapes stand."""
        spans = []
        for recogniser in self._recognisers.worth_trying(text):
            for found in recogniser.pattern.finditer(text):
                group = found.lastgroup or 0
                secret = found[group]
                if secret and secret != MASK and recogniser.accepts(secret):
                    self.masked.add(secret, f"[{recogniser.name}]", "HOPTOAD_PATTERNS")
                    spans.append(found.span(group))
        return spans


_Span = tuple[int, int]
_Look = Callable[[TextScrubber, str, int], str]  # at a text, so deep in others


class Known:
    """What was seen in other notices to be no secret and to hold none: names, and texts of `_SHARED`."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.texts: set[str] = set()


@lru_cache(maxsize=16)
def _known(names: Names, recognisers: Recognisers, marked: "frozenset[str]") -> Known:
    return Known()


def _unquoted(value: str) -> str | None:
    """`value` with its percent signs decoded as often as it was encoded; None where that is odd."""
    if "%" not in value and "+" not in value:
        return value
    value = unquote_plus(value)  # what is a plus now is none that stands for a blank
    for _ in range(_MAX_NESTED - 1):
        decoded = unquote(value)
        if decoded == value:
            return value
        value = decoded
    return None if unquote(value) != value else value

"""Masking in text: of URLs, of `name=value` pairs, of whatever has the shape of a secret."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import chain
from urllib.parse import unquote, unquote_plus

from hoptoad_before.cleaned import cleaned, shifted
from hoptoad_before.disguises import Span, back_in_encoded
from hoptoad_before.lazily import compiled
from hoptoad_before.masked import MASK, Masked
from hoptoad_before.names import Names
from hoptoad_before.pairs import distant_pairs, pairs
from hoptoad_before.recognisers import BUILT_IN, Recognisers

_QUERY = compiled(r"(?<=[?#])[^\s\"<>?#]*=[^\s\"<>?#]*")
_SHORTEST_SHAPE = 8  # s://u:p@
_PLAIN_NAME = compiled(r"[\w.\-\[\]]*")
_SHORT_NAME = 12  # too short to be a secret itself
_BUILT_IN = Recognisers(BUILT_IN)
_MAX_NESTED = 4
MAX_REMEMBERED = 150  # characters
_MAX_YOUNG = 1024  # for each set of marks


class TextScrubber:
    """Masks what is named or shaped like a secret, for one notice, and remembers it in `masked`.

    `marked` are further names, each with the rule that makes it one; they are matched exactly.
    """

    def __init__(
        self,
        names: Names | None = None,
        *,
        masked: Masked | None = None,
        recognisers: Recognisers = _BUILT_IN,
        marked: "dict[str, str] | None" = None,
    ) -> None:
        self.masked = Masked() if masked is None else masked
        self._names = names or Names()
        self._recognisers = recognisers
        self._marked = marked or {}
        self.known = _known(self._names, recognisers, frozenset(self._marked))

    def rule(self, name: str) -> str:
        """What makes `name` the name of a secret; empty where nothing does."""
        if "%" in name:
            name = unquote_plus(name)
        return self._marked.get(name) or self._names.rule(name)

    def suspects(self, names: Sequence[str]) -> Iterable[str]:
        """Those of `names` that may have a rule."""
        return [*self._names.suspects(names), *self._marked]

    def text(self, text: str) -> str:
        """Free text with the secrets of its URLs, of its `name=value` pairs and of known shapes masked."""
        return cleaned(text, self._in_text(text, 0))

    def query(self, query: str) -> str:
        """A query string with its secret values masked, also those of URLs inside it."""
        return cleaned(query, self._in_query(query, 0))

    def source(self, line: str) -> str:
        """A line of source code: names stand for code there, and only literals can be secrets."""
        shapes = self._shapes(line)
        return cleaned(line, shapes + self._pairs(line, shapes, only_after="\"'"))

    def is_plain(self, name: str) -> bool:
        """Whether a name holds nothing that `text` would mask."""
        if _PLAIN_NAME.fullmatch(name) is None:
            return False
        return len(name) <= _SHORT_NAME or self._recognisers.clean(name)

    def _in_text(self, text: str, depth: int) -> list[Span]:
        spans: list[Span] = []
        has_equals = "=" in text
        if has_equals and ("?" in text or "#" in text):
            for query in _QUERY.finditer(text):
                if found := self._in_query(query[0], depth):
                    spans += shifted(found, query.start())
        queries = tuple(spans)
        if len(text) >= _SHORTEST_SHAPE:
            spans += self._shapes(text)
        if has_equals or ":" in text:
            spans += self._pairs(text, spans, done=queries)
        return spans

    def _in_query(self, query: str, depth: int) -> list[Span]:
        spans: list[Span] = []
        at = 0
        for part in query.split("&"):
            name, _, value = part.partition("=")
            if not self.is_plain(name) and (found := self._in_quoted(name, depth)):
                spans += shifted(found, at)
            if value:
                start = at + len(name) + 1
                if rule := self.rule(unquote_plus(name)):
                    self.masked.add(unquote_plus(value), unquote_plus(name), rule, strict=True)
                    spans.append((start, start + len(value)))
                elif found := self._in_quoted(value, depth):
                    spans += shifted(found, start)
            at += len(part) + 1
        return spans

    def _in_quoted(self, text: str, depth: int) -> list[Span]:
        """In text that may be percent-encoded, once or more often: after each decoding, because the last
        one decodes the values of an inner URL as well.
        """
        decodings = _decodings(text)
        if not decodings or depth >= _MAX_NESTED:
            return [(0, len(text))]  # nobody quotes a harmless value that often
        spans: list[Span] = []
        for plain in decodings:
            if found := self._in_text(plain, depth + 1):
                spans += back_in_encoded(text, plain, found) if plain != text else found
        return spans

    def _pairs(
        self, text: str, hidden: list[Span], *, done: tuple[Span, ...] = (), only_after: str = ""
    ) -> list[Span]:
        """Where the values of secret names stand, but those that are hidden or begin in what is done."""
        found = []
        for name, rule, start, end in chain(pairs(text, self.rule), distant_pairs(text, self.rule)):
            if only_after and text[start - 1] not in only_after:
                continue
            value = text[start:end]
            is_hidden = hidden and any(first <= start and end <= last for first, last in hidden)
            is_done = done and any(first <= start < last for first, last in done)
            if value != MASK and not is_hidden and not is_done:
                self.masked.add(value, name, f"{rule}, in text", strict=True)
                found.append((start, end))
        return found

    def _shapes(self, text: str) -> list[Span]:
        """Where secrets of known shapes stand."""
        spans = []
        for recogniser in self._recognisers.worth_trying(text):
            for secret, span in recogniser.secrets(text):
                if secret != MASK:
                    self.masked.add(secret, f"[{recogniser.name}]", "HOPTOAD_PATTERNS")
                    spans.append(span)
        return spans


class Recent:
    """Short texts that were seen lately. Threads may share it.

    Of twice the number it holds, the older half is forgotten at once: what one request has put in, the
    next ones push out again.
    """

    def __init__(self) -> None:
        self.young: set[str] = set()
        self.old: set[str] = set()

    def add(self, text: str) -> None:
        """Remembers `text`, unless it is long."""
        if len(text) > MAX_REMEMBERED:
            return
        if len(self.young) >= _MAX_YOUNG:
            self.young, self.old = set(), self.young
        self.young.add(text)


class Known:
    """What was seen in other notices to be no secret and to hold none: names, and texts of browsers."""

    def __init__(self) -> None:
        self.names = Recent()
        self.texts = Recent()


@lru_cache(maxsize=16)
def _known(names: Names, recognisers: Recognisers, marked: "frozenset[str]") -> Known:
    return Known()


def _decodings(value: str) -> list[str]:
    """`value` decoded once, and again until nothing changes; empty where it is decoded too often."""
    if "%" not in value and "+" not in value:
        return [value]
    shown = [unquote_plus(value)]  # what is a plus now is none that stands for a blank
    while len(shown) <= _MAX_NESTED:
        decoded = unquote(shown[-1])
        if decoded == shown[-1]:
            return shown
        shown.append(decoded)
    return []

"""Masking: of nested data, of URLs, of free text."""

from collections import deque
from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import lru_cache
from itertools import islice
from typing import Any
from urllib.parse import quote, unquote, unquote_plus
from uuid import UUID

from hoptoad.budget import Budget
from hoptoad.lazily import compiled
from hoptoad.masked import MASK, REAPPEARS, Eraser, Masked, Row, hidden
from hoptoad.names import MAX_JUDGED, Names
from hoptoad.notice import Value
from hoptoad.pairs import pairs
from hoptoad.recognisers import BUILT_IN, Recognisers
from hoptoad.text import bounded_repr, cut, exact, memory_of, plain, slots_of

_QUERY = compiled(r"(?<=[?#])[^\s\"<>?#]*=[^\s\"<>?#]*")
_SHORTEST_SHAPE = 8  # s://u:p@
_MIN_COOKIE = 16
_MAX_HIDDEN = 200
_MAX_SECRET = 64 * 1024
_SHORT_TEXT = 150  # characters
_MANY = 256
_MAX_KNOWN = 1024  # for each set of marks
# Of these many browsers send the same.
_SHARED = frozenset({"HTTP_ACCEPT", "HTTP_ACCEPT_LANGUAGE", "HTTP_USER_AGENT"})
_PLAIN_NAME = compiled(r"[\w.\-\[\]]*")
_SHORT_NAME = 12  # too short to be a secret itself
_BUILT_IN = Recognisers(BUILT_IN)
_SEQUENCES = frozenset({list, tuple, set, frozenset})
_MAX_NESTED = 4
_MAX_NAME = 255


class Scrubber:
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
        self._known = _known(self._names, recognisers, frozenset(self._marked))
        self._erase = erase
        self._changes: dict[tuple[str, _Look], str] = {}

    def rule(self, name: str) -> str:
        """What makes `name` the name of a secret; empty where nothing does."""
        if "%" in name:
            name = unquote_plus(name)
        return self._marked.get(name) or self._names.rule(name)

    def text(self, text: str) -> str:
        """Free text with the secrets of its URLs, of its `name=value` pairs and of known shapes masked."""
        return self._looked_at(text, Scrubber._text)

    def query(self, query: str) -> str:
        """A query string with its secret values masked, also those of URLs inside it."""
        return self._looked_at(query, Scrubber._query)

    def source(self, line: str) -> str:
        """A line of source code: names stand for code there, and only literals can be secrets."""
        return self._looked_at(line, Scrubber._source)

    def is_late(self) -> bool:
        """Whether only a part of a secret was masked somewhere, because it was not known yet.

        Of a passphrase `password=correct horse` masks a word; a card's number may begin in a token.
        """
        erase = self.masked.reappearing(self.changed) if self._changes else None
        if erase is None:
            return False
        again = Scrubber(self._names, recognisers=self._recognisers, marked=self._marked, erase=erase)
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

    def cookies(self, header: str) -> str:
        """The names in a Cookie header; no value is ever sent."""
        shown = []
        for part in header.split(";"):
            name, _, value = part.strip().partition("=")
            if name:
                self.cookie(name, value)
                shown.append(f"{name}={MASK}")
        return "; ".join(shown)

    def cookie(self, name: str, value: str) -> None:
        """Remembers a cookie's value where it is more than a preference (`en`, `dark`)."""
        value = value.strip('"')
        if self.rule(name) or len(value) >= _MIN_COOKIE:
            self.masked.add(value, name, "cookie", strict=True)

    def data(self, value: object, budget: Budget, *, path: tuple[int, ...] = ()) -> Value:
        """`value` as nested text, masked and within `budget`.

        Dictionaries and lists are followed, circles and depth marked; other objects are named.
        """
        kind = type(value)
        if kind is str:
            text = cut(value, budget.window)  # type: ignore[arg-type]
        elif issubclass(kind, dict) or kind in _SEQUENCES:
            if id(value) in path:
                return "[circular]"
            if len(path) >= budget.depth:
                return "[too deep]"
            path = (*path, id(value))
            if issubclass(kind, dict):
                return self.mapping(value, budget, path=path)  # type: ignore[arg-type]
            return self._sequence(tuple(value), budget, path)  # type: ignore[arg-type]
        else:
            text = plain(value, budget.window)
        budget.work -= len(text)
        if budget.work < 0:
            return "[cut]"  # so much text of so little use costs the request too much
        return budget.spend(self.text(text))

    def mapping(
        self, value: "dict[object, object]", budget: Budget, *, path: tuple[int, ...] = ()
    ) -> dict[str, Value]:
        """A dictionary as nested text; what finds no room is counted in a last entry."""
        masked: dict[str, Value] = {}
        taken = 0
        # A copy made in one step: another thread may be changing the original.
        entries: tuple[tuple[Any, Any], ...] = tuple(islice(dict.items(value), max(budget.variables, 0)))
        quiet = self._quiet(entries, budget)
        for key, item in entries:
            if type(key) is str and key in quiet:
                masked[key] = item
                taken += 1
                continue
            if budget.variables <= 0 or budget.chars <= 0:
                if rule := self._judged_name(key)[0]:  # not shown, but not to be told elsewhere either
                    self.hide(item, _key(key), rule)
                continue
            taken += 1
            budget.variables -= 1
            self.masked.field = "a name"
            rule, shown = self._judged_name(key)
            name = self.masked.field = budget.spend(shown, _MAX_NAME)
            while name in masked or name in quiet:  # two names that differed in a secret only
                name += "'"
            if rule:
                self.hide(item, _key(key), rule)
                masked[name] = MASK
            else:
                masked[name] = self.data(item, budget, path=path)
                if name in _SHARED and masked[name] is item:
                    _remember(str(item), self._known.texts)
        left = dict.__len__(value) - taken
        if left:
            masked["[cut]"] = f"{left} more"
        return masked

    def _quiet(self, entries: "tuple[tuple[Any, Any], ...]", budget: Budget) -> "dict[str, str]":
        """What needs no looking at, one by one: known names, and short texts that hold no pair and no shape.

        These are most of what there is. Their room is taken at once; where there is not enough of it
        for all, none is quiet.
        """
        longest, names, texts = min(budget.text, _SHORT_TEXT), self._known.names, self._known.texts
        quiet = {
            key: item
            for key, item in entries[:_MANY]
            if type(item) is str
            and type(key) is str
            and key in names
            and len(item) <= longest
            and ((":" not in item and "=" not in item) or item in texts)
        }
        page = "\0".join(quiet.values())
        size = len(page) + sum(map(len, quiet))
        if size > budget.chars or len(quiet) > budget.variables or self._recognisers.worth_trying(page):
            return {}
        budget.variables -= len(quiet)
        budget.chars -= size
        budget.work -= len(page)
        return quiet

    def _judged_name(self, key: object) -> tuple[str, str]:
        """The rule that makes `key` the name of a secret, or an empty text; and the name as it is shown."""
        if type(key) is str and key in self._known.names:
            return "", key
        whole = _key(key)
        rule = self.rule(whole)
        if not self._is_plain(whole):
            return rule, self.text(whole)
        if not rule:
            _remember(whole, self._known.names)
        return rule, whole

    def _is_plain(self, name: str) -> bool:
        """Whether a name holds nothing that `text` would mask."""
        if _PLAIN_NAME.fullmatch(name) is None:
            return False
        return len(name) <= _SHORT_NAME or self._recognisers.clean(name)

    def _sequence(
        self, items: tuple[object, ...], budget: Budget, path: tuple[int, ...]
    ) -> tuple[Value, ...]:
        masked: list[Value] = []
        for item in items:
            if budget.variables <= 0 or budget.chars <= 0:
                masked.append(f"[cut] {len(items) - len(masked)} more")
                break
            budget.variables -= 1
            masked.append(self.data(item, budget, path=path))
        return tuple(masked)

    def hide(self, value: object, name: str, rule: str, *, strict: bool = False) -> None:
        """Remembers every text in `value`, which is masked under `name` by `rule`."""
        texts = _texts(value)
        self.masked.add(next(texts, ""), name, rule, strict=strict)
        for text in texts:
            self.masked.remember(text, strict=strict)

    def remember(self, value: object) -> None:
        """Remembers every text in `value`, of which something less is masked."""
        for text in _texts(value):
            self.masked.remember(text)

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
        if not self._is_plain(name):
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
            is_done = value == MASK or value.startswith(
                f"{MASK}#"
            )  # a query that is masked, and its fragment
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
_Look = Callable[[Scrubber, str, int], str]  # at a text, so deep in others


class _Known:
    """What was seen in other notices to be no secret and to hold none: names, and texts of `_SHARED`."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.texts: set[str] = set()


@lru_cache(maxsize=16)
def _known(names: Names, recognisers: Recognisers, marked: "frozenset[str]") -> _Known:
    return _Known()


def _remember(text: str, known: set[str]) -> None:
    if len(text) <= _SHORT_TEXT and len(known) < _MAX_KNOWN:
        known.add(text)


def _texts(value: object) -> Iterator[str]:
    """The texts and numbers in nested data, as far as they may reappear."""
    waiting = [value]
    for _ in range(_MAX_HIDDEN):
        if not waiting:
            return
        item = waiting.pop()
        kind = type(item)
        if issubclass(kind, dict):
            waiting.extend(islice(dict.values(item), _MAX_HIDDEN))  # type: ignore[arg-type]
        elif kind in _SEQUENCES or kind is deque:
            waiting.extend(islice(item, _MAX_HIDDEN))  # type: ignore[call-overload]
        elif issubclass(kind, tuple):  # named
            waiting.extend(islice(tuple.__iter__(item), _MAX_HIDDEN))  # type: ignore[arg-type]
        elif issubclass(kind, (bytes, bytearray)):
            raw = bytes(memoryview(item)[:_MAX_SECRET])  # type: ignore[arg-type]
            yield raw.decode("utf-8", "replace")
            yield repr(raw)[2:-1]
        elif issubclass(kind, str):
            yield exact(item)[:_MAX_SECRET]  # type: ignore[arg-type]
        elif kind in (int, float, Decimal, UUID):
            yield plain(item, _MAX_NAME)
        elif "__dataclass_fields__" in kind.__dict__:
            waiting += [memory_of(item), slots_of(item)]


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


def _key(key: object) -> str:
    if issubclass(type(key), str):
        return exact(key)[:MAX_JUDGED]  # type: ignore[arg-type]
    return bounded_repr(key, _MAX_NAME)

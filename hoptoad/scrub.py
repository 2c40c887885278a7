"""Which names are secret, and masking: of nested data, of URLs, of free text."""

import re
from collections import deque
from collections.abc import Iterable, Iterator
from decimal import Decimal
from functools import lru_cache, partial
from itertools import islice
from urllib.parse import quote, unquote_plus
from uuid import UUID

from hoptoad.masked import MASK, SLACK, Eraser, Masked
from hoptoad.notice import Value
from hoptoad.pairs import pairs
from hoptoad.recognisers import BUILT_IN, Recogniser
from hoptoad.text import CUT, bounded_repr, cut, exact, memory_of, plain

BUILT_IN_NAME = "built-in name"

# Found anywhere in a name once its case and punctuation are gone: `oldPassword`, `X-CSRFToken`.
_FRAGMENTS = (
    "password|passwd|passphrase|passcode|secret|token|credential|authoriz|csrf|xsrf"
    "|apikey|accesskey|privatekey|sessionid|sessid|sessionkey|cardnumber|cardno|creditcard|ccnumber"
    "|securitycode"
)
# Found as whole words of a name: `user_pin`, `cardCvc2`, `X-Auth`, but not `shipping` or `author`.
_WORDS = "pass|pw|pwd|pin|otp|totp|auth|jwt|sid|ssn|cvv|cvc|cookies?|signature|sig|hmac|bearer"
_BUILT_IN = re.compile(rf"(?:^|_)(?:{_WORDS})\d*(?:_|$)|(?:^|_)keys?$|^(?:access|refresh)$")
# Names that only sound like one.
_HARMLESS = re.compile(
    r"(?:^|_)(?:max|min|prompt|completion|input|output|total|num|n)_tokens$|^tokens?_(?:type|count|limit|usage)$"
    r"|^(?:un|pre)?authorized$|^(?:un|pre)?authorised$|^secretary$|^cookies?_(?:consent|policy|notice|banner|accepted)$"
    r"|^auth_user_(?:id|backend)$|^key_?(?:name|type|id|code|press|up|down)$"
)
_BUILT_IN_FRAGMENT = re.compile(_FRAGMENTS)

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_NOT_WORD = re.compile(r"[\W_]+")

_QUERY = re.compile(r"(?<=[?#])[^\s\"<>?#]*=[^\s\"<>?#]*")
_SHORTEST_SHAPE = 8  # s://u:p@
_MIN_COOKIE = 16
_MAX_HIDDEN = 200
_MAX_SECRET = 64 * 1024
_WORK = 4  # characters looked at for each that a notice may hold: masked ones take no room
_PLAIN_NAME = re.compile(r"[\w.\-\[\]]{0,40}")
_MAX_NESTED = 4
_MAX_NAME = 255
_MAX_JUDGED_NAME = 4096


class Budget:
    """What one notice may still hold; shared by all its sections, spent as they are built.

    A text is kept SLACK longer than it may be until `settle` has seen it, because a secret that
    lies across the bound can only be masked whole.
    """

    __slots__ = ("_rooms", "chars", "depth", "text", "variables", "work")

    def __init__(self, *, variables: int, chars: int, text: int, depth: int) -> None:
        self.variables = variables
        self.chars = chars
        self.text = text
        self.depth = depth
        self.work = _WORK * chars
        self._rooms: dict[str, tuple[int, bool, str]] = {}

    def part(self, share: float) -> "Budget":
        """A share of what is left, to be spent apart."""
        variables, chars = int(self.variables * share), int(self.chars * share)
        part = Budget(variables=variables, chars=chars, text=self.text, depth=self.depth)
        part._rooms = self._rooms
        self.variables -= variables
        self.chars -= chars
        return part

    @property
    def window(self) -> int:
        """How much of a text is worth looking at."""
        return self.text + SLACK

    @property
    def has_long_texts(self) -> bool:
        """Whether anything was kept longer than it may be."""
        return bool(self._rooms)

    def spend(self, text: str, max_chars: int | None = None, *, is_cut: bool = False, mark: str = CUT) -> str:
        """As much of `text` as the notice has room for, and what `settle` will take off again.

        `is_cut` says that there was more of it; so does its end, where `text.cut` has cut it. `mark`
        is what a text that had to be cut ends with.
        """
        room = min(self.text if max_chars is None else max_chars, max(self.chars, 0))
        is_cut = is_cut or text.endswith(CUT)
        if len(text) > room + SLACK:
            text, is_cut = text[: room + SLACK], True
        if is_cut or len(text) > room:
            self._rooms[text] = (room, is_cut, mark)
        self.chars -= min(len(text), room)
        return text

    def settle(self, text: str, erase: Eraser | None) -> str:
        """`text` as it is sent: without the secrets known by now, and within its bound."""
        whole = erase(text) if erase is not None else text
        if text not in self._rooms:
            return cut(whole, self.text)  # a mask may be longer than what it hides
        room, is_cut, mark = self._rooms[text]
        if is_cut:  # it may end in the half of a secret
            whole = whole.removesuffix(CUT)[:-SLACK] + mark
        return cut(whole, room, mark)


class Names:
    """Which names stand for secrets. Immutable: threads may share it.

    `protected` adds to the built-in list. A string is matched as whole words, whatever the case
    and the punctuation ("card-id" matches `user[cardId]` and `HTTP_X_CARD_ID`); a compiled pattern
    is searched for in the name as it stands.
    """

    def __init__(self, protected: "Iterable[str | re.Pattern[str]]" = ()) -> None:
        names = [_words(item) for item in protected if isinstance(item, str)]
        self._names = re.compile("|".join(f"(?:^|_){re.escape(n)}(?:_|$)" for n in names) or "(?!)")
        self._patterns = tuple(item for item in protected if not isinstance(item, str))
        self._judged = lru_cache(maxsize=4096)(self._judge)

    def rule(self, name: str) -> str:
        """What makes `name` the name of a secret; empty where nothing does."""
        return self._judged(name) if len(name) <= _MAX_NAME else self._judge(name)

    def _judge(self, name: str) -> str:
        if len(name) >= _MAX_JUDGED_NAME:
            return "a name too long to be judged"
        words = _words(name)
        if self._names.search(words) or any(pattern.search(name) for pattern in self._patterns):
            return "HOPTOAD_PROTECTED_PARAMS"
        if _HARMLESS.search(words):
            return ""
        if _BUILT_IN.search(words) or _BUILT_IN_FRAGMENT.search(words.replace("_", "")):
            return BUILT_IN_NAME
        return ""


class Scrubber:
    """Masks what is named or shaped like a secret, for one notice, and remembers it in `masked`.

    `marked` are further names, each with the rule that makes it one; they are matched exactly.
    """

    def __init__(
        self,
        names: Names | None = None,
        *,
        masked: Masked | None = None,
        recognisers: tuple[Recogniser, ...] = BUILT_IN,
        marked: "dict[str, str] | None" = None,
    ) -> None:
        self.masked = Masked() if masked is None else masked
        self._names = names or Names()
        self._recognisers = recognisers
        self._hints = _any_hint(recognisers)
        self._marked = marked or {}

    def rule(self, name: str) -> str:
        """What makes `name` the name of a secret; empty where nothing does."""
        if "%" in name:
            name = unquote_plus(name)
        return self._marked.get(name) or self._names.rule(name)

    def text(self, text: str, *, depth: int = 0) -> str:
        """Free text with the secrets of its URLs, of its `name=value` pairs and of known shapes masked."""
        if "=" in text:
            text = _QUERY.sub(lambda match: self.query(match[0], depth=depth), text)
        if len(text) >= _SHORTEST_SHAPE:
            text = self._shapes(text)
        if "=" in text or ":" in text:
            text = self._pairs(text)
        return text

    def query(self, query: str, *, depth: int = 0) -> str:
        """A query string with its secret values masked, also those of URLs inside it."""
        return "&".join(self._query_part(part, depth) for part in query.split("&"))

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
        if issubclass(kind, dict) or kind in (list, tuple, set, frozenset):
            if id(value) in path:
                return "[circular]"
            if len(path) >= budget.depth:
                return "[too deep]"
            path = (*path, id(value))
            if issubclass(kind, dict):
                return self.mapping(value, budget, path=path)  # type: ignore[arg-type]
            return self._sequence(tuple(value), budget, path)  # type: ignore[arg-type]
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
        for key, item in tuple(islice(dict.items(value), max(budget.variables, 0))):
            if budget.variables <= 0 or budget.chars <= 0:
                break
            taken += 1
            whole = _key(key)
            rule = self.rule(whole)
            shown = whole if _PLAIN_NAME.fullmatch(whole) else self.text(whole)
            name = self.masked.field = budget.spend(shown, _MAX_NAME)
            while name in masked:  # two names that differed in a secret only
                name += "'"
            if rule:
                budget.variables -= 1
                self.hide(item, whole, rule)
                masked[name] = MASK
            else:
                masked[name] = self._counted(item, budget, path)
        left = dict.__len__(value) - taken
        if left:
            masked["[cut]"] = f"{left} more"
        return masked

    def _sequence(
        self, items: tuple[object, ...], budget: Budget, path: tuple[int, ...]
    ) -> tuple[Value, ...]:
        masked: list[Value] = []
        for item in items:
            if budget.variables <= 0 or budget.chars <= 0:
                masked.append(f"[cut] {len(items) - len(masked)} more")
                break
            masked.append(self._counted(item, budget, path))
        return tuple(masked)

    def _counted(self, item: object, budget: Budget, path: tuple[int, ...]) -> Value:
        budget.variables -= 1
        return self.data(item, budget, path=path)

    def hide(self, value: object, name: str, rule: str, *, strict: bool = False) -> None:
        """Remembers every text in `value`, which is masked under `name` by `rule`."""
        texts = _texts(value)
        self.masked.add(next(texts, ""), name, rule, strict=strict)
        for text in texts:
            self.masked.remember(text, strict=strict)

    def _query_part(self, part: str, depth: int) -> str:
        name, equals, value = part.partition("=")
        if not _PLAIN_NAME.fullmatch(name):
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
        masked = self.text(plain_text, depth=depth + 1)
        return text if masked == plain_text else quote(masked, safe="*/:;?=@")

    def source(self, line: str) -> str:
        """A line of source code: names stand for code there, and only literals can be secrets."""
        line = self._shapes(line)
        for _, _, start, end in reversed(tuple(pairs(line, self.rule))):
            if line[start - 1] in "\"'" and not line.startswith(MASK, start):
                line = line[:start] + MASK + line[end:]
        return line

    def _pairs(self, text: str) -> str:
        pieces = []
        done = 0
        for name, rule, start, end in pairs(text, self.rule):
            if not text.startswith(MASK, start):
                self.masked.add(text[start:end], name, f"{rule}, in text", strict=True)
                pieces += [text[done:start], MASK]
                done = end
        return "".join(pieces) + text[done:]

    def _shapes(self, text: str) -> str:
        is_hinted = self._hints.search(text) is not None
        for recogniser in self._recognisers:
            if recogniser.hints and not (is_hinted and any(hint in text for hint in recogniser.hints)):
                continue
            text = recogniser.pattern.sub(partial(self._shape, recogniser), text)
        return text

    def _shape(self, recogniser: Recogniser, found: "re.Match[str]") -> str:
        group = found.lastgroup or 0
        secret = found[group]
        if not secret or not recogniser.accepts(secret):
            return found[0]
        self.masked.add(secret, f"[{recogniser.name}]", "HOPTOAD_PATTERNS")
        start, end = (edge - found.start() for edge in found.span(group))
        return found[0][:start] + MASK + found[0][end:]


@lru_cache(maxsize=8)
def _any_hint(recognisers: tuple[Recogniser, ...]) -> "re.Pattern[str]":
    """Finds out with one search that most texts need none of these."""
    hints = {hint for recogniser in recognisers for hint in recogniser.hints}
    return re.compile("|".join(map(re.escape, sorted(hints))) or "(?!)")


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
        elif kind in (list, tuple, set, frozenset, deque):
            waiting.extend(islice(item, _MAX_HIDDEN))  # type: ignore[call-overload]
        elif issubclass(kind, (bytes, bytearray)):
            raw = bytes(memoryview(item)[:_MAX_SECRET])  # type: ignore[arg-type]
            yield raw.decode("utf-8", "replace")
            yield repr(raw)[2:-1]
        elif issubclass(kind, str):
            yield exact(item)[:_MAX_SECRET]  # type: ignore[arg-type]
        elif kind in (int, float, Decimal, UUID):
            yield plain(item, _MAX_NAME)
        elif "__dataclass_fields__" in kind.__dict__:
            waiting.append(memory_of(item))


def _unquoted(value: str) -> str | None:
    """`value` with its percent signs decoded as often as it was encoded; None where that is odd."""
    for _ in range(_MAX_NESTED):
        decoded = unquote_plus(value)
        if decoded == value:
            return value
        value = decoded
    return None if unquote_plus(value) != value else value


def _words(name: str) -> str:
    return _NOT_WORD.sub("_", _CAMEL.sub("_", name)).strip("_").lower()


def _key(key: object) -> str:
    if issubclass(type(key), str):
        return exact(key)[:_MAX_JUDGED_NAME]  # type: ignore[arg-type]
    return bounded_repr(key, _MAX_NAME)

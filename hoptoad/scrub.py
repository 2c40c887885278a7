"""Which names are secret, and masking: of nested data, of URLs, of free text."""

import re
from collections.abc import Iterable
from functools import lru_cache
from itertools import islice
from urllib.parse import quote, unquote_plus

from hoptoad.notice import Value
from hoptoad.text import bounded_repr, cut, exact, plain

MASK = "*" * 20

# Found anywhere in a name once its case and punctuation are gone: `oldPassword`, `X-CSRFToken`.
_FRAGMENTS = (
    "password|passwd|passphrase|passcode|secret|token|credential|authoriz|csrf|xsrf"
    "|apikey|accesskey|privatekey|sessionid|sessid|sessionkey|cardnumber|cardno|creditcard|ccnumber"
    "|securitycode"
)
# Found as whole words of a name: `user_pin`, `cardCvc2`, `X-Auth`, but not `shipping` or `author`.
_WORDS = "pass|pw|pwd|pin|otp|totp|auth|jwt|sid|ssn|cvv|cvc|cookies?|signature|sig|hmac|bearer"
_BUILT_IN = re.compile(rf"(?:^|_)(?:{_WORDS})\d*(?:_|$)|(?:^|_)keys?$|^(?:access|refresh)$")
_BUILT_IN_FRAGMENT = re.compile(_FRAGMENTS)

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_NOT_WORD = re.compile(r"[\W_]+")

_QUERY = re.compile(r"(?<=[?#])[^\s\"<>?#]*=[^\s\"<>?#]*")
_CREDENTIALS_IN_URL = re.compile(r"(?<=://)([^\s/:@?#\"']*)(:[^\s@?#\"']+)?(?=@)")
# `name=`, `name: `, `"name": `, `\\"name\\": `, and what may open its value: b'…', [, {, (.
_NAME = re.compile(r"(?<![\w.\-])([\w.\-\[\]]{1,100})(\\?[\"']?\s{0,9}(?:={1,3}>?|:)\s{0,9})")
_QUOTE = re.compile(r"[bBuUrR]{0,2}(\\?[\"'])")
_BARE_END = re.compile(r"[\s&]")
_DATA_END = re.compile(r"[\s&,}\])]")  # after a quoted name: JSON, or a dictionary's repr
_BRACKETS = {"[": "]", "{": "}", "(": ")"}
_MAX_NESTED = 4
_MAX_NAME = 255
_MAX_JUDGED_NAME = 4096


class Budget:
    """What one notice may still hold; shared by all its sections, spent as they are built."""

    __slots__ = ("chars", "depth", "text", "variables")

    def __init__(self, *, variables: int, chars: int, text: int, depth: int) -> None:
        self.variables = variables
        self.chars = chars
        self.text = text
        self.depth = depth

    def spend(self, text: str) -> str:
        """As much of `text` as the notice has room for."""
        text = cut(text, min(self.text, self.chars))
        self.chars -= len(text)
        return text


class Scrubber:
    """Masks what is named like a secret. Immutable: threads may share it.

    `protected` adds to the built-in list. A string is matched as whole words, whatever the case
    and the punctuation ("card-id" matches `user[cardId]` and `HTTP_X_CARD_ID`); a compiled pattern
    is searched for in the name as it stands.
    """

    def __init__(self, protected: "Iterable[str | re.Pattern[str]]" = ()) -> None:
        names = [_words(item) for item in protected if isinstance(item, str)]
        self._names = re.compile("|".join(f"(?:^|_){re.escape(n)}(?:_|$)" for n in names) or "(?!)")
        self._patterns = tuple(item for item in protected if not isinstance(item, str))
        self._judged = lru_cache(maxsize=4096)(self._judge)

    def is_secret(self, name: str) -> bool:
        """Whether what `name` stands for must not be seen."""
        return self._judged(name) if len(name) <= _MAX_NAME else self._judge(name)

    def text(self, text: str, *, depth: int = 0) -> str:
        """Free text with the secrets of its URLs and of its `name=value` pairs masked."""
        if "=" in text:
            text = _QUERY.sub(lambda match: self.query(match[0], depth=depth), text)
        if "://" in text:
            text = _CREDENTIALS_IN_URL.sub(_without_password, text)
        if "=" in text or ":" in text:
            text = self._pairs(text)
        return text

    def query(self, query: str, *, depth: int = 0) -> str:
        """A query string with its secret values masked, also those of URLs inside it."""
        return "&".join(self._query_part(part, depth) for part in query.split("&"))

    def cookies(self, header: str) -> str:
        """The names in a Cookie header; no value is ever sent."""
        names = [part.partition("=")[0].strip() for part in header.split(";")]
        return "; ".join(f"{name}={MASK}" for name in names if name)

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
        return budget.spend(self.text(plain(value, budget.text)))

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
            name = budget.spend(cut(whole, _MAX_NAME))
            if len(whole) >= _MAX_JUDGED_NAME or self.is_secret(whole):
                budget.variables -= 1
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

    def _judge(self, name: str) -> bool:
        words = _words(name)
        return bool(
            _BUILT_IN.search(words)
            or _BUILT_IN_FRAGMENT.search(words.replace("_", ""))
            or self._names.search(words)
            or any(pattern.search(name) for pattern in self._patterns)
        )

    def _query_part(self, part: str, depth: int) -> str:
        name, _, value = part.partition("=")
        if not value:
            return part
        if self.is_secret(unquote_plus(name)):
            return f"{name}={MASK}"
        plain_value = _unquoted(value)
        if plain_value is None or depth >= _MAX_NESTED:
            return f"{name}={MASK}"  # nobody quotes a harmless value that often
        masked = self.text(plain_value, depth=depth + 1)
        return part if masked == plain_value else f"{name}={quote(masked, safe='*/:;?=@')}"

    def _pairs(self, text: str) -> str:
        pieces = []
        done = 0
        for found in _NAME.finditer(text):
            if found.start() < done or not self.is_secret(found[1]) or _is_prose(text, found):
                continue
            start, end = _value(text, found)
            if start < end and not text.startswith(MASK, start):
                pieces += [text[done:start], MASK]
                done = end
        return "".join(pieces) + text[done:]


def _is_prose(text: str, found: "re.Match[str]") -> bool:
    """`Missing key: name` is no secret; `api key: …` is."""
    if found[1].lower() != "key" or found[2].strip() != ":":
        return False
    before = text[max(found.start() - 20, 0) : found.start()].split()
    return not before or not _BUILT_IN_FRAGMENT.search(f"{before[-1].lower()}key")


def _value(text: str, found: "re.Match[str]") -> tuple[int, int]:
    """Where the value that belongs to a name begins and ends; without an end it goes to the last."""
    start = found.end()
    if "authoriz" in found[1].lower() and ":" in found[2] and not _QUOTE.match(text, start):
        line_end = text.find("\n", start)
        return start, len(text) if line_end < 0 else line_end
    quoted = _QUOTE.match(text, start)
    if quoted:
        return quoted.end(), _closing_quote(text, quoted.end(), quoted[1])
    if text[start : start + 1] in _BRACKETS:
        return start, _closing_bracket(text, start)
    named_in_quotes = found[2][:1] in "\\\"'"
    end = (_DATA_END if named_in_quotes else _BARE_END).search(text, start)
    stop = end.start() if end else len(text)
    bracket = text.find("(", start, stop)  # SecretStr('…')
    return start, stop if bracket < 0 else max(stop, _closing_bracket(text, bracket))


def _closing_quote(text: str, start: int, quote: str) -> int:
    position = text.find(quote, start)
    while position > 0 and len(quote) == 1 and text[position - 1] == "\\":
        position = text.find(quote, position + 1)
    return len(text) if position < 0 else position


def _closing_bracket(text: str, start: int) -> int:
    depth = 0
    opening, closing = text[start], _BRACKETS[text[start]]
    for position in range(start, len(text)):
        if text[position] == opening:
            depth += 1
        elif text[position] == closing:
            depth -= 1
            if not depth:
                return position + 1
    return len(text)


def _without_password(match: "re.Match[str]") -> str:
    user, password = match[1], match[2]
    return f"{user}:{MASK}" if password else MASK  # a name alone may be a token


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

"""The names of secrets: built-in ones and those of HOPTOAD_PROTECTED_PARAMS."""

import re
from collections.abc import Iterable
from functools import lru_cache

BUILT_IN_NAME = "built-in name"

# Anywhere in a name, without case and punctuation: `oldPassword`, `X-CSRFToken`.
_FRAGMENTS = (
    "password|passwd|passphrase|passcode|secret|token|credential|authoriz|csrf|xsrf"
    "|apikey|accesskey|privatekey|sessionid|sessid|sessionkey|cardnumber|cardno|creditcard|ccnumber"
    "|securitycode"
)
# Whole words of a name: `user_pin`, `cardCvc2`, `X-Auth`, but not `shipping` or `author`.
_WORDS = "pass|pw|pwd|pin|otp|totp|auth|jwt|sid|ssn|cvv|cvc|cookies?|signature|sig|hmac|bearer"
_BUILT_IN = re.compile(rf"(?:^|_)(?:{_WORDS})\d*(?:_|$)|(?:^|_)keys?$|^(?:access|refresh)$")
# Names that only sound like one.
_HARMLESS = re.compile(
    r"(?:^|_)(?:max|min|prompt|completion|input|output|total|num|n)_tokens$|^tokens?_(?:type|count|limit|usage)$"
    r"|^(?:un|pre)?authorized$|^(?:un|pre)?authorised$|^secretary$|^cookies?_(?:consent|policy|notice|banner|accepted)$"
    r"|^auth_user_(?:id|backend)$|^key_?(?:name|type|id|code|press|up|down)$"
)
_BUILT_IN_FRAGMENT = re.compile(_FRAGMENTS)
# What every built-in name holds, once its case and punctuation are gone.
_HINTS = f"{_FRAGMENTS}|{_WORDS}|key|access|refresh"

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_PUNCTUATION = re.compile(r"[^\w\n]|_")
_NOT_WORD = re.compile(r"[\W_]+")
_MAX_NAME = 255
MAX_JUDGED = 4096
_REMEMBERED = 8192  # names: more than one notice has judged
_FEW = 64  # whose judgements are remembered; more would push out those of the next request


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
        self._judged = lru_cache(maxsize=_REMEMBERED)(self._judge)
        hints = "|".join([_HINTS, *(re.escape(name.replace("_", "")) for name in names)])
        self._hint = re.compile(hints)

    def rule(self, name: str) -> str:
        """The rule by which `name` names a secret; empty if it does not."""
        return self._judged(name) if len(name) <= _MAX_NAME else self._judge(name)

    def suspects(self, names: list[str]) -> list[str]:
        """Those of `names` that may have a rule. Many are looked at at once: most have none."""
        if not names[_FEW:]:
            judged = self._judged
            return [name for name in names if "%" in name or name[_MAX_NAME:] or judged(name)]
        page = "\n".join(names)
        if (
            self._patterns
            or "%" in page
            or page.count("\n") >= len(names)
            or max(map(len, names)) >= _MAX_NAME
        ):
            return names
        folded = _PUNCTUATION.sub("", page).lower()
        found, line, done = [], 0, 0
        for hint in self._hint.finditer(folded):
            line += folded.count("\n", done, hint.start())
            done = hint.start()
            found.append(names[line])
        return found

    def _judge(self, name: str) -> str:
        if len(name) >= MAX_JUDGED:
            return "a name too long to be judged"
        words = _words(name)
        if self._names.search(words) or any(pattern.search(name) for pattern in self._patterns):
            return "HOPTOAD_PROTECTED_PARAMS"
        if _HARMLESS.search(words):
            return ""
        if _BUILT_IN.search(words) or _BUILT_IN_FRAGMENT.search(words.replace("_", "")):
            return BUILT_IN_NAME
        return ""


def _words(name: str) -> str:
    return _NOT_WORD.sub("_", _CAMEL.sub("_", name)).strip("_").lower()

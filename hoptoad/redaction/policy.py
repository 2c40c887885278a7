"""The secrets of this site: names, patterns, and the values in its settings and environment."""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple, Protocol
from urllib.parse import unquote

from hoptoad.redaction.names import Names
from hoptoad.redaction.patterns import BUILT_IN, Patterns
from hoptoad.redaction.secrets import OwnSecrets

# At the end of a name: EMAIL_HOST_PASSWORD, PGPASSWORD, SECRET_KEY_BASE, clientSecret, but not
# AUTH_USER_MODEL, PASSWORD_HASHERS or CSRF_COOKIE_NAME.
_NAME = re.compile(
    r"(?:PASSWORDS?|PASSWD|PASSPHRASE|SECRETS?|TOKENS?|CREDENTIALS?|APIKEYS?|API_KEYS?|SECRET_KEYS?|ACCESS_KEYS?"
    r"|PRIVATE_KEY|SECRET_KEY_FALLBACKS|KEY_BASE|(?:^|_)DSN)$",
    re.IGNORECASE,
)
# Such a name is as often that of a column or a file: its value must look like a secret.
_KEY = re.compile(r"(?:^|_)KEYS?$|[a-z]Keys?$")
_LIKE_A_KEY = re.compile(
    r"(?=.*\d)(?=.*[A-Za-z])[^\s/\\]{12,}|[^\s/\\]{24,}|(?=.*\d)(?=.*[A-Z])(?=.*[a-z])[A-Za-z0-9+/]{20,}={0,2}"
)
_PATH_BEGINS = re.compile(r"~?/|\.{1,2}/|[A-Za-z]:\\")
_WORD = re.compile(r"[A-Za-z]?[a-z]*\d{0,4}|[A-Z]+\d{0,4}|\d{1,8}|(?:[A-Z][a-z]+){2,9}\d{0,4}")
_EXTENSION = re.compile(r"\.[a-z]{2,5}\d?$")
_IN_CONNECTION_STRING = re.compile(
    r"(?:password|pwd|accountkey|sharedaccesskey)\s*=\s*([^;\s]{8,})", re.IGNORECASE
)
_IN_URL = next(one.pattern for one in BUILT_IN if one.name == "url_credentials")
_MIN_LENGTH = 8
_MIN_NAME_IN_URL = 16  # `https://<token>@host`; shorter ones are user names
_MAX_DEPTH = 6
_MAX_VALUES = 200


class Policy(NamedTuple):
    """The names, patterns and values to redact in every notice. Immutable: threads may share it."""

    names: Names
    patterns: Patterns
    own: OwnSecrets  # the site's own secrets


class _Settings(Protocol):
    @property
    def protected_params(self) -> "tuple[str | re.Pattern[str], ...]": ...
    @property
    def patterns_in_force(self) -> Patterns: ...
    @property
    def own_secrets(self) -> OwnSecrets: ...


@lru_cache(maxsize=8)
def policy_of(settings: _Settings) -> Policy:
    """The policy of these settings, made once."""
    return Policy(Names(settings.protected_params), settings.patterns_in_force, settings.own_secrets)


def own_secrets(settings: Mapping[str, object], environment: Mapping[str, str]) -> frozenset[str]:
    """The values of at least 8 characters under names of secrets, and the passwords in URLs."""
    found: list[str] = []
    for name, value in (*settings.items(), *environment.items()):
        found.extend(_values(value, str(name), 0))
    return frozenset(value for value in found[:_MAX_VALUES] if len(value) >= _MIN_LENGTH)


def _values(value: Any, name: str, depth: int) -> Iterator[str]:
    kind = type(value)  # never isinstance: a setting may be lazy
    if issubclass(kind, bytes):
        value, kind = value.decode("utf-8", "replace"), str
    if issubclass(kind, str):
        if _is_secret(name, value):
            yield value
        yield from _inside(value)
    elif issubclass(kind, dict) and depth < _MAX_DEPTH:
        for own_name, item in value.items():
            inherits = _NAME.search(name) is not None
            yield from _values(item, name if inherits else str(own_name), depth + 1)
    elif issubclass(kind, (list, tuple, set, frozenset)) and depth < _MAX_DEPTH:
        for item in value:
            yield from _values(item, name, depth + 1)


def _is_secret(name: str, value: str) -> bool:
    if _is_path(value):
        return False
    return bool(_NAME.search(name) or (_KEY.search(name) and _LIKE_A_KEY.fullmatch(value)))


def _is_path(value: str) -> bool:
    """Whether the value is made of words, as `/srv/shop-2/site.key` is and `/Qw7rTz2+pL9` is not.

    Directly below the root only a file with an extension is a path.
    """
    begins = _PATH_BEGINS.match(value)
    if begins is None:
        return False
    steps = [step for step in re.split(r"[/\\]", value[begins.end() :]) if step]
    words = [word for step in steps for word in re.split(r"[ ._@-]", step)]
    if not all(map(_WORD.fullmatch, words)):
        return False
    return begins[0] != "/" or len(steps) != 1 or _EXTENSION.search(value) is not None


def _inside(value: str) -> Iterator[str]:
    """The passwords in a URL, as they stand and as they are meant, and in a connection string."""
    if "://" in value:
        for found in _IN_URL.finditer(value):
            password, name = found["secret"], found["name"]
            if password:
                yield password
                yield unquote(password)
            elif len(name) >= _MIN_NAME_IN_URL:
                yield name
    if "=" in value:
        yield from _IN_CONNECTION_STRING.findall(value)

"""The secrets a site holds in its settings and its environment: never sent, and masked if quoted."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

# Whole words at the end of a name: SECRET_KEY, EMAIL_HOST_PASSWORD, STRIPE_API_KEY, but not
# AUTH_USER_MODEL, PASSWORD_HASHERS or CSRF_COOKIE_NAME.
_NAME = re.compile(
    r"(?:^|_)(?:SECRET|TOKEN|PASSWORD|PASSWD|PASSPHRASE|PASS|PWD|CREDENTIALS?|SIGNATURE|KEYS?|KEY_FALLBACKS|DSN)$",
    re.IGNORECASE,
)
_IN_URL = re.compile(r"://[^\s/:@]*:([^\s@]+)@")
_DOTTED = re.compile(r"[A-Za-z_]+(?:\.[A-Za-z_]+)*")
_MIN_LENGTH = 8
_MAX_DEPTH = 6
_MAX_VALUES = 200


def own_secrets(settings: Mapping[str, object], environment: Mapping[str, str]) -> frozenset[str]:
    """The values of at least 8 characters under names of secrets, and the passwords in URLs."""
    found: list[str] = []
    for name, value in (*settings.items(), *environment.items()):
        found.extend(_values(value, bool(_NAME.search(str(name))), 0))
    return frozenset(value for value in found[:_MAX_VALUES] if _is_telling(value))


def _values(value: Any, is_secret: bool, depth: int) -> Iterator[str]:
    kind = type(value)  # never isinstance: a setting may be lazy
    if issubclass(kind, str):
        if is_secret:
            yield value
        elif "://" in value:
            yield from _IN_URL.findall(value)
    elif issubclass(kind, dict) and depth < _MAX_DEPTH:
        for name, item in value.items():
            yield from _values(item, is_secret or bool(_NAME.search(str(name))), depth + 1)
    elif issubclass(kind, (list, tuple)) and depth < _MAX_DEPTH:
        for item in value:
            yield from _values(item, is_secret, depth + 1)


def _is_telling(value: str) -> bool:
    """Long enough, and not just words: a setting named KEY may hold the name of a column."""
    return len(value) >= _MIN_LENGTH and not (_DOTTED.fullmatch(value) and len(value) < 2 * _MIN_LENGTH)

"""Validators of settings: each takes the value given and returns the value used, or raises Malformed.

The message of Malformed names what was expected, and follows that word: "expected True or False".
"""

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from django.conf import settings as django_settings

from hoptoad.conf.dsn import FORM, parse_dsn
from hoptoad.runtime.lifecycle import importing

DEFAULT_TIMEOUT = 5.0

Reader = Callable[[Any], Any]


class Malformed(Exception):
    """A value is not what its setting expects."""


class Characters(NamedTuple):
    """The characters that a text may contain, in words, and those that it must not."""

    wanted: str
    forbidden: "re.Pattern[str]"


# XML 1.0, production [2] Char: https://www.w3.org/TR/xml/#charsets
XML_CHARACTERS = Characters(
    "characters that XML allows", re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
)
HEADER_CHARACTERS = Characters("one line of ASCII, which a header can hold", re.compile("[^ -~]"))
HEADER_WORD = Characters("a word of ASCII without commas", re.compile("[^!-+.-~-]"))


def text(value: Any) -> str:
    """A string without blanks around it. None, as of os.environ.get("…"), is empty."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Malformed("a string")
    return value.strip()


def switch(value: Any) -> bool:
    """True or False, and no number."""
    if not isinstance(value, bool):
        raise Malformed("True or False")
    return value


def url(value: Any) -> str:
    """A whole http or https URL, or nothing."""
    whole = text(value) if value else ""
    if not whole:
        return ""
    try:
        parts = urlsplit(whole)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # the port is not a number, or an IPv6 address lacks a bracket
        valid = False
    if not valid or re.search(r"\s", whole):
        raise Malformed("a whole URL that starts with http:// or https://")
    return whole


def dsn(value: Any) -> str:
    """A DSN as `conf.dsn` reads it, or nothing."""
    whole = text(value)
    try:
        if whole:
            parse_dsn(whole)
    except ValueError as why:
        raise Malformed(f"{FORM}, but {why}") from why
    return whole


def seconds(value: Any) -> float:
    """Seconds above 0, at most 3600. None and 0 have meant DEFAULT_TIMEOUT since 0.3."""
    if value is None or _is_zero(value):
        return DEFAULT_TIMEOUT
    if not _is_number(value) or not 0 < value <= 3600:
        raise Malformed("a number of seconds above 0, at most 3600")
    return float(value)


def seconds_or_zero(value: Any) -> float:
    """Seconds from 0 to 3600; None means DEFAULT_TIMEOUT."""
    return 0.0 if _is_zero(value) else seconds(value)


def number(lowest: int, highest: int, unit: str = "") -> Reader:
    """A validator of numbers, whole or not, with both limits included."""
    kind = f"a number of {unit}" if unit else "a number"

    def read(value: Any) -> float:
        if not _is_number(value) or not lowest <= value <= highest:
            raise Malformed(f"{kind} from {lowest} to {highest}")
        return float(value)

    return read


def count(lowest: int, highest: int) -> Reader:
    """A validator of whole numbers, with both limits included."""

    def read(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not lowest <= value <= highest:
            raise Malformed(f"a whole number from {lowest} to {highest}")
        return value

    return read


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_zero(value: Any) -> bool:
    return value == 0 and not isinstance(value, bool)


def sequence(value: Any, wanted: str) -> tuple[Any, ...]:
    """A list, tuple or set as a tuple; None is empty. `wanted` is the message of Malformed.

    A generator is refused: settings are read more than once, and it would be empty the second time.
    """
    if value is not None and not isinstance(value, (list, tuple, set, frozenset)):
        raise Malformed(wanted)
    return tuple(value or ())


def statuses(value: Any) -> frozenset[int]:
    """HTTP statuses from 400 to 599."""
    wanted = "a list of HTTP statuses from 400 to 599"
    statuses = sequence(value, wanted)
    for status in statuses:
        if isinstance(status, bool) or not isinstance(status, int) or not 400 <= status <= 599:
            raise Malformed(wanted)
    return frozenset(map(int, statuses))


def strings(value: Any) -> tuple[str, ...]:
    """Strings, none of them empty."""
    texts = sequence(value, "a list of strings")
    if not all(isinstance(text, str) and text for text in texts):
        raise Malformed("a list of strings")
    return texts


def regular_expressions(value: Any) -> "tuple[re.Pattern[str], ...]":
    """Regular expressions for text, compiled."""
    wanted = "a list of regular expressions"
    compiled = []
    for expression in sequence(value, wanted):
        try:
            compiled.append(re.compile(expression))
        except (re.error, TypeError) as error:
            raise Malformed(f"{wanted} ({expression!r} is not one: {error})") from None
        if not isinstance(compiled[-1].pattern, str):
            raise Malformed(f"{wanted} for text, not bytes: {expression!r}")
    return tuple(compiled)


def names(value: Any) -> "tuple[str | re.Pattern[str], ...]":
    """Names with a letter or digit in them, and compiled patterns of names."""
    wanted = "a list of names and compiled patterns"
    names = sequence(value, wanted)
    for name in names:
        is_text_pattern = isinstance(name, re.Pattern) and isinstance(name.pattern, str)
        if not (is_text_pattern or (isinstance(name, str) and re.search(r"[^\W_]", name))):
            raise Malformed(f"{wanted} ({name!r} is neither)")
    return names


def project_id(value: Any) -> str:
    """The id of a project as text, as it stands in an address; a number is accepted."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    given = text(value)
    if not re.fullmatch(r"[\w.-]*", given):
        raise Malformed("a number or a string of letters, digits, dots and dashes")
    return given


def header(value: Any) -> str:
    """The name of a header, or nothing."""
    name = text(value)
    if not re.fullmatch(r"[A-Za-z0-9-]*", name):
        raise Malformed("the name of a header, of letters, digits and dashes")
    return name


def directory(value: Any) -> str:
    """The path of a directory, a string or a Path, as text. The directory need not exist."""
    if not isinstance(value, (str, Path)):
        raise Malformed("the path of a directory")
    return os.fspath(value)


def absolute_directory(value: Any) -> str:
    """An absolute path, because processes differ in their current directory."""
    path = directory(value).strip()
    if path in ("", os.curdir):  # Path("") is "."
        return ""
    if not os.path.isabs(path):
        raise Malformed("the absolute path of a directory")
    return path


def cache(value: Any) -> str:
    """The name of a cache in CACHES, or nothing."""
    alias = text(value)
    if alias and alias not in django_settings.CACHES:
        raise Malformed(f"the name of a cache in CACHES ({', '.join(django_settings.CACHES)})")
    return alias


def one_of(*choices: Any) -> Reader:
    """A validator of values that equal one of two or more `choices`, and have its type."""
    shown = [f'"{choice}"' if isinstance(choice, str) else str(choice) for choice in choices]

    def read(value: Any) -> Any:
        # By type too, because 1 == True.
        for choice in choices:
            if type(value) is type(choice) and value == choice:
                return choice
        raise Malformed(f"{', '.join(shown[:-1])} or {shown[-1]}")

    return read


def patterns(value: Any) -> "dict[str, bool | re.Pattern[str]]":
    """HOPTOAD_PATTERNS: False switches a built-in pattern off, a regular expression adds one."""
    wanted = "a dictionary of names to False, True or a regular expression"
    if value is not None and not isinstance(value, Mapping):
        raise Malformed(wanted)
    return {name: _pattern(name, item, wanted) for name, item in (value or {}).items()}


def _pattern(name: Any, item: Any, wanted: str) -> "bool | re.Pattern[str]":
    if not isinstance(name, str) or not isinstance(item, (bool, str, re.Pattern)):
        raise Malformed(wanted)
    if isinstance(item, bool):
        with importing:
            from hoptoad.redaction.patterns import names
        if name not in names():
            raise Malformed(f"{wanted}; built in are {', '.join(names())}, not {name!r}")
        return item
    [pattern] = regular_expressions([item])
    if pattern.search(""):
        raise Malformed(f"{wanted}; the one of {name!r} matches the empty text, and so every text")
    return pattern

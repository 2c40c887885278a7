"""The shapes a setting's value may have: each takes what was given, and returns what is used.

They raise Malformed with the shape wanted, in words that follow "expected".
"""

import os
import re
import sys
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings as django_settings

from hoptoad_before.imports import imported, when_needed

DEFAULT_TIMEOUT = 5.0
BUILT_IN_HANDLERS = {
    "threadpool": "hoptoad_before.handlers.threaded.ThreadedNotifier",
    "blocking": "hoptoad_before.handlers.blocking.BlockingNotifier",
    "spool": "hoptoad_before.handlers.spool.SpoolNotifier",
    "celery": "hoptoad_before.handlers.celery.CeleryNotifier",
    "tasks": "hoptoad_before.handlers.tasks.TasksNotifier",
    "mail": "hoptoad_before.handlers.mail.MailNotifier",
    "memory": "hoptoad_before.handlers.memory.MemoryNotifier",
}

HOOKS = ("commands", "scripts", "threads", "unraisable", "asyncio", "celery", "tasks")

Shape = Callable[[Any], Any]


class Malformed(Exception):
    """Carries the shape a value should have had."""


def text(value: Any) -> str:
    if value is None:
        return ""  # os.environ.get("…")
    if not isinstance(value, str):
        raise Malformed("a string")
    return value.strip()


def switch(value: Any) -> bool:
    if not isinstance(value, bool):
        raise Malformed("True or False")
    return value


def url(value: Any) -> str:
    whole = text(value) if value else ""
    if not whole:
        return ""
    try:
        parts = urlsplit(whole)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number, half an IPv6 address
        valid = False
    if not valid or re.search(r"\s", whole):
        raise Malformed("a whole URL that starts with http:// or https://")
    return whole


def seconds(value: Any) -> float:
    if value is None or (value == 0 and not isinstance(value, bool)):
        return DEFAULT_TIMEOUT  # 0.3 took None and 0 for "the default"
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= 3600:
        raise Malformed("a number of seconds above 0, at most 3600")
    return float(value)


def seconds_or_zero(value: Any) -> float:
    return 0.0 if value == 0 and not isinstance(value, bool) else seconds(value)


def count(lowest: int, highest: int) -> Shape:
    def read(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not lowest <= value <= highest:
            raise Malformed(f"a whole number from {lowest} to {highest}")
        return value

    return read


def sequence(value: Any, wanted: str) -> tuple[Any, ...]:
    # Not any iterable: the check and the start both read it, and a generator would be empty then.
    if value is not None and not isinstance(value, (list, tuple, set, frozenset)):
        raise Malformed(wanted)
    return tuple(value or ())


def statuses(value: Any) -> frozenset[int]:
    wanted = "a list of HTTP statuses from 400 to 599"
    statuses = sequence(value, wanted)
    for status in statuses:
        if isinstance(status, bool) or not isinstance(status, int) or not 400 <= status <= 599:
            raise Malformed(wanted)
    return frozenset(map(int, statuses))


def patterns(value: Any) -> "tuple[re.Pattern[str], ...]":
    compiled = []
    for pattern in sequence(value, "a list of regular expressions"):
        try:
            compiled.append(re.compile(pattern))
        except (re.error, TypeError) as error:
            raise Malformed(f"a list of regular expressions ({pattern!r} is none: {error})") from None
        if not isinstance(compiled[-1].pattern, str):
            raise Malformed(f"a list of regular expressions for text, not bytes: {pattern!r}")
    return tuple(compiled)


def names(value: Any) -> "tuple[str | re.Pattern[str], ...]":
    wanted = "a list of names and compiled patterns"
    names = sequence(value, wanted)
    for name in names:
        is_text_pattern = isinstance(name, re.Pattern) and isinstance(name.pattern, str)
        if not (is_text_pattern or (isinstance(name, str) and re.search(r"[^\W_]", name))):
            raise Malformed(f"{wanted} ({name!r} is neither)")
    return names


def exceptions(value: Any) -> tuple[type[BaseException], ...]:
    classes = []
    for item in sequence(value, "a list of exception classes or their dotted paths"):
        try:
            kind = imported(item if "." in item else f"builtins.{item}") if isinstance(item, str) else item
        except ImportError as error:
            raise Malformed(f"a list of exception classes or their dotted paths ({error})") from None
        if not (isinstance(kind, type) and issubclass(kind, BaseException)):
            raise Malformed(f"a list of exception classes or their dotted paths ({item!r} is none)")
        classes.append(kind)
    return tuple(classes)


def handler(value: Any) -> str:
    if value in ("", None):
        return ""
    given = value.strip() if isinstance(value, str) else ""
    for name, path in BUILT_IN_HANDLERS.items():
        if given.lower() == name or given == path:
            return name
    if not re.search(r"[./\\]", given):
        raise Malformed(f"one of {', '.join(BUILT_IN_HANDLERS)}, or the dotted path of a class")
    return given


def api(value: Any) -> str:
    if value in ("", None):
        return "v2"
    named = value.strip() if isinstance(value, str) else ""
    if named not in ("v2", "v3") and not re.fullmatch(r"\w+(\.\w+)+", named) and not _is_module(named):
        raise Malformed('"v2", "v3", or the dotted path of a module or object that can be imported')
    return named


def _is_module(name: str) -> bool:
    """Whether a name without dots is that of a module: where it is not, someone has mistyped `v3`."""
    try:
        return name.isidentifier() and find_spec(name) is not None
    except (ImportError, ValueError):  # ValueError: loaded, and without a spec
        return name in sys.modules


def identity(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    given = text(value)
    if not re.fullmatch(r"[\w.-]*", given):
        raise Malformed("a number or a string of letters, digits, dots and dashes")
    return given


def version(value: Any) -> str:
    """A version, or a function that returns one."""
    if not callable(value):
        return text(value)
    try:
        return text(value())
    # Whatever someone's function raises, the site must start with one plain sentence.
    except Exception as error:
        raise Malformed(
            f"a string, or a function that returns one ({type(error).__name__}: {error})"
        ) from None


def hooks(value: Any) -> tuple[str, ...]:
    wanted = f"a list of {', '.join(HOOKS)}"
    names = sequence(value, wanted)
    if not set(names) <= set(HOOKS):
        raise Malformed(wanted)
    return names


def header(value: Any) -> str:
    name = text(value)
    if not re.fullmatch(r"[A-Za-z0-9-]*", name):
        raise Malformed("the name of a header, of letters, digits and dashes")
    return name


def directory(value: Any) -> str:
    if not isinstance(value, (str, Path)):
        raise Malformed("the path of a directory")
    return os.fspath(value)


def absolute_directory(value: Any) -> str:
    """Never the current directory, which differs from process to process."""
    path = directory(value).strip()
    if path in ("", os.curdir):  # Path("") is "."
        return ""
    if not os.path.isabs(path):
        raise Malformed("the absolute path of a directory")
    return path


def cache(value: Any) -> str:
    alias = text(value)
    if alias and alias not in django_settings.CACHES:
        raise Malformed(f"the name of a cache in CACHES ({', '.join(django_settings.CACHES)})")
    return alias


def days(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 3650:
        raise Malformed("a number of days from 0 to 3650")
    return float(value)


def share(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise Malformed("a number from 0 to 1")
    return float(value)


def window(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 86_400:
        raise Malformed("a number of seconds from 0 to 86400")
    return float(value)


def one_of(*choices: Any) -> Shape:
    shown = [f'"{choice}"' if isinstance(choice, str) else str(choice) for choice in choices]

    def read(value: Any) -> Any:
        # By type as well: 1 is no True here.
        for choice in choices:
            if type(value) is type(choice) and value == choice:
                return choice
        raise Malformed(f"{', '.join(shown[:-1])} or {shown[-1]}")

    return read


def strings(value: Any) -> tuple[str, ...]:
    texts = sequence(value, "a list of strings")
    if not all(isinstance(text, str) and text for text in texts):
        raise Malformed("a list of strings")
    return texts


def recognisers(value: Any) -> "dict[str, bool | re.Pattern[str]]":
    wanted = "a dictionary of names to False, True or a regular expression"
    if value is not None and not isinstance(value, Mapping):
        raise Malformed(wanted)
    read: dict[str, bool | re.Pattern[str]] = {}
    built_in = when_needed("hoptoad_before.recognisers").NAMES if value else ()
    for name, item in (value or {}).items():
        if not isinstance(name, str) or not isinstance(item, (bool, str, re.Pattern)):
            raise Malformed(wanted)
        if isinstance(item, bool) and name not in built_in:
            raise Malformed(f"{wanted}; built in are {', '.join(built_in)}, not {name!r}")
        read[name] = item if isinstance(item, bool) else patterns([item])[0]
        if not isinstance(item, bool) and read[name].search(""):  # type: ignore[union-attr]
            raise Malformed(f"{wanted}; that of {name!r} matches the empty text, and so everything")
    return read


def functions(value: Any) -> tuple[Any, ...]:
    wanted = "a list of functions or their dotted paths"
    found = []
    for item in sequence(value, wanted):
        try:
            function = imported(item) if isinstance(item, str) else item
        # Whatever importing someone's module raises, the site must start with one plain sentence.
        except Exception as error:
            raise Malformed(f"{wanted} ({item!r}: {type(error).__name__}: {error})") from None
        if not callable(function):
            raise Malformed(f"{wanted} ({item!r} cannot be called)")
        found.append(function)
    return tuple(found)

"""Validators of settings that name code: APIs, handlers, integrations, classes and functions."""

import re
import sys
from collections.abc import Collection, Iterable, Mapping
from importlib.util import find_spec
from typing import Any

from hoptoad.conf.validators import Malformed, Reader, sequence, text
from hoptoad.runtime.lifecycle import imported


def handler(known: Mapping[str, str]) -> Reader:
    """A validator of handlers: a built-in one by its name or the path of its class, or another path.

    Returns the name of a built-in handler in any case.
    """

    def read(value: Any) -> str:
        if value in ("", None):
            return ""
        given = value.strip() if isinstance(value, str) else ""
        for name, path in known.items():
            if given.lower() == name or given == path:
                return name
        if not re.search(r"[./\\]", given):
            raise Malformed(f"{_quoted(known)}, or the dotted path of a class")
        return given

    return read


def api(known: Collection[str]) -> Reader:
    """A validator of APIs: a built-in one by its name, or the path of a module or object."""

    def read(value: Any) -> str:
        if value in ("", None):
            return next(iter(known))
        named = value.strip() if isinstance(value, str) else ""
        if named not in known and not re.fullmatch(r"\w+(\.\w+)+", named) and not _is_module(named):
            raise Malformed(f"{_quoted(known)}, or the dotted path of a module or object")
        return named

    return read


def _is_module(name: str) -> bool:
    """Whether a module has this name without a dot. If not, it is a misspelt `v3`."""
    try:
        return name.isidentifier() and find_spec(name) is not None
    except (ImportError, ValueError):  # ValueError: the module is loaded, and has no spec
        return name in sys.modules


def hooks(known: Collection[str]) -> Reader:
    """A validator of lists of hooks by their names."""

    def read(value: Any) -> tuple[str, ...]:
        wanted = f"a list of {_quoted(known)}"
        names = sequence(value, wanted)
        if not set(names) <= set(known):
            raise Malformed(wanted)
        return names

    return read


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def exceptions(value: Any) -> tuple[type[BaseException], ...]:
    """Exception classes, imported; a path without a dot is a built-in exception."""
    wanted = "a list of exception classes or their dotted paths"
    classes = []
    for item in sequence(value, wanted):
        try:
            found = imported(item if "." in item else f"builtins.{item}") if isinstance(item, str) else item
        except ImportError as error:
            raise Malformed(f"{wanted} ({error})") from None
        if not (isinstance(found, type) and issubclass(found, BaseException)):
            raise Malformed(f"{wanted} ({item!r} is not one)")
        classes.append(found)
    return tuple(classes)


def functions(value: Any) -> tuple[Any, ...]:
    """Functions, imported."""
    wanted = "a list of functions or their dotted paths"
    found = []
    for item in sequence(value, wanted):
        try:
            function = imported(item) if isinstance(item, str) else item
        except Exception as error:  # importing a site's module may raise anything
            raise Malformed(f"{wanted} ({item!r}: {type(error).__name__}: {error})") from None
        if not callable(function):
            raise Malformed(f"{wanted} ({item!r} cannot be called)")
        found.append(function)
    return tuple(found)


def version(value: Any) -> str:
    """A version, or a function that returns one."""
    if not callable(value):
        return text(value)
    try:
        return text(value())
    except Exception as error:  # a site's function may raise anything
        raise Malformed(
            f"a string, or a function that returns one ({type(error).__name__}: {error})"
        ) from None

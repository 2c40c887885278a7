"""Text that is always safe to pass on: bounded, printable, and made without running anyone's code."""

import contextlib
import re
from collections import deque
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum
from itertools import islice
from pathlib import PosixPath, PurePosixPath, PureWindowsPath, WindowsPath
from types import MemberDescriptorType
from typing import Any
from uuid import UUID

from hoptoad.lazily import compiled

CUT = "… [cut]"
NOT_LOADED = "[not loaded]"
# Where a word begins: the `n` of an escaped line break is no letter of the word after it.
AFTER_ESCAPE = r"(?<=\\[abfnrtv])|(?<=\\x[0-9a-fA-F]{2})|(?<=\\u[0-9a-fA-F]{4})"
WORD_STARTS = rf"(?:\b|{AFTER_ESCAPE})"

# Types whose own `str` is cheap, bounded and free of side effects. Everything else could be a
# model, a QuerySet or a lazy object, and its `str` or `repr` could run SQL.
_PLAIN = frozenset(
    {bool, float, complex, type(None), Decimal, datetime, date, time, timedelta, timezone, UUID}
    | {PosixPath, WindowsPath, PurePosixPath, PureWindowsPath}
)
_SEQUENCES: dict[type, tuple[str, str]] = {
    list: ("[", "]"),
    tuple: ("(", ")"),
    set: ("{", "}"),
    frozenset: ("frozenset({", "})"),
    deque: ("deque([", "])"),
}
_MAX_INT_BITS = 1024
_MAX_DEPTH = 8

# XML 1.0, production [2] Char: https://www.w3.org/TR/xml/#charsets
_FORBIDDEN = compiled("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_ADDRESS = compiled(r" at 0x[0-9a-fA-F]+")


def clean(text: str) -> str:
    """`text` with every character XML 1.0 forbids written as `\\x1b` or `\\ud800`."""
    return text if text.isprintable() else _FORBIDDEN.sub(_escaped, text)  # what prints is allowed


def cut(text: str, max_chars: int, mark: str = CUT) -> str:
    """`text`, at most `max_chars` characters of it, its end marked where it was longer."""
    if len(text) <= max_chars:
        return text
    return text[: max(max_chars - len(mark), 0)] + mark[:max_chars]


def memory_of(thing: object) -> dict[str, Any]:
    """The instance's own attributes, past whatever its class would compute."""
    try:
        memory = object.__getattribute__(thing, "__dict__")
    except AttributeError:
        return {}
    return memory if type(memory) is dict else {}


def slots_of(thing: object) -> dict[str, Any]:
    """What is in the slots of the instance's own class."""
    found = {}
    for name, slot in type(thing).__dict__.items():
        if type(slot) is MemberDescriptorType:
            with contextlib.suppress(AttributeError):  # empty
                found[name] = slot.__get__(thing)
    return found


def iso_time(seconds: float) -> str:
    """Seconds since the epoch as a time in UTC, ISO 8601."""
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="seconds")


def without_addresses(text: str) -> str:
    """`text` without the ` at 0x7f…` of object representations, which differ in every process."""
    return _ADDRESS.sub("", text)


def exact(text: str) -> str:
    """A plain `str` of a `str` subclass, whatever that overrides."""
    return str.__str__(text)


def plain(value: object, max_chars: int) -> str:
    """What a person would read in a form field that holds `value`."""
    if issubclass(type(value), str):
        return cut(exact(value), max_chars)  # type: ignore[arg-type]
    if type(value) in _PLAIN:
        return str(value)
    translation = _message_id(value)
    return bounded_repr(value, max_chars) if translation is None else cut(translation, max_chars)


def bounded_repr(value: object, max_chars: int) -> str:
    """Like `repr(value)`, but it stops at `max_chars` and evaluates nothing.

    Only built-in types are looked into, by their own methods; any other object is named by its
    class. A translation that is not yet made appears as its message id.
    """
    pieces: list[str] = []
    room = max_chars
    for piece in _pieces(value, max_chars, ()):
        if len(piece) > room:
            return cut("".join(pieces) + piece, max_chars)
        pieces.append(piece)
        room -= len(piece)
    return "".join(pieces)


def class_name(kind: type) -> str:
    """`module.QualName`, without `builtins.`, read past whatever a metaclass pretends."""
    name = type.__dict__["__qualname__"].__get__(kind)
    try:
        module = type.__dict__["__module__"].__get__(kind)
    except AttributeError:
        module = None
    if type(module) is not str or module == "builtins":
        return exact(name)
    return f"{module}.{exact(name)}"


def _escaped(match: "re.Match[str]") -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def _pieces(value: object, max_chars: int, path: tuple[int, ...]) -> Iterator[str]:
    kind = type(value)
    # issubclass(type(x)), never isinstance: that asks `__class__`, which evaluates a lazy object.
    if issubclass(kind, Enum):
        yield f"{kind.__name__}.{value._name_}"  # type: ignore[attr-defined]
    elif issubclass(kind, str):
        yield repr(exact(value)[:max_chars])  # type: ignore[arg-type]
    elif issubclass(kind, (bytes, bytearray)):
        yield repr(bytes(memoryview(value)[:max_chars]))  # type: ignore[arg-type]
    elif kind is int:
        yield _int(value)  # type: ignore[arg-type]
    elif kind in _PLAIN:
        yield repr(value)
    elif id(value) in path or len(path) > _MAX_DEPTH:
        yield "…"
    elif issubclass(kind, dict):
        yield from _items(value, max_chars, (*path, id(value)))  # type: ignore[arg-type]
    elif kind in _SEQUENCES:
        yield from _elements(value, max_chars, (*path, id(value)))
    else:
        yield _named(value)


def _items(value: "dict[object, object]", max_chars: int, path: tuple[int, ...]) -> Iterator[str]:
    yield "{"
    # A copy made in one step: another thread may be changing the original.
    for index, (key, item) in enumerate(tuple(islice(dict.items(value), max_chars))):
        if index:
            yield ", "
        yield from _pieces(key, max_chars, path)
        yield ": "
        yield from _pieces(item, max_chars, path)
    yield "}"


def _elements(value: object, max_chars: int, path: tuple[int, ...]) -> Iterator[str]:
    kind = type(value)
    opening, closing = _SEQUENCES[kind]
    items = tuple(islice(value, max_chars))  # type: ignore[call-overload]
    if kind is set and not items:
        yield "set()"
        return
    yield opening
    for index, item in enumerate(items):
        if index:
            yield ", "
        yield from _pieces(item, max_chars, path)
    yield ",)" if kind is tuple and len(items) == 1 else closing


def _int(value: int) -> str:
    bits = value.bit_length()
    return repr(value) if bits <= _MAX_INT_BITS else f"<int of {bits} bits>"


def _named(value: object) -> str:
    translation = _message_id(value)
    return f"<{class_name(type(value))} object>" if translation is None else repr(translation)


def _message_id(value: object) -> str | None:
    """The message id of a translation that is not yet made: one language for all users."""
    kind = type(value)
    if kind.__name__ != "__proxy__" or kind.__module__ != "django.utils.functional":
        return None
    arguments = value.__dict__.get("_args") or ("",)
    return arguments[0] if type(arguments[0]) is str else None

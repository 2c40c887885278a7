"""Text that is always safe to pass on: bounded, printable, and made without running anyone's code."""

import contextlib
import functools
import re
from collections import deque
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum
from itertools import islice
from pathlib import PosixPath, PurePosixPath, PureWindowsPath, WindowsPath
from types import BuiltinFunctionType, FunctionType, MemberDescriptorType, MethodType
from typing import Any
from uuid import UUID

from hoptoad.redaction.cutting import cut
from hoptoad.runtime.no_sql import no_sql

NOT_LOADED = "[not loaded]"
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
_MAX_SHORT = 1 << 64
_MAX_DEPTH = 8

# Written in C by Python itself, these show attributes that were arguments once.
_FROM_ATTRIBUTES = (
    OSError.__str__,
    SyntaxError.__str__,
    ImportError.__str__,
    UnicodeEncodeError.__str__,
    UnicodeDecodeError.__str__,
    UnicodeTranslateError.__str__,
)
_FROM_ARGUMENTS = (BaseException.__str__, KeyError.__str__)
# The arguments whose own `str` and `repr` those of an exception may call.
_PLAIN_ARGUMENTS = (str, bytes, int, type(None))
_args_of = BaseException.__dict__["args"].__get__
_partial_func = functools.partial.__dict__["func"].__get__

_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


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
    """`value` as text, as a form field would show it."""
    return _plain(value, max_chars, ())


SHORT = frozenset({float, bool, type(None)})  # as text; an int may be long
NUMBERS = SHORT | {int}


def number_text(value: object) -> str:
    """An object of one of NUMBERS as text; an int of very many digits is only named."""
    return _int(value) if type(value) is int and not -_MAX_SHORT < value < _MAX_SHORT else str(value)


def bounded_repr(value: object, max_chars: int) -> str:
    """Like `repr(value)`, but it stops at `max_chars` and evaluates nothing.

    Only built-in types are looked into, by their own methods. An exception is shown with its text,
    a class or function by its name, and any other object is named by its class. A translation that
    is not yet made appears as its message id.
    """
    if type(value) in NUMBERS:
        return cut(number_text(value), max_chars)
    return _bounded(value, max_chars, ())


def exception_text(error: BaseException, max_chars: int) -> str:
    """The exception's own text, made without evaluating its arguments and without SQL."""
    return _exception_text(error, max_chars, (id(error),))


def class_name(kind: type) -> str:
    """`module.QualName`, without `builtins.`, read past whatever a metaclass pretends."""
    name = exact(type.__dict__["__qualname__"].__get__(kind))
    module = module_of(kind)
    return f"{module}.{name}" if module else name


def function_of(value: object) -> "FunctionType | BuiltinFunctionType | None":
    """The function behind bound methods and partials; None where `value` is nothing of that kind."""
    for _ in range(_MAX_DEPTH):
        if type(value) is MethodType:
            value = value.__func__
        elif issubclass(type(value), functools.partial):
            value = _partial_func(value)
        else:
            break
    return value if type(value) in (FunctionType, BuiltinFunctionType) else None  # type: ignore[return-value]


def module_of(kind: type) -> str:
    """The class's module; empty for a built-in class, and where none is known."""
    try:
        module = type.__dict__["__module__"].__get__(kind)
    except AttributeError:
        return ""
    return module if type(module) is str and module != "builtins" else ""


def _short_name(kind: type) -> str:
    return exact(type.__dict__["__name__"].__get__(kind))


def _plain(value: object, max_chars: int, path: tuple[int, ...]) -> str:
    kind = type(value)
    if issubclass(kind, str):
        return cut(exact(value), max_chars)  # type: ignore[arg-type]
    if kind in _PLAIN:
        return cut(str(value), max_chars)  # a Decimal and a path may be very long
    if issubclass(kind, BaseException) and not _ends(value, path):
        text = _exception_text(value, max_chars, (*path, id(value)))  # type: ignore[arg-type]
        return text if text.strip() else _short_name(kind)
    translation = _message_id(value)
    return _bounded(value, max_chars, path) if translation is None else cut(translation, max_chars)


def _bounded(value: object, max_chars: int, path: tuple[int, ...]) -> str:
    pieces: list[str] = []
    room = max_chars
    for piece in _pieces(value, max_chars, path):
        if len(piece) > room:
            return cut("".join(pieces) + piece, max_chars)
        pieces.append(piece)
        room -= len(piece)
    return "".join(pieces)


def _exception_text(error: BaseException, max_chars: int, path: tuple[int, ...]) -> str:
    try:
        written_by = type(error).__str__
        arguments = _args_of(error)
        is_plain = all(map(_is_plain_argument, arguments))
        if written_by in _FROM_ARGUMENTS or (written_by in _FROM_ATTRIBUTES and not is_plain):
            return _arguments_text(arguments, max_chars, path, quoted=written_by is KeyError.__str__)
        with no_sql():
            return cut(exact(str(error)), max_chars)
    # As broad as Python's own traceback module: `__str__` may raise SystemExit.
    except BaseException as problem:
        return f"[its text could not be read: {class_name(type(problem))}]"


def _is_plain_argument(argument: object) -> bool:
    if type(argument) is tuple:  # the place of a SyntaxError
        return all(type(item) in _PLAIN_ARGUMENTS for item in argument)
    return type(argument) in _PLAIN_ARGUMENTS


def _arguments_text(
    arguments: tuple[object, ...], max_chars: int, path: tuple[int, ...], *, quoted: bool
) -> str:
    if not arguments:
        return ""
    if len(arguments) > 1 or quoted:
        return _bounded(arguments if len(arguments) > 1 else arguments[0], max_chars, path)
    return _plain(arguments[0], max_chars, path)


def _ends(value: object, path: tuple[int, ...]) -> bool:
    """Whether nested data ends here: it contains itself, or is nested too deep."""
    return id(value) in path or len(path) > _MAX_DEPTH


def _pieces(value: object, max_chars: int, path: tuple[int, ...]) -> Iterator[str]:
    kind = type(value)
    # issubclass(type(x)), never isinstance: that asks `__class__`, which evaluates a lazy object.
    if issubclass(kind, Enum):
        yield f"{_short_name(kind)}.{memory_of(value).get('_name_')}"
    elif issubclass(kind, str):
        yield repr(exact(value)[:max_chars])  # type: ignore[arg-type]
    elif issubclass(kind, (bytes, bytearray)):
        yield repr(bytes(memoryview(value)[:max_chars]))  # type: ignore[arg-type]
    elif kind is int:
        yield _int(value)  # type: ignore[arg-type]
    elif kind in _PLAIN:
        yield repr(value)
    elif issubclass(kind, type):
        yield f"<class {class_name(value)!r}>"  # type: ignore[arg-type]
    elif _ends(value, path):
        yield "…"
    elif issubclass(kind, dict):
        yield from _items(value, max_chars, (*path, id(value)))  # type: ignore[arg-type]
    elif kind in _SEQUENCES:
        yield from _elements(value, max_chars, (*path, id(value)))
    elif issubclass(kind, BaseException):
        yield from _exception_pieces(value, max_chars, (*path, id(value)))  # type: ignore[arg-type]
    else:
        yield _named(value)


def _exception_pieces(error: BaseException, max_chars: int, path: tuple[int, ...]) -> Iterator[str]:
    """`ValueError('a', 2)`, or with the text that the class makes itself: `PayError('card refused')`."""
    kind = type(error)
    yield f"{_short_name(kind)}("
    try:
        shows_arguments = kind.__str__ in _FROM_ARGUMENTS
    except Exception:  # a metaclass that refuses
        shows_arguments = False
    if not shows_arguments:
        yield repr(_exception_text(error, max_chars, path))
    else:
        yield from _joined(_args_of(error), max_chars, path)
    yield ")"


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
    yield from _joined(items, max_chars, path)
    yield ",)" if kind is tuple and len(items) == 1 else closing


def _joined(items: tuple[object, ...], max_chars: int, path: tuple[int, ...]) -> Iterator[str]:
    for index, item in enumerate(items):
        if index:
            yield ", "
        yield from _pieces(item, max_chars, path)


def _int(value: int) -> str:
    bits = value.bit_length()
    return repr(value) if bits <= _MAX_INT_BITS else f"<int of {bits} bits>"


def _named(value: object) -> str:
    function = function_of(value)
    if function is not None:
        return f"<function {_function_name(function)}>"
    translation = _message_id(value)
    return f"<{class_name(type(value))} object>" if translation is None else repr(translation)


def _function_name(function: "FunctionType | BuiltinFunctionType") -> str:
    # The qualified name of a built-in function would be asked of its object's class.
    name = function.__qualname__ if type(function) is FunctionType else function.__name__
    module = function.__module__
    return f"{module}.{name}" if type(module) is str and module != "builtins" else name


def _message_id(value: object) -> str | None:
    """The message id of a translation that is not yet made: one language for all users."""
    kind = type(value)
    if _short_name(kind) != "__proxy__" or module_of(kind) != "django.utils.functional":
        return None
    arguments = memory_of(value).get("_args") or ("",)
    return arguments[0] if type(arguments[0]) is str else None

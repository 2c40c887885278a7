"""An exception's own attributes and what led to it, past whatever a class puts in front of them."""

import builtins
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

MAX_CAUSES = 10

_SLOTS: dict[str, Callable[[BaseException], Any]] = {
    name: BaseException.__dict__[name].__get__
    for name in ("__cause__", "__context__", "__dict__", "__suppress_context__", "__traceback__", "args")
}


def slot(error: BaseException, name: str) -> Any:
    """One of BaseException's own attributes, past whatever a class has put in front of it."""
    return _SLOTS[name](error)


def causes_of(error: BaseException) -> "Iterator[tuple[BaseException, str]]":
    """What led to `error`, nearest first, each once, at most MAX_CAUSES."""
    return ((cause, relation) for cause, relation, _ in causes_with_parents(error))


def causes_with_parents(error: BaseException) -> "Iterator[tuple[BaseException, str, int]]":
    """As `causes_of`, each with the number of the error that it led to: 0 is `error`, 1 its first cause."""
    seen = {id(error)}
    waiting = deque((cause, relation, 0) for cause, relation in _direct_causes(error))
    while waiting and len(seen) <= MAX_CAUSES:
        cause, relation, parent = waiting.popleft()
        if id(cause) not in seen:
            number = len(seen)
            seen.add(id(cause))
            yield cause, relation, parent
            waiting.extend((further, how, number) for further, how in _direct_causes(cause))


def _direct_causes(error: BaseException) -> "list[tuple[BaseException, str]]":
    cause = slot(error, "__cause__")
    context = slot(error, "__context__")
    suppressed = slot(error, "__suppress_context__")
    led: list[tuple[BaseException, str]] = []
    if cause is not None:
        led.append((cause, "cause"))
    elif context is not None and not suppressed:
        led.append((context, "context"))
    members = _members(error)
    return led + [(member, "member") for member in members]


def _members(error: BaseException) -> tuple[BaseException, ...]:
    group = getattr(builtins, "BaseExceptionGroup", None)
    if group is None:  # Python 3.10: the `exceptiongroup` package keeps them here
        members = slot(error, "__dict__").get("_exceptions", ())
    else:
        members = group.exceptions.__get__(error) if issubclass(type(error), group) else ()
    if type(members) is not tuple:
        return ()
    return tuple(item for item in members[:MAX_CAUSES] if issubclass(type(item), BaseException))

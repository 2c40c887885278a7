"""Raised exceptions: their own attributes, what led to them, and how each was last seen.

An exception is recognised without keeping it, its frames or anything else of ours.
The traceback tells whether an exception only went on, or was raised again. Its frames, outermost first:

    first seen                     job, raiser
    went on to its caller          main, job, raiser           main called job: the same raising
    `raise error` in `again`       main, again, job, raiser    again did not call job: a new raising
    `raise error.with_traceback`   main, again                 fewer frames than before: a new raising
"""

import builtins
import contextlib
import itertools
import opcode
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, NamedTuple

from asgiref import sync

MAX_CHAIN = 10_000
_MAX_SEEN = 256
_ASGIREF = sync.__file__
_RAISE = opcode.opmap["RAISE_VARARGS"]
# They raise in one thread what was raised in another.
_CARRIERS = ("concurrent/futures/_base.py", "multiprocessing/pool.py")

# A part of a traceback: its first frame, and the first frame after it.
Part = tuple[TracebackType | None, TracebackType | None]

MAX_CAUSES = 10
_GROUP: Any = getattr(builtins, "BaseExceptionGroup", None)

_SLOTS: dict[str, Callable[[BaseException], Any]] = {
    name: BaseException.__dict__[name].__get__
    for name in ("__cause__", "__context__", "__dict__", "__suppress_context__", "__traceback__", "args")
}


class Sighting(NamedTuple):
    """An exception as it was last seen."""

    identity: Any
    is_owned: bool  # seen in a request or task
    length: int  # of its traceback
    thread: "weakref.ref[threading.Thread]"  # not its number, which another thread may get
    fresh: int  # the number of frames, outermost first, that do not remain from an earlier failure


# The last exceptions that any thread saw, by id(); an identity tells whether it is still the same object.
_sightings: dict[int, Sighting] = {}


def identity_of(error: BaseException) -> Any:
    """A value that recognises `error` later without keeping it alive.

    A weak reference, or for classes that allow none (ValueError and other built-in ones) the
    exception's own `__dict__`, which is nearly always empty and belongs to no other object.
    """
    try:
        return weakref.ref(error)
    except TypeError:
        return slot(error, "__dict__")


def is_same(identity: Any, error: BaseException) -> bool:
    """Whether `identity_of(error)` returned this identity."""
    if type(identity) is weakref.ReferenceType:
        return identity() is error
    return identity is slot(error, "__dict__")


def is_gone(identity: Any) -> bool:
    """Whether the exception of an identity is known to be deleted."""
    return type(identity) is weakref.ReferenceType and identity() is None


def parts_of(error: BaseException) -> list[Part]:
    """The parts of the traceback that belong to this failure, outermost first.

    The traceback of an object that is raised again still has the frames of earlier failures, and they
    hold the variables of other requests. Where a Future raised what it kept, the frames of the place
    that failed belong to it as well.
    """
    trace: TracebackType | None = slot(error, "__traceback__")
    sighting = sighting_of(error)
    if sighting is None or sighting.fresh >= sighting.length:
        return [(trace, None)]
    steps = _steps(error)
    if sighting.fresh >= len(steps):
        return [(trace, None)]
    last = steps[sighting.fresh - 1]
    parts: list[Part] = [(trace, last.tb_next)]
    if _is_carrier(last.tb_frame.f_code.co_filename):
        older = range(sighting.fresh, len(steps))
        begins = [i for i in older if _is_new_raising(steps[i - 1], steps[i])]
        parts += [(steps[i], None) for i in begins[-1:]]
    return parts


def sighting_of(error: BaseException) -> Sighting | None:
    """How the exception was last seen, or None."""
    sighting = _sightings.get(id(error))
    return sighting if sighting is not None and is_same(sighting.identity, error) else None


def remember(error: BaseException, sighting: Sighting) -> None:
    """Replaces the last sighting of the exception."""
    _sightings.pop(id(error), None)  # so that it becomes the youngest
    if sighting.is_owned and type(sighting.identity) is dict and sighting.identity:
        return  # it would keep what the site stored on the exception, for example its request
    _sightings[id(error)] = sighting
    while len(_sightings) > _MAX_SEEN:
        with contextlib.suppress(RuntimeError, StopIteration):  # another thread removes some as well
            _sightings.pop(next(iter(_sightings)), None)


def measured(error: BaseException, *, is_owned: bool) -> Sighting:
    """The exception as it is seen now."""
    length = len(_steps(error))
    thread = weakref.ref(threading.current_thread())
    return Sighting(identity_of(error), is_owned, length, thread, length)


def is_same_raising(before: Sighting, now: Sighting, error: BaseException) -> bool:
    """Whether the exception only went on to its callers, or from one thread to another, since `before`.

    `test_outside_of_requests_each_raising_in_a_loop_is_reported` and
    `test_a_job_in_a_thread_pool_and_its_request_are_one_failure` fail without it.
    """
    added = now.length - before.length
    if added < 0:  # its traceback was replaced, and it was raised anew
        return False
    steps = _steps(error)[: added + 1]
    again = sum(_is_new_raising(outer, inner) for outer, inner in itertools.pairwise(steps))
    if again == 1 and now.thread() is not before.thread():
        return _was_carried(steps[:added])
    return again == 0


def _steps(error: BaseException) -> list[TracebackType]:
    """The traceback without the frames of asgiref, which raises again in each thread that it changes to."""
    step: TracebackType | None = slot(error, "__traceback__")
    steps: list[TracebackType] = []
    in_asgiref = False
    for _ in range(MAX_CHAIN):
        if step is None:
            break
        file = step.tb_frame.f_code.co_filename
        # Together with those of the Future that asgiref waits for.
        in_asgiref = file == _ASGIREF or (in_asgiref and _is_carrier(file))
        if not in_asgiref:
            steps += [step]
        step = step.tb_next
    return steps


def _is_carrier(file: str) -> bool:
    return file.replace("\\", "/").endswith(_CARRIERS)


def _is_new_raising(outer: TracebackType, inner: TracebackType) -> bool:
    return inner.tb_frame.f_back is not outer.tb_frame and _is_raised_by(outer, inner)


def _is_raised_by(outer: TracebackType, inner: TracebackType) -> bool:
    """Whether `outer`, which is not the caller of `inner`, raised what `inner` had raised before.

    A traceback that goes on through callers reads main, helper, raiser. In that of an exception that
    is raised again, the later `raise` stands right before the older frames: main, raiser, main, raiser.
    """
    frame = outer.tb_frame
    if inner.tb_frame is frame:  # `raise error` in its own except block, unless a loop came here again
        return outer.tb_lasti == inner.tb_lasti
    # Code that awaits a coroutine or resumes a generator is not its `f_back`, and has no `raise`.
    code = frame.f_code.co_code
    return 0 <= outer.tb_lasti < len(code) and code[outer.tb_lasti] == _RAISE


def _was_carried(added: list[TracebackType]) -> bool:
    """Whether a Future raised it again, in one of these frames, for the thread that waited."""
    return any(_is_carrier(step.tb_frame.f_code.co_filename) for step in added)


def slot(error: BaseException, name: str) -> Any:
    """One of BaseException's own attributes, past whatever a class has put in front of it."""
    return _SLOTS[name](error)


def causes_of(error: BaseException) -> "Iterator[tuple[BaseException, str]]":
    """What led to `error`, nearest first, each once, at most MAX_CAUSES."""
    return ((cause, relation) for cause, relation, _ in causes_with_parents(error))


def causes_with_parents(error: BaseException) -> "Iterator[tuple[BaseException, str, int]]":
    """As `causes_of`, each with the number of the error that it led to: 0 is `error`, 1 its first cause."""
    seen = {id(error)}
    waiting = deque([(cause, relation, 0) for cause, relation in _direct_causes(error)])
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
    if _GROUP is None:  # Python 3.10: the `exceptiongroup` package keeps them here
        members = slot(error, "__dict__").get("_exceptions", ())
    else:
        members = _GROUP.exceptions.__get__(error) if issubclass(type(error), _GROUP) else ()
    if type(members) is not tuple:
        return ()
    return tuple([item for item in members[:MAX_CAUSES] if issubclass(type(item), BaseException)])

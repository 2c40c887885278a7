"""Duplicates: one failure is reported once, whichever integration, thread or task sees it.

Within a request or task, one exception object is one failure. Elsewhere an exception is the same
failure as long as it only travels on through its callers, and another one each time it is raised
anew. Example, outside of requests:

    ERROR = RuntimeError("one object for all")
    for job in jobs:              # three jobs that raise ERROR: three failures
        with hoptoad_before.watch():     # an outer `watch` around this one: still three
            job()

Exceptions are recognised without keeping them, their frames or anything of ours in them.
"""

import contextlib
import opcode
import threading
import weakref
from collections import deque
from types import TracebackType
from typing import Any, NamedTuple

from asgiref import sync
from django.http import HttpRequest

from hoptoad_before import scope
from hoptoad_before.errorchain import slot
from hoptoad_before.marks import SEEN

_MAX_CHAIN = 10_000
_MAX_SEEN = 256
_ASGIREF = sync.__file__
_RAISE = opcode.opmap["RAISE_VARARGS"]
# These raise in one thread what was raised in another.
_CARRIERS = ("concurrent/futures/_base.py", "multiprocessing/pool.py")


class Duplicates:
    """The exceptions that were seen on one request, or in one task."""

    __slots__ = ("answer_seen", "handler_failed", "reason", "seen", "uncaught")

    def __init__(self) -> None:
        self.seen: deque[Any] = deque(maxlen=_MAX_SEEN)
        self.uncaught: deque[Any] = deque(maxlen=_MAX_SEEN)
        self.answer_seen = False
        self.reason: Any = None  # the exception that Django answers with a status below 500
        self.handler_failed = False


class _Sighting(NamedTuple):
    identity: Any
    is_owned: bool  # seen in a request or task
    length: int  # of its traceback
    raised: int  # how many times it was raised so far, by its traceback
    thread: "weakref.ref[threading.Thread]"  # its number may be another thread's by now
    fresh: int  # how many lines at the head of the traceback are not left from an earlier failure


# The last exceptions that any thread saw, by id; the identity tells whether it is still the same object.
_sightings: dict[int, _Sighting] = {}


def identity_of(error: BaseException) -> Any:
    """What recognises `error` later without keeping it alive.

    A weak reference, or for classes that allow none (ValueError and other built-in ones) the
    exception's own `__dict__`, which is nearly always empty and belongs to no other object.
    """
    try:
        return weakref.ref(error)
    except TypeError:
        return slot(error, "__dict__")


def is_same(identity: Any, error: BaseException) -> bool:
    """Whether `identity_of(error)` gave this identity."""
    if type(identity) is weakref.ReferenceType:
        return identity() is error
    return identity is slot(error, "__dict__")


def is_gone(identity: Any) -> bool:
    """Whether the exception of an identity is known to be no more."""
    return type(identity) is weakref.ReferenceType and identity() is None


def first_status(request: HttpRequest, status: int) -> bool:
    """Whether an answer's status is a failure of its own: True once for a request.

    It is not where an exception led to it: an uncaught one, a reported one that Django answers, or
    for a status of 500 and above any that was caught and reported.
    """
    duplicates = _duplicates_of(request) or Duplicates()
    reason = duplicates.reason
    if reason is not None and any(identity is reason for identity in duplicates.seen):
        return False
    if duplicates.answer_seen or duplicates.uncaught or (status >= 500 and duplicates.seen):
        return False
    duplicates.answer_seen = True
    return True


def is_reason(request: HttpRequest, error: BaseException) -> None:
    """Says that Django answers `request` because of `error`."""
    duplicates = _duplicates_of(request)
    if duplicates is not None:
        duplicates.reason = identity_of(error)


def first_exception(request: HttpRequest | None, error: BaseException, *, uncaught: bool = False) -> bool:
    """Whether this failure was not seen before; it counts as seen afterwards.

    `uncaught` says that nothing of the site has caught it. Where `handler500` or the URL
    configuration itself fails, Django asks it again in each layer of middleware, and each time a new
    exception is raised while the one before is handled: they are one failure.
    """
    duplicates = _duplicates_of(request)
    sighting = _sighting_of(error)
    now = _measured(error, duplicates)
    is_seen = duplicates is not None and any(is_same(identity, error) for identity in duplicates.seen)
    goes_on = (
        sighting is not None
        and (is_seen or duplicates is None or not sighting.is_owned)
        and _is_same_raising(sighting, now, error)
    )
    if sighting is not None and now.length > sighting.length:
        added = now.length - sighting.length
        now = now._replace(fresh=sighting.fresh + added if goes_on else added)
    _remember(error, now)
    if duplicates is None:
        return not goes_on
    known = is_seen or goes_on
    if not is_seen:
        duplicates.seen.append(now.identity)
    if not uncaught:
        return not known
    # Once a request could not be answered, whatever comes out of it further says the same.
    follows = not known and (duplicates.handler_failed or _follows(error, duplicates))
    duplicates.uncaught.append(now.identity)
    if not follows:
        return not known
    first = not duplicates.handler_failed
    duplicates.handler_failed = True
    return first


def parts_of(error: BaseException) -> list[tuple[TracebackType | None, TracebackType | None]]:
    """The parts of the traceback that tell of this failure, outermost first: where each begins and ends.

    The traceback of an object that is raised again and again still has the lines of earlier failures,
    and their frames hold the variables of other requests. Where a Future has raised what it kept, the
    lines of the place where that failed are told as well.
    """
    trace: TracebackType | None = slot(error, "__traceback__")
    sighting = _sighting_of(error)
    if sighting is None or sighting.fresh >= sighting.length:
        return [(trace, None)]
    steps = _steps(error)
    if sighting.fresh >= len(steps):
        return [(trace, None)]
    parts: list[tuple[TracebackType | None, TracebackType | None]] = [
        (trace, steps[sighting.fresh - 1].tb_next)
    ]
    if _is_carrier(steps[sighting.fresh - 1].tb_frame.f_code.co_filename):
        older = range(sighting.fresh, len(steps))
        begins = [i for i in older if _is_new_raising(steps[i - 1], steps[i])]
        parts += [(steps[i], None) for i in begins[-1:]]
    return parts


def _duplicates_of(request: HttpRequest | None) -> Duplicates | None:
    """The Duplicates of a request or task, or None where an exception is recognised by its traceback."""
    found: Duplicates | None = request.__dict__.get(SEEN) if request is not None else None
    if found is not None:
        return found
    unit = scope.current()
    if request is not None and scope.current_request() is not request:
        found = Duplicates()
    elif unit is not None and unit.merges:
        found = unit.duplicates = unit.duplicates or Duplicates()
    if request is not None and found is not None:
        request.__dict__[SEEN] = found
    return found


def _sighting_of(error: BaseException) -> _Sighting | None:
    sighting = _sightings.get(id(error))
    return sighting if sighting is not None and is_same(sighting.identity, error) else None


def _remember(error: BaseException, sighting: _Sighting) -> None:
    _sightings.pop(id(error), None)  # so that it becomes the youngest
    if sighting.is_owned and type(sighting.identity) is dict and sighting.identity:
        return  # it would keep what the site has put on the exception, its request for one
    _sightings[id(error)] = sighting
    while len(_sightings) > _MAX_SEEN:
        with contextlib.suppress(RuntimeError, StopIteration):  # another thread removes some as well
            _sightings.pop(next(iter(_sightings)), None)


def _measured(error: BaseException, owner: Duplicates | None) -> _Sighting:
    length, raised = 0, 1
    outer: TracebackType | None = None
    step: TracebackType | None = slot(error, "__traceback__")
    in_asgiref = False
    while step is not None and length < _MAX_CHAIN:
        frame = step.tb_frame
        file = frame.f_code.co_filename
        # As in `_steps`, without its list.
        in_asgiref = file == _ASGIREF or (in_asgiref and _is_carrier(file))
        if not in_asgiref:
            length += 1
            # The first comparison is the usual answer, without a call for each line.
            if outer is not None and frame.f_back is not outer.tb_frame and _is_raised_by(outer, step):
                raised += 1
            outer = step
        step = step.tb_next
    thread = weakref.ref(threading.current_thread())
    return _Sighting(identity_of(error), owner is not None, length, raised, thread, length)


def _steps(error: BaseException) -> list[TracebackType]:
    """The traceback without the lines of asgiref, which raises again in each thread that it changes to."""
    step: TracebackType | None = slot(error, "__traceback__")
    steps: list[TracebackType] = []
    in_asgiref = False
    while step is not None and len(steps) < _MAX_CHAIN:
        file = step.tb_frame.f_code.co_filename
        # With those of the Future that it waits for.
        in_asgiref = file == _ASGIREF or (in_asgiref and _is_carrier(file))
        if not in_asgiref:
            steps.append(step)
        step = step.tb_next
    return steps


def _is_carrier(file: str) -> bool:
    return file.replace("\\", "/").endswith(_CARRIERS)


def _is_new_raising(outer: TracebackType, inner: TracebackType) -> bool:
    return inner.tb_frame.f_back is not outer.tb_frame and _is_raised_by(outer, inner)


def _is_raised_by(outer: TracebackType, inner: TracebackType) -> bool:
    """Whether `outer`, which is not the caller of `inner`, raised what `inner` had raised before.

    A traceback that goes on through callers reads main, helper, raiser. One whose exception is
    raised again has the line of the later `raise` right before the older lines:
    main, raiser, main, raiser.
    """
    frame = outer.tb_frame
    if inner.tb_frame is frame:  # `raise error` in its own except block, unless a loop came here again
        return outer.tb_lasti == inner.tb_lasti
    # What awaits a coroutine or resumes a generator is not its `f_back`, and has no `raise`.
    code = frame.f_code.co_code
    return 0 <= outer.tb_lasti < len(code) and code[outer.tb_lasti] == _RAISE


def _is_same_raising(before: _Sighting, now: _Sighting, error: BaseException) -> bool:
    if now.length < before.length:  # somebody has cut the traceback, and raised it anew
        return False
    again = now.raised - before.raised
    if again == 1 and now.thread() is not before.thread():
        return _was_carried(error, now.length - before.length)
    return again <= 0


def _was_carried(error: BaseException, added: int) -> bool:
    """Whether the raise among the last `added` lines is a Future's, out of the thread where it failed."""
    return any(_is_carrier(step.tb_frame.f_code.co_filename) for step in _steps(error)[:added])


def _follows(error: BaseException, duplicates: Duplicates) -> bool:
    """Whether it was raised while an uncaught exception of the same request was handled."""
    for _ in range(_MAX_CHAIN):
        context = slot(error, "__context__")
        if context is None:
            return False
        if any(is_same(identity, context) for identity in duplicates.uncaught):
            return True
        error = context
    return False

"""Once per incident, whoever sees it first: what was seen is marked on the request and on the exception."""

import inspect
import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import NamedTuple

from asgiref import sync
from django.http import HttpRequest

from hoptoad.failures import slot
from hoptoad.marks import SEEN

_MAX_CHAIN = 10_000
_numbers = itertools.count()
_ASGIREF = sync.__file__
_COROUTINES = inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR | inspect.CO_GENERATOR


def _new_token() -> tuple[int, int]:
    # With the process: an exception may come out of another one by pickle, mark and all.
    return os.getpid(), next(_numbers)


@dataclass(slots=True, eq=False)
class _Seen:
    """Left on a request on which something failed."""

    token: tuple[int, int] = field(default_factory=_new_token)
    handler_failed: bool = False


class _Mark(NamedTuple):
    """Left on an exception: for which request, and the traceback's head at that moment."""

    token: tuple[int, int]
    head: int


def first_status(request: HttpRequest) -> bool:
    """True once for a request on which nothing else has been seen."""
    if SEEN in request.__dict__:
        return False
    request.__dict__[SEEN] = _Seen()
    return True


def first_exception(request: HttpRequest | None, error: BaseException) -> bool:
    """True once for each failure of a request, and once for the failure to answer it.

    Without a request: once for each time the exception was raised, whichever door sees it first.
    Where `handler500` or the URL configuration itself fails, Django asks it again in each layer of
    middleware, and each time a new exception is raised while the one before is handled.
    """
    if request is None:
        is_first = not _is_known(error, _mark_of(error))
        if is_first:
            _leave(error, _new_token())
        return is_first
    seen = request.__dict__.setdefault(SEEN, _Seen())
    mark = _mark_of(error)
    if mark is not None and (mark.token == seen.token or _is_known(error, mark)):
        return False
    follows = _follows(error, seen.token)
    _leave(error, seen.token)
    if not follows:
        return True
    first = not seen.handler_failed
    seen.handler_failed = True
    return first


def _leave(error: BaseException, token: tuple[int, int]) -> None:
    head = next(_steps(error), None)
    slot(error, "__dict__")[SEEN] = _Mark(token, id(head))


def _steps(error: BaseException) -> Iterator[TracebackType]:
    """The traceback, but what asgiref adds by raising again in each thread it changes to."""
    step: TracebackType | None = slot(error, "__traceback__")
    for _ in range(_MAX_CHAIN):
        if step is None:
            return
        if step.tb_frame.f_code.co_filename != _ASGIREF:
            yield step
        step = step.tb_next


def _mark_of(error: BaseException) -> _Mark | None:
    mark = slot(error, "__dict__").get(SEEN)
    return mark if isinstance(mark, _Mark) else None


def _is_known(error: BaseException, mark: _Mark | None) -> bool:
    """Whether this raising of the exception has been seen, and not just the same object before.

    An exception that travels on through its callers gets a new head of its traceback in each; one
    that is raised a second time gets heads whose frames are no callers of those before.
    """
    if mark is None:
        return False
    outer: TracebackType | None = None
    for step in _steps(error):
        if id(step) == mark.head:
            caller = step.tb_frame.f_back
            # A coroutine's frame forgets its caller, and one that goes on elsewhere has another.
            is_sync = not step.tb_frame.f_code.co_flags & _COROUTINES
            return outer is None or caller is None or caller is outer.tb_frame or not is_sync
        outer = step
    return outer is None and mark.head == id(None)


def _follows(error: BaseException, token: tuple[int, int]) -> bool:
    for _ in range(_MAX_CHAIN):
        context = slot(error, "__context__")
        if context is None:
            return False
        mark = _mark_of(context)
        if mark is not None and mark.token == token:
            return True
        error = context
    return False

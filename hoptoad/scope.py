"""The unit of work that code runs in: a request, a connection, a task or a job.

A unit has a beginning and an end. What belongs to it (its request, the exceptions seen in it, its
breadcrumbs) is known in every thread and asyncio task that works for it, and is let go at its end.

`CURRENT` holds the Scope of the calling context. Setting a context variable costs more than all the
rest that a healthy request pays, so the middleware under WSGI sets it once in each thread and then
changes the thread's Scope:

    first request   CURRENT = Scope(thread=7), request=A ... request=None
    second request                             request=B ... request=None

asgiref copies the context, and with it this Scope, into the threads that work for the request. Other
threads that have got a copy may outlive the request, and so must not believe it: see `_is_ours`.
`begin` and the middleware under ASGI make a Scope for each unit.
"""

import sys
from collections import deque
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from threading import get_ident
from typing import Any

from django.http import HttpRequest

_MAX_LEFT = 16
_MAX_FRAMES = 1000
# What runs in another thread for a request of this one has these on its stack.
_CARRIERS = ("asgiref.", "asyncio.")


class Unit:
    """What belongs to a unit of work besides its request; made when it is first needed."""

    __slots__ = ("breadcrumbs", "duplicates", "left", "merges", "unanswered")

    def __init__(self, *, merges: bool) -> None:
        # Whether one exception object is one failure, however often it is raised in this unit.
        self.merges = merges
        self.duplicates: Any = None
        self.breadcrumbs: deque[Any] | None = None
        # Values of `with hoptoad.context()` blocks that an exception has left, with that exception.
        self.left: deque[tuple[Any, Mapping[str, Any], Any]] = deque(maxlen=_MAX_LEFT)
        # A raised HTTP status of which nobody knows yet whether something answers it.
        self.unanswered: Any = None


class Scope:
    """What a context works for. `thread` is the only one that may believe it, 0 for any."""

    __slots__ = ("at_end", "outer", "request", "thread", "unit")

    def __init__(self, thread: int, outer: "Scope | None" = None) -> None:
        self.thread = thread
        self.outer = outer
        self.request: HttpRequest | None = None
        self.unit: Unit | None = None
        self.at_end: Callable[[], None] | None = None


_NO_SCOPE = Scope(-1)  # of no thread: nobody believes it, nobody changes it
CURRENT: "ContextVar[Scope]" = ContextVar("hoptoad_scope", default=_NO_SCOPE)
# For code outside of every unit.
OUTSIDE = Unit(merges=False)


def current_request() -> HttpRequest | None:
    """The request that the calling code works for, or None."""
    scope: Scope | None = CURRENT.get()
    while scope is not None:
        request = scope.request
        if request is not None and _is_ours(scope):
            return request
        scope = scope.outer
    return None


def current() -> Unit | None:
    """The unit that the calling code works in, or None outside of every unit."""
    scope: Scope | None = CURRENT.get()
    while scope is not None:
        if (scope.request is not None or scope.unit is not None) and _is_ours(scope):
            return _unit_of(scope)
        scope = scope.outer
    return None


def begin(*, merges: bool, request: HttpRequest | None = None, nested: bool = True) -> Scope:
    """Begins a unit in the calling context; `end` must follow. Inside a request it shares the request's.

    `nested=False` forgets the unit around it, which cannot be alive any more.
    """
    scope = Scope(0, CURRENT.get() if nested else None)
    around = current() if nested else None
    scope.request = request
    scope.unit = around if around is not None and around.merges else Unit(merges=merges)
    CURRENT.set(scope)
    return scope


def end(scope: Scope) -> None:
    """Ends a unit that `begin` began."""
    CURRENT.set(scope.outer or _NO_SCOPE)
    leave(scope)


def begin_thread(outer: Scope) -> Scope:
    """Makes the Scope of this thread current, for the middleware under WSGI."""
    scope = Scope(get_ident(), outer)
    CURRENT.set(scope)
    return scope


def begin_request(request: HttpRequest, outer: Scope) -> Scope:
    """Begins the unit of a request, for the middleware under ASGI."""
    scope = Scope(0, outer)
    scope.request = request
    CURRENT.set(scope)
    return scope


def leave(scope: Scope) -> None:
    """Lets go of what belongs to a unit that has ended."""
    scope.request = scope.unit = None
    if scope.at_end is not None:
        at_end, scope.at_end = scope.at_end, None
        at_end()


def moved(scope: Scope) -> Scope:
    """A Scope that takes over the unit of another one, which then is left without."""
    taken = Scope(0, scope.outer)
    taken.request, taken.unit, taken.at_end = scope.request, scope.unit, scope.at_end
    scope.unit = scope.at_end = None
    return taken


def at_end(function: Callable[[], None]) -> None:
    """Calls `function` at the end of the current unit, unless that has such a function already."""
    scope: Scope | None = CURRENT.get()
    while scope is not None:
        if (scope.request is not None or scope.unit is not None) and _is_ours(scope):
            _unit_of(scope)
            if scope.at_end is None:
                scope.at_end = function
            return
        scope = scope.outer


def is_unanswered() -> bool:
    """Whether an HTTP status was raised in the current unit, of which nobody knows whether it is answered."""
    unit = CURRENT.get().unit
    return unit is not None and unit.unanswered is not None


def _unit_of(scope: Scope) -> Unit:
    unit = scope.unit
    if unit is None:
        around = scope.outer.unit if scope.outer is not None else None
        unit = scope.unit = around if around is not None and around.merges else Unit(merges=True)
    return unit


def _is_ours(scope: Scope) -> bool:
    """Whether the calling thread works for this Scope, and has not just inherited it.

    Under WSGI an async view runs in a thread of asgiref. A thread of the site's own that was started
    with a copy of the context may run on while its Scope serves the next request.
    """
    if scope.thread in (0, get_ident()):
        return True
    frame = sys._getframe(1)  # noqa: SLF001 - as `inspect` does, which is slow to import
    for _ in range(_MAX_FRAMES):
        if frame is None:
            return False
        if str(frame.f_globals.get("__name__")).startswith(_CARRIERS):
            return True
        frame = frame.f_back  # type: ignore[assignment]
    return False

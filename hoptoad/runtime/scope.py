"""The unit of work that code runs in: a request, a connection, a task or a job.

Every thread and asyncio task that works for a unit finds its request, the exceptions seen in it and
its breadcrumbs. They are released when the unit ends.

`CURRENT` holds the Scope of the calling context. Setting a context variable costs more than
everything else in a healthy request, so the middleware under WSGI sets it once per thread and then
changes the Scope:

    first request   CURRENT = Scope(thread=7), request=A ... request=None
    second request                             request=B ... request=None

asgiref copies the context, and with it this Scope, into the threads that work for the request. Any
other thread with a copy may outlive the request, and must not use it: see `_is_ours`.
`begin` and the middleware under ASGI make a Scope for each unit.
"""

import asyncio
import sys
from collections import deque
from collections.abc import Callable
from contextvars import ContextVar
from threading import current_thread, get_ident
from typing import Any

from asgiref.sync import AsyncToSync, SyncToAsync
from django.http import HttpRequest

# The attributes that a failed request gets.
SEEN = "_hoptoad_seen"  # its Duplicates
NOTICE_ID = "hoptoad_notice_id"  # of the notice that was handed over
REASON = "_hoptoad_reason"  # the exception behind a 404, 403 or 400, until the answer is reported

_MAX_LEFT = 16
_MAX_FRAMES = 1000
# asgiref documents neither. Where they are missing, its threads find no request.
_IN_THREAD = getattr(getattr(SyncToAsync, "thread_handler", None), "__code__", None)
_EXECUTORS: dict[Any, Any] = getattr(AsyncToSync, "loop_thread_executors", {})
_OF_TO_THREAD = "asyncio_"  # the names of the threads of `asyncio.to_thread` begin like this


class Unit:
    """The state of a unit of work besides its request; made when it is first needed."""

    __slots__ = ("breadcrumbs", "duplicates", "is_answered", "left", "merges", "unanswered")

    def __init__(self, *, merges: bool) -> None:
        # Whether one exception object is one failure, however often it is raised in this unit.
        self.merges = merges
        self.duplicates: Any = None
        self.breadcrumbs: deque[Any] | None = None
        # Values of the `with hoptoad.context()` blocks that an exception ended, with that exception.
        self.left: deque[Any] = deque(maxlen=_MAX_LEFT)
        # HTTP statuses that were raised and may still become the answer, each with the function that
        # reports it if it does not.
        self.unanswered: tuple[tuple[BaseException, Callable[[], Any]], ...] = ()
        self.is_answered = False


ANY_THREAD, NO_THREAD = 0, -1  # in place of the identifier of a thread


class Scope:
    """The request and the unit of a context, for the thread with this identifier or ANY_THREAD."""

    __slots__ = ("at_end", "outer", "request", "thread", "unit")

    def __init__(self, thread: int, outer: "Scope | None" = None) -> None:
        self.thread = thread
        self.outer = outer
        self.request: HttpRequest | None = None
        self.unit: Unit | None = None
        self.at_end: Callable[[], None] | None = None


_NO_SCOPE = Scope(NO_THREAD)  # never changed
CURRENT: "ContextVar[Scope]" = ContextVar("hoptoad_scope", default=_NO_SCOPE)
# For code outside all units.
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
    """The unit that the calling code works in, or None outside all units."""
    scope: Scope | None = CURRENT.get()
    while scope is not None:
        if (scope.request is not None or scope.unit is not None) and _is_ours(scope):
            return _unit_of(scope)
        scope = scope.outer
    return None


def begin(*, merges: bool, request: HttpRequest | None = None, nested: bool = True) -> Scope:
    """Begins a unit in the calling context; `end` must follow. Inside a request, its unit goes on.

    `nested=False` ignores a unit that an earlier job of this thread did not end.
    """
    around = current() if nested else None
    return _begun(around, merges=merges, request=request, nested=nested)


def begin_server_request(*, nested: bool = True) -> Scope:
    """Begins the unit of a request before Django makes its HttpRequest; `end` must follow.

    A request that the test client makes inside another request has its own unit.
    """
    around = current() if nested and current_request() is None else None
    return _begun(around, merges=True, request=None, nested=nested)


def _begun(around: Unit | None, *, merges: bool, request: HttpRequest | None, nested: bool) -> Scope:
    scope = Scope(ANY_THREAD, CURRENT.get() if nested else None)
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
    scope = Scope(ANY_THREAD, outer)
    scope.request = request
    CURRENT.set(scope)
    return scope


def leave(scope: Scope) -> None:
    """Releases the request and the state of a unit that has ended."""
    scope.request = scope.unit = None
    if scope.at_end is not None:
        at_end, scope.at_end = scope.at_end, None
        at_end()


def moved(scope: Scope) -> Scope:
    """A new Scope with the unit of `scope`, which loses it."""
    taken = Scope(ANY_THREAD, scope.outer)
    taken.request, taken.unit, taken.at_end = scope.request, _unit_of(scope), scope.at_end
    taken.unit.is_answered = True
    scope.unit = scope.at_end = None
    return taken


def at_end(function: Callable[[], None]) -> None:
    """Calls `function` at the end of the current unit, unless it has such a function already."""
    scope: Scope | None = CURRENT.get()
    while scope is not None:
        if (scope.request is not None or scope.unit is not None) and _is_ours(scope):
            _unit_of(scope)
            if scope.at_end is None:
                scope.at_end = function
            return
        scope = scope.outer


def has_unanswered() -> bool:
    """Whether an HTTP status was raised in the current unit, and may not be its answer."""
    unit = CURRENT.get().unit
    return unit is not None and bool(unit.unanswered)


def _unit_of(scope: Scope) -> Unit:
    unit = scope.unit
    if unit is None:
        outer = scope.outer
        # The unit that the server began for this request, not that of a request around it.
        is_same = outer is not None and (outer.request is None or outer.request is scope.request)
        around = outer.unit if outer is not None and is_same else None
        unit = scope.unit = around if around is not None and around.merges else Unit(merges=True)
    return unit


def _is_ours(scope: Scope) -> bool:
    """Whether the calling code works for this Scope, or only has a copy of its context.

    Under WSGI, asgiref runs an async view in an event loop while the request's thread waits:

        request's thread   Scope(thread=7)                  7 is this thread: ours
        asgiref's loop     the same, copied                 its executor belongs to thread 7: ours
        site's own thread  the same, copied by the site     neither: not ours, it may outlive the request

    Without this, `test_an_event_loop_of_the_sites_own_does_not_know_the_next_request` fails.
    """
    if scope.thread in (ANY_THREAD, get_ident()):
        return True
    loop = _loop_here()
    if loop is not None:
        return _waits_for(scope, loop)
    if not current_thread().name.startswith(_OF_TO_THREAD):
        return False
    return any(_is_thread_of(scope, executor) for executor in tuple(_EXECUTORS.values()))


def _loop_here() -> Any:
    """The event loop that runs in this thread, or waits for this thread in `sync_to_async`."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        pass
    frame = sys._getframe(1)  # noqa: SLF001 - as `inspect` does, which is slow to import
    for _ in range(_MAX_FRAMES):
        if frame is None:
            return None
        if frame.f_code is _IN_THREAD:
            return frame.f_locals.get("loop")
        frame = frame.f_back  # type: ignore[assignment]
    return None


def _waits_for(scope: Scope, loop: Any) -> bool:
    return _is_thread_of(scope, _EXECUTORS.get(loop))


def _is_thread_of(scope: Scope, executor: Any) -> bool:
    """Whether the thread of `scope` waits in this executor for an event loop."""
    thread = getattr(executor, "_work_thread", None)
    return thread is not None and thread.ident == scope.thread

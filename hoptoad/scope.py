"""The unit of work that code runs in: a request, a connection, a task or a job.

A unit has a beginning and an end. What belongs to it (its request, the exceptions seen in it, its
breadcrumbs) is reachable from every thread and asyncio task that carries its context, and is let go
at its end, even where such a task lives on.

The middleware begins a request's unit itself, inline, because every healthy request pays for it:

    outer = CURRENT.get()
    cell = [request, outer]
    CURRENT.set(cell)
    ...
    CURRENT.set(outer)
    leave(cell)

A cell is a list, the cheapest object to make: `[request or None, the cell around it]`. Added when they
are needed: its Unit, and a function to call at its end. An ended cell is empty.
"""

from collections import deque
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any

from django.http import HttpRequest

Cell = list[Any]

CURRENT: "ContextVar[Cell | None]" = ContextVar("hoptoad_unit", default=None)
_MAX_LEFT = 16
_WITHOUT_UNIT = 2  # the length of a cell whose Unit was not yet needed


class Unit:
    """What belongs to a unit of work besides its request."""

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


# For code outside of every unit.
OUTSIDE = Unit(merges=False)


def current_request() -> HttpRequest | None:
    """The request that the calling code works for, or None."""
    cell = CURRENT.get()
    while cell:
        try:
            request, cell = cell[0], cell[1]
        except IndexError:  # it ends just now, in another thread
            return None
        if request is not None:
            return request  # type: ignore[no-any-return]
    return None


def current() -> Unit | None:
    """The unit that the calling code works in, or None outside of every unit."""
    cell = CURRENT.get()
    return _unit_of(cell) if cell else None


def is_unanswered() -> bool:
    """Whether an HTTP status was raised in the current unit, of which nobody knows whether it is answered."""
    cell = CURRENT.get()
    if not cell or len(cell) == _WITHOUT_UNIT:
        return False
    unit = _unit_of(cell)
    return unit is not None and unit.unanswered is not None


def begin(*, merges: bool, request: HttpRequest | None = None, nested: bool = True) -> Cell:
    """Begins a unit in the calling context; `end` must follow. Inside a request it shares the request's.

    `nested=False` forgets the unit around it, which cannot be alive any more.
    """
    outer = CURRENT.get() if nested else None
    unit = _unit_of(outer) if outer else None
    cell: Cell = [request, outer, unit if unit is not None and unit.merges else Unit(merges=merges)]
    CURRENT.set(cell)
    return cell


def end(cell: Cell) -> None:
    """Ends a unit that `begin` began."""
    if cell:
        CURRENT.set(cell[1])
        leave(cell)


def leave(cell: Cell) -> None:
    """Lets go of what belongs to a cell that is no longer the current one."""
    added = cell[2:]
    cell.clear()
    for one in added:
        if callable(one):
            one()


def at_end(function: Callable[[], None]) -> None:
    """Calls `function` at the end of the current unit, unless it has such a function already."""
    cell = CURRENT.get()
    if cell and _unit_of(cell) is not None and not any(callable(one) for one in cell[2:]):
        cell.append(function)


def _unit_of(cell: Cell) -> Unit | None:
    try:
        if len(cell) == _WITHOUT_UNIT:
            outer = _unit_of(cell[1]) if cell[1] else None
            # Two threads may both add one; both then use the first.
            cell.append(outer if outer is not None and outer.merges else Unit(merges=True))
        return cell[2]  # type: ignore[no-any-return]
    except IndexError:  # it ends just now, in another thread
        return None

"""Duplicates: one failure is reported once, whichever integration, thread or task sees it.

Within a request or task, one exception object is one failure. Elsewhere an exception is the same
failure as long as it only goes on to its callers, and a new one each time it is raised again. An
example outside requests:

    ERROR = RuntimeError("one object for all")
    for job in jobs:              # three jobs that raise ERROR: three failures
        with hoptoad.watch():     # an outer `watch` around this one: still three
            job()

`capture.raised` recognises exceptions without keeping them.
"""

from collections import deque
from typing import Any

from django.http import HttpRequest

from hoptoad.capture.raised import (
    MAX_CHAIN,
    identity_of,
    is_same,
    is_same_raising,
    measured,
    remember,
    sighting_of,
    slot,
)
from hoptoad.capture.values import exception_text
from hoptoad.runtime import scope
from hoptoad.runtime.scope import SEEN

_MAX_SEEN = 256
_MAX_TEXT = 1_000


class Duplicates:
    """The exceptions that were seen in one request or task, by identity."""

    __slots__ = ("answer_seen", "handler_failed", "reason", "seen", "uncaught")

    def __init__(self) -> None:
        self.seen: deque[Any] = deque(maxlen=_MAX_SEEN)
        self.uncaught: deque[Any] = deque(maxlen=_MAX_SEEN)
        self.answer_seen = False
        self.reason: Any = None  # the exception that Django answers with 404, 403 or 400
        self.handler_failed = False


def first_status(request: HttpRequest, status: int) -> bool:
    """Whether an answer's status is a failure by itself. True once per request.

    False where an exception that was seen led to it: an uncaught one, a reported one that Django
    answers, or, for a status of 500 and above, any reported one.
    """
    duplicates = _duplicates_of(request) or Duplicates()
    reason = duplicates.reason
    if reason is not None and any(identity is reason for identity in duplicates.seen):
        return False
    if duplicates.answer_seen or duplicates.uncaught or (status >= 500 and duplicates.seen):
        return False
    duplicates.answer_seen = True
    return True


def set_reason(request: HttpRequest, error: BaseException) -> None:
    """Notes that `error` is why Django answers `request` with a status below 500."""
    duplicates = _duplicates_of(request)
    if duplicates is not None:
        duplicates.reason = identity_of(error)


def first_exception(request: HttpRequest | None, error: BaseException, *, uncaught: bool = False) -> bool:
    """Whether this failure was not seen before. It counts as seen afterwards.

    `uncaught` means that no code of the site has caught it. Where `handler500` or the URL
    configuration itself fails, Django calls it again in each layer of middleware, and each time a new
    exception is raised while the previous one is handled: they are one failure.
    """
    duplicates = _duplicates_of(request)
    seen = duplicates.seen if duplicates is not None else ()
    is_seen = bool(seen) and any(is_same(identity, error) for identity in seen)
    goes_on, identity = _seen_again(error, duplicates, is_seen=is_seen)
    if duplicates is None:
        return not goes_on
    if not is_seen:
        duplicates.seen.append(identity)
    is_new = not is_seen and not goes_on
    return _is_first_uncaught(error, identity, duplicates, is_new=is_new) if uncaught else is_new


def _seen_again(error: BaseException, duplicates: Duplicates | None, *, is_seen: bool) -> tuple[bool, Any]:
    """Whether the exception only went on since it was last seen, and its identity. Counts as seen."""
    sighting = sighting_of(error)
    now = measured(error, is_owned=duplicates is not None)
    goes_on = (
        sighting is not None
        and (is_seen or duplicates is None or not sighting.is_owned)
        and is_same_raising(sighting, now, error)
    )
    if sighting is not None and now.length > sighting.length:
        added = now.length - sighting.length
        now = now._replace(fresh=sighting.fresh + added if goes_on else added)
    remember(error, now)
    return goes_on, now.identity


def _is_first_uncaught(error: BaseException, identity: Any, duplicates: Duplicates, *, is_new: bool) -> bool:
    handled = _handled_meanwhile(error, duplicates) if is_new else None
    duplicates.uncaught.append(identity)
    # Once a request could not be answered, all further exceptions belong to that failure.
    if not is_new or (handled is None and not duplicates.handler_failed):
        return is_new
    if handled is not None and _is_repeated(error, handled):
        return False
    is_first = not duplicates.handler_failed
    duplicates.handler_failed = True
    return is_first


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


def _handled_meanwhile(error: BaseException, duplicates: Duplicates) -> BaseException | None:
    """The uncaught exception of the request that was being handled when `error` was raised."""
    for _ in range(MAX_CHAIN):
        context: BaseException | None = slot(error, "__context__")
        if context is None or any(is_same(identity, context) for identity in duplicates.uncaught):
            return context
        error = context
    return None


def _is_repeated(error: BaseException, before: BaseException) -> bool:
    """Whether the same line raised the same again: Django also looks for `handler500` in a URL configuration
    that cannot be imported.
    """
    return (
        type(error) is type(before)
        and _line_of(error) == _line_of(before)
        and exception_text(error, _MAX_TEXT) == exception_text(before, _MAX_TEXT)
    )


def _line_of(error: BaseException) -> tuple[str, int]:
    """The file and the line that raised."""
    step = slot(error, "__traceback__")
    while step is not None and step.tb_next is not None:
        step = step.tb_next
    return (step.tb_frame.f_code.co_filename, step.tb_lineno) if step is not None else ("", 0)

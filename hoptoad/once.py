"""Once per incident: what has been seen on a request is marked there, and on the exception."""

import uuid
from dataclasses import dataclass, field

from django.http import HttpRequest

from hoptoad.failures import slot

_MARK = "_hoptoad_seen"
_MAX_CHAIN = 10_000


@dataclass(slots=True)
class _Seen:
    token: str = field(default_factory=lambda: uuid.uuid4().hex)
    handler_failed: bool = False


def is_seen(request: HttpRequest) -> bool:
    """Whether anything has been seen on `request`, be it reported or suppressed."""
    return _MARK in request.__dict__


def first_status(request: HttpRequest) -> bool:
    """True once for a request on which nothing else has been seen."""
    if is_seen(request):
        return False
    request.__dict__[_MARK] = _Seen()
    return True


def first_exception(request: HttpRequest, error: BaseException) -> bool:
    """True once for each failure of a request, and once for the failure to answer it.

    Where `handler500` or the URL configuration itself fails, Django asks it again in each layer of
    middleware, and each time a new exception is raised while the one before is handled.
    """
    seen = request.__dict__.setdefault(_MARK, _Seen())
    if slot(error, "__dict__").get(_MARK) == seen.token:
        return False
    follows = _follows(error, seen.token)
    slot(error, "__dict__")[_MARK] = seen.token
    if not follows:
        return True
    first = not seen.handler_failed
    seen.handler_failed = True
    return first


def _follows(error: BaseException, token: str) -> bool:
    for _ in range(_MAX_CHAIN):
        context = slot(error, "__context__")
        if context is None:
            return False
        if slot(context, "__dict__").get(_MARK) == token:
            return True
        error = context
    return False

"""HOPTOAD_BEFORE_NOTIFY: the site's own functions, which change or drop a notice before it is encoded."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from hoptoad.capture.values import class_name
from hoptoad.notice import Notice, RequestInfo
from hoptoad.runtime.guards import OF_THE_SITE, log_exception
from hoptoad.runtime.messages import get_logger

logger = get_logger(__name__)

WITHHELD = "[withheld: a function of HOPTOAD_BEFORE_NOTIFY failed]"

Function = Callable[[Notice], "Notice | None"]


def apply(notice: Notice, functions: Iterable[Function]) -> Notice | None:
    """Calls the functions in their order. Returns the notice, or None where one of them returns None.

    A function that raises, or returns something else, may have failed to hide something. Then the
    notice goes on without any part that could contain it.
    """
    for function in functions:
        try:
            changed = function(notice)
            if changed is not None and type(changed) is not Notice:
                raise TypeError(f"it returned a {type(changed).__name__}, neither a Notice nor None")
        except OF_THE_SITE:
            name = getattr(function, "__qualname__", None) or class_name(type(function))
            log_exception(
                logger, "%s of HOPTOAD_BEFORE_NOTIFY failed: its notice goes without details.", name
            )
            changed = bare(notice)
        if changed is None:
            return None
        notice = changed
    return notice


def bare(notice: Notice) -> Notice:
    """The class, the frames and the place: no message, no request data, no user, no variables."""
    short = notice.error.class_name.rpartition(".")[2]
    error = replace(
        notice.error,
        message=f"{short}: {WITHHELD}",
        notes=(),
        frames=tuple(replace(frame, variables={}, source=()) for frame in notice.error.frames),
    )
    where = RequestInfo(component=notice.request.component, action=notice.request.action)
    return replace(notice, error=error, causes=(), request=where, user=None, extra={})

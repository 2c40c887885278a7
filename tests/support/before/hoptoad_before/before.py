"""HOPTOAD_BEFORE_NOTIFY: the site's own functions, the last to see a notice before it is encoded."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from hoptoad_before.guard import OF_THE_SITE, log_exception
from hoptoad_before.messages import get_logger
from hoptoad_before.notice import Notice, RequestInfo
from hoptoad_before.text import class_name

logger = get_logger(__name__)

WITHHELD = "[withheld: a function of HOPTOAD_BEFORE_NOTIFY failed]"

Function = Callable[[Notice], "Notice | None"]


def noticed(notice: Notice, functions: Iterable[Function]) -> Notice | None:
    """The notice as the functions leave it, in their order; None where one of them says no.

    One that raises, or returns something else, may have been about to hide something: the notice
    goes on without all that could hold it.
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
    """What broke and where; no message, no request data, no user, no variables."""
    short = notice.error.class_name.rpartition(".")[2]
    error = replace(
        notice.error,
        message=f"{short}: {WITHHELD}",
        notes=(),
        frames=tuple(replace(frame, variables={}, source=()) for frame in notice.error.frames),
    )
    where = RequestInfo(component=notice.request.component, action=notice.request.action)
    return replace(notice, error=error, causes=(), request=where, user=None, extra={})

"""Reports failures and raises nothing. The pipeline behind it is imported with the first failure."""

from collections.abc import Callable, Mapping
from functools import cache
from types import FrameType
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest

from hoptoad.conf.loading import get_settings
from hoptoad.runtime.guards import log_exception
from hoptoad.runtime.lifecycle import importing
from hoptoad.runtime.messages import get_logger

if TYPE_CHECKING:
    from hoptoad.reporting.pipeline import Pipeline

logger = get_logger(__name__)

_FAILED = "A failure of the site could not be reported: django-hoptoad itself failed."


def report_exception(
    request: HttpRequest, error: BaseException, *, unless: Callable[[], bool] | None = None
) -> str | None:
    """Reports an uncaught exception, once. Returns the notice's id where one was handed over.

    Returns as soon as the handler has the report. `unless` is called after all filters, and
    returns whether the site ignores this exception.
    """
    try:
        return _pipeline().report_exception(request, error, unless)
    except Exception:
        log_exception(logger, _FAILED)
        return None


def report(
    error: BaseException | None = None,
    *,
    message: str = "",
    kind: str = "Message",
    request: HttpRequest | None = None,
    component: str = "",
    action: str = "",
    params: Mapping[str, Any] | None = None,
    extra: Mapping[str, Any] | None = None,
    stack: FrameType | None = None,
    site: tuple[str, int, str] | None = None,
    severity: str = "error",
    uncaught: bool = False,
) -> str | None:
    """Reports a failure from outside the middleware. Returns the notice's id where one was handed over.

    Without a request, that of the calling code is used. `uncaught` means that no code of the site has
    caught the exception. A failure is reported once, whichever integration sees it first.
    """
    try:
        if not get_settings().enabled:
            return None
        return _pipeline().report(
            error,
            request,
            kind=kind,
            message=message,
            component=component,
            action=action,
            params=params or {},
            extra=extra or {},
            stack=stack,
            site=site,
            severity=severity,
            uncaught=uncaught,
        )
    except Exception:
        log_exception(logger, _FAILED)
        return None


def wants_status(status: int) -> bool:
    """Whether the settings report answers of this status. Fast enough for an event loop."""
    try:
        return status in get_settings().statuses
    except Exception:
        log_exception(logger, _FAILED)
        return False


def report_status(
    request: HttpRequest, status: int, *, unless: Callable[[], bool] | None = None
) -> str | None:
    """Reports an answer by its status, unless an exception led to it."""
    try:
        if not wants_status(status):
            return None
        return _pipeline().report_status(request, status, unless)
    except Exception:
        log_exception(logger, _FAILED)
        return None


def report_unanswered(status: int) -> None:
    """Reports the HTTP statuses raised in the current request, where its answer has another status."""
    try:
        _pipeline().report_unanswered(status)
    except Exception:
        log_exception(logger, _FAILED)


def remember_reason(request: HttpRequest, error: BaseException, status: int) -> None:
    """Keeps the exception that led to a status, for the notice of that answer."""
    try:
        _pipeline().remember_reason(request, error, status)
    except Exception:
        log_exception(logger, _FAILED)


@cache
def _pipeline() -> "Pipeline":
    with importing:
        from hoptoad.reporting.pipeline import pipeline
    return pipeline

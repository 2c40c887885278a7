"""The one guard that keeps whatever we do from the site. What is behind it is imported when it is needed."""

from collections.abc import Callable, Mapping
from types import FrameType
from typing import Any

from django.http import HttpRequest

from hoptoad_before.conf import get_settings
from hoptoad_before.guard import log_exception
from hoptoad_before.imports import when_needed
from hoptoad_before.messages import get_logger

logger = get_logger(__name__)

_FAILED = "A failure of the site could not be reported: django-hoptoad itself failed."


def report_exception(
    request: HttpRequest, error: BaseException, *, unless: Callable[[], bool] | None = None
) -> str | None:
    """Reports an uncaught exception, once. Returns the notice's id where one was handed over.

    Like everything here it raises nothing, and returns as soon as the handler has the bytes.
    `unless` is asked last whether the site has a reason to ignore this one.
    """
    try:
        identity: str | None = _pipeline().exception(request, error, unless)
        return identity
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
    """Reports from any integration but the middleware. Returns the notice's id where one was handed over.

    Without a request, the one that the calling code works for is told. `uncaught` says that nothing of the
    site has caught the exception. A failure is reported once,
    whichever integration sees it first. Raises nothing.
    """
    try:
        if not get_settings().enabled:
            return None
        identity: str | None = _pipeline().anything(
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
        return identity
    except Exception:
        log_exception(logger, _FAILED)
        return None


def wants_status(status: int) -> bool:
    """Whether answers of this status are reported at all; cheap enough for an event loop."""
    try:
        return status in get_settings().statuses
    except Exception:
        log_exception(logger, _FAILED)
        return False


def report_status(
    request: HttpRequest, status: int, *, unless: Callable[[], bool] | None = None
) -> str | None:
    """Reports an answer by its status, where the settings want it and nothing else was seen."""
    try:
        if not wants_status(status):
            return None
        identity: str | None = _pipeline().status(request, status, unless)
        return identity
    except Exception:
        log_exception(logger, _FAILED)
        return None


def report_unanswered(status: int) -> None:
    """Reports the HTTP statuses that were raised in the current request, where the answer has another one."""
    try:
        _pipeline().unanswered(status)
    except Exception:
        log_exception(logger, _FAILED)


def remember_reason(request: HttpRequest, error: BaseException, status: int) -> None:
    """Remembers the exception that led to a status, for the notice of that answer."""
    try:
        _pipeline().remember_reason(request, error, status)
    except Exception:
        log_exception(logger, _FAILED)


def _pipeline() -> Any:
    return when_needed("hoptoad_before.pipeline")

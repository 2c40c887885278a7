"""Exceptions that Django answers with a status: 404, 403 and 400.

The answer is judged when the exception is gone, so the reason is remembered on the request before.
Views are seen by the middleware's `process_exception`. What fails outside of views, in a middleware,
is seen by its log record, as far as the site's logging lets it through.
"""

import logging
from collections.abc import Iterator
from typing import Any

from django.core.exceptions import BadRequest, PermissionDenied, SuspiciousOperation
from django.http import Http404, HttpRequest
from django.http.multipartparser import MultiPartParserError
from django.urls import Resolver404

from hoptoad_before import reporter

# As django.core.handlers.exception has it. Resolver404 knows no more than the path.
_STATUSES: tuple[tuple[tuple[type[Exception], ...], int], ...] = (
    ((Resolver404,), 0),
    ((Http404,), 404),
    ((PermissionDenied,), 403),
    ((MultiPartParserError, BadRequest, SuspiciousOperation), 400),
)


def remember(request: HttpRequest, error: BaseException) -> None:
    """Remembers the reason for an answer whose status is reported. Reports nothing, raises nothing."""
    status = next((status for kinds, status in _STATUSES if issubclass(type(error), kinds)), 0)
    if status and reporter.wants_status(status):
        reporter.remember_reason(request, error, status)


def watch_log() -> None:
    """Looks at what Django logs of such exceptions. May be called again."""
    logging.getLogger("django.request").addFilter(_filter)
    # Each class has a logger of its own, and filters see no records of the loggers below.
    for kind in _with_subclasses(SuspiciousOperation):
        logging.getLogger(f"django.security.{kind.__name__}").addFilter(_filter)


def _filter(record: logging.LogRecord) -> bool:
    request: Any = getattr(record, "request", None)
    if record.exc_info and record.exc_info[1] is not None and issubclass(type(request), HttpRequest):
        remember(request, record.exc_info[1])
    return True


def _with_subclasses(kind: type[BaseException]) -> Iterator[type[BaseException]]:
    yield kind
    for below in kind.__subclasses__():
        yield from _with_subclasses(below)

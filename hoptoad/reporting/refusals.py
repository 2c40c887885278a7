"""The exceptions behind answers with status 404, 403 and 400.

The answer is reported when the exception is gone, so its reason is kept on the request until then.
The middleware's `process_exception` receives exceptions of views; those of other middleware are found
in Django's log records, unless the site's logging drops them.
"""

import logging
from collections.abc import Iterator
from typing import Any

from django.core.exceptions import BadRequest, PermissionDenied, SuspiciousOperation
from django.http import Http404, HttpRequest
from django.http.multipartparser import MultiPartParserError
from django.urls import Resolver404

from hoptoad.reporting import reporter

# As in django.core.handlers.exception. A Resolver404 has no reason but the path.
_STATUSES: tuple[tuple[tuple[type[Exception], ...], int], ...] = (
    ((Resolver404,), 0),
    ((Http404,), 404),
    ((PermissionDenied,), 403),
    ((MultiPartParserError, BadRequest, SuspiciousOperation), 400),
)
_ALL = tuple(kind for kinds, _ in _STATUSES for kind in kinds)


def remember(request: HttpRequest, error: BaseException) -> None:
    """Keeps the reason of an answer, where its status is reported. Reports nothing, raises nothing."""
    if not issubclass(type(error), _ALL):
        return
    status = next(status for kinds, status in _STATUSES if issubclass(type(error), kinds))
    if status and reporter.wants_status(status):
        reporter.remember_reason(request, error, status)


def watch_log() -> None:
    """Finds such exceptions in Django's log records. May be called more than once."""
    logging.getLogger("django.request").addFilter(_filter)
    # Each class has its own logger, and a filter does not receive records of child loggers.
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

"""A handler for Django's LOGGING that reports log records."""

import logging
from collections.abc import Callable
from types import MappingProxyType
from typing import Any

from django.http import HttpRequest

from hoptoad.capture.context import event_of, exception_of, formatted, template
from hoptoad.middleware import notifiers
from hoptoad.redaction.cutting import SLACK
from hoptoad.reporting import reporter
from hoptoad.runtime.guards import is_delivering, log_exception
from hoptoad.runtime.messages import get_logger
from hoptoad.runtime.scope import current_request

_MAX_TEXT = 2048
_MAX_STACK_LINES = 20  # the last ones, next to the call
# The attributes of every record; others came with `extra`.
_OWN = frozenset(vars(logging.makeLogRecord({}))) | {
    "message",
    "asctime",
    "request",
    "status_code",
    "taskName",
}
_OF_EVENT = ("event", "exc_info")
_SEVERITIES = MappingProxyType(
    {logging.DEBUG: "debug", logging.INFO: "info", logging.WARNING: "warning", logging.CRITICAL: "critical"}
)


# Loggers of other packages, each with a function: does an integration report the failure of this record?
reported_elsewhere: dict[str, Callable[[logging.LogRecord], bool]] = {}


class HoptoadHandler(logging.Handler):
    """`{"class": "hoptoad.log.HoptoadHandler", "level": "ERROR"}` in LOGGING.

    A record with an exception is reported as that exception, once, whichever integration sees it
    first. Others are grouped by their unformatted message and the place of the call, and carry the
    formatted text. No argument is evaluated. Records of `hoptoad`, and those logged while a notice is
    delivered, are not reported: they would report themselves for ever.
    """

    def __init__(self, level: int | str = logging.ERROR, *, component: str = "") -> None:
        super().__init__(level)
        self._component = component

    def emit(self, record: logging.LogRecord) -> None:
        """Reports a record. Raises nothing."""
        try:
            if str(record.name).partition(".")[0] != "hoptoad" and not is_delivering():
                self._report(record)
        except Exception:  # a record may have been built by hand
            log_exception(get_logger(__name__), "A log record could not be reported.")

    def _report(self, record: logging.LogRecord) -> None:
        request = getattr(record, "request", None)
        request = request if isinstance(request, HttpRequest) else None
        error = exception_of(record)
        is_reported = reported_elsewhere.get(record.name)
        if is_reported is not None and is_reported(record):
            return
        if error is None and request is not None and _is_reported_by_status(record):
            return
        in_request = request is not None or current_request() is not None
        reporter.report(
            error,
            kind=record.name,
            message="" if error is not None else template(record),
            request=request,
            component=self._component or ("" if in_request else record.name),
            action="" if in_request or self._component else record.funcName or "",
            extra={"log": _details(record)},
            site=(record.pathname, record.lineno, record.funcName or "unknown"),
            severity=_SEVERITIES.get(record.levelno, "error"),
        )


def _details(record: logging.LogRecord) -> dict[str, Any]:
    details: dict[str, Any] = {
        "logger": record.name,
        "level": record.levelname,
        "text": formatted(record, _MAX_TEXT + SLACK),
        **{name: value for name, value in vars(record).items() if name not in _OWN},
        **{name: value for name, value in event_of(record).items() if name not in _OF_EVENT},
    }
    if record.stack_info:
        details["stack"] = "\n".join(record.stack_info.splitlines()[-_MAX_STACK_LINES:])
    return details


def _is_reported_by_status(record: logging.LogRecord) -> bool:
    """Whether Django logs an answer here that the middleware reports by its final status."""
    if not hasattr(record, "status_code") or not record.name.startswith("django."):
        return False
    return bool(notifiers())

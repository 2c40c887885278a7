"""A handler for Django's LOGGING: what is logged as an error is reported as one."""

import logging
from collections.abc import Callable
from types import MappingProxyType
from typing import Any

from django.http import HttpRequest

from hoptoad_before import reporter
from hoptoad_before.delivering import is_delivering
from hoptoad_before.guard import log_exception
from hoptoad_before.logtext import event_of, exception_of, formatted, template
from hoptoad_before.messages import get_logger
from hoptoad_before.position import notifiers
from hoptoad_before.scope import current_request
from hoptoad_before.text import SLACK

_MAX_TEXT = 2048
_MAX_STACK_LINES = 20  # the last are those of the call
# What every record has; the rest came with `extra`.
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


# Loggers of other packages, each with whether an integration reports what this record says.
left_to_others: dict[str, Callable[[logging.LogRecord], bool]] = {}


class HoptoadHandler(logging.Handler):
    """`{"class": "hoptoad_before.log.HoptoadHandler", "level": "ERROR"}` in LOGGING.

    Records with an exception are reported as that exception, once, even where the middleware or
    another door has seen it; others by their unformatted message and the place of the call, with the
    formatted text beside. No argument is evaluated. Our own records, and what is logged while a
    notice is on its way, are left alone: they could go round for ever.
    """

    def __init__(self, level: int | str = logging.ERROR, *, component: str = "") -> None:
        super().__init__(level)
        self._component = component

    def emit(self, record: logging.LogRecord) -> None:
        """Reports a record. Raises nothing."""
        try:
            if str(record.name).partition(".")[0] != "hoptoad_before" and not is_delivering():
                self._report(record)
        except Exception:  # of a record that someone has built oddly
            log_exception(get_logger(__name__), "A log record could not be reported.")

    def _report(self, record: logging.LogRecord) -> None:
        request = getattr(record, "request", None)
        request = request if isinstance(request, HttpRequest) else None
        error = exception_of(record)
        is_reported_by_others = left_to_others.get(record.name)
        if is_reported_by_others is not None and is_reported_by_others(record):
            return
        if error is None and request is not None and _is_judged_by_the_middleware(record):
            return
        extra: dict[str, Any] = {
            "logger": record.name,
            "level": record.levelname,
            "text": formatted(record, _MAX_TEXT + SLACK),
            **{name: value for name, value in vars(record).items() if name not in _OWN},
            **{name: value for name, value in event_of(record).items() if name not in _OF_EVENT},
        }
        if record.stack_info:
            extra["stack"] = "\n".join(record.stack_info.splitlines()[-_MAX_STACK_LINES:])
        in_request = request is not None or current_request() is not None
        reporter.report(
            error,
            kind=record.name,
            message="" if error is not None else template(record),
            request=request,
            component=self._component or ("" if in_request else record.name),
            action="" if in_request or self._component else record.funcName or "",
            extra={"log": extra},
            site=(record.pathname, record.lineno, record.funcName or "unknown"),
            severity=_SEVERITIES.get(record.levelno, "error"),
        )


def _is_judged_by_the_middleware(record: logging.LogRecord) -> bool:
    """Whether this is Django's word for an answer, which the middleware reports by the final status."""
    if not hasattr(record, "status_code") or not record.name.startswith("django."):
        return False
    return bool(notifiers())

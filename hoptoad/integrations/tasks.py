"""Reports failures of Django's tasks, of Django 6.0 and later or of the django-tasks package."""

import logging
import sys
from typing import Any

try:
    from django.tasks.signals import task_finished, task_started
except ImportError:  # Django 5.2
    from django_tasks.signals import task_finished, task_started

from hoptoad.capture.context import forget
from hoptoad.log import reported_elsewhere
from hoptoad.reporting import reporter
from hoptoad.runtime import scope

# The units of work of the running tasks, by the task's id.
_units: dict[str, scope.Scope] = {}
_LOGGERS = ("django.tasks", "django_tasks")


def connect() -> None:
    """Connects to the backend's signals, in the process that runs the task."""
    reported_elsewhere.update(dict.fromkeys(_LOGGERS, _is_reported_here))
    task_started.connect(_began, dispatch_uid=__name__)
    task_finished.connect(_finished, dispatch_uid=__name__)


def disconnect() -> None:
    """Disconnects from the signals."""
    for name in _LOGGERS:
        reported_elsewhere.pop(name, None)
    task_started.disconnect(dispatch_uid=__name__)
    task_finished.disconnect(dispatch_uid=__name__)


def _is_reported_here(record: logging.LogRecord) -> bool:
    return True


def _began(task_result: Any, **details: Any) -> None:
    if scope.current() is None:
        forget()
    _units[str(task_result.id)] = scope.begin(merges=True)


def _finished(task_result: Any, **details: Any) -> None:
    try:
        _report(task_result)
    finally:
        unit = _units.pop(str(task_result.id), None)
        if unit is not None:
            scope.end(unit)


def _report(task_result: Any) -> None:
    errors = getattr(task_result, "errors", None)
    if str(getattr(task_result.status, "name", task_result.status)) != "FAILED" or not errors:
        return
    path = str(task_result.task.module_path)
    if path.startswith("hoptoad."):
        return  # our own task logs a notice that it cannot deliver
    last = errors[-1]
    error = sys.exc_info()[1]  # backends send the signal while they handle it
    if error is not None and not isinstance(error, Exception):
        return
    reporter.report(
        error,
        kind=str(last.exception_class_path).removeprefix("builtins."),
        message="" if error is not None else _last_line(last.traceback),
        component="tasks",
        action=path,
        params={"args": task_result.args, "kwargs": task_result.kwargs},
        extra={"task": {"id": task_result.id, "attempt": len(errors), "backend": task_result.backend}},
    )


def _last_line(traceback: str) -> str:
    lines = traceback.strip().splitlines()
    return lines[-1] if lines else ""

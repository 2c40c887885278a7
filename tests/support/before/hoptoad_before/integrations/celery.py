"""Failures of Celery's tasks, through Celery's own signals."""

import logging
import sys
from types import TracebackType
from typing import Any

from celery import signals  # type: ignore[import-untyped]
from celery.exceptions import TimeLimitExceeded  # type: ignore[import-untyped]

from hoptoad_before import reporter, scope
from hoptoad_before.contextvalues import forget
from hoptoad_before.doors import flush
from hoptoad_before.log import left_to_others

_TRACE = "celery.app.trace"
_REQUEST = "celery.worker.request"
_TASK_ENDED = "Task handler raised error: %r"
_TIMED_OUT = "Hard time limit (%ss) exceeded for %s[%s]"

# The units of the tasks that are running, by the task's id.
_units: dict[str, scope.Scope] = {}
# The last failure the worker's main process was told of: the task's id and the exception.
_last: tuple[str, BaseException | None] = ("", None)


def connect() -> None:
    """Listens to the worker. Retry, Ignore and Reject are no failures there, `throws` are none here."""
    left_to_others.update({_TRACE: _is_reported_here, _REQUEST: _was_reported_here})
    signals.task_failure.connect(_failed, weak=False)
    signals.task_prerun.connect(_began, weak=False)
    signals.task_postrun.connect(_ended, weak=False)
    signals.worker_process_shutdown.connect(_ending, weak=False)
    signals.worker_shutdown.connect(_ending, weak=False)


def disconnect() -> None:
    """Listens no more."""
    for name in (_TRACE, _REQUEST):
        left_to_others.pop(name, None)
    signals.task_failure.disconnect(_failed)
    signals.task_prerun.disconnect(_began)
    signals.task_postrun.disconnect(_ended)
    signals.worker_process_shutdown.disconnect(_ending)
    signals.worker_shutdown.disconnect(_ending)


def _began(task_id: str = "", task: Any = None, **details: Any) -> None:
    is_eager = bool(getattr(getattr(task, "request", None), "is_eager", False))
    if not is_eager:
        forget()
    # A task that runs inside a request belongs to it; a worker's thread may hold what an ended task left.
    _units[task_id] = scope.begin(merges=True, nested=is_eager)


def _ended(task_id: str = "", **details: Any) -> None:
    unit = _units.pop(task_id, None)
    if unit is not None:
        scope.end(unit)


def _failed(
    sender: Any = None,
    *,
    task_id: str = "",
    exception: BaseException | None = None,
    args: Any = (),
    kwargs: Any = None,
    traceback: Any = None,
    **details: Any,
) -> None:
    if exception is None or _is_second_signal(task_id, exception, traceback):
        return
    error = _original(exception)
    if issubclass(type(error), tuple(getattr(sender, "throws", None) or ())):
        return
    context = getattr(sender, "request", None)
    delivery = getattr(context, "delivery_info", None) or {}
    reporter.report(
        error,
        component="celery",
        action=str(getattr(sender, "name", "") or "unknown"),
        params={"args": args, "kwargs": kwargs or {}},
        extra={
            "celery": {
                "id": task_id,
                "retries": getattr(context, "retries", 0),
                "queue": delivery.get("routing_key") or "",
                "root_id": getattr(context, "root_id", None) or "",
            }
        },
    )


def _original(exception: BaseException) -> BaseException:
    """The exception the task raised.

    Where that cannot be pickled, the signal carries a stand-in: an UnpickleableExceptionWrapper, or
    one of a base class. Celery gives it the traceback of the original, which is still being handled.
    """
    handled = sys.exc_info()[1]
    if handled is None or handled.__traceback__ is not exception.__traceback__:
        return exception
    return handled


def _is_second_signal(task_id: str, exception: BaseException, traceback: Any) -> bool:
    """Whether this is the second signal of one hard time limit.

    The pool's result comes first, with its traceback as text. Where the task's message goes back to
    the queue that one is not sent.
    """
    global _last
    if isinstance(exception, TimeLimitExceeded) and isinstance(traceback, TracebackType):
        first, _last = _last, ("", None)
        return first[0] == task_id and isinstance(first[1], TimeLimitExceeded)
    _last = (task_id, exception)
    return False


def _is_reported_here(record: logging.LogRecord) -> bool:
    return True


def _was_reported_here(record: logging.LogRecord) -> bool:
    """Whether a record of the worker's main process says what a signal, or another record, says too."""
    if record.msg != _TASK_ENDED or not isinstance(record.args, tuple):
        return record.msg == _TIMED_OUT  # follows the other record
    error = record.args[0]
    return error is _last[1] or (isinstance(error, TimeLimitExceeded) and _timeout_sends_signal())


def _timeout_sends_signal() -> bool:
    """Whether this Celery, as 5.7 does, sends a signal of its own for each hard time limit."""
    module = sys.modules.get("celery.worker.request")  # a web process has no worker to import
    return module is not None and "task_failure" in module.Request.on_timeout.__code__.co_names


def _ending(**details: Any) -> None:
    flush()

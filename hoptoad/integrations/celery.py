"""Failures of Celery's tasks, through Celery's own signals."""

from typing import Any

from celery import signals  # type: ignore[import-untyped]

from hoptoad import reporter
from hoptoad.contextvalues import forget
from hoptoad.doors import flush
from hoptoad.log import left_to_others

_LOGGER = "celery.app.trace"


def connect() -> None:
    """Listens to the worker. Retry, Ignore and Reject are no failures there, `throws` are none here."""
    left_to_others.add(_LOGGER)
    signals.task_failure.connect(_failed, weak=False)
    signals.task_prerun.connect(forget, weak=False)
    signals.worker_process_shutdown.connect(_ending, weak=False)
    signals.worker_shutdown.connect(_ending, weak=False)


def disconnect() -> None:
    """Listens no more."""
    left_to_others.discard(_LOGGER)
    signals.task_failure.disconnect(_failed)
    signals.task_prerun.disconnect(forget)
    signals.worker_process_shutdown.disconnect(_ending)
    signals.worker_shutdown.disconnect(_ending)


def _failed(
    sender: Any = None,
    task_id: str = "",
    exception: BaseException | None = None,
    args: Any = (),
    kwargs: Any = None,
    **details: Any,
) -> None:
    expected = tuple(getattr(sender, "throws", None) or ())
    if exception is None or issubclass(type(exception), expected):
        return
    context = getattr(sender, "request", None)
    delivery = getattr(context, "delivery_info", None) or {}
    reporter.report(
        exception,
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


def _ending(**details: Any) -> None:
    flush()

"""Delivery by Django's tasks, or by the django-tasks package on Django 5.2: only the bytes travel."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

try:
    from django.tasks import task
except ImportError:  # Django 5.2
    from django_tasks import task  # type: ignore[no-redef]

from hoptoad.api.registry import report
from hoptoad.conf.loading import get_settings
from hoptoad.delivery.answer import Verdict, pause_after
from hoptoad.handlers.broker import BrokeredNotifier
from hoptoad.handlers.fallback import fall_back
from hoptoad.runtime import messages


@task
def deliver(document: str, attempt: int = 0) -> None:
    """Sends one notice from a worker, and tries again later if the backend can defer a task."""
    settings = get_settings()
    payload = document.encode()
    answer = report(payload, settings.timeout)
    if answer.verdict is Verdict.ACCEPTED:
        return
    again = answer.verdict is not Verdict.REFUSED and attempt < settings.retries
    if not (again and deliver.get_backend().supports_defer):
        fall_back(payload, settings.timeout, str(answer), answer)
        return
    later = timezone.now() + timedelta(seconds=pause_after(answer, attempt))
    try:
        deliver.using(run_after=later).enqueue(document, attempt + 1)
    # Backends, and the databases and brokers behind them, may raise anything.
    except Exception as error:
        why = f"the tasks backend refuses another attempt: {messages.safe_line(error)}"
        fall_back(payload, settings.timeout, why, answer)


def _publish(document: str) -> None:
    deliver.enqueue(document)


class TasksNotifier(BrokeredNotifier):
    """Enqueues a task from a thread. While the backend fails, the spool or this process delivers."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(_publish, "The tasks backend", **kwargs)

"""Delivery by Django's tasks, or by the django-tasks package on Django 5.2: only the bytes travel."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

try:
    from django.tasks import task
except ImportError:  # Django 5.2
    from django_tasks import task  # type: ignore[no-redef]

from hoptoad_before import messages
from hoptoad_before.answers import Verdict, pause_after
from hoptoad_before.api.choice import report
from hoptoad_before.conf import get_settings
from hoptoad_before.handlers.base import give_up
from hoptoad_before.handlers.brokered import BrokeredNotifier


@task
def deliver(document: str, attempt: int = 0) -> None:
    """Sends one notice from a worker; tries again later where the backend can defer a task."""
    settings = get_settings()
    payload = document.encode()
    answer = report(payload, settings.timeout)
    if answer.verdict is Verdict.ACCEPTED:
        return
    again = answer.verdict is not Verdict.REFUSED and attempt < settings.retries
    if not (again and deliver.get_backend().supports_defer):
        give_up(payload, settings.timeout, str(answer), answer)
        return
    later = timezone.now() + timedelta(seconds=pause_after(answer, attempt))
    try:
        deliver.using(run_after=later).enqueue(document, attempt + 1)
    # Backends, and the databases and brokers behind them, raise whatever they like.
    except Exception as error:
        why = f"the tasks backend takes no other attempt: {messages.quoted(error)}"
        give_up(payload, settings.timeout, why, answer)


def _publish(document: str) -> None:
    deliver.enqueue(document)


class TasksNotifier(BrokeredNotifier):
    """Enqueues from a thread. Where the backend fails, the spool or this process delivers."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(_publish, "The tasks backend", **kwargs)

"""Delivery by the Celery workers a site already runs: only the bytes travel."""

import contextlib
import random
from typing import Any

from celery import current_app, shared_task  # type: ignore[import-untyped]
from celery.exceptions import Reject  # type: ignore[import-untyped]

from hoptoad_before import messages
from hoptoad_before.answers import Verdict, pause_after
from hoptoad_before.api.choice import report
from hoptoad_before.conf import get_settings
from hoptoad_before.handlers.base import give_up
from hoptoad_before.handlers.brokered import BrokeredNotifier
from hoptoad_before.imports import importing, when_needed


@shared_task(  # type: ignore[untyped-decorator]
    name="hoptoad_before.deliver", bind=True, acks_late=True, ignore_result=True, max_retries=None
)
def deliver(self: Any, document: str) -> None:
    """Sends one notice from a worker, and tries again as the server's answer asks for."""
    settings = get_settings()
    payload = document.encode()
    answer = report(payload, settings.timeout)
    if answer.verdict is Verdict.ACCEPTED:
        return
    if answer.verdict is Verdict.REFUSED or self.request.retries >= settings.retries:
        give_up(payload, settings.timeout, str(answer), answer)
        return
    pause = pause_after(answer, self.request.retries)
    try:
        raise self.retry(countdown=pause * (1 + random.random() / 10))  # noqa: S311
    except Reject as error:  # the broker does not take the task back, and this would end the notice
        give_up(
            payload, settings.timeout, f"Celery cannot try again: {messages.quoted(error.reason)}", answer
        )


def _load(application: Any) -> None:
    """Imports what Celery imports when it publishes for the first time."""
    when_needed("encodings.idna")  # what Python itself imports for the name of a host
    task, events = application.tasks[deliver.name], application.events
    _ = task.backend, application.amqp.queues, events.Dispatcher, events.Receiver
    _ = application.connection_for_write().transport


class CeleryNotifier(BrokeredNotifier):
    """Publishes from a thread. Where the broker is down, the spool or this process delivers."""

    def __init__(self, **kwargs: Any) -> None:
        # Celery's current application is that of this thread, which has imported the site; the
        # threads that publish would find another, made up one.
        application = current_app._get_current_object()  # noqa: SLF001 - how a Proxy is seen through

        with (
            importing,
            contextlib.suppress(Exception),
        ):  # a broker that cannot be used is said when publishing
            _load(application)

        def publish(document: str) -> None:
            task = application.tasks[deliver.name]
            # Without Celery's own retries: they would hold the thread while the broker is down.
            task.apply_async((document,), retry=False, ignore_result=True)

        super().__init__(publish, "Celery's broker", **kwargs)

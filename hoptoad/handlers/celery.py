"""Delivery by the Celery workers a site already runs: only the bytes travel."""

import contextlib
import random
from typing import Any

from celery import current_app, shared_task  # type: ignore[import-untyped]
from celery.exceptions import Reject  # type: ignore[import-untyped]

from hoptoad.api.registry import report
from hoptoad.conf.loading import get_settings
from hoptoad.delivery.answer import Verdict, pause_after
from hoptoad.handlers.broker import BrokeredNotifier
from hoptoad.handlers.fallback import fall_back
from hoptoad.runtime import messages
from hoptoad.runtime.lifecycle import importing


@shared_task(  # type: ignore[untyped-decorator]
    name="hoptoad.deliver", bind=True, acks_late=True, ignore_result=True, max_retries=None
)
def deliver(self: Any, document: str) -> None:
    """Sends one notice from a Celery worker, and tries again later if the server's answer asks for it."""
    settings = get_settings()
    payload = document.encode()
    answer = report(payload, settings.timeout)
    if answer.verdict is Verdict.ACCEPTED:
        return
    if answer.verdict is Verdict.REFUSED or self.request.retries >= settings.retries:
        fall_back(payload, settings.timeout, str(answer), answer)
        return
    pause = pause_after(answer, self.request.retries)
    try:
        raise self.retry(countdown=pause * (1 + random.random() / 10))  # noqa: S311
    except Reject as error:  # the broker does not take the task back
        why = f"Celery refuses another attempt: {messages.safe_line(error.reason)}"
        fall_back(payload, settings.timeout, why, answer)


def _load(application: Any) -> None:
    """Imports now what Celery imports with its first message."""
    import encodings.idna  # noqa: F401 - Python imports it to resolve a host name

    task, events = application.tasks[deliver.name], application.events
    _ = task.backend, application.amqp.queues, events.Dispatcher, events.Receiver
    _ = application.connection_for_write().transport


class CeleryNotifier(BrokeredNotifier):
    """Publishes a Celery task from a thread. While the broker is down, the spool or this process delivers."""

    def __init__(self, **kwargs: Any) -> None:
        # Found in this thread, which has imported the site: in the threads that publish, Celery would
        # make up another application.
        application = current_app._get_current_object()  # noqa: SLF001 - how a Proxy is seen through

        # A broker that cannot be used is logged with the first notice.
        with importing, contextlib.suppress(Exception):
            _load(application)

        def publish(document: str) -> None:
            task = application.tasks[deliver.name]
            # Without Celery's own retries: they would hold the thread while the broker is down.
            task.apply_async((document,), retry=False, ignore_result=True)

        super().__init__(publish, "Celery's broker", **kwargs)

"""The site's Celery application, as Celery's documentation has it."""

import os

from celery import Celery
from celery.exceptions import Ignore

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")


def application(broker):
    """An application of its own, and the current one."""
    app = Celery("shop", set_as_current=True)
    app.config_from_object("django.conf:settings", namespace="CELERY")
    app.conf.broker_url = broker
    app.conf.broker_connection_retry_on_startup = True
    app.conf.broker_transport_options = {"socket_connect_timeout": 1}
    app.conf.broker_connection_timeout = 1
    app.autodiscover_tasks()
    return app


app = application(os.environ.get("SHOP_BROKER", "memory://"))


@app.task
def crash(times):
    """Fails in a view, inside a worker; the requests are the test client's."""
    from django.test import Client

    client = Client(raise_request_exception=False)
    return [client.get("/boom/").status_code for _ in range(times)]


@app.task(throws=(KeyError,))
def broken(how, password=None):
    if how == "throws":
        raise KeyError("expected")
    raise ValueError(f"something broke in a task: {how}")


@app.task(bind=True, max_retries=1)
def retried(self):
    try:
        raise ValueError("something broke twice")
    except ValueError as error:
        raise self.retry(exc=error, countdown=0) from None


@app.task
def ignored():
    raise Ignore

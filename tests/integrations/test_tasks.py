"""Failures of Django's tasks."""

import logging

import django
import pytest
from django.conf import settings as django_settings

import hoptoad
from hoptoad import hooks
from hoptoad.integrations import tasks
from hoptoad.redaction.cutting import MASK
from hoptoad.testing import outbox

if django.VERSION >= (6, 0):
    from django.tasks import TaskResultStatus, task
    from django.tasks.base import TaskError
    from django.tasks.signals import task_finished

    PACKAGE = "django.tasks"
else:
    from django_tasks import TaskResultStatus, task
    from django_tasks.base import TaskError
    from django_tasks.signals import task_finished

    PACKAGE = "django_tasks"


def fail(how, password=None):
    raise ValueError(f"something broke in a task: {how}")


def succeed():
    return 7


@pytest.fixture
def immediate(settings_for):
    settings_for(TASKS={"default": {"BACKEND": f"{PACKAGE}.backends.immediate.ImmediateBackend"}})
    if PACKAGE == "django_tasks":
        settings_for(INSTALLED_APPS=[*django_settings.INSTALLED_APPS, "django_tasks"])
    tasks.connect()
    yield
    tasks.disconnect()


def test_a_task_that_fails_is_reported(immediate):
    result = task(fail).enqueue("at last", password="task-secret")

    [notice] = outbox
    assert notice.error.message == "ValueError: something broke in a task: at last"
    assert notice.error.frames[0].function == "fail"
    assert (notice.request.component, notice.request.action) == ("tasks", result.task.module_path)
    assert notice.request.params == {"args": ("at last",), "kwargs": {"password": MASK}}
    assert notice.extra["task"] == {"id": result.id, "attempt": "1", "backend": "default"}


def test_a_task_that_succeeds_is_not(immediate):
    task(succeed).enqueue()

    assert outbox == []


def test_a_backend_that_tells_later_is_heard_too(immediate):
    """As of a worker that runs in another process: only the text of the failure is left."""

    class Result:
        id, status, args, kwargs, backend = "7", TaskResultStatus.FAILED, [1], {}, "default"
        task = task(fail)
        errors = [
            TaskError(
                exception_class_path="builtins.KeyError", traceback="Traceback …\n  File …\nKeyError: 'x'\n"
            )
        ]

    task_finished.send(sender=None, task_result=Result())

    [notice] = outbox
    assert (notice.error.class_name, notice.error.message) == ("KeyError", "KeyError: 'x'")


def test_a_delivery_that_fails_is_none_of_the_sites_tasks(immediate):
    class Result:
        id, status, args, kwargs, backend = "7", TaskResultStatus.FAILED, [], {}, "default"
        errors = [TaskError(exception_class_path="builtins.KeyError", traceback="KeyError: 'x'")]

        class task:
            module_path = "hoptoad.handlers.tasks.deliver"

    task_finished.send(sender=None, task_result=Result())

    assert outbox == []


def leave_values():
    hoptoad.context(tenant="A")
    logging.getLogger("shop.trail").error("step of the first")


ONE = ValueError("one object")


def raise_one():
    try:
        raise ONE
    except ValueError as error:
        hoptoad.notify(error)
        raise


def test_values_and_breadcrumbs_end_with_their_task(immediate):
    hooks.install([], trail=10)
    tasks.connect()  # hooks take out what was there before

    task(leave_values).enqueue()
    task(fail).enqueue("second")

    hooks.remove()
    assert "tenant" not in outbox[0].extra
    assert not any("step of the first" in line for line in outbox[0].extra["trail"])


def test_one_object_is_one_failure_in_each_task(immediate):
    for _ in range(3):
        task(raise_one).enqueue()

    assert len(outbox) == 3


def test_a_task_inside_a_request_belongs_to_it(immediate, client, view):
    @view
    def run(request):
        hoptoad.context(order=7)
        task(leave_values).enqueue()
        task(raise_one).enqueue()
        raise KeyError("after")

    client.get("/exception/?page=2")

    in_task, after = outbox
    assert in_task.request.params["page"] == "2"
    assert after.extra["order"] == "7"
    assert "tenant" not in after.extra


def test_an_eager_task_of_celery_and_its_request_are_one_failure(client, view):
    celery = pytest.importorskip("celery")
    from hoptoad.integrations import celery as integration

    app = celery.Celery("eager", broker="memory://")
    app.conf.update(task_always_eager=True, task_eager_propagates=True)
    integration.connect()

    @app.task
    def work():
        hoptoad.context(tenant="A")
        raise KeyError("in the task")

    @view
    def run(request):
        work.delay()

    for _ in range(2):
        client.get("/exception/?page=2")

    integration.disconnect()
    assert [notice.request.params["page"] for notice in outbox] == ["2", "2"]
    assert [notice.error.message for notice in outbox] == ["KeyError: 'in the task'"] * 2

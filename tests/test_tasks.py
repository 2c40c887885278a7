"""Failures of Django's tasks."""

import django
import pytest
from django.conf import settings as django_settings

from hoptoad.integrations import tasks
from hoptoad.masked import MASK
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

"""A task of django.tasks, in a module of its own: it needs settings when it is imported."""

import shop
from django.tasks import task


@task
def pay():
    shop.fail("a task")

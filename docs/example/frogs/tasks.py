"""Work in the background: for Celery, and for Django's own tasks."""

from celery import shared_task

try:
    from django.tasks import task
except ImportError:  # Django 5.2
    from django_tasks import task


@shared_task
def croak(times):
    raise ValueError(f"croaked {times} times")


@task
def spawn(password=None):
    raise ValueError("no pond for the spawn")

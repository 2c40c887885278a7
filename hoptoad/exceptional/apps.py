"""The Django application, whose templates are found if it is in INSTALLED_APPS."""

from django.apps import AppConfig


class ExceptionalConfig(AppConfig):
    name = "hoptoad.exceptional"
    label = "exceptional"
    verbose_name = "HTTP statuses as exceptions"

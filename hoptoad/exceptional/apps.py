"""The Django application: in INSTALLED_APPS it brings the templates."""

from django.apps import AppConfig


class ExceptionalConfig(AppConfig):
    name = "hoptoad.exceptional"
    label = "exceptional"
    verbose_name = "HTTP statuses as exceptions"

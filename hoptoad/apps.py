"""The Django application: in INSTALLED_APPS it brings the system checks and the commands."""

from django.apps import AppConfig


class HoptoadConfig(AppConfig):
    name = "hoptoad"
    verbose_name = "Hoptoad error notifier"

    def ready(self) -> None:
        from hoptoad import checks  # noqa: F401 - importing registers them
        from hoptoad.handlers.base import register_tasks

        register_tasks()

"""The Django application: in INSTALLED_APPS it brings the system checks and the commands."""

import contextlib

from django.apps import AppConfig


class HoptoadConfig(AppConfig):
    name = "hoptoad"
    verbose_name = "Hoptoad error notifier"

    def ready(self) -> None:
        from hoptoad import checks, hooks  # noqa: F401 - importing the checks registers them
        from hoptoad.conf.loading import get_settings
        from hoptoad.errors import ConfigurationError
        from hoptoad.handlers.registry import register_tasks

        register_tasks()
        with contextlib.suppress(ConfigurationError):  # said by the check and by the middleware
            settings = get_settings()
            if settings.enabled:
                hooks.install(settings.hooks, trail=settings.trail)

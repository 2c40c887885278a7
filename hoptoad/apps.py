"""The Django application, which registers the system checks and the commands and installs the hooks."""

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
        with contextlib.suppress(ConfigurationError):  # the check and the middleware report it
            settings = get_settings()
            if settings.enabled:
                hooks.install(settings.hooks, trail=settings.trail)

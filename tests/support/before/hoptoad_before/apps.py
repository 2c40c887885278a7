"""The Django application: in INSTALLED_APPS it brings the system checks and the commands."""

import contextlib

from django.apps import AppConfig


class HoptoadConfig(AppConfig):
    name = "hoptoad_before"
    verbose_name = "Hoptoad error notifier"

    def ready(self) -> None:
        from hoptoad_before import checks, hooks  # noqa: F401 - importing the checks registers them
        from hoptoad_before.conf import get_settings
        from hoptoad_before.errors import ConfigurationError
        from hoptoad_before.handlers.base import register_tasks

        register_tasks()
        with contextlib.suppress(ConfigurationError):  # said by the check and by the middleware
            settings = get_settings()
            if settings.enabled:
                hooks.install(settings.hooks, trail=settings.trail)

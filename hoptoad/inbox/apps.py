"""The Django application of the inbox: `INSTALLED_APPS += ["hoptoad", "hoptoad.inbox"]`."""

from django.apps import AppConfig


class InboxConfig(AppConfig):
    name = "hoptoad.inbox"
    label = "hoptoad_inbox"
    verbose_name = "Errors"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from hoptoad.inbox import checks
        from hoptoad.inbox.templatetags import hoptoad_inbox  # noqa: F401 - else imported by the first request

        checks.register()

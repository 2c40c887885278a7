"""The demo's inbox: its settings, with a database in a temporary folder, and what has arrived there."""

from pathlib import Path
from typing import Any

from django.apps import apps

from hoptoad.api.parsers import parse_v2
from hoptoad.management.demo import site
from hoptoad.notice import Notice

NOTIFIER = {"HOPTOAD_HANDLER": "inbox", "HOPTOAD_SOURCE_CONTEXT": 3, "HOPTOAD_LOCAL_VARIABLES": True}


def settings(folder: str) -> dict[str, Any]:
    """What Django must know beside the settings of the failing site."""
    return {
        "ROOT_URLCONF": "hoptoad.management.demo.urls",
        "INSTALLED_APPS": [
            "hoptoad",
            "hoptoad.inbox",
            "django.contrib.admin",
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "django.contrib.messages",
            "django.contrib.staticfiles",
        ],
        "MIDDLEWARE": [
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
            *site.MIDDLEWARE,
        ],
        "TEMPLATES": [
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "APP_DIRS": True,
                "OPTIONS": {
                    "context_processors": [
                        "django.template.context_processors.request",
                        "django.contrib.auth.context_processors.auth",
                        "django.contrib.messages.context_processors.messages",
                    ]
                },
            }
        ],
        "DATABASES": {
            "default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": Path(folder) / "inbox.sqlite3",
                "OPTIONS": {"transaction_mode": "IMMEDIATE", "init_command": "PRAGMA journal_mode=WAL"},
            }
        },
        "STATIC_URL": "/static/",
        "SESSION_COOKIE_NAME": "hoptoad_demo",  # other sites on this machine keep theirs
        "CSRF_COOKIE_NAME": "hoptoad_demo_csrf",
    }


class Arrived:
    """The notices in the inbox, oldest first."""

    @property
    def documents(self) -> list[bytes]:
        model: Any = apps.get_model("hoptoad_inbox", "Notice")
        return [row.raw for row in model.objects.order_by("pk")]

    @property
    def notices(self) -> list[Notice]:
        return [parse_v2(document) for document in self.documents]

"""`manage.py check`: what the inbox lacks, with a line to paste."""

import sys
from collections.abc import Sequence
from typing import Any

from django.apps import apps
from django.core import checks
from django.db import Error, connections

from hoptoad.inbox import options

TABLE = "hoptoad_inbox_problem"
ROUTER = "hoptoad.inbox.router.InboxRouter"


def register() -> None:
    """Called when the apps are ready."""
    checks.register(check_settings, "hoptoad_inbox")
    checks.register(check_tables, checks.Tags.database)


def check_settings(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    """Reads settings only."""
    alias = options.named_database()
    if alias and alias not in connections.settings:
        return [
            checks.Error(
                f"HOPTOAD_INBOX_DATABASE is {alias!r}, which is not in DATABASES.",
                hint=f"HOPTOAD_INBOX_DATABASE = one of {', '.join(connections.settings)}",
                id="hoptoad.E009",
            )
        ]
    found: list[checks.CheckMessage] = []
    if alias and not _is_routed():
        found.append(
            checks.Error(
                "HOPTOAD_INBOX_DATABASE is set, and no router sends the inbox there.",
                hint=f'DATABASE_ROUTERS = ["{ROUTER}"]',
                id="hoptoad.E010",
            )
        )
    if not apps.is_installed("django.contrib.admin"):
        found.append(
            checks.Warning(
                "The pages of the inbox are in the admin, which is not installed.",
                hint='INSTALLED_APPS += ["django.contrib.admin", "django.contrib.messages"], and '
                'path("admin/", admin.site.urls) in the URLconf.',
                id="hoptoad.W013",
            )
        )
    if _shares_a_file(alias or options.database()):
        found.append(_shared())
    return found


def check_tables(
    app_configs: Any, databases: "Sequence[str] | None" = None, **kwargs: Any
) -> list[checks.CheckMessage]:
    """Looks into the database: with `check --database`, and not with `migrate`, which makes them."""
    alias = options.database()
    if alias not in (databases or ()) or "migrate" in sys.argv[1:2]:
        return []
    try:
        if TABLE in connections[alias].introspection.table_names():
            return []
    except Error:
        return []  # Django's to complain about
    return [
        checks.Warning(
            "The tables of the inbox are missing: notices wait, and are lost when the process ends.",
            hint=f"manage.py migrate hoptoad_inbox --database {alias}",
            id="hoptoad.W014",
        )
    ]


def _is_routed() -> bool:
    return options.database_by_router() == options.named_database()


def _shares_a_file(alias: str) -> bool:
    """Whether the site's own tables are in the same SQLite file; one in memory is a test's."""
    database = connections.settings.get(alias, {})
    is_file = str(database.get("ENGINE", "")).endswith("sqlite3") and "memory" not in str(
        database.get("NAME")
    )
    return alias == "default" and is_file


def _shared() -> checks.CheckMessage:
    return checks.Warning(
        "The inbox shares the site's SQLite file, which has one writer at a time: while many failures are "
        "stored, the site's own writes wait for them.",
        hint='DATABASES["errors"] = {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / '
        '"errors.sqlite3"}, HOPTOAD_INBOX_DATABASE = "errors" in HOPTOAD_SETTINGS, '
        f'DATABASE_ROUTERS = ["{ROUTER}"], then: manage.py migrate --database errors',
        id="hoptoad.W015",
    )

"""Sends the inbox to a database of its own: `DATABASE_ROUTERS = ["hoptoad.inbox.router.InboxRouter"]`."""

from typing import Any

from django.db.models import Model

from hoptoad.inbox import options

LABEL = "hoptoad_inbox"
_MODELS = "hoptoad.inbox.models"


class InboxRouter:
    """Knows the models of the inbox only, and nothing where HOPTOAD_INBOX_DATABASE is not set."""

    def db_for_read(self, model: type[Model], **hints: Any) -> str | None:
        return (options.named_database() or None) if model.__module__ == _MODELS else None

    db_for_write = db_for_read

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool | None:
        alias = options.named_database()
        return db == alias if alias and app_label == LABEL else None

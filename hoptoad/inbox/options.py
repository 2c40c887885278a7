"""The settings of the inbox, read when they are needed. `conf` knows their names and checks their values."""

from typing import Any

from django.conf import settings
from django.db import router

from hoptoad.inbox.models import Notice


def database() -> str:
    """The alias of the database that holds the inbox: HOPTOAD_INBOX_DATABASE, else what the routers say."""
    return named_database() or database_by_router()


def database_by_router() -> str:
    """The alias that DATABASE_ROUTERS choose."""
    return router.db_for_write(Notice)


def named_database() -> str:
    """HOPTOAD_INBOX_DATABASE, or an empty string."""
    return str(_given("HOPTOAD_INBOX_DATABASE", "") or "")


def max_age() -> float:
    """HOPTOAD_INBOX_MAX_AGE: days after which notices, hours and resolved problems go."""
    return float(_given("HOPTOAD_INBOX_MAX_AGE", 90.0))


def url() -> str:
    """HOPTOAD_INBOX_URL, without a slash at its end: the address of the site, for the links in mails."""
    return str(_given("HOPTOAD_INBOX_URL", "") or "").rstrip("/")


def _given(name: str, default: Any) -> Any:
    grouped = getattr(settings, "HOPTOAD_SETTINGS", None) or {}
    return grouped.get(name, getattr(settings, name, default))

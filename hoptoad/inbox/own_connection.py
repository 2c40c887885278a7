"""A database connection of the inbox's own: whatever the site's connections do, this one is in autocommit.

On SQLite it begins transactions by IMMEDIATE. Otherwise a transaction that reads before it writes could not
wait for another writer: SQLite refuses it at once, whatever the timeout.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

BUSY_TIMEOUT = 5.0  # seconds; what waits longer is tried again


def new_connection(alias: str, timeout: float = BUSY_TIMEOUT) -> BaseDatabaseWrapper:
    """A connection to the alias's database that nobody else uses.

    `timeout` is in seconds, for a database that is busy or does not answer, where its settings name none.
    """
    connection = connections[alias].copy()
    options: dict[str, Any] = connection.settings_dict.setdefault("OPTIONS", {})
    if connection.vendor == "sqlite":
        options["transaction_mode"] = "IMMEDIATE"
        options.setdefault("timeout", timeout)
    elif connection.vendor == "postgresql":
        options.setdefault("connect_timeout", max(int(timeout), 2))
    connection.settings_dict.update(AUTOCOMMIT=True, ATOMIC_REQUESTS=False, CONN_MAX_AGE=None)
    return connection


@contextlib.contextmanager
def used(connection: BaseDatabaseWrapper) -> Iterator[str]:
    """The alias, which means this connection in the block and in this thread."""
    alias = connection.alias
    before = connections[alias]
    connections[alias] = connection
    try:
        yield alias
    finally:
        connections[alias] = before

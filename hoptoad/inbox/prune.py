"""Removes what is too old: at most 500 rows in a transaction, so that no writer waits for long."""

import contextlib
import logging
import threading
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Max, QuerySet
from django.utils.timezone import now

from hoptoad.inbox import alerts, options
from hoptoad.inbox.models import Deploy, Hour, Notice, Problem, Receipt
from hoptoad.inbox.own_connection import new_connection, used

ROWS = 500
MAX_RECEIPTS = 100_000
FIRST_AFTER, EVERY = 300.0, 3600.0  # seconds
_PAUSE = 0.05  # seconds between two transactions, in which other writers of an SQLite file take their turn

logger = logging.getLogger("hoptoad.inbox")
_due_at = [time.monotonic() + FIRST_AFTER]


def outdated(using: str, moment: datetime, max_age: float) -> "list[QuerySet[Any]]":
    """What `prune` removes, in its order: problems come after all that they have. `max_age` is in days."""
    newest = Receipt.objects.using(using).aggregate(newest=Max("pk"))["newest"] or 0
    receipts = Receipt.objects.using(using).filter(pk__lte=newest - MAX_RECEIPTS)
    if not max_age:
        return [receipts]
    before = moment - timedelta(days=max_age)
    return [
        receipts,
        Notice.objects.using(using).filter(received__lt=before),
        Hour.objects.using(using).filter(hour__lt=before),
        Deploy.objects.using(using).filter(at__lt=before),
        Problem.objects.using(using).filter(last_seen__lt=before),
    ]


def prune(using: str, moment: datetime, max_age: float) -> Iterator[int]:
    """Removes what is outdated, and yields after each transaction how many rows it has removed."""
    for rows in outdated(using, moment, max_age):
        yield from remove(rows)


def remove(rows: "QuerySet[Any]") -> Iterator[int]:
    """Removes rows, and yields after each transaction how many."""
    while ids := list(rows.order_by("pk").values_list("pk", flat=True)[:ROWS]):
        rows.filter(pk__in=ids).delete()
        yield len(ids)


def prune_when_due(using: str) -> None:
    """Prunes in a thread of its own, once an hour for a process that stores notices."""
    if time.monotonic() < _due_at[0]:
        return
    _due_at[0] = time.monotonic() + EVERY
    with contextlib.suppress(RuntimeError):  # the interpreter shuts down
        threading.Thread(target=_hourly, args=(using,), name="hoptoad-inbox-prune", daemon=True).start()


def _hourly(using: str) -> None:
    connection = new_connection(using)
    try:
        with used(connection):
            removed = 0
            for rows in prune(using, now(), options.max_age()):
                removed += rows
                time.sleep(_PAUSE)
            alerts.send_withheld(using)
            if connection.vendor == "sqlite":  # where the file was made with auto_vacuum
                with connection.cursor() as cursor:
                    cursor.execute("PRAGMA incremental_vacuum(1000)")
        logger.info("The inbox removed %d rows that were too old.", removed)
    except Exception as error:  # of a database, a mail server or a receiver of the site
        logger.warning("The inbox could not remove what is too old: %s", type(error).__name__)
    finally:
        connection.close()

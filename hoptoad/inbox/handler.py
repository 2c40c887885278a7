"""The handler "inbox": the site's own failures go into its own database, by a thread of ours.

It is the thread pool with one thread, whose server is the database: a circuit breaker, retries, the fallback
handler and honest counts where the database is down, locked or without its tables.
"""

import threading
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import Error
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils.timezone import now

from hoptoad.conf.loading import get_settings
from hoptoad.delivery.answer import Answer, Verdict
from hoptoad.delivery.stats import stats
from hoptoad.errors import ParseError
from hoptoad.handlers.threaded import ThreadedNotifier
from hoptoad.inbox import alerts, options
from hoptoad.inbox.apps_by_key import site_app
from hoptoad.inbox.arrivals import arrival
from hoptoad.inbox.own_connection import new_connection, used
from hoptoad.inbox.prune import prune_when_due
from hoptoad.inbox.store import Flood
from hoptoad.inbox.writer import store_patiently
from hoptoad.runtime import messages
from hoptoad.runtime.guards import delivering
from hoptoad.runtime.messages import get_logger
from hoptoad.signals import emit, notice_answered, notice_sent

ADDRESS = "the inbox"
_OURS = "hoptoad.inbox."
_MISSING = ("no such table", "no such column", "does not exist", "doesn't exist")

logger = get_logger(__name__)
_flood = Flood()
_open = threading.local()
_outage = [False]  # whether the log says that notices wait


class InboxNotifier(ThreadedNotifier):
    """Stores notices in the order in which they came."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(1, send=self._store_one, **kwargs)

    def _store_one(self, payload: bytes, timeout: float) -> Answer:
        return send(payload, timeout, more=bool(self._queue))


def send(payload: bytes, timeout: float, *, more: bool = False) -> Answer:
    """Stores a notice and returns what came of it. Blocks up to `timeout` seconds for a busy database.

    Whatever thread this is, and whatever transaction it is in: the connection is the inbox's own. It stays
    open where the thread has `more` to store at once, and no longer.
    """
    with delivering():
        is_good = False
        try:
            answer = _stored(payload, timeout)
            is_good = answer.verdict is not Verdict.UNREACHABLE
        finally:
            if not (more and is_good):
                _close()
        emit(notice_answered, send, answer=answer)
        if answer.verdict is Verdict.ACCEPTED:
            stats.count("sent")
            emit(notice_sent, send, answer=answer)
        elif answer.verdict is Verdict.REFUSED:
            stats.count("refused")
        _log(answer)
    return answer


def _stored(payload: bytes, timeout: float) -> Answer:
    try:
        return Answer(verdict=Verdict.ACCEPTED, url=ADDRESS, id=_store(payload, timeout))
    except ParseError as error:
        text = f"{error}. (The inbox reads HOPTOAD_API v2 and v3.)"
        return Answer(verdict=Verdict.REFUSED, url=ADDRESS, fault="document", text=text)
    except (Error, ImproperlyConfigured) as error:
        text = messages.safe_line(f"{type(error).__name__}: {error}")
        hint = ". Run: manage.py migrate hoptoad_inbox" if any(said in text for said in _MISSING) else ""
        return Answer(verdict=Verdict.UNREACHABLE, url=ADDRESS, fault="database", text=text + hint)


def _store(payload: bytes, timeout: float) -> str:
    """Stores the notice; returns its id."""
    settings = get_settings()
    with used(_connection(timeout)) as alias:
        app = site_app(settings.api_key, Path(settings.project_root).name or "site", alias)
        found = arrival(app.pk, payload, now())
        if found.component.startswith(_OURS):
            raise ParseError("It is a failure of the inbox itself, which it does not store")
        stored = store_patiently([found], alias, _flood, retry_for=timeout)
        for alert in stored.alerts:  # here, or a process that ends would not wait for its mail
            alerts.send(alert, alias)
    prune_when_due(alias)
    return found.client_id


def _connection(timeout: float) -> BaseDatabaseWrapper:
    """This thread's own."""
    if getattr(_open, "connection", None) is None:
        _open.connection = new_connection(options.database(), timeout)
    connection: BaseDatabaseWrapper = _open.connection
    return connection


def _close() -> None:
    connection = getattr(_open, "connection", None)
    _open.connection = None
    if connection is not None:
        connection.close()


def _log(answer: Answer) -> None:
    """Says once that an outage began, and once that it is over."""
    is_down = answer.verdict is Verdict.UNREACHABLE
    if is_down and not _outage[0]:
        logger.warning("The inbox cannot store notices, which wait: %s", answer.text)
    elif _outage[0] and not is_down:
        logger.warning("The inbox stores notices again.")
    _outage[0] = is_down

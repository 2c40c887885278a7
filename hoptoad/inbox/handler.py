"""The handler "inbox": the site's own failures go into its own database, by a thread of ours.

It is the thread pool with one thread, whose server is the database: a circuit breaker, retries, the fallback
handler and honest counts where the database is down, locked or without its tables.
"""

import threading
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import Error, OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils.timezone import now

from hoptoad.conf.loading import get_settings
from hoptoad.delivery.answer import Answer, Verdict
from hoptoad.delivery.stats import stats
from hoptoad.errors import ParseError
from hoptoad.handlers.threaded import ThreadedNotifier
from hoptoad.inbox import alerts, options
from hoptoad.inbox.apps_by_key import site_app
from hoptoad.inbox.arrivals import Arrival, arrival
from hoptoad.inbox.own_connection import new_connection, used
from hoptoad.inbox.prune import prune_when_due
from hoptoad.inbox.store import Flood
from hoptoad.inbox.writer import store_patiently
from hoptoad.runtime import messages
from hoptoad.runtime.guards import delivering
from hoptoad.runtime.messages import get_logger
from hoptoad.signals import emit, notice_answered, notice_sent

ADDRESS = "the inbox"
MAX_BATCH = 50
_OURS = "hoptoad.inbox."
_MISSING = ("no such table", "no such column", "does not exist", "doesn't exist")

logger = get_logger(__name__)
_flood = Flood()
_open = threading.local()
_outage = [False]  # whether the log says that notices wait


class InboxNotifier(ThreadedNotifier):
    """Stores notices in the order in which they came. Those that wait are stored in one transaction."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(1, send=self._store_one, **kwargs)

    def start_over(self) -> None:
        super().start_over()
        # To notices that were stored before their turn. Equal documents without an id are several notices.
        self._answers: dict[bytes, list[Answer]] = {}

    def _work(self) -> None:
        try:
            super()._work()
        finally:
            _close()

    def _store_one(self, payload: bytes, timeout: float) -> Answer:
        with delivering():
            is_good = False
            try:
                if payload not in self._answers:
                    self._store_waiting(payload, timeout)
                answer = self._answer(payload)
                is_good = answer.verdict is not Verdict.UNREACHABLE
            finally:
                if not (is_good and self._queue):
                    _close()
            return _told(answer)

    def _to_fallback(self, item: Any, why: str) -> None:
        if item.payload in self._answers:  # it is stored: only its turn has not come
            _told(self._answer(item.payload))
        else:
            super()._to_fallback(item, why)

    def _answer(self, payload: bytes) -> Answer:
        answer = self._answers[payload].pop()
        if not self._answers[payload]:
            del self._answers[payload]
        return answer

    def _store_waiting(self, payload: bytes, timeout: float) -> None:
        with self._changed:
            payloads = [payload, *(item.payload for item in islice(self._queue, MAX_BATCH - 1))]
        for stored, answer in zip(payloads, _stored(payloads, timeout), strict=False):
            self._answers.setdefault(stored, []).append(answer)


def send(payload: bytes, timeout: float) -> Answer:
    """Stores a notice and returns what came of it. Blocks up to `timeout` seconds for a busy database.

    Whatever thread this is, and whatever transaction it is in: the connection is the inbox's own.
    """
    with delivering():
        try:
            [answer] = _stored([payload], timeout)
        finally:
            _close()
        return _told(answer)


def _told(answer: Answer) -> Answer:
    """The answer, once it is counted and the site's receivers have it."""
    emit(notice_answered, send, answer=answer)
    if answer.verdict is Verdict.ACCEPTED:
        stats.count("sent")
        emit(notice_sent, send, answer=answer)
    elif answer.verdict is Verdict.REFUSED:
        stats.count("refused")
    _log(answer)
    return answer


def _stored(payloads: Sequence[bytes], timeout: float) -> list[Answer]:
    """An answer to each; only to the first where they could not be stored together."""
    try:
        return _store(payloads, timeout)
    except Exception as error:
        if len(payloads) > 1 and not isinstance(error, OperationalError):  # one of them is at fault
            return _stored(payloads[:1], timeout)
        if not isinstance(error, (Error, ImproperlyConfigured)):
            raise
        text = messages.safe_line(f"{type(error).__name__}: {error}")
        hint = ". Run: manage.py migrate hoptoad_inbox" if any(said in text for said in _MISSING) else ""
        return [Answer(verdict=Verdict.UNREACHABLE, url=ADDRESS, fault="database", text=text + hint)]


def _store(payloads: Sequence[bytes], timeout: float) -> list[Answer]:
    settings = get_settings()
    with used(_connection(timeout)) as alias:
        app = site_app(settings.api_key, Path(settings.project_root).name or "site", alias)
        found = [_read(app.pk, payload) for payload in payloads]
        arrivals = [one for one in found if isinstance(one, Arrival)]
        if arrivals:
            stored = store_patiently(arrivals, alias, _flood, retry_for=timeout)
            for alert in stored.alerts:  # here, or a process that ends would not wait for its mail
                alerts.send(alert, alias)
    prune_when_due(alias)
    return [
        one if isinstance(one, Answer) else Answer(verdict=Verdict.ACCEPTED, url=ADDRESS, id=one.client_id)
        for one in found
    ]


def _read(app_id: int, payload: bytes) -> Arrival | Answer:
    """What a payload says, or its refusal."""
    try:
        found = arrival(app_id, payload, now())
        if found.component.startswith(_OURS):
            raise ParseError("the notice is a failure of the inbox itself, which is not stored")
    except ParseError as error:
        text = f"{error}. (The inbox reads HOPTOAD_API v2 and v3.)"
        return Answer(verdict=Verdict.REFUSED, url=ADDRESS, fault="document", text=text)
    return found


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
    """Logs the beginning and the end of an outage, once each."""
    is_down = answer.verdict is Verdict.UNREACHABLE
    if is_down and not _outage[0]:
        logger.warning("The inbox cannot store notices, so they wait: %s", answer.text)
    elif _outage[0] and not is_down:
        logger.warning("The inbox stores notices again.")
    _outage[0] = is_down

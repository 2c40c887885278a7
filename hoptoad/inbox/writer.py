"""One thread of a process writes what has arrived: all that waits, in one transaction.

An ingest view waits for it, and answers after COMMIT.
"""

import contextlib
import logging
import os
import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future

from django.db import DatabaseError, DataError, IntegrityError, OperationalError
from django.db.models import F
from django.utils.timezone import now

from hoptoad.inbox import alerts
from hoptoad.inbox.arrivals import Arrival
from hoptoad.inbox.models import App
from hoptoad.inbox.own_connection import new_connection, used
from hoptoad.inbox.prune import prune_when_due
from hoptoad.inbox.states import Alert
from hoptoad.inbox.store import Flood, Stored, store

MAX_BATCH = 100
QUEUE_SIZE = 1000
QUEUE_BYTES = 32 * 1024 * 1024
IDLE = 10.0  # seconds until an unused connection is closed
RETRY_FOR = 20.0  # seconds
_PAUSES = (0.0, 0.01, 0.03, 0.1, 0.3)  # seconds; the last one again and again

_MAX_ATTEMPTS = 20  # where constraints refuse: another process cannot be in the way that often
_PASSING = ("40001", "40P01", "55P03")  # PostgreSQL: serialization, deadlock, lock not available
_PASSING_CODES = (1205, 1213)  # MySQL: lock wait timeout, deadlock

logger = logging.getLogger("hoptoad.inbox")


class Busy(Exception):
    """Too many notices wait: the client should come again."""


def store_patiently(
    batch: Sequence[Arrival],
    using: str,
    flood: Flood,
    *,
    retry_for: float = RETRY_FOR,
    clock: Callable[[], float] = time.monotonic,
    pause: Callable[[float], None] = time.sleep,
) -> Stored:
    """Stores a batch, again and again while other writers are in the way. Raises DatabaseError.

    `retry_for` is in seconds.
    """
    ends = clock() + retry_for
    attempt = 0
    while True:
        try:
            return store(batch, using, flood)
        except (OperationalError, IntegrityError) as error:
            attempt += 1
            if clock() > ends or not _may_pass(error, attempt):
                raise
            logger.debug("Storing %d notices is tried again: %s", len(batch), type(error).__name__)
            pause(_PAUSES[min(attempt, len(_PAUSES)) - 1])


def _may_pass(error: DatabaseError, attempt: int) -> bool:
    """Whether another writer was in the way, and not the database down or without its tables."""
    if isinstance(error, IntegrityError):
        return attempt < _MAX_ATTEMPTS
    if getattr(error.__cause__, "sqlstate", None) in _PASSING:
        return True
    return "locked" in str(error) or (bool(error.args) and error.args[0] in _PASSING_CODES)


class Writer:
    """Takes arrivals from any thread. Its own thread starts with the first, and ends when idle."""

    def __init__(self, using: str, *, alerted: Callable[[list[Alert], str], object]) -> None:
        self._using = using
        self._alerted = alerted
        self._changed = threading.Lock()
        self._queue: queue.Queue[tuple[Arrival, Future[None]] | None] = queue.Queue()
        self._refused: dict[int, tuple[int, str]] = {}
        self._bytes = 0
        self._is_running = False
        self._is_closed = False
        self._thread: "threading.Thread | None" = None
        self._flood = Flood()

    def submit(self, arrival: Arrival) -> "Future[None]":
        """A future that is done once the notice is committed. Raises Busy."""
        future: Future[None] = Future()
        with self._changed:
            size = len(arrival.document)
            if self._queue.qsize() >= QUEUE_SIZE or self._bytes + size > QUEUE_BYTES:
                raise Busy
            self._bytes += size
            self._queue.put((arrival, future))
            self._start()
        return future

    def refuse(self, app_id: int, reason: str) -> None:
        """Counts a refused notice of an app. The count is written soon, with others."""
        with self._changed:
            count, _ = self._refused.get(app_id, (0, ""))
            self._refused[app_id] = count + 1, reason[:500]
            if not count:
                self._queue.put(None)
                self._start()

    def _start(self) -> None:
        if not self._is_running:
            self._thread = threading.Thread(target=self._work, name="hoptoad-inbox", daemon=True)
            self._thread.start()
            self._is_running = True

    def close(self) -> None:
        """Writes what waits, and ends the thread and its connection."""
        self._is_closed = True
        self._queue.put(None)
        if self._thread is not None:
            self._thread.join()

    def _work(self) -> None:
        connection = new_connection(self._using)
        try:
            with used(connection):
                while (batch := self._next()) is not None:
                    self._write_refused()
                    if batch:
                        self._write(batch)
                    connection.close_if_unusable_or_obsolete()
                self._write_refused()
        except BaseException:
            self._is_running = False  # the next notice starts another
            raise
        finally:
            connection.close()

    def _next(self) -> "list[tuple[Arrival, Future[None]]] | None":
        """All that waits, at most MAX_BATCH; None after IDLE seconds, when the thread must end."""
        taken = []
        with contextlib.suppress(queue.Empty):
            taken.append(self._queue.get(timeout=IDLE))
            while len(taken) < MAX_BATCH:
                taken.append(self._queue.get_nowait())
        batch = [pair for pair in taken if pair is not None]
        with self._changed:
            self._bytes -= sum(len(arrival.document) for arrival, _ in batch)
            self._is_running = not self._queue.empty() or bool(batch or (taken and not self._is_closed))
        return batch if self._is_running else None

    def _write_refused(self) -> None:
        with self._changed:
            refused, self._refused = self._refused, {}
        try:
            for app, (count, reason) in refused.items():
                App.objects.using(self._using).filter(pk=app).update(
                    refused_count=F("refused_count") + count, refused_reason=reason, refused_at=now()
                )
        except DatabaseError as error:
            logger.warning("The inbox could not count what it refused: %s", type(error).__name__)

    def _write(self, batch: "list[tuple[Arrival, Future[None]]]") -> None:
        try:
            stored = store_patiently([arrival for arrival, _ in batch], self._using, self._flood)
        except Exception as error:
            self._write_apart(batch, error)
            return
        for _, future in batch:
            future.set_result(None)
        if stored.alerts:
            self._alerted(stored.alerts, self._using)
        prune_when_due(self._using)

    def _write_apart(self, batch: "list[tuple[Arrival, Future[None]]]", error: Exception) -> None:
        """Writes each alone where one of them may be at fault, so that it harms no other."""
        if len(batch) > 1 and isinstance(error, (DataError, IntegrityError)):
            for pair in batch:
                self._write([pair])
            return
        logger.warning("The inbox could not store %d notices: %s", len(batch), type(error).__name__)
        for _, future in batch:
            future.set_exception(error)


_writers: dict[tuple[int, str], Writer] = {}


def close_all() -> None:
    """Ends the writers of this process."""
    while _writers:
        _writers.popitem()[1].close()


def writer(using: str) -> Writer:
    """The process's writer for a database; a forked child has its own."""
    return _writers.setdefault((os.getpid(), using), Writer(using, alerted=alerts.send_later))

"""One thread of a process writes what has arrived: all that waits, in one transaction.

A door waits for it, and answers after COMMIT.
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

from hoptoad.inbox import alerts
from hoptoad.inbox.arrivals import Arrival
from hoptoad.inbox.own_connection import new_connection, used
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
        self._queue: queue.Queue[tuple[Arrival, Future[None]]] = queue.Queue()
        self._bytes = 0
        self._is_running = False
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
            if not self._is_running:
                threading.Thread(target=self._work, name="hoptoad-inbox", daemon=True).start()
                self._is_running = True
        return future

    def _work(self) -> None:
        connection = new_connection(self._using)
        try:
            with used(connection):
                while batch := self._next():
                    self._write(batch)
                    connection.close_if_unusable_or_obsolete()
        except BaseException:
            self._is_running = False  # the next notice starts another
            raise
        finally:
            connection.close()

    def _next(self) -> "list[tuple[Arrival, Future[None]]]":
        """All that waits, at most MAX_BATCH; nothing after IDLE seconds, when the thread must end."""
        batch = []
        with contextlib.suppress(queue.Empty):
            batch.append(self._queue.get(timeout=IDLE))
            while len(batch) < MAX_BATCH:
                batch.append(self._queue.get_nowait())
        with self._changed:
            self._bytes -= sum(len(arrival.document) for arrival, _ in batch)
            self._is_running = bool(batch) or not self._queue.empty()
        return batch or (self._next() if self._is_running else [])

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


def writer(using: str) -> Writer:
    """The process's writer for a database; a forked child has its own."""
    return _writers.setdefault((os.getpid(), using), Writer(using, alerted=alerts.send_later))

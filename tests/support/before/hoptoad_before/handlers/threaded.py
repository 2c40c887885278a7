"""Delivery by a few threads and a bounded queue: the failing request only hands over."""

import atexit
import os
import sys
import threading
import time
import weakref
from collections import deque
from dataclasses import dataclass

from hoptoad_before import threads, transport
from hoptoad_before.answers import Answer, Verdict
from hoptoad_before.api.choice import report
from hoptoad_before.circuit import Circuit
from hoptoad_before.conf import get_settings
from hoptoad_before.guard import log_exception
from hoptoad_before.handlers.base import GiveUp, Send, give_up
from hoptoad_before.messages import get_logger
from hoptoad_before.tally import tally
from hoptoad_before.transport import log_recovery

logger = get_logger(__name__)

NOT_NOW = object()  # the outcome of an attempt that asked nobody: the notice goes on waiting


@dataclass(slots=True, eq=False)
class _Item:
    """A notice that waits."""

    payload: bytes
    timeout: float
    attempts: int = 0


class ThreadedNotifier:
    """A pool of daemon threads, started when there is something to send, and again after a fork.

    A full queue drops the newest notice. `enqueue` never blocks, and may be entered again from a
    signal handler or a finalizer. While the server is down or asks for a pause the notices wait,
    and one of them at a time finds out whether it is back. In a subinterpreter, which has no daemon
    threads, `enqueue` sends at once.
    """

    def __init__(
        self,
        threads: int | None = None,
        *,
        queue_size: int | None = None,
        send: Send = report,
        give_up: GiveUp = give_up,
        circuit: Circuit | None = None,
    ) -> None:
        settings = get_settings()
        self._thread_count = threads or settings.thread_count
        self._queue_size = queue_size or settings.queue_size
        self._retries = settings.retries
        self._send = send
        self._give_up = give_up
        self._circuit = circuit or Circuit()
        self.start_over()
        _pools.add(self)

    def start_over(self) -> None:
        """Empties the pool: at first, and in a forked child, where the parent's locks may be held."""
        # Re-entrant: a signal handler or a finalizer may come back while this thread holds it.
        self._changed = threading.Condition(threading.RLock())
        self._queue: deque[_Item] = deque()
        self._threads = 0
        self._sending: set[_Item] = set()
        self._closed = False
        self._abandoned: set[_Item] = set()
        self._ends_with_process = False

    def enqueue(self, payload: bytes, timeout: float) -> None:
        """Queues a notice, or gives it up where `queue_size` notices are waiting."""
        with self._changed:
            full = len(self._queue) >= self._queue_size
            if not full:
                self._queue.append(_Item(payload, timeout))
                self._changed.notify()
        if full:
            self._give_up(
                payload, timeout, f"the queue is full (HOPTOAD_QUEUE_SIZE = {self._queue_size})", None
            )
            return
        tally.count("queued")
        if not threads.may_start():
            if not self._wait():
                self._send_here(time.monotonic() + 2 * timeout)
        elif threading.main_thread().is_alive():
            self._start_thread()
        else:  # the interpreter shuts down: no thread may start, and nobody would wait for it
            timeout = get_settings().flush_timeout
            self._send_here(_last_moment(timeout))
            if self._queue:
                self._end(timeout)

    def flush(self, timeout: float) -> bool:
        """Waits until everything queued has been sent or refused; False after `timeout` seconds."""
        if not threads.may_start():
            self._send_here(time.monotonic() + timeout)
        with self._changed:
            return self._changed.wait_for(lambda: not (self._queue or self._sending), timeout)

    def close(self, timeout: float | None = None) -> bool:
        """Ends the pool: sends what waits, without threads in this one, and gives up the rest.

        `timeout` is in seconds; None means HOPTOAD_FLUSH_TIMEOUT. A server that is known to be
        down is asked once more, not for each notice. Returns whether nothing was given up.
        """
        if timeout is None:
            timeout = get_settings().flush_timeout
        deadline = time.monotonic() + timeout
        if self._circuit.is_open or not self._threads:
            self._send_here(deadline)
        if not self._circuit.is_open:
            self.flush(max(deadline - time.monotonic(), 0.0))
        return self._end(timeout)

    def abandon(self) -> None:
        """Counts what is being sent as unknown: for the end of the process, after `close`.

        May be called again: Python 3.13 runs `atexit` in children of multiprocessing as well.
        """
        with self._changed:
            sending = self._sending - self._abandoned
            self._abandoned |= sending
        if sending:
            tally.leave(len(sending), _too_short(get_settings().flush_timeout))

    def _end(self, timeout: float) -> bool:
        with self._changed:
            self._closed = True
            left = list(self._queue)
            self._queue.clear()
            self._threads = 0
            sending = len(self._sending)
            self._changed.notify_all()
        why = _too_short(timeout)
        with tally.one_line():
            for item in left:
                self._give_up(item.payload, item.timeout, why, None)
        return not (left or sending)

    def _start_thread(self) -> None:
        with self._changed:
            idle = self._threads - len(self._sending)
            enough = idle >= len(self._queue) or self._threads >= self._thread_count
            if enough or (self._threads and self._circuit.is_open):
                return
            self._closed = False
            self._threads += 1
            is_first, self._ends_with_process = not self._ends_with_process, True
        if is_first:
            _close_with_process(self)
        if threads.start(self._work, "hoptoad_before") is None:  # the next notice asks again
            with self._changed:
                self._threads -= 1

    def _work(self) -> None:
        try:
            while (item := self._next()) is not None:
                self._deliver(item)
        except BaseException:  # of a `send` that ends its thread; the next notice starts another
            with self._changed:
                self._threads = max(self._threads - 1, 0)
            raise

    def _next(self) -> _Item | None:
        with self._changed:
            while not self._closed:
                wait = self._permit() if self._queue else None
                if wait == 0.0:
                    return self._taken()
                self._changed.wait(wait)
            return None

    def _taken(self) -> _Item:
        item = self._queue.popleft()
        self._sending.add(item)
        return item

    def _send_here(self, deadline: float) -> None:
        """Sends in this thread until the deadline, or until the server turns out to be down."""
        while (left := deadline - time.monotonic()) > 0:
            with self._changed:
                if not self._queue:
                    return
                item = self._taken()
            item.timeout = min(item.timeout, left / 2)  # once to connect, once for the answer
            self._deliver(item)
            if self._circuit.is_open:
                return

    def _deliver(self, item: _Item) -> None:
        again = False
        try:
            again = self._settle(item, self._sent(item))
        finally:
            with self._changed:
                if again:
                    self._queue.appendleft(item)
                self._sending.discard(item)
                self._changed.notify_all()

    def _sent(self, item: _Item) -> object:
        try:
            return self._attempt(item.payload, item.timeout)
        except BaseException as error:
            self._give_up(item.payload, item.timeout, f"sending it raised {type(error).__name__}", None)
            if not isinstance(error, Exception):
                raise  # of the process, which ends
            log_exception(logger, "A notice could not be sent: django-hoptoad itself failed.")
            return None

    def _settle(self, item: _Item, answer: object) -> bool:
        """Whether the notice should be tried again."""
        if answer is NOT_NOW:
            return True
        if not isinstance(answer, Answer):
            return False
        if answer.verdict is Verdict.ACCEPTED:
            log_recovery(answer, len(self._queue))
            return False
        item.attempts += 1
        if answer.verdict is not Verdict.REFUSED and item.attempts <= self._retries and not self._closed:
            tally.count("retried")
            return True
        self._give_up(item.payload, item.timeout, str(answer), answer)
        return False

    def _wait(self) -> float:
        """The seconds until a notice may be sent."""
        return self._circuit.wait()

    def _permit(self) -> float:
        """Like `_wait`; 0.0 is a permit, which `_attempt` gives back."""
        return self._circuit.permit()

    def _attempt(self, payload: bytes, timeout: float) -> object:
        """What `send` returns, or NOT_NOW where nobody was asked. Raises what `send` raises."""
        return self._circuit.attempt(lambda: self._send(payload, timeout))


def _too_short(timeout: float) -> str:
    return f"the process ended, and HOPTOAD_FLUSH_TIMEOUT = {timeout:g} s was not enough"


_ends_at: list[float] = []


def _last_moment(timeout: float) -> float:
    """When a process that shuts down must have ended: one moment for all that still fails in it."""
    if not _ends_at:
        _ends_at.append(time.monotonic() + timeout)
    return _ends_at[0]


_pools: "weakref.WeakSet[ThreadedNotifier]" = weakref.WeakSet()


def _close_with_process(pool: ThreadedNotifier) -> None:
    """Children of multiprocessing and Celery's end without atexit, but each has a hook of its own."""
    reference = weakref.ref(pool)

    def close(**kwargs: object) -> None:
        still_there = reference()
        if still_there is not None:
            _end_with_process([still_there])

    # Asked of what is loaded already: a site without these must not load them for our sake.
    multiprocessing = sys.modules.get("multiprocessing.util")
    if multiprocessing is not None:
        multiprocessing.Finalize(None, close, exitpriority=0)
    celery = sys.modules.get("celery.signals")
    if celery is not None:
        celery.worker_process_shutdown.connect(close, weak=False)


def _after_fork() -> None:
    for pool in list(_pools):
        pool.start_over()


def _end_with_process(pools: list[ThreadedNotifier]) -> None:
    with tally.one_line():
        for pool in pools:
            pool.close()
        for pool in pools:
            pool.abandon()


def _at_exit() -> None:
    _end_with_process(list(_pools))
    transport.close_connections()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
atexit.register(_at_exit)

"""Delivery by a few threads and a bounded queue: the failing request only queues."""

import time
from collections import deque
from dataclasses import dataclass

from hoptoad.api.registry import report
from hoptoad.conf.loading import get_settings
from hoptoad.delivery.answer import Answer, Verdict
from hoptoad.delivery.circuit_breaker import CircuitBreaker
from hoptoad.delivery.stats import stats
from hoptoad.delivery.transport import log_recovery
from hoptoad.handlers.fallback import fall_back
from hoptoad.handlers.registry import FallBack, Report, Send
from hoptoad.handlers.worker import Worker, seconds_until_exit
from hoptoad.runtime import threads
from hoptoad.runtime.guards import log_exception
from hoptoad.runtime.messages import get_logger

logger = get_logger(__name__)

NOT_NOW = object()  # outcome of an attempt that asked no server: the notice goes on waiting


@dataclass(slots=True, eq=False)
class _Item:
    """A waiting notice."""

    payload: bytes
    timeout: float
    report: Report | None = None  # which makes the payload, as long as that is empty
    attempts: int = 0


class ThreadedNotifier(Worker):
    """A pool of daemon threads, started when there is something to send, and again after a fork.

    A full queue drops the newest notice. `enqueue` never blocks, and may be entered again from a
    signal handler or a finalizer. While the server is down or asks for a pause the notices wait,
    and one at a time probes it. In a subinterpreter, which has no daemon threads, `enqueue` sends at
    once.
    """

    takes_reports = True

    def __init__(
        self,
        threads: int | None = None,
        *,
        queue_size: int | None = None,
        send: Send = report,
        fall_back: FallBack = fall_back,
        circuit: CircuitBreaker | None = None,
    ) -> None:
        settings = get_settings()
        self._thread_count = threads or settings.thread_count
        self._queue_size = queue_size or settings.queue_size
        self._retries = settings.retries
        self._send = send
        self._fall_back = fall_back
        self._circuit = circuit or CircuitBreaker()
        super().__init__()

    def start_over(self) -> None:
        """Without threads and notices: at first, and in a forked child."""
        super().start_over()
        self._unencoded: deque[_Item] = deque()
        self._queue: deque[_Item] = deque()
        self._sending: set[_Item] = set()
        self._abandoned: set[_Item] = set()

    def enqueue(self, payload: bytes, timeout: float) -> None:
        """Queues a notice. Where `queue_size` notices wait already, the new one goes to the fallback."""
        self._put(_Item(payload, timeout))

    def submit(self, report: Report) -> None:
        """Queues a notice that a thread of this pool encodes before it waits for the server."""
        self._put(_Item(b"", report.timeout, report))

    def _put(self, item: _Item) -> None:
        with self._changed:
            full = len(self._queue) + len(self._unencoded) >= self._queue_size
            if not full:
                (self._queue if item.report is None else self._unencoded).append(item)
                self._changed.notify()
        if full:
            self._to_fallback(item, f"the queue is full (HOPTOAD_QUEUE_SIZE = {self._queue_size})")
            return
        stats.count("queued")
        self._wake(item.timeout)

    def flush(self, timeout: float) -> bool:
        """Waits until everything queued has been sent or refused; False after `timeout` seconds."""
        if not threads.may_start():
            self._send_here(time.monotonic() + timeout)
        with self._changed:
            return self._changed.wait_for(self._has_nothing, timeout)

    def _has_nothing(self) -> bool:
        return not (self._unencoded or self._queue or self._sending)

    def close(self, timeout: float | None = None) -> bool:
        """Ends the pool: sends waiting notices, here where no thread runs. The rest goes to the fallback.

        `timeout` is in seconds; None means HOPTOAD_FLUSH_TIMEOUT. A server that is down is asked once
        more, not for each notice. Returns whether every notice was sent or refused.
        """
        if timeout is None:
            timeout = get_settings().flush_timeout
        deadline = time.monotonic() + timeout
        if self._circuit.is_open or not self._running:
            self._send_here(deadline)
        if not self._circuit.is_open:
            self.flush(max(deadline - time.monotonic(), 0.0))
        return self._end(timeout)

    def abandon(self) -> None:
        """Counts notices that are being sent as unknown: they may arrive or not."""
        with self._changed:
            sending = self._sending - self._abandoned
            self._abandoned |= sending
        if sending:
            stats.count_unknown(len(sending), _too_short(get_settings().flush_timeout))

    def _end(self, timeout: float) -> bool:
        with self._changed:
            self._closed = True
            left = [*self._queue, *self._unencoded]
            self._queue.clear()
            self._unencoded.clear()
            self._running.clear()
            sending = len(self._sending)
            self._changed.notify_all()
        why = _too_short(timeout)
        with stats.in_one_line():
            for item in left:
                self._to_fallback(item, why)
        return not (left or sending)

    def _wants_thread(self) -> bool:
        running = len(self._running)
        waiting = len(self._queue) + len(self._unencoded)
        enough = running - len(self._sending) >= waiting or running >= self._thread_count
        return not (enough or (running and self._circuit.is_open))

    def _work(self) -> None:
        while (item := self._next()) is not None:
            self._deliver(item)
        self._give_up_late()

    def _give_up_late(self) -> None:
        """Gives the fallback what a thread has queued after `_end` emptied the queue."""
        with self._changed:
            late = [item for item in self._queue if item not in self._abandoned] if self._closed else []
            if self._closed:
                self._queue.clear()
        for item in late:
            self._to_fallback(item, _too_short(get_settings().flush_timeout))

    def _work_here(self, timeout: float) -> None:
        if self._permit_in() == 0:
            self._send_here(time.monotonic() + 2 * timeout)

    def _work_at_exit(self) -> None:
        self._send_here(time.monotonic() + seconds_until_exit())
        if self._queue or self._unencoded:
            self._end(get_settings().flush_timeout)

    def _next(self) -> _Item | None:
        with self._changed:
            while not self._closed:
                if self._unencoded:  # before all else, so that nothing waits for a server as it was captured
                    return self._take(self._unencoded)
                wait = self._permit() if self._queue else None
                if wait == 0.0:
                    return self._take(self._queue)
                self._changed.wait(wait)
            return None

    def _take(self, queue: "deque[_Item]") -> _Item:
        item = queue.popleft()
        self._sending.add(item)
        return item

    def _send_here(self, deadline: float) -> None:
        """Sends in this thread until the deadline, or until the server turns out to be down."""
        while (left := deadline - time.monotonic()) > 0:
            with self._changed:
                if not self._queue and not self._unencoded:
                    return
                item = self._take(self._unencoded or self._queue)
            item.timeout = min(item.timeout, left / 2)  # once to connect, once for the answer
            self._deliver(item)
            if self._circuit.is_open:
                return

    def _deliver(self, item: _Item) -> None:
        if item.report is not None:
            self._encode(item)
            return
        again = False
        try:
            again = self._act_on(item, self._outcome(item))
        finally:
            with self._changed:
                if again:
                    self._queue.appendleft(item)
                self._sending.discard(item)
                self._changed.notify_all()

    def _encode(self, item: _Item) -> None:
        """Encodes a report, and queues the notice unless it is not to be sent."""
        payload = b""
        try:
            payload = _payload(item)
        except Exception:
            log_exception(logger, "A notice could not be encoded, and is lost: django-hoptoad itself failed.")
            stats.drop(1, "it could not be encoded")
        finally:
            with self._changed:
                if payload:
                    self._queue.append(item)
                self._sending.discard(item)
                self._changed.notify_all()

    def _to_fallback(self, item: _Item, why: str) -> None:
        if payload := _payload(item):
            self._fall_back(payload, item.timeout, why, None)

    def _outcome(self, item: _Item) -> object:
        try:
            return self._attempt(item.payload, item.timeout)
        except BaseException as error:
            self._fall_back(item.payload, item.timeout, f"sending it raised {type(error).__name__}", None)
            if not isinstance(error, Exception):
                raise  # the process ends
            log_exception(logger, "A notice could not be sent: django-hoptoad itself failed.")
            return None

    def _act_on(self, item: _Item, answer: object) -> bool:
        """Acts on the outcome of an attempt. Returns whether the notice is to be tried again."""
        if answer is NOT_NOW:
            return True
        if not isinstance(answer, Answer):
            return False
        if answer.verdict is Verdict.ACCEPTED:
            log_recovery(answer, len(self._queue))
            return False
        item.attempts += 1
        if answer.verdict is not Verdict.REFUSED and item.attempts <= self._retries and not self._closed:
            stats.count("retried")
            return True
        self._fall_back(item.payload, item.timeout, str(answer), answer)
        return False

    def _permit_in(self) -> float:
        """The seconds until a notice may be sent."""
        return self._circuit.wait()

    def _permit(self) -> float:
        """Like `_permit_in`; 0.0 is a permit, which `_attempt` gives back."""
        return self._circuit.permit()

    def _attempt(self, payload: bytes, timeout: float) -> object:
        """What `send` returns, or NOT_NOW. Raises what `send` raises."""
        return self._circuit.attempt(lambda: self._send(payload, timeout))


def _payload(item: _Item) -> bytes:
    """The bytes of a notice; none where it is not to be sent."""
    report, item.report = item.report, None
    if report is not None:
        item.payload = report.payload() or b""
    return item.payload


def _too_short(timeout: float) -> str:
    return f"the process ended, and HOPTOAD_FLUSH_TIMEOUT = {timeout:g} s was not enough"

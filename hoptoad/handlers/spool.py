"""Delivery through the disk: written before `enqueue` returns, sent by a thread, deleted when accepted."""

import contextlib
import threading
import time

from hoptoad.api.registry import report
from hoptoad.conf.loading import get_settings
from hoptoad.delivery.circuit_breaker import CircuitBreaker
from hoptoad.delivery.spool.directory import spool_of
from hoptoad.delivery.spool.scan import LOOK_EVERY
from hoptoad.delivery.spool.size import SpoolSize
from hoptoad.delivery.stats import stats
from hoptoad.handlers.fallback import fall_back
from hoptoad.handlers.registry import FallBack, Send
from hoptoad.handlers.spool_delivery import SpoolDelivery
from hoptoad.handlers.threaded import ThreadedNotifier
from hoptoad.handlers.worker import Worker
from hoptoad.runtime.guards import log_exception
from hoptoad.runtime.messages import get_logger

logger = get_logger(__name__)

_LONGEST_PAUSE = 10.0  # seconds; one process asks for all that share the directory
_MIB = 1024 * 1024


class SpoolNotifier(Worker):
    """Loses nothing while the disk works, even if the process is killed.

    Processes may share the directory; one of them at a time delivers. Where the disk fails, notices
    go to threads, which is logged once a minute.
    """

    _thread_name = "hoptoad-spool"

    def __init__(
        self, *, send: Send = report, fall_back: FallBack = fall_back, circuit: CircuitBreaker | None = None
    ) -> None:
        self._directory = spool_of(get_settings())
        self._send = send
        self._fall_back = fall_back
        self._circuit = circuit or CircuitBreaker(longest=_LONGEST_PAUSE)
        self._memory = ThreadedNotifier(send=send, fall_back=fall_back, circuit=self._circuit)
        self._is_open = False
        super().__init__()
        self._look_for_leftovers()

    def start_over(self) -> None:
        """Without a thread, and with nothing in the backlog: at first, and in a forked child."""
        super().start_over()
        self._last_line_logged = threading.Event()
        self._stepping = False
        self._more = False  # written since the last step
        self._flushing = 0
        self._size = SpoolSize(self._directory.path)
        self._delivery = SpoolDelivery(
            self._directory,
            self._size,
            self._circuit,
            self._changed,
            send=self._send,
            fall_back=self._fall_back,
        )

    def enqueue(self, payload: bytes, timeout: float) -> None:
        """Writes a notice to the disk, which blocks. Where the disk fails, threads send it from memory."""
        try:
            is_written = self._write(payload)
        except OSError as error:
            self._delivery.report.disk_failed(error)
            self._memory.enqueue(payload, timeout)
            return
        self._wake(timeout)
        if not is_written:
            most = get_settings().spool_max_mb
            self._fall_back(payload, timeout, f"the spool is full (HOPTOAD_SPOOL_MAX_MB = {most})", None)

    def flush(self, timeout: float) -> bool:
        """Waits until the directory holds no waiting notice; False after `timeout` seconds."""
        deadline = time.monotonic() + timeout
        in_memory = self._memory.flush(timeout)
        with self._changed:
            self._flushing += 1
        try:
            self._open()
            self._wake(timeout)
            return self._is_empty_by(deadline) and in_memory
        except OSError as error:
            self._delivery.report.disk_failed(error)
            return in_memory and not self._delivery.busy
        finally:
            with self._changed:
                self._flushing -= 1

    def close(self, timeout: float | None = None) -> bool:
        """Waits for the notices that are being sent; the others are safe on the disk.

        Returns whether nothing is left in memory.
        """
        if timeout is None:
            timeout = get_settings().flush_timeout
        with self._changed:
            self._delivery.closing = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: not (self._delivery.sending or self._stepping), timeout)
        with contextlib.suppress(OSError):
            self._delivery.log_end()
            if not self._delivery.sending:
                self._delivery.rest()
        self._last_line_logged.set()
        return self._memory.close(timeout)

    def abandon(self) -> None:
        """Does nothing: a notice without an answer is still on the disk."""

    def _write(self, payload: bytes) -> bool:
        """False where the directory is full."""
        self._open()
        try:
            has_room = self._size.reserve(len(payload), get_settings().spool_max_mb * _MIB)
        except FileNotFoundError:  # someone has deleted the directory
            self._is_open = False
            self._open()
            has_room = self._size.reserve(len(payload), get_settings().spool_max_mb * _MIB)
        if has_room:
            try:
                self._delivery.written.append(self._directory.write(payload))
            except OSError:
                self._size.free(len(payload))
                raise
            stats.count("spooled")
        self._delivery.scan.recount = not has_room
        return has_room

    def _open(self) -> None:
        if not self._is_open:
            self._directory.open()
            self._is_open = True

    def _is_empty_by(self, deadline: float) -> bool:
        with self._changed:
            while self._delivery.busy or self._directory.waiting():
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                # Another process may be the one that delivers.
                self._changed.wait(min(left, 0.1 if self._delivery.busy else 1.0))
        return True

    def _look_for_leftovers(self) -> None:
        try:
            self._open()
            if self._delivery.finds_leftovers():
                self._wake(get_settings().timeout)
        except OSError as error:
            self._delivery.report.disk_failed(error)

    def _wants_thread(self) -> bool:
        return not (self._running or self._delivery.closing)

    def _wake(self, timeout: float) -> None:
        with self._changed:
            self._more = True
            self._changed.notify_all()
        super()._wake(timeout)

    def _work_here(self, timeout: float) -> None:
        try:
            if not self._delivery.closing:
                self._delivery.step()
        except OSError as error:
            self._delivery.report.disk_failed(error)

    def _work_at_exit(self) -> None:
        """Does nothing: another process sends what is on the disk."""

    def _work(self) -> None:
        while self._begin_step():
            try:
                seconds, for_more = self._step()
            finally:
                self._end_step()
            self._pause(seconds, for_more=for_more)
        self._last_line_logged.wait()  # it is logged while the lock is held
        with contextlib.suppress(OSError):
            self._delivery.rest()

    def _begin_step(self) -> bool:
        with self._changed:
            self._stepping = not self._delivery.closing
            self._more = False
            return self._stepping

    def _end_step(self) -> None:
        with self._changed:
            self._stepping = False
            self._changed.notify_all()

    def _step(self) -> tuple[float, bool]:
        """Does one step. Returns the seconds to pause, and whether a new notice ends the pause."""
        try:
            self._open()
            # While the server is down, new notices cause no step.
            return self._delivery.step(), not self._circuit.is_open
        except OSError as error:
            self._delivery.report.disk_failed(error)
            self._is_open = False  # someone may have deleted the directory, or given it away
        except Exception:
            log_exception(logger, "The spool's thread failed: django-hoptoad itself failed.")
        return LOOK_EVERY, False

    def _pause(self, seconds: float, *, for_more: bool) -> None:
        with self._changed:
            if self._flushing:
                seconds = min(seconds, 0.1)
            if seconds:
                self._changed.wait_for(lambda: self._delivery.closing or (for_more and self._more), seconds)

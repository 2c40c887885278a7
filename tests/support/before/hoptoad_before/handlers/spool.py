"""Delivery by way of the disk: written before `enqueue` returns, sent by a thread, deleted when taken."""

import atexit
import contextlib
import os
import threading
import time
import weakref

from hoptoad_before import threads, transport
from hoptoad_before.api.choice import report
from hoptoad_before.circuit import Circuit
from hoptoad_before.conf import get_settings
from hoptoad_before.guard import log_exception
from hoptoad_before.handlers.base import GiveUp, Send, give_up
from hoptoad_before.handlers.spooled import directory_of
from hoptoad_before.handlers.spoolworker import SpoolWorker
from hoptoad_before.handlers.threaded import ThreadedNotifier
from hoptoad_before.messages import get_logger
from hoptoad_before.spoolscan import LOOK_EVERY
from hoptoad_before.spoolsize import SpoolSize
from hoptoad_before.tally import tally

logger = get_logger(__name__)

_LONGEST_PAUSE = 10.0  # seconds; one process asks for all that share the directory
_MIB = 1024 * 1024


class SpoolNotifier:
    """Never loses what it was given while the disk works, whatever becomes of the process.

    Processes may share the directory; one of them at a time delivers. Where the disk fails, notices
    go to threads, and the log says so once a minute.
    """

    def __init__(
        self, *, send: Send = report, give_up: GiveUp = give_up, circuit: Circuit | None = None
    ) -> None:
        self._directory = directory_of(get_settings())
        self._send = send
        self._give_up = give_up
        self._circuit = circuit or Circuit(longest=_LONGEST_PAUSE)
        self._memory = ThreadedNotifier(send=send, give_up=give_up, circuit=self._circuit)
        self._is_open = False
        self.start_over()
        _spools.add(self)
        self._look_for_leftovers()

    def start_over(self) -> None:
        """No thread, nothing known of what waits: at first, and in a forked child."""
        self._changed = threading.Condition(threading.RLock())
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None
        self._more = False  # written since the worker's last step
        self._flushing = 0
        self._size = SpoolSize(self._directory.path)
        self._worker = SpoolWorker(
            self._directory,
            self._size,
            self._circuit,
            self._changed,
            send=self._send,
            give_up=self._give_up,
        )

    def enqueue(self, payload: bytes, timeout: float) -> None:
        """Writes a notice. Blocks for that long; what cannot be written is handed to threads."""
        try:
            is_written = self._write(payload)
        except OSError as error:
            self._worker.report.disk_failed(error)
            self._memory.enqueue(payload, timeout)
            return
        self._wake()
        if not is_written:
            most = get_settings().spool_max_mb
            self._give_up(payload, timeout, f"the spool is full (HOPTOAD_SPOOL_MAX_MB = {most})", None)

    def flush(self, timeout: float) -> bool:
        """Waits until nothing is left in the directory; False after `timeout` seconds."""
        deadline = time.monotonic() + timeout
        in_memory = self._memory.flush(timeout)
        with self._changed:
            self._flushing += 1
        try:
            self._open()
            self._wake()
            return self._is_empty_by(deadline) and in_memory
        except OSError as error:
            self._worker.report.disk_failed(error)
            return in_memory and not self._worker.busy
        finally:
            with self._changed:
                self._flushing -= 1

    def close(self, timeout: float | None = None) -> None:
        """Lets the notices that are being sent finish. What waits is safe where it is."""
        if timeout is None:
            timeout = get_settings().flush_timeout
        with self._changed:
            self._worker.closing = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._worker.sending, timeout)
        with contextlib.suppress(OSError):
            self._worker.tell_end()
            if not self._worker.sending:
                self._worker.rest()
        self._closed.set()
        self._memory.close(timeout)

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
                self._worker.written.append(self._directory.write(payload))
            except OSError:
                self._size.free(len(payload))
                raise
            tally.count("spooled")
        self._worker.scan.recount = not has_room
        return has_room

    def _open(self) -> None:
        if not self._is_open:
            self._directory.open()
            self._is_open = True

    def _is_empty_by(self, deadline: float) -> bool:
        with self._changed:
            while self._worker.busy or self._directory.waiting():
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                # Another process may be the one who delivers.
                self._changed.wait(min(left, 0.1 if self._worker.busy else 1.0))
        return True

    def _look_for_leftovers(self) -> None:
        try:
            self._open()
            if self._worker.finds_leftovers():
                self._wake()
        except OSError as error:
            self._worker.report.disk_failed(error)

    def _wake(self) -> None:
        if not threads.may_start():
            self._deliver_here()
            return
        with self._changed:
            self._more = True
            self._changed.notify_all()
            closing = self._worker.closing or not threading.main_thread().is_alive()
            if self._thread is None and not closing:  # at the end of the process the next one delivers
                # None where the system has no thread left to give; the next notice asks again.
                self._thread = threads.start(self._work, "hoptoad_before-spool")

    def _deliver_here(self) -> None:
        """Delivers what is due in the calling thread: a subinterpreter has no threads of ours."""
        try:
            self._worker.step()
        except OSError as error:
            self._worker.report.disk_failed(error)

    def _work(self) -> None:
        worker = self._worker
        while not worker.closing:
            self._more = False
            try:
                self._open()
                pause = worker.step()
            except OSError as error:
                worker.report.disk_failed(error)
                self._is_open = False  # someone may have deleted the directory, or given it away
                self._pause(LOOK_EVERY, for_more=False)
            except Exception:
                log_exception(logger, "The spool's thread failed: django-hoptoad itself failed.")
                self._pause(LOOK_EVERY, for_more=False)
            else:
                # While the server is down nothing is looked at, however much is being written.
                self._pause(pause, for_more=not self._circuit.is_open)
        self._closed.wait()  # the last lines are said while the lock is held
        with contextlib.suppress(OSError):
            worker.rest()

    def _pause(self, seconds: float, *, for_more: bool) -> None:
        with self._changed:
            if self._flushing:
                seconds = min(seconds, 0.1)
            if seconds:
                self._changed.wait_for(lambda: self._worker.closing or (for_more and self._more), seconds)


_spools: "weakref.WeakSet[SpoolNotifier]" = weakref.WeakSet()


def _after_fork() -> None:
    for spool in list(_spools):
        spool.start_over()


def _at_exit() -> None:
    for spool in list(_spools):
        spool.close()
    transport.close_connections()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
atexit.register(_at_exit)

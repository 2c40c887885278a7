"""Delivery by way of the disk: written before `enqueue` returns, sent by a thread, deleted when taken."""

import atexit
import os
import threading
import time
import weakref

from hoptoad.answers import Answer, Verdict
from hoptoad.api.choice import report
from hoptoad.circuit import Circuit
from hoptoad.conf import Settings, get_settings
from hoptoad.errors import ConfigurationError
from hoptoad.guard import log_exception
from hoptoad.handlers.base import GiveUp, Send, give_up
from hoptoad.handlers.threaded import ThreadedNotifier
from hoptoad.messages import get_logger
from hoptoad.spooldir import SpoolDirectory, Waiting
from hoptoad.tally import tally

logger = get_logger(__name__)

LOOK_EVERY = 5.0  # seconds, for what other processes have left
SWEEP_EVERY = 60.0  # seconds
_DAY = 24 * 3600.0
_MIB = 1024 * 1024


def directory_of(settings: Settings) -> SpoolDirectory:
    """The directory the settings name; it may not exist yet. Raises ConfigurationError without one."""
    if not settings.spool_dir:  # of a handler that is named by its class, which no rule looks through
        raise ConfigurationError(
            'HOPTOAD_SPOOL_DIR is not set. For example: HOPTOAD_SPOOL_DIR = "/var/spool/shop-errors"'
        )
    return SpoolDirectory(settings.spool_dir, fsync=settings.spool_fsync)


def deliver(
    directory: SpoolDirectory, notice: Waiting, settings: Settings, *, send: Send, give_up: GiveUp
) -> Answer | None:
    """Claims a notice, sends it and settles what becomes of it; None where another process has it.

    Raises OSError where the disk does not do its part, and what `send` raises.
    """
    with directory.claim(notice) as payload:
        if payload is None:
            return None
        answer = send(payload, settings.timeout)
        if not isinstance(answer, Answer) or answer.verdict is Verdict.ACCEPTED:
            directory.take(notice)
        elif answer.verdict is Verdict.REFUSED:
            _set_aside(directory, notice, answer, settings)
            if _has_last_resort(settings):
                give_up(payload, settings.timeout, str(answer), answer)
        else:
            tally.count("retried")
            directory.tried(notice)
    return answer if isinstance(answer, Answer) else Answer(verdict=Verdict.ACCEPTED, url="")


class SpoolNotifier:
    """Never loses what it was given while the disk works, whatever becomes of the process.

    Processes may share the directory, and each notice is claimed by one of them. Where the disk
    fails, notices go to threads, and the log says so once a minute.
    """

    def __init__(
        self, *, send: Send = report, give_up: GiveUp = give_up, circuit: Circuit | None = None
    ) -> None:
        settings = get_settings()
        self._directory = directory_of(settings)
        self._max_bytes = settings.spool_max_mb * _MIB
        self._send = send
        self._give_up = give_up
        self._circuit = circuit or Circuit()
        self._memory = ThreadedNotifier(send=send, give_up=give_up, circuit=self._circuit)
        self._said_at = float("-inf")
        self.start_over()
        _spools.add(self)
        self._look_for_leftovers()

    def start_over(self) -> None:
        """No thread, and a lock of its own: at first, and in a forked child."""
        self._changed = threading.Condition(threading.RLock())
        self._thread: threading.Thread | None = None
        self._closing = False
        self._sending = False
        self._more = False  # written since the directory was last looked at
        self._bytes: int | None = None  # in the directory; unknown until it was swept

    def enqueue(self, payload: bytes, timeout: float) -> None:
        """Writes a notice. Blocks for that long; what cannot be written is handed to threads."""
        try:
            if self._fits(len(payload)):
                self._directory.write(payload)
                tally.count("spooled")
                self._wake()
                return
        except OSError as error:
            self._say_disk_failed(error)
            self._memory.enqueue(payload, timeout)
            return
        why = f"the spool is full (HOPTOAD_SPOOL_MAX_MB = {self._max_bytes // _MIB})"
        self._give_up(payload, timeout, why, None)

    def flush(self, timeout: float) -> bool:
        """Waits until nothing is left in the directory; False after `timeout` seconds."""
        deadline = time.monotonic() + timeout
        in_memory = self._memory.flush(timeout)
        self._wake()
        with self._changed:
            while self._sending or self._directory.waiting():
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                self._changed.wait(min(left, 0.1))  # another process may be the one who delivers
        return in_memory

    def close(self, timeout: float | None = None) -> None:
        """Lets the notice that is being sent finish. What waits is safe where it is."""
        if timeout is None:
            timeout = get_settings().flush_timeout
        with self._changed:
            self._closing = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._sending, timeout)
        self._memory.close(timeout)

    def _fits(self, size: int) -> bool:
        if self._bytes is None:
            self._directory.open()
            self._count_bytes()
        with self._changed:
            fits = (self._bytes or 0) + size <= self._max_bytes
            if fits:
                self._bytes = (self._bytes or 0) + size
        return fits

    def _count_bytes(self) -> None:
        before = self._bytes or 0
        found = sum(notice.size for notice in self._directory.waiting())
        found += sum(notice.size for notice in self._directory.kept())
        with self._changed:  # by the difference: others write while this one counts
            self._bytes = (self._bytes or 0) + found - before

    def _look_for_leftovers(self) -> None:
        try:
            self._directory.open()
            if self._directory.waiting():
                self._wake()
        except OSError as error:
            self._say_disk_failed(error)

    def _wake(self) -> None:
        with self._changed:
            self._more = True
            self._changed.notify()
            if self._thread is not None or self._closing or not threading.main_thread().is_alive():
                return  # at the end of the process the next one delivers
            self._thread = threading.Thread(target=self._work, name="hoptoad-spool", daemon=True)
        try:
            self._thread.start()
        except RuntimeError:  # the system has no thread left to give; the next notice asks again
            self._thread = None

    def _work(self) -> None:
        swept_at = float("-inf")
        while not self._closing:
            self._more = False
            try:
                if time.monotonic() - swept_at >= SWEEP_EVERY:
                    self._sweep(count=swept_at > 0)
                    swept_at = time.monotonic()
                self._deliver_all()
            except OSError as error:
                self._say_disk_failed(error)
                self._wait(LOOK_EVERY, for_more=False)
            # While the server is down nothing is looked at, however much is being written.
            self._wait(min(self._circuit.closed_in(), SWEEP_EVERY), for_more=False)
            self._wait(LOOK_EVERY, for_more=True)

    def _wait(self, seconds: float, *, for_more: bool) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._closing or (for_more and self._more), seconds)

    def _deliver_all(self) -> None:
        """Delivers what waits, until the server turns out to be down."""
        settings = get_settings()
        for notice in self._directory.waiting():
            if self._circuit.permit() or not self._deliver_one(notice, settings):
                return

    def _deliver_one(self, notice: Waiting, settings: Settings) -> bool:
        """False where the handler was closed meanwhile."""
        with self._changed:
            if self._closing:
                self._circuit.withdraw()
                return False
            self._sending = True
        answer = None
        try:
            answer = deliver(self._directory, notice, settings, send=self._send, give_up=self._give_up)
        except OSError:
            raise  # the disk's
        except Exception:
            log_exception(logger, "A spooled notice could not be sent: django-hoptoad itself failed.")
        finally:
            if answer is None:  # another process had it: that says nothing about the server
                self._circuit.withdraw()
            else:
                self._circuit.answered(answer)
            with self._changed:
                self._sending = False
                if answer is not None and answer.verdict is Verdict.ACCEPTED:
                    self._bytes = max((self._bytes or 0) - notice.size, 0)
                self._changed.notify_all()
        return True

    def _sweep(self, *, count: bool) -> None:
        settings = get_settings()
        lost = self._directory.sweep(
            max_age=settings.spool_max_age * _DAY, keep_refused=settings.spool_keep_refused * _DAY
        )
        if lost:
            tally.drop(lost, f"older than HOPTOAD_SPOOL_MAX_AGE = {settings.spool_max_age:g} days")
        if count:  # what other processes have written and delivered
            self._count_bytes()

    def _say_disk_failed(self, error: OSError) -> None:
        now = time.monotonic()
        if now - self._said_at >= SWEEP_EVERY:
            self._said_at = now
            logger.error(
                "The spool %s does not work (%s): notices are kept in memory meanwhile. "
                "Is the disk full, or HOPTOAD_SPOOL_DIR not writable for this user?",
                self._directory.path,
                error,
            )


def _set_aside(directory: SpoolDirectory, notice: Waiting, answer: Answer, settings: Settings) -> None:
    if settings.spool_keep_refused:
        directory.keep(notice, str(answer))
    else:
        directory.take(notice)
        if not _has_last_resort(settings):
            tally.drop(1, str(answer))


def _has_last_resort(settings: Settings) -> bool:
    return settings.fallback_handler not in ("", "spool")


_spools: "weakref.WeakSet[SpoolNotifier]" = weakref.WeakSet()


def _after_fork() -> None:
    for spool in list(_spools):
        spool.start_over()


def _at_exit() -> None:
    for spool in list(_spools):
        spool.close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
atexit.register(_at_exit)

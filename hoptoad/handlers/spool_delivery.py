"""Delivers from a spool directory, as one of the processes that share it."""

import contextlib
import threading
import time
from collections import deque

from hoptoad.conf.loading import get_settings
from hoptoad.delivery.answer import Answer, Verdict
from hoptoad.delivery.circuit_breaker import CircuitBreaker
from hoptoad.delivery.spool.backlog import Age, Backlog, Entry
from hoptoad.delivery.spool.directory import SpoolDirectory, Waiting
from hoptoad.delivery.spool.lock import SpoolLock
from hoptoad.delivery.spool.own_files import is_the_disk, may_pass
from hoptoad.delivery.spool.report import SpoolReport
from hoptoad.delivery.spool.scan import LOOK_EVERY, SpoolScan
from hoptoad.delivery.spool.size import SpoolSize
from hoptoad.delivery.stats import stats
from hoptoad.handlers.registry import FallBack, Send
from hoptoad.handlers.spool_attempt import SendingFailed, attempt, put_away
from hoptoad.runtime import threads
from hoptoad.runtime.guards import log_exception
from hoptoad.runtime.messages import get_logger
from hoptoad.runtime.safe_files import Untrusted

logger = get_logger(__name__)

_FIRST_TRY, _NUDGE = 0.05, 1.0  # seconds
_LONG_DOWN = 3600.0  # seconds
_DAY = 24 * 3600.0
_FOR_A_THREAD = 50  # notices; fewer are sent before one more thread has connected
_MOST_WRITTEN = 1000  # notices; a scan finds the others


class SpoolDelivery:
    """Sends the waiting notices, while it holds the directory's lock.

    One thread calls `step`. `changed` guards the backlog, and is notified after each attempt.
    """

    def __init__(
        self,
        directory: SpoolDirectory,
        size: SpoolSize,
        circuit: CircuitBreaker,
        changed: threading.Condition,
        *,
        send: Send,
        fall_back: FallBack,
    ) -> None:
        self._directory = directory
        self._size = size
        self._circuit = circuit
        self._changed = changed
        self._send = send
        self._fall_back = fall_back
        self.lock = SpoolLock(directory.path)
        # Written by this process, and not yet in the backlog.
        self.written: deque[Waiting] = deque(maxlen=_MOST_WRITTEN)
        self.report = SpoolReport(directory.path)
        self.sending = 0
        self.closing = False
        self._backlog = Backlog()
        self._age = Age()
        self.scan = SpoolScan(directory, size, self.lock, self.report, self._age)
        self._attempts = 0
        self._tries = 0  # for the lock
        self._down_since: float | None = None

    @property
    def busy(self) -> bool:
        """Whether this process knows of notices that wait."""
        return bool(self.sending or self.written or len(self._backlog))

    def step(self) -> float:
        """Does what can be done now. Returns the seconds until the next step. Raises OSError."""
        if not self.busy and self.scan.is_needless():
            return LOOK_EVERY
        if not (self.lock.held or self.lock.acquire()):
            self._tries += 1
            return float(min(_FIRST_TRY * 2.0 ** min(self._tries, 10), LOOK_EVERY))
        self._tries = 0
        if self.lock.wanted():
            self.rest()
            return _NUDGE
        self._fill_backlog()
        pause = max(self._circuit.closed_in(), self._backlog.due_in())
        if pause:
            self.report.recovery(len(self._backlog))
        if not len(self._backlog):
            self.rest()
            return LOOK_EVERY
        if pause:
            return min(pause, _NUDGE)
        before = self._attempts
        self._deliver_all()
        with self._changed:
            self._size.free_now()
        return 0.0 if self._attempts > before else _FIRST_TRY  # another thread probes the server

    def finds_leftovers(self) -> bool:
        """Whether the directory may hold notices that no process delivers. Raises OSError."""
        if self.scan.is_needless() or not self.lock.acquire():
            return False
        unknown = bool(self.lock.scan_allowed_in())
        self._fill_backlog()
        self.lock.release()  # this process may have no thread that delivers
        return unknown or self.busy

    def rest(self) -> None:
        """Lets another process deliver, and forgets the waiting notices: the directory holds them."""
        with self._changed:
            if len(self._backlog):
                self.scan.start_over()
                self._backlog = Backlog()
        self.lock.release()

    def log_end(self) -> None:
        """Logs the last lines of a process. Raises OSError."""
        waiting = len(self._directory.waiting()) if self.lock.held and len(self._backlog) else 0
        self.report.recovery(waiting)
        if waiting:
            self.report.process_ends(waiting)

    def _fill_backlog(self) -> None:
        with self._changed:
            while self.written:
                self._backlog.add([self.written.popleft()])
        found = self.scan.look(knows_some=len(self._backlog) > 0, is_down=self._circuit.is_open)
        with self._changed:
            self._backlog.add(found)

    def _deliver_all(self) -> None:
        """Sends the notices that are due, many in several threads, until the server turns out to be down."""
        self._deliver_some(1)
        if self._circuit.is_open:
            return
        with self._changed:
            wanted = min(get_settings().thread_count, self._backlog.due() // _FOR_A_THREAD)
        helpers = [threads.start(self._deliver_some, "hoptoad-spool") for _ in range(wanted - 1)]
        self._deliver_some()
        for helper in helpers:
            if helper is not None:  # the system had no thread left to give
                helper.join()

    def _deliver_some(self, most: int | None = None) -> None:
        try:
            while most != 0 and (entry := self._next()) is not None:
                self._deliver(entry)
                most = None if most is None else most - 1
        except Exception:
            log_exception(logger, "Delivering from the spool failed: django-hoptoad itself failed.")

    def _next(self) -> Entry | None:
        with self._changed:
            if self.closing or self.lock.wanted():
                return None
            entry = self._backlog.next()
            if entry is not None and self._circuit.permit() > 0:
                self._backlog.again(entry)
                return None
            self.sending += entry is not None
            self._attempts += entry is not None
            return entry

    def _deliver(self, entry: Entry) -> None:
        answer = None
        is_done = False
        was_up = self._down_since is None
        try:
            if entry.answer is None:
                answer = attempt(self._directory, entry.notice, send=self._send, fall_back=self._fall_back)
                self._remember(answer)
                entry.answer = answer
            is_done = self._act_on(entry, entry.answer)
        except FileNotFoundError:
            is_done = True  # someone has deleted it
        except SendingFailed:
            log_exception(logger, "A spooled notice could not be sent: django-hoptoad itself failed.")
        except OSError as error:
            is_done = self._give_up_on(entry, error)
        finally:
            if answer is None:
                self._circuit.withdraw()
            else:
                self._circuit.answered(answer)
            with self._changed:
                if is_done:
                    self._backlog.done(entry)
                else:
                    self._backlog.later(entry, own_fault=was_up or answer is None)
                self.sending -= 1
                self._changed.notify_all()

    def _act_on(self, entry: Entry, answer: Answer) -> bool:
        """Acts on the server's answer. Returns whether the notice needs no other attempt."""
        if answer.verdict in (Verdict.ACCEPTED, Verdict.REFUSED):
            put_away(self._directory, entry.notice, answer)
            self._free(entry.notice)
            return True
        entry.answer = None
        stats.count("retried")
        with contextlib.suppress(OSError):  # the number of attempts is only shown
            entry.notice = self._directory.tried(entry.notice)
        max_age = get_settings().spool_max_age * _DAY
        if self._down_since is not None and time.monotonic() - self._down_since > _LONG_DOWN:
            with self._changed:
                old = self._backlog.take_older(max_age, self._age)
            self._expire(old)
        elif self._age.of(entry.notice) > max_age:
            self._expire([entry.notice])
        return False

    def _remember(self, answer: Answer) -> None:
        is_up = answer.verdict in (Verdict.ACCEPTED, Verdict.REFUSED)
        with self._changed:
            if is_up:
                self._down_since = None
            elif self._down_since is None:
                self._down_since = time.monotonic()
            self.report.answered(is_up=is_up, accepted=answer.verdict is Verdict.ACCEPTED)

    def _expire(self, notices: list[Waiting]) -> None:
        for notice in notices:
            self._directory.take(notice)
            self._free(notice)
        if notices:
            days = get_settings().spool_max_age
            stats.drop(len(notices), f"older than HOPTOAD_SPOOL_MAX_AGE = {days:g} days")

    def _free(self, notice: Waiting) -> None:
        with self._changed, contextlib.suppress(OSError):  # the next scan counts again
            self._size.free_soon(notice.size)

    def _give_up_on(self, entry: Entry, error: OSError) -> bool:
        """Logs that a notice cannot be read. Returns whether it stays where it is and is not tried again."""
        if is_the_disk(error):
            self.report.disk_failed(error)
        if may_pass(error):
            return False
        why = str(error) if isinstance(error, Untrusted) else f"gives an error: {error.strerror}"
        self.report.skipped({entry.notice.path.name: why})
        return entry.answer is None

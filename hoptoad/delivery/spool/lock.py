"""Lets one process at a time deliver from a spool directory, by a lock that its children do not inherit.

The lock is a POSIX record lock on `.lock`: the kernel releases it when the process ends, however it
ends, and a forked child does not have it. The file names the process and keeps what the last scan
found, so that the processes of one directory do not scan it one after the other.
"""

import contextlib
import os
import re
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from hoptoad.delivery.spool.own_files import OpenFile
from hoptoad.runtime import lifecycle

try:
    import fcntl
except ImportError:  # Windows: every process delivers; a notice may arrive twice
    fcntl = None  # type: ignore[assignment]

SCAN_GAP = 2.0  # seconds between two scans, whichever process makes them
_SURE_AFTER = 2_000_000_000  # nanoseconds: file systems may give two changes the same time
_DELIVERS, _WANTED = 0, 1  # the bytes that are locked
_STATE = re.compile(r"(\d{1,10}) (\d{1,20}) (\d{1,20}) *\n")


@dataclass(frozen=True, slots=True)
class State:
    """The content of the lock file. Times are in nanoseconds since the epoch; 0 for none."""

    pid: int = 0
    scanned: int = 0
    empty: int = 0  # when the directory had last changed before a scan found nothing


class SpoolLock:
    """The lock, as one handler or command uses it. Threads may share it; a forked child does not hold it."""

    def __init__(self, folder: Path, *, clock: Callable[[], int] = time.time_ns) -> None:
        self._clock = clock
        with _opening:
            self._file = _files.setdefault(str(folder), _File(folder / ".lock"))

    def acquire(self) -> bool:
        """Takes the lock if it is free and no command waits for it. Raises OSError."""
        if self._take() and self.wanted():
            self.release()
        return self.held

    def release(self) -> None:
        """Releases the lock; does nothing where it is not held."""
        self._file.release(self)

    @property
    def held(self) -> bool:
        """Whether this object holds the lock."""
        return self._file.owner is self

    @property
    def holder(self) -> int:
        """The process that holds the lock, or held it last."""
        return self._file.state().pid

    def wanted(self) -> bool:
        """Whether a command waits for the lock."""
        return self._file.is_wanted(self)

    @contextlib.contextmanager
    def demanded(self, patience: float) -> Iterator[bool]:
        """Asks the process that delivers to pause during the block; True where the lock was acquired."""
        deadline = time.monotonic() + patience
        try:
            while not (self._file.want(self) and self._take()) and time.monotonic() < deadline:
                time.sleep(0.05)
            yield self.held
        finally:
            self.release()
            self._file.want_no_more(self)

    def scan_allowed_in(self) -> float:
        """The seconds until this directory may be scanned again."""
        since = (self._clock() - self._file.state().scanned) / 1e9
        return SCAN_GAP - since if 0 <= since < SCAN_GAP else 0.0

    def scanned(self, changed: int, *, empty: bool) -> int:
        """Records a scan of the directory as it was at `changed`.

        Returns `changed`, or 0 where the scan may have missed a notice written in that moment.
        """
        now = self._clock()
        seen = changed if now - changed > _SURE_AFTER else 0
        self._file.write(replace(self._file.state(), scanned=now, empty=seen if empty else 0))
        return seen

    def is_known_empty(self, changed: int) -> bool:
        """Whether the last scan found nothing, and nothing has changed since."""
        return changed != 0 and self._file.state().empty == changed

    def _take(self) -> bool:
        return self._file.acquire(self)


class _File:
    """The lock file of one directory, opened once in a process: closing it anywhere frees its locks."""

    def __init__(self, path: Path) -> None:
        self._file = OpenFile(path)
        self.start_over()
        lifecycle.track(self)

    def start_over(self) -> None:
        """Without a lock, as in a forked child."""
        self._file.close()
        self._mutex = threading.RLock()
        self._locked_in = 0  # `opened` of the file when it was locked
        self.owner: SpoolLock | None = None
        self._wanting: SpoolLock | None = None

    def acquire(self, owner: SpoolLock) -> bool:
        with self._mutex:
            descriptor = self._descriptor()
            if self.owner is None and _lock(descriptor, _DELIVERS):
                self.owner, self._locked_in = owner, self._file.opened
                self.write(replace(self.state(), pid=os.getpid()))
            return self.owner is owner

    def release(self, owner: SpoolLock) -> None:
        with self._mutex:
            if self.owner is owner:
                self.owner = None
                _unlock(self._descriptor(), _DELIVERS)

    def want(self, owner: SpoolLock) -> bool:
        with self._mutex:
            if self._wanting is None and _lock(self._descriptor(), _WANTED):
                self._wanting = owner
            return self._wanting is owner

    def want_no_more(self, owner: SpoolLock) -> None:
        with self._mutex:
            if self._wanting is owner:
                self._wanting = None
                _unlock(self._descriptor(), _WANTED)

    def is_wanted(self, by_others_than: SpoolLock) -> bool:
        """Only for the holder of the lock: two that ask at once would see each other."""
        with self._mutex:
            if self._wanting is not None:
                return self._wanting is not by_others_than
            descriptor = self._descriptor()
            is_free = _lock(descriptor, _WANTED)
            if is_free:
                _unlock(descriptor, _WANTED)
            return not is_free

    def state(self) -> State:
        with self._mutex:
            descriptor = self._descriptor()
            os.lseek(descriptor, 0, os.SEEK_SET)
            line = os.read(descriptor, 64).decode("ascii", "replace")
        found = _STATE.match(line)
        return State(*map(int, found.groups())) if found else State()

    def write(self, state: State) -> None:
        line = f"{state.pid} {state.scanned} {state.empty}"
        with self._mutex, contextlib.suppress(OSError):  # a full disk: the lock is held all the same
            descriptor = self._descriptor()
            os.lseek(descriptor, 0, os.SEEK_SET)
            os.write(descriptor, f"{line:<52}\n".encode())

    def _descriptor(self) -> int:
        descriptor = self._file.descriptor()
        if self.owner is not None and self._locked_in != self._file.opened:
            self.owner = None  # someone has deleted the file that was locked
        return descriptor


def _lock(descriptor: int, byte: int) -> bool:
    if fcntl is None:
        return True
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, byte)
    except (BlockingIOError, PermissionError):  # POSIX allows either where another process has it
        return False
    return True


def _unlock(descriptor: int, byte: int) -> None:
    if fcntl is not None:
        fcntl.lockf(descriptor, fcntl.LOCK_UN, 1, byte)


_opening = threading.RLock()
_files: "weakref.WeakValueDictionary[str, _File]" = weakref.WeakValueDictionary()


def _after_fork() -> None:
    global _opening
    _opening = threading.RLock()


lifecycle.reset_after_fork(_after_fork)

"""A directory of waiting notices, one file each.

A notice appears under its name when it is complete. Names sort by age and end with the number of
attempts: `<microseconds>-<random>-<attempts>.notice`. Refused notices lie in `refused/`, each with the
server's answer beside it. A file here is sent in the site's name, so only regular files of this
user are read, and nothing is changed in a directory of another user.
"""

import contextlib
import os
import re
import secrets
import stat
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from hoptoad.conf.settings import Settings
from hoptoad.delivery.spool import own_files
from hoptoad.errors import ConfigurationError
from hoptoad.runtime import safe_files
from hoptoad.runtime.messages import safe_line

SUFFIX = ".notice"
MAX_NOTICE = 64 * 1024 * 1024  # bytes; this library writes none that is larger
_ANSWER = ".answer"
_MAX_ANSWER = 8192  # bytes
_NAME = re.compile(r"([0-9]{1,17})-([0-9a-f]{8})-([0-9]{1,9})\.notice")
_TORN_AFTER = 3600.0  # seconds; no write takes that long


@dataclass(frozen=True, slots=True)
class Waiting:
    """A notice on the disk. `written` is in seconds since the epoch, `size` in bytes."""

    path: Path
    written: float
    size: int
    attempts: int

    @property
    def key(self) -> str:
        """The part of the name that no attempt changes; sorts by age."""
        return self.path.name.rpartition("-")[0]


@dataclass(slots=True)
class Contents:
    """The result of one scan."""

    notices: list[Waiting] = field(default_factory=list)  # oldest first
    skipped: dict[str, str] = field(default_factory=dict)  # names, and why each is not sent
    torn: dict[str, float] = field(default_factory=dict)  # names, and when each was last written to
    answers: set[str] = field(default_factory=set)  # names without their ending
    kib: int = 0  # notices and answers, each rounded up


def spool_of(settings: Settings) -> "SpoolDirectory":
    """The directory that the settings name; it may not exist yet. Raises ConfigurationError without one."""
    if not settings.spool_dir:  # of a handler that is named by its class, or of a command
        raise ConfigurationError(
            'HOPTOAD_SPOOL_DIR is not set. For example: HOPTOAD_SPOOL_DIR = "/var/spool/shop-errors"'
        )
    return SpoolDirectory(settings.spool_dir, fsync=settings.spool_fsync)


class SpoolDirectory:
    """Every method raises OSError where the file system fails."""

    def __init__(self, path: str | Path, *, fsync: bool, clock: Callable[[], float] = time.time) -> None:
        self.path = Path(path)
        self.refused = self.path / "refused"
        self._fsync = fsync
        self._clock = clock

    def open(self) -> None:
        """Creates the directory, for this user only. Raises Untrusted where it is another user's."""
        own_files.make_private(self.path)
        own_files.make_private(self.refused)

    def write(self, payload: bytes) -> Waiting:
        """Writes a notice, which other processes see when this returns."""
        now = int(self._clock() * 1_000_000)
        name = f"{now:017d}-{secrets.token_hex(4)}-0{SUFFIX}"
        try:
            self._write(name, payload)
        except FileNotFoundError:  # someone has deleted the directory
            self.open()
            self._write(name, payload)
        return Waiting(self.path / name, now / 1_000_000, len(payload), 0)

    def scan(self) -> Contents:
        """Scans for waiting notices. Deletes those that killed processes have left half written."""
        found = _scan(self.path)
        for name, touched in found.torn.items():
            if self._clock() - touched > _TORN_AFTER:
                with contextlib.suppress(OSError):
                    os.unlink(self.path / name)
        return found

    def waiting(self) -> list[Waiting]:
        """All notices that wait, oldest first."""
        return _scan(self.path).notices

    def scan_refused(self) -> Contents:
        """The refused notices."""
        try:
            return _scan(self.refused)
        except FileNotFoundError:  # made again when it is needed
            return Contents()

    def kept(self) -> list[Waiting]:
        """The refused notices, oldest first."""
        return self.scan_refused().notices

    def changed(self) -> int:
        """When a file was last added or removed, in nanoseconds since the epoch."""
        return os.stat(self.path).st_mtime_ns

    def read(self, notice: Waiting) -> bytes:
        """The document. Raises Untrusted for what is not a regular file of this user."""
        return safe_files.read(str(notice.path), MAX_NOTICE)

    def take(self, notice: Waiting) -> None:
        """Deletes a notice that was delivered."""
        notice.path.unlink(missing_ok=True)

    def keep(self, notice: Waiting, answer: str) -> None:
        """Moves a refused notice to `refused/`, with the server's answer where there is room for it."""
        own_files.make_private(self.refused)
        with contextlib.suppress(FileNotFoundError):
            notice.path.rename(self.refused / notice.path.name)
        with contextlib.suppress(OSError):
            beside = self._beside(notice)
            beside.unlink(missing_ok=True)
            own_files.create(beside, answer.encode(errors="replace")[:_MAX_ANSWER])

    def tried(self, notice: Waiting) -> Waiting:
        """Counts one more attempt; returns the notice under its new name."""
        attempts = notice.attempts + 1
        path = self.path / f"{notice.key}-{attempts}{SUFFIX}"
        notice.path.rename(path)
        return Waiting(path, notice.written, notice.size, attempts)

    def answer(self, notice: Waiting) -> str:
        """The server's answer to a refused notice, in one printable line."""
        try:
            found = safe_files.read(str(self._beside(notice)), _MAX_ANSWER)
        except FileNotFoundError:
            return ""
        except OSError as error:
            return f"no answer: {error}"
        return safe_line(found.decode(errors="replace"), 2000)

    def purge(self, notices: Iterable[Waiting]) -> int:
        """Deletes notices, and the answers that belong to them; returns their number."""
        count = 0
        for count, notice in enumerate(notices, 1):  # noqa: B007 - the last one counts
            notice.path.unlink(missing_ok=True)
            self._beside(notice).unlink(missing_ok=True)
        return count

    def purge_answers(self, refused: Contents) -> None:
        """Deletes the answers to notices that were moved back, to be sent again."""
        for stem in refused.answers - {notice.path.stem for notice in refused.notices}:
            (self.refused / f"{stem}{_ANSWER}").unlink(missing_ok=True)

    def _beside(self, notice: Waiting) -> Path:
        return self.refused / f"{notice.path.stem}{_ANSWER}"

    def _write(self, name: str, payload: bytes) -> None:
        unnamed = f"{self.path}{os.sep}.{name}"
        try:
            own_files.create(unnamed, payload, fsync=self._fsync)
            os.rename(unnamed, f"{self.path}{os.sep}{name}")
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(unnamed)
            raise
        if self._fsync:
            own_files.sync(self.path)


def _scan(folder: Path) -> Contents:
    found = Contents()
    with os.scandir(folder) as entries:
        for entry in entries:
            with contextlib.suppress(FileNotFoundError):  # delivered by another process meanwhile
                _add(found, folder, entry.name, entry.stat(follow_symlinks=False))
    found.notices.sort(key=lambda notice: notice.key)
    return found


def _add(found: Contents, folder: Path, name: str, about: os.stat_result) -> None:
    if stat.S_ISREG(about.st_mode) and name.endswith((SUFFIX, _ANSWER)):
        found.kib += -(-about.st_size // 1024)
    if name.endswith(_ANSWER):
        found.answers.add(name.removesuffix(_ANSWER))
    if not name.endswith(SUFFIX):
        return
    if name.startswith("."):
        if _NAME.fullmatch(name[1:]):
            found.torn[name] = about.st_mtime
        return
    parts = _NAME.fullmatch(name)
    if parts is None:
        found.skipped[name] = "is not named like a notice"
    elif why := own_files.why_not_ours(about):
        found.skipped[name] = why
    elif about.st_size > MAX_NOTICE:
        found.skipped[name] = f"has {about.st_size:,} bytes"
    else:
        written, attempts = int(parts[1]) / 1_000_000, int(parts[3])
        found.notices.append(Waiting(folder / name, written, about.st_size, attempts))

"""A directory of notices that wait: written whole or not at all, claimed by one, deleted when taken.

One file per notice, `<microseconds>-<random>.notice`, so that names sort by age. A claim is a lock
on the file, which the kernel takes back from a process that dies, however it dies. The attempts made
are kept in the name's last part; refused notices lie in `refused/` with the server's words beside
them.
"""

import contextlib
import errno
import os
import secrets
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: every process claims what it finds; a notice may arrive twice
    fcntl = None  # type: ignore[assignment]

SUFFIX = ".notice"
_WORDS = ".answer"


@dataclass(frozen=True, slots=True)
class Waiting:
    """A notice that waits. `written` is in seconds since the epoch, `size` in bytes."""

    path: Path
    written: float
    size: int
    attempts: int


class SpoolDirectory:
    """Every method raises OSError where the disk does not do its part."""

    def __init__(self, path: str | Path, *, fsync: bool, clock: Callable[[], float] = time.time) -> None:
        self.path = Path(path)
        self.refused = self.path / "refused"
        self._fsync = fsync
        self._clock = clock

    def open(self) -> None:
        """Makes the directory, for its owner only."""
        for folder in (self.path, self.refused):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        mode = stat.S_IMODE(self.path.stat().st_mode)
        if mode & 0o077:
            self.path.chmod(mode & 0o700)

    def write(self, payload: bytes) -> Path:
        """Writes a notice and gives it its name; returns when others can see it."""
        name = f"{int(self._clock() * 1_000_000):017d}-{secrets.token_hex(4)}-0{SUFFIX}"
        unnamed = self.path / f".{name}"
        try:
            with open(unnamed, "xb", opener=_private) as file:
                file.write(payload)
                if self._fsync:
                    file.flush()
                    os.fsync(file.fileno())
            unnamed.rename(self.path / name)
        except BaseException:
            with contextlib.suppress(OSError):
                unnamed.unlink()
            raise
        if self._fsync:
            _sync_directory(self.path)
        return self.path / name

    def waiting(self) -> list[Waiting]:
        """All that wait, oldest first."""
        return list(_notices(self.path))

    def kept(self) -> list[Waiting]:
        """The refused ones, oldest first."""
        return list(_notices(self.refused))

    @contextlib.contextmanager
    def claim(self, notice: Waiting) -> "Iterator[bytes | None]":
        """The notice's bytes, and nobody else's until the block ends; None where it is taken."""
        try:
            file = open(notice.path, "rb")  # noqa: SIM115 - closed below, in another with
        except FileNotFoundError:
            yield None
            return
        with file:
            yield file.read() if _lock(file.fileno()) and notice.path.exists() else None

    def take(self, notice: Waiting) -> None:
        """Deletes a notice that was delivered."""
        notice.path.unlink(missing_ok=True)

    def keep(self, notice: Waiting, words: str) -> None:
        """Puts a refused notice aside, with what the server said."""
        (self.refused / f"{notice.path.stem}{_WORDS}").write_text(words, encoding="utf-8")
        notice.path.rename(self.refused / notice.path.name)

    def tried(self, notice: Waiting) -> None:
        """Remembers one more attempt."""
        stem = notice.path.stem.rpartition("-")[0]
        notice.path.rename(notice.path.with_name(f"{stem}-{notice.attempts + 1}{SUFFIX}"))

    def words(self, notice: Waiting) -> str:
        """What the server said of a refused notice."""
        try:
            return (self.refused / f"{notice.path.stem}{_WORDS}").read_text(encoding="utf-8")
        except FileNotFoundError:
            return ""

    def purge(self, notice: Waiting) -> None:
        """Deletes a notice, and the words that belong to it."""
        notice.path.unlink(missing_ok=True)
        (self.refused / f"{notice.path.stem}{_WORDS}").unlink(missing_ok=True)

    def sweep(self, *, max_age: float, keep_refused: float) -> int:
        """Deletes what is too old, both in seconds, and torn files; the number of lost notices."""
        now = self._clock()
        lost = [notice for notice in self.waiting() if now - notice.written > max_age]
        for notice in lost:
            self.purge(notice)
        for notice in self.kept():
            if now - notice.written > keep_refused:
                self.purge(notice)
        for torn in self.path.glob(f".*{SUFFIX}"):
            with contextlib.suppress(OSError):
                if now - torn.stat().st_mtime > max_age:
                    torn.unlink()
        return len(lost)


def _notices(folder: Path) -> Iterator[Waiting]:
    with os.scandir(folder) as entries:
        names = sorted(entry.name for entry in entries if _is_notice(entry.name))
    for name in names:
        with contextlib.suppress(FileNotFoundError):  # delivered by another process meanwhile
            size = (folder / name).stat().st_size
            written, _, attempts = name.removesuffix(SUFFIX).split("-")
            yield Waiting(folder / name, int(written) / 1_000_000, size, int(attempts))


def _is_notice(name: str) -> bool:
    parts = name.removesuffix(SUFFIX).split("-")
    return name.endswith(SUFFIX) and len(parts) == 3 and parts[0].isdigit() and parts[2].isdigit()


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _lock(descriptor: int) -> bool:
    if fcntl is None:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EAGAIN, errno.EACCES):
            return False
        raise
    return True


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

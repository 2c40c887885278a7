"""Files and directories of this user: what others have planted is neither followed, read nor changed."""

import contextlib
import errno
import os
import secrets
import stat
import weakref
from pathlib import Path

from hoptoad_before import safefile
from hoptoad_before.safefile import Untrusted as NotUsable

__all__ = [
    "NotUsable",
    "OpenFile",
    "create",
    "is_the_disk",
    "make_private",
    "may_pass",
    "read",
    "sync",
    "why_not_ours",
]

_DISK = {errno.ENOSPC, errno.EIO, errno.EROFS, getattr(errno, "EDQUOT", errno.ENOSPC)}
_PASSING = _DISK | {errno.EMFILE, errno.ENFILE, errno.ENOMEM}


def is_the_disk(error: OSError) -> bool:
    """Whether an error is of the whole disk, rather than of one file."""
    return error.errno in _DISK


def may_pass(error: OSError) -> bool:
    """Whether trying the same file again later may help."""
    return error.errno in _PASSING


def why_not_ours(found: os.stat_result) -> str:
    """Why a file must not be used; empty where it may be."""
    if not stat.S_ISREG(found.st_mode):
        return "is not a regular file"
    if found.st_uid != _user():
        return f"belongs to user {found.st_uid}, and this process runs as user {_user()}"
    return ""


def read(path: Path, max_bytes: int) -> bytes:
    """The content of a regular file of this user or root. Raises NotUsable for any other; never blocks."""
    return safefile.read(str(path), max_bytes)


def create(path: str | Path, content: bytes, *, fsync: bool = False) -> None:
    """Writes a new file for this user only. Raises FileExistsError where anything has that name."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | safefile.FLAGS, 0o600)
    try:
        left = memoryview(content)
        while left:
            left = left[os.write(descriptor, left) :]
        if fsync:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_private(folder: Path) -> None:
    """Creates a directory and its parents for this user only, or closes this user's own to others.

    Raises NotUsable, and changes nothing, where the directory is another user's or a symbolic link.
    """
    missing = [path for path in (folder, *folder.parents) if not os.path.lexists(path)]
    for path in reversed(missing):
        with contextlib.suppress(FileExistsError):  # made by another process meanwhile
            path.mkdir(mode=0o700)
    found = os.lstat(folder)
    if stat.S_ISLNK(found.st_mode):
        raise NotUsable(f"{folder} is a symbolic link: name the directory that it points to")
    if not stat.S_ISDIR(found.st_mode):
        raise NotUsable(f"{folder} is not a directory")
    if found.st_uid != _user():
        raise NotUsable(
            f"{folder} belongs to user {found.st_uid}, and this process runs as user {_user()}: "
            "run this as that user, or name another directory"
        )
    if os.name == "posix" and stat.S_IMODE(found.st_mode) & 0o077:
        _close_to_others(folder)


def sync(folder: Path) -> None:
    """Forces the names in a directory to the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class OpenFile:
    """A small file that stays open. What else has its name is renamed, never followed or removed."""

    def __init__(self, path: Path, flags: int = 0) -> None:
        self._path = path
        self._flags = os.O_RDWR | os.O_CREAT | flags
        self._close: "weakref.finalize[[int], OpenFile] | None" = None
        self._descriptor = -1
        self.opened = 0  # how often

    def descriptor(self) -> int:
        """The open file's descriptor; opened again where someone has deleted the file."""
        if self._close is None or not self._is_in_place():
            self.close()
            self._descriptor = self._opened()
            self._close = weakref.finalize(self, os.close, self._descriptor)
            self.opened += 1
        return self._descriptor

    def close(self) -> None:
        """Closes the file until it is needed again."""
        if self._close is not None:
            self._close()
            self._close = None

    def _is_in_place(self) -> bool:
        try:
            return os.path.samestat(os.lstat(self._path), os.fstat(self._descriptor))
        except FileNotFoundError:
            return False

    def _opened(self) -> int:
        try:
            return _open(self._path, self._flags)
        except OSError as error:
            if may_pass(error) or isinstance(error, FileNotFoundError):
                raise
            aside = self._path.with_name(f"{self._path.name}.{secrets.token_hex(4)}.moved")
            self._path.rename(aside)
            return _open(self._path, self._flags)


def _open(path: Path, flags: int) -> int:
    descriptor = os.open(path, flags | safefile.FLAGS, 0o600)
    why = why_not_ours(os.fstat(descriptor))
    if why:
        os.close(descriptor)
        raise NotUsable(f"{path} {why}")
    return descriptor


def _close_to_others(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | safefile.FLAGS)
    try:
        mode = stat.S_IMODE(os.fstat(descriptor).st_mode)
        os.fchmod(descriptor, mode & 0o700)
    finally:
        os.close(descriptor)


def _user() -> int:
    return os.geteuid() if hasattr(os, "geteuid") else 0

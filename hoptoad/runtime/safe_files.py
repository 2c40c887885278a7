"""Reads files that somebody else may have planted: only regular ones, up to a size, without blocking."""

import contextlib
import os
import stat

with contextlib.suppress(ImportError):  # Windows has neither, and is not asked
    import grp
    import pwd

# Windows has none of these but O_BINARY. O_NONBLOCK: a FIFO without a writer would be waited for.
FLAGS = sum(
    getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_NOCTTY", "O_BINARY")
)
_CHUNK = 64 * 1024
_OF_THE_GROUP, _OF_ALL = stat.S_IWGRP, stat.S_IWOTH


class Untrusted(OSError):
    """A file or directory that is not used, with the reason."""


def read(path: str, max_bytes: int, *, of_anybody: bool = False) -> bytes:
    """The content of a regular file that we or root own.

    `of_anybody` takes any owner's. Symbolic links are not followed in the last part of `path`. Raises
    Untrusted for what is too large, of another kind or of another owner, and OSError.
    """
    descriptor = _opened(path, of_anybody=of_anybody)
    try:
        return _content(descriptor, path, max_bytes)
    finally:
        os.close(descriptor)


def require_owner(path: str, *also: int) -> None:
    """Raises Untrusted unless `path` and its target belong to us, to root or to a user in `also`."""
    _require_owner(os.lstat(path), path, *also)
    _require_owner(os.stat(path), path, *also)


def require_unwritable(path: str, *also: int) -> None:
    """Raises Untrusted where somebody else can write to the file, to its directory or to one above.

    Their owner must be us, root or a user in `also`. Directories above that of the file may be open to
    all if they are sticky, like /tmp: nobody can replace the files of others there.
    """
    path = os.path.realpath(path)
    place = os.path.dirname(path)
    above = []
    while place != os.path.dirname(place):
        above.append(place)
        place = os.path.dirname(place)
    for name in (path, *above, place):
        status = os.stat(name)
        _require_owner(status, name, *also)
        is_sticky = name in above[1:] and status.st_mode & stat.S_ISVTX
        if not is_sticky and _others_write(status):
            raise Untrusted(f"others can write to {name}: take that right from them (chmod go-w)")


def user() -> int:
    """The user that this process runs as; 0 on Windows, whose files have no owners of this kind."""
    return os.geteuid() if hasattr(os, "geteuid") else 0


def why_foreign(status: os.stat_result, *owners: int) -> str:
    """Why a file is not used that belongs to none of `owners`; empty where it belongs to one."""
    if status.st_uid in owners or not hasattr(os, "geteuid"):
        return ""
    return f"belongs to user {status.st_uid}, and this process runs as user {user()}"


def real_path_below(path: str, directory: str) -> str:
    """`path` with all symbolic links followed. Raises Untrusted where that leads out of `directory`."""
    real, root = os.path.realpath(path), os.path.realpath(directory)
    if not directory or not real.startswith(os.path.join(root, "")):
        raise Untrusted(f"{path} lies outside of {directory or 'any directory'}")
    return real


def _opened(path: str, *, of_anybody: bool) -> int:
    """A descriptor of a regular file, to be closed by the caller."""
    _require_regular(os.lstat(path), path)  # before opening: that of a device may have effects
    descriptor = os.open(path, os.O_RDONLY | FLAGS)
    try:
        status = os.fstat(descriptor)
        _require_regular(status, path)  # it may have been exchanged meanwhile
        if not of_anybody:
            _require_owner(status, path)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _require_regular(status: os.stat_result, path: str) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise Untrusted(f"{path} is not a regular file")


def _require_owner(status: os.stat_result, path: str, *also: int) -> None:
    if why := why_foreign(status, user(), 0, *also):
        raise Untrusted(f"{path} {why}")


def _others_write(status: os.stat_result) -> bool:
    if os.name == "nt":
        return False  # the mode means nothing there
    if status.st_mode & _OF_ALL:
        return True
    return bool(status.st_mode & _OF_THE_GROUP) and not _is_private(status.st_gid, status.st_uid)


def _is_private(group: int, user: int) -> bool:
    """Whether a group has one member only: many systems give each user a group of the same name."""
    with contextlib.suppress(KeyError):
        named, owner = grp.getgrgid(group), pwd.getpwuid(user).pw_name
        return named.gr_name == owner and {*named.gr_mem} <= {owner}
    return False


def _content(descriptor: int, path: str, max_bytes: int) -> bytes:
    # The size is not enough: it is 0 in /proc, and a file may grow.
    chunks, room = [], max_bytes + 1
    if os.fstat(descriptor).st_size < room:
        while room and (chunk := os.read(descriptor, min(room, _CHUNK))):
            chunks.append(chunk)
            room -= len(chunk)
        if room:
            return b"".join(chunks)
    raise Untrusted(f"{path} has more than {max_bytes} bytes")

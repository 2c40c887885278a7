"""How much a spool directory holds, known to all its processes without scanning it.

The length of the file `.size` is the number of KiB: every process appends a byte for each it writes,
which the kernel makes atomic, and the process that delivers cuts the file to what a scan has found.
"""

import os
from pathlib import Path

from hoptoad_before.ownfiles import OpenFile

_AT_ONCE = 50  # notices


class SpoolSize:
    """Every method raises OSError where the disk fails. Threads and processes may share the directory.

    `free_soon` and `free_now` want a lock of the caller's.
    """

    def __init__(self, folder: Path) -> None:
        self._file = OpenFile(folder / ".size", os.O_APPEND)
        self._freed: list[int] = []  # KiB

    def reserve(self, size: int, max_bytes: int) -> bool:
        """Takes room for a notice of `size` bytes, unless the directory would then hold too much."""
        kib, most = _kib(size), max_bytes // 1024
        descriptor = self._file.descriptor()
        if os.fstat(descriptor).st_size + kib > most:
            return False
        os.write(descriptor, bytes(kib))
        if os.fstat(descriptor).st_size > most:  # another process was faster
            self.free(size)
            return False
        return True

    def free(self, size: int) -> None:
        """Gives the room of a notice back."""
        self._take_off(_kib(size))

    def free_soon(self, size: int) -> None:
        """Like `free`, many at once: what is written in that moment is not counted until the next scan."""
        self._freed.append(_kib(size))
        if len(self._freed) >= _AT_ONCE:
            self.free_now()

    def free_now(self) -> None:
        """Gives back what `free_soon` has collected."""
        if self._freed:
            self._take_off(sum(self._freed))
            self._freed.clear()

    def kib(self) -> int:
        """The KiB in use, to within what processes are writing at the moment."""
        return os.fstat(self._file.descriptor()).st_size

    def set(self, kib: int) -> None:
        """Corrects the number, after a scan."""
        os.ftruncate(self._file.descriptor(), kib)

    def _take_off(self, kib: int) -> None:
        self.set(max(self.kib() - kib, 0))


def _kib(size: int) -> int:
    return -(-size // 1024)

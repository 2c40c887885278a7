"""How much a spool directory holds, known to all its processes without scanning it.

The length of the file `.size` is the number of KiB: every process appends a byte for each it writes,
which the kernel makes atomic, and the process that delivers cuts the file to what a scan has found.
"""

import os
from pathlib import Path

from hoptoad.ownfiles import OpenFile


class SpoolSize:
    """Every method raises OSError where the disk fails. Threads and processes may share the directory."""

    def __init__(self, folder: Path) -> None:
        self._file = OpenFile(folder / ".size", os.O_APPEND)

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
        self.set(max(self.kib() - _kib(size), 0))

    def kib(self) -> int:
        """The KiB in use, to within what processes are writing at the moment."""
        return os.fstat(self._file.descriptor()).st_size

    def set(self, kib: int) -> None:
        """Corrects the number, after a scan."""
        os.ftruncate(self._file.descriptor(), kib)


def _kib(size: int) -> int:
    return -(-size // 1024)

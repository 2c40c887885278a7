"""Reads the project's source files, for the lines around a failure."""

import io
import tokenize

from hoptoad_before import safefile

_MAX_FILE = 1_000_000  # bytes
_MAX_ALL = 4_000_000  # bytes of one notice's files


class Sources:
    """The files of one notice, each read once.

    `linecache` is not used: it asks the loader of a module for its source, which is code of the site, it
    waits for FIFOs, and it keeps whole files for good.
    """

    def __init__(self, project_root: str) -> None:
        self._root = project_root
        self._left = _MAX_ALL
        self._files: dict[str, list[str]] = {}

    def lines(self, file: str) -> list[str]:
        """The lines of a regular file below the project's root; none where it is another or too large."""
        found = self._files.get(file)
        if found is None:
            found = self._files[file] = self._read(file)
        return found

    def _read(self, file: str) -> list[str]:
        try:
            real = safefile.real_path_below(file, self._root)
            # Whose it is does not matter: Python has run it.
            raw = safefile.read(real, min(_MAX_FILE, self._left), of_anybody=True)
            self._left -= len(raw)
            encoding, _ = tokenize.detect_encoding(io.BytesIO(raw).readline)
            return io.TextIOWrapper(io.BytesIO(raw), encoding).readlines()
        except (OSError, SyntaxError, ValueError, LookupError):  # SyntaxError: an unknown encoding
            return []

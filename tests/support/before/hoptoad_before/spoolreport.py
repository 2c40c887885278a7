"""What the log says about a spool directory: each line once, or once a minute."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path

from hoptoad_before.messages import get_logger
from hoptoad_before.ownfiles import NotUsable

logger = get_logger(__name__)

SAY_EVERY = 60.0  # seconds
_MOST_NAMES = 1000


class SpoolReport:
    """Threads may share it; two at once may say a line twice."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._clock = clock
        self._said_at: dict[str, float] = {}
        self._told: set[str] = set()
        self._delivered = 0
        self._was_down = self._is_up = False

    def disk_failed(self, error: OSError) -> None:
        """The disk or the directory cannot be used."""
        if self._is_news("disk"):
            hint = (
                ""
                if isinstance(error, NotUsable)
                else " Is the disk full, or HOPTOAD_SPOOL_DIR not writable for this user?"
            )
            logger.error(
                "The spool %s does not work (%s): notices are kept in memory meanwhile.%s",
                self._path,
                error,
                hint,
            )

    def skipped(self, files: Mapping[str, str]) -> None:
        """Names of files that are not sent, and why; each name is told once."""
        new = sorted(files.keys() - self._told)
        if not new:
            return
        if len(self._told) > _MOST_NAMES:
            self._told.clear()
        self._told.update(new)
        logger.warning(
            "Files in the spool %s that are not sent: %d. The first, %a, %s.",
            self._path,
            len(files),
            new[0][:100],
            files[new[0]],
        )

    def answered(self, *, is_up: bool, accepted: bool) -> None:
        """Remembers an attempt for `recovery`."""
        if not is_up:
            if not self._was_down:
                self._delivered = 0
            self._was_down, self._is_up = True, False
        elif self._was_down:
            self._is_up = True
            self._delivered += accepted

    def recovery(self, waiting: int) -> None:
        """The server is back after it was down."""
        if self._was_down and self._is_up and self._is_news("back"):
            self._was_down = False
            logger.warning(
                "The server takes notices again: %d delivered from the spool %s, %d still wait.",
                self._delivered,
                self._path,
                waiting,
            )

    def left(self, waiting: int) -> None:
        """The process ends, and notices stay on the disk."""
        logger.warning(
            "This process ends; %d notices wait in the spool %s and are delivered by another.",
            waiting,
            self._path,
        )

    def _is_news(self, line: str) -> bool:
        now = self._clock()
        if now - self._said_at.get(line, float("-inf")) < SAY_EVERY:
            return False
        self._said_at[line] = now
        return True

"""The log lines about a spool directory, each once, or once a minute at most."""

from collections.abc import Mapping
from pathlib import Path

from hoptoad.delivery.log_once import OnceAMinute, log_recovery
from hoptoad.runtime.messages import get_logger
from hoptoad.runtime.safe_files import Untrusted

logger = get_logger(__name__)

_MOST_NAMES = 1000


class SpoolReport:
    """Threads may share it; two at once may log a line twice."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._once = OnceAMinute()
        self._logged: set[str] = set()  # names of files
        self._delivered = 0
        self._was_down = self._is_up = False

    def disk_failed(self, error: OSError) -> None:
        """Logs that the disk or the directory cannot be used."""
        if self._once.is_due("disk"):
            hint = (
                "It is left as it is."
                if isinstance(error, Untrusted)
                else "Is the disk full, or HOPTOAD_SPOOL_DIR not writable for this user?"
            )
            logger.error(
                "The spool %s does not work (%s): notices are kept in memory meanwhile. %s",
                self._path,
                error,
                hint,
            )

    def skipped(self, files: Mapping[str, str]) -> None:
        """Logs files that are not sent, by name and reason; each name once."""
        new = sorted(files.keys() - self._logged)
        if not new:
            return
        if len(self._logged) > _MOST_NAMES:
            self._logged.clear()
        self._logged.update(new)
        logger.warning(
            "Files in the spool %s that are not sent: %d. The first, %a, %s.",
            self._path,
            len(files),
            new[0][:100],
            files[new[0]],
        )

    def answered(self, *, is_up: bool, accepted: bool) -> None:
        """Counts the outcome of an attempt, for `recovery`."""
        if not is_up:
            if not self._was_down:
                self._delivered = 0
            self._was_down, self._is_up = True, False
        elif self._was_down:
            self._is_up = True
            self._delivered += accepted

    def recovery(self, waiting: int) -> None:
        """Logs that the server is back after it was down."""
        if self._was_down and self._is_up and self._once.is_due("back"):
            self._was_down = False
            done = f"{self._delivered} delivered from the spool {self._path}"
            log_recovery(logger, "The server", done, waiting)

    def left(self, waiting: int) -> None:
        """Logs that the process ends while notices stay on the disk."""
        logger.warning(
            "This process ends; %d notices wait in the spool %s and are delivered by another.",
            waiting,
            self._path,
        )

"""Decides when a spool directory is scanned: seldom, however many processes share it."""

import time
from collections.abc import Sequence

from hoptoad.conf.loading import get_settings
from hoptoad.delivery.spool.backlog import Age
from hoptoad.delivery.spool.directory import SpoolDirectory, Waiting
from hoptoad.delivery.spool.lock import SpoolLock
from hoptoad.delivery.spool.report import SpoolReport
from hoptoad.delivery.spool.size import SpoolSize

LOOK_EVERY = 5.0  # seconds; finds what ended processes have left
_LOOK_WHILE_DOWN = 60.0  # seconds
_SWEEP_EVERY = 60.0  # seconds, for refused notices
_DAY = 24 * 3600.0
_NEARLY_FULL = 0.9


class SpoolScan:
    """Used by the process that holds the lock. Every method raises OSError where the disk fails."""

    def __init__(
        self,
        directory: SpoolDirectory,
        size: SpoolSize,
        lock: SpoolLock,
        report: SpoolReport,
        age: Age,
    ) -> None:
        self._directory = directory
        self._size = size
        self._lock = lock
        self._report = report
        self._age = age
        self.recount = False  # the directory is full, or so it seems
        self._seen = 0  # `changed()` of the directory at the last scan, if nothing was missed
        self._scanned_at = self._swept_at = float("-inf")

    def start_over(self) -> None:
        """Forgets the last scan, so that the next is made in any case."""
        self._seen = 0

    def is_needless(self) -> bool:
        """Whether a scan would find nothing."""
        return not self.recount and self._lock.is_known_empty(self._directory.changed())

    def look(self, *, knows_some: bool, is_down: bool) -> Sequence[Waiting]:
        """All waiting notices if a scan is due, else none."""
        changed = self._directory.changed()
        if self._lock.scan_allowed_in() or not self._is_time(changed, knows_some, is_down):
            return ()
        self.recount = False
        found, refused = self._directory.scan(), self._directory.scan_refused()
        self._scanned_at = time.monotonic()
        self._seen = self._lock.scanned(changed, empty=not found.notices)
        self._size.set(found.kib + refused.kib)
        self._report.skipped({**found.skipped, **refused.skipped})
        if self._scanned_at - self._swept_at >= _SWEEP_EVERY:
            self._swept_at = self._scanned_at
            keep = get_settings().spool_keep_refused * _DAY
            self._directory.purge(notice for notice in refused.notices if self._age.of(notice) > keep)
            self._directory.purge_answers(refused)
        return found.notices

    def _is_time(self, changed: int, knows_some: bool, is_down: bool) -> bool:
        since = time.monotonic() - self._scanned_at
        is_full = self._size.kib() > _NEARLY_FULL * 1024 * get_settings().spool_max_mb
        if self.recount or changed == self._seen:
            return self.recount or (is_full and since >= LOOK_EVERY)
        if not knows_some:
            return not self._lock.is_known_empty(changed)
        return since >= (_LOOK_WHILE_DOWN if is_down and not is_full else LOOK_EVERY)

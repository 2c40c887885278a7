"""The waiting notices that this process knows: the oldest first, each with its own back-off."""

import heapq
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from hoptoad.delivery.answer import FIRST_PAUSE, LONGEST_PAUSE, Answer
from hoptoad.delivery.spool.directory import Waiting


@dataclass(slots=True, eq=False)
class Entry:
    """A notice, and its final answer while the disk could not yet be changed accordingly."""

    notice: Waiting
    answer: Answer | None = None
    failures: int = 0


class Age:
    """The age of notices, by the wall clock and by a steady one: a clock that jumps makes nothing old."""

    def __init__(
        self, clock: Callable[[], float] = time.time, steady: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock = clock
        self._steady = steady
        self._began = clock() - steady()

    def of(self, notice: Waiting) -> float:
        """In seconds."""
        return min(self._clock(), self._began + self._steady()) - notice.written


class Backlog:
    """Threads may share it only under a lock of the caller's."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._entries: dict[str, Entry] = {}
        self._due: list[tuple[float, str]] = []  # a heap

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, notices: Iterable[Waiting]) -> None:
        """Adds the notices that are not yet known."""
        for notice in notices:
            if notice.key not in self._entries:
                self._entries[notice.key] = Entry(notice)
                heapq.heappush(self._due, (0.0, notice.key))

    def next(self) -> Entry | None:
        """Takes out a notice that may be tried now. Return it with `again`, `later` or `done`."""
        while self._due and self._due[0][0] <= self._clock():
            entry = self._entries.get(heapq.heappop(self._due)[1])
            if entry is not None:
                return entry
        return None

    def due_in(self) -> float:
        """The seconds until `next` returns a notice; LONGEST_PAUSE where nothing waits."""
        return max(self._due[0][0] - self._clock(), 0.0) if self._due else LONGEST_PAUSE

    def due(self) -> int:
        """The number of notices that may be tried now."""
        now = self._clock()
        return sum(when <= now for when, _ in self._due)

    def again(self, entry: Entry) -> None:
        """Puts a notice back that was not tried."""
        heapq.heappush(self._due, (0.0, entry.notice.key))

    def later(self, entry: Entry, *, own_fault: bool) -> None:
        """Puts a notice back that failed: for longer each time, unless the server failed for all."""
        pause = min(FIRST_PAUSE * 2.0 ** min(entry.failures, 20), LONGEST_PAUSE)
        entry.failures += own_fault
        heapq.heappush(self._due, (self._clock() + pause, entry.notice.key))

    def done(self, entry: Entry) -> None:
        """Forgets a notice."""
        self._entries.pop(entry.notice.key, None)

    def take_older(self, seconds: float, age: Age) -> list[Waiting]:
        """Forgets and returns the notices that are older."""
        old = [entry for entry in self._entries.values() if age.of(entry.notice) > seconds]
        for entry in old:
            self.done(entry)
        return [entry.notice for entry in old]

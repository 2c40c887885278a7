"""One call at a later time, from a thread that keeps no process alive."""

import threading
from collections.abc import Callable

from hoptoad_before import threads


class Later:
    """Calls `call` once, `delay` seconds after `start`; while it waits, further starts do nothing.

    Where no thread can be had nothing is called: whoever uses this also tells all at the process's end.
    """

    def __init__(self, name: str, call: Callable[[], object]) -> None:
        self._name = name
        self._call = call
        self._thread: "threading.Thread | None" = None

    def start(self, delay: float) -> None:
        """Starts waiting, unless it waits already."""
        if self._thread is not None and self._thread.is_alive():
            return
        never = threading.Event()

        def work() -> None:
            never.wait(delay)
            self._thread = None
            self._call()

        self._thread = threads.start(work, self._name)

    def forget(self) -> None:
        """Leaves the waiting call to its thread: in a forked child that thread does not exist."""
        self._thread = None

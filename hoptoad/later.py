"""One call at a later time, from a thread that keeps no process alive."""

import threading
from collections.abc import Callable


class Later:
    """Calls `call` once, `delay` seconds after `start`; while it waits, further starts do nothing.

    Where no thread can be had nothing is called: whoever uses this also tells all at the process's end.
    """

    def __init__(self, name: str, call: Callable[[], object]) -> None:
        self._name = name
        self._call = call
        self._timer: "threading.Timer | None" = None

    def start(self, delay: float) -> None:
        if self._timer is not None and self._timer.is_alive():
            return
        timer = threading.Timer(delay, self._run)
        timer.daemon, timer.name = True, self._name
        try:
            timer.start()
            self._timer = timer
        except RuntimeError:
            self._timer = None

    def forget(self) -> None:
        """Leaves the waiting call to its thread: in a forked child that thread does not exist."""
        self._timer = None

    def _run(self) -> None:
        self._timer = None
        self._call()

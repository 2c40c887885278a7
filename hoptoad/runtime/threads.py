"""Daemon threads that start in an empty context, and timers. Subinterpreters have none."""

import sys
import threading
from collections.abc import Callable
from contextvars import Context
from functools import cache

from hoptoad.runtime.lifecycle import importing

# These servers end the threads of an interpreter before the interpreter itself.
_EMBEDDING = ("mod_wsgi", "uwsgi")


@cache
def may_start() -> bool:
    """Whether a daemon thread may start here.

    In a subinterpreter it may not: an isolated one refuses it, and another aborts the process when
    it ends before its threads do.
    """
    return not _is_subinterpreter() or any(name in sys.modules for name in _EMBEDDING)


def start(work: Callable[[], object], name: str) -> "threading.Thread | None":
    """Runs `work` in a daemon thread. None where the system has no thread left.

    The thread does not see the caller's context variables, which would stay in memory, and be
    reported, for as long as it runs. Python 3.14 can hand them on.
    """
    if not may_start():
        return None
    try:
        if sys.version_info >= (3, 14):
            thread = threading.Thread(target=work, name=name, daemon=True, context=Context())
        else:
            thread = threading.Thread(target=Context().run, args=(work,), name=name, daemon=True)
        thread.start()
    except RuntimeError:  # the system has no thread left, or the interpreter shuts down
        return None
    return thread


class Timer:
    """Calls `call` once, `delay` seconds after `start`; a timer that runs is not started again.

    The waiting thread is a daemon. Where no thread can be started nothing is called, so users of a
    timer also do its work at the end of the process.
    """

    def __init__(self, name: str, call: Callable[[], object]) -> None:
        self._name = name
        self._call = call
        self._thread: "threading.Thread | None" = None

    def start(self, delay: float) -> None:
        """Starts the timer, `delay` in seconds, unless it runs."""
        if self._thread is not None and self._thread.is_alive():
            return
        never = threading.Event()

        def work() -> None:
            never.wait(delay)
            self._thread = None
            self._call()

        self._thread = start(work, self._name)

    def forget(self) -> None:
        """Forgets the thread that waits: in a forked child there is none."""
        self._thread = None


def _is_subinterpreter() -> bool:
    try:
        with importing:
            if sys.version_info >= (3, 13):
                import _interpreters as interpreters
            else:
                import _xxsubinterpreters as interpreters  # type: ignore[import-not-found]
    except ImportError:  # an interpreter without subinterpreters
        return False
    return bool(interpreters.get_current() != interpreters.get_main())

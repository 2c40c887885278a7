"""The life of a handler's threads: started on demand and again after a fork, ended with the process."""

import itertools
import sys
import threading
import time
import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import partial

from hoptoad.conf.loading import get_settings
from hoptoad.delivery.stats import stats
from hoptoad.runtime import lifecycle, threads
from hoptoad.runtime.guards import log_exception
from hoptoad.runtime.lifecycle import Ending
from hoptoad.runtime.messages import get_logger

logger = get_logger(__name__)


class Worker(ABC):
    """Base of the handlers that deliver in daemon threads.

    It decides when a thread starts and when all end; a subclass decides what they do. The subclass
    calls `_wake` when there is work. `_changed` guards its state, and is to be notified of each change.
    """

    _thread_name = "hoptoad"

    def __init__(self) -> None:
        self.start_over()
        lifecycle.track(self)
        _workers[next(_numbers)] = self

    def start_over(self) -> None:
        """Without a thread: at first, and in a forked child, where the parent's locks may be held."""
        # Re-entrant: a signal handler or a finalizer may come back while this thread holds it.
        self._changed = threading.Condition(threading.RLock())
        self._closed = False
        self._running: set[object] = set()  # a token for each thread
        self._ends_with_process = False

    @abstractmethod
    def close(self, timeout: float | None = None) -> bool:
        """Ends the threads within `timeout` seconds; None means HOPTOAD_FLUSH_TIMEOUT.

        Returns whether no notice was left.
        """

    @abstractmethod
    def abandon(self) -> None:
        """Accounts for notices that are still being sent as the process ends, after `close`.

        May be called again: Python 3.13 runs `atexit` in children of multiprocessing as well.
        """

    @abstractmethod
    def _wants_thread(self) -> bool:
        """Whether one more thread would have work. Called while `_changed` is held."""

    @abstractmethod
    def _work(self) -> None:
        """Works in a thread of its own, until the worker is closed."""

    @abstractmethod
    def _work_here(self, timeout: float) -> None:
        """Works in the calling thread, where no other may start: in a subinterpreter."""

    @abstractmethod
    def _work_at_exit(self) -> None:
        """Works in the calling thread, because the interpreter shuts down and waits for no other."""

    def _wake(self, timeout: float) -> None:
        """Gets the work done by a thread, or in this one where none may start. `timeout` is in seconds."""
        if not threads.may_start():
            self._work_here(timeout)
        elif threading.main_thread().is_alive():
            self._start_thread()
        else:
            self._work_at_exit()

    def _start_thread(self) -> None:
        """Starts a thread that is wanted. Where the system has none left, the next notice asks again."""
        token = object()
        with self._changed:
            if not self._wants_thread():
                return
            self._closed = False
            self._running.add(token)
            is_first, self._ends_with_process = not self._ends_with_process, True
        if is_first:
            _end_without_atexit(self)
        if threads.start(partial(self._run, token), self._thread_name) is None:
            self._ended(token)

    def _run(self, token: object) -> None:
        try:
            self._work()
        finally:  # also of a `send` that ends its thread; the next notice starts another
            self._ended(token)

    def _ended(self, token: object) -> None:
        with self._changed:
            self._running.discard(token)


# The handlers in use, in the order in which they were made.
_workers: "weakref.WeakValueDictionary[int, Worker]" = weakref.WeakValueDictionary()
_numbers = itertools.count()
_ends_at: list[float] = []


def seconds_until_exit() -> float:
    """The seconds that are left of HOPTOAD_FLUSH_TIMEOUT: one moment for all that fails at shutdown."""
    if not _ends_at:
        _ends_at.append(time.monotonic() + get_settings().flush_timeout)
    return _ends_at[0] - time.monotonic()


def _end_without_atexit(worker: Worker) -> None:
    """Ends a worker with a child of multiprocessing or Celery, which run hooks of their own, not atexit."""
    reference = weakref.ref(worker)

    def end(**kwargs: object) -> None:
        still_there = reference()
        if still_there is not None:
            _end([still_there])

    # Only where they are loaded: a site without them must not load them for our sake.
    multiprocessing = sys.modules.get("multiprocessing.util")
    if multiprocessing is not None:
        multiprocessing.Finalize(None, end, exitpriority=0)
    celery = sys.modules.get("celery.signals")
    if celery is not None:
        celery.worker_process_shutdown.connect(end, weak=False)


def _end(workers: Sequence[Worker]) -> None:
    with stats.in_one_line():
        for worker in workers:
            _call(worker.close)
        for worker in workers:
            _call(worker.abandon)


def _call(end: Callable[[], object]) -> None:
    try:
        end()
    except Exception:  # the next one still has to end
        log_exception(logger, "A handler could not be closed as the process ended.")


lifecycle.at_exit(Ending.HANDLERS, lambda: _end(list(_workers.values())))

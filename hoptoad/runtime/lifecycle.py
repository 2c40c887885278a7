"""The life of this process: resets after a fork, endings in their order, and late imports.

lifecycle.reset_after_fork(forget_session)                  # a function
lifecycle.track(self)                                       # an object: its start_over() after a fork
lifecycle.at_exit(Ending.DIGESTS, send_digest_now)
"""

import atexit
import contextlib
import importlib
import os
import threading
import weakref
from collections.abc import Callable
from enum import IntEnum
from types import ModuleType
from typing import Any, Protocol


class Resettable(Protocol):
    """Starts over in a forked child, where its threads, sockets and locks are still the parent's."""

    def start_over(self) -> None:
        """Forgets what belongs to the parent."""


class Ending(IntEnum):
    """The endings of a process, in this order: each may still use those that follow."""

    DIGESTS = 1  # the 404 digest becomes a notice
    SUMMARIES = 2  # suppressed failures become notices
    HANDLERS = 3  # waiting notices are sent
    CONNECTIONS = 4
    STATS = 5  # what was lost is logged


# Held during an import. A child that is forked while another thread imports would wait for that thread
# for ever, so a fork waits until the import is done.
importing = threading.RLock()
_resets: list[Callable[[], object]] = []
_tracked: "weakref.WeakSet[Resettable]" = weakref.WeakSet()
_endings: list[tuple[Ending, Callable[[], object]]] = []


def reset_after_fork(reset: Callable[[], object]) -> None:
    """Calls `reset` in each forked child, in the order of registration."""
    _resets.append(reset)


def track(thing: Resettable) -> None:
    """Calls `thing.start_over()` in each forked child, for as long as `thing` is in use."""
    _tracked.add(thing)


def at_exit(ending: Ending, call: Callable[[], object]) -> None:
    """Calls `call` when the interpreter ends, in the order of Ending."""
    if not _endings:
        # Functions that the site registered earlier run later. Their failures are reported all the same.
        atexit.register(_end)
    _endings.append((ending, call))


def when_needed(module: str) -> ModuleType:
    """The module, imported now if it was not yet. Raises what the import raises."""
    with importing:
        return importlib.import_module(module)


def imported(path: str) -> Any:
    """The object that a dotted path names, found by Django's `import_string`."""
    with importing:
        from django.utils.module_loading import import_string

        return import_string(path)


def _after_fork() -> None:
    importing.release()
    for reset in _resets:
        reset()
    for thing in list(_tracked):
        thing.start_over()


def _end() -> None:
    # Sorted by the Ending alone: calls of the same Ending keep the order of their registration.
    for _, call in sorted(_endings, key=lambda pair: pair[0]):
        with contextlib.suppress(Exception):  # the next one still has to end
            call()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=importing.acquire, after_in_parent=importing.release, after_in_child=_after_fork
    )

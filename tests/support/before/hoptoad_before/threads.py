"""Our own threads: daemons that start in an empty context. Subinterpreters have none."""

import sys
import threading
from collections.abc import Callable
from contextvars import Context
from functools import cache

from hoptoad_before.imports import when_needed

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
    """Runs `work` in a daemon thread. None where no thread is to be had.

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
    except RuntimeError:  # the system has no thread left to give, or the interpreter shuts down
        return None
    return thread


def _is_subinterpreter() -> bool:
    for name in ("_interpreters", "_xxsubinterpreters"):  # since Python 3.13, and before
        try:
            interpreters = when_needed(name)
        except ImportError:
            continue
        return bool(interpreters.get_current() != interpreters.get_main())
    return False

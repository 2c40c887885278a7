"""Keeps the site's own code from running SQL while a notice is made."""

import contextlib
import threading
from typing import Any

from django.db import connections

from hoptoad_before.imports import importing

_refusing = threading.local()


class no_sql:  # noqa: N801 - read as what it does, in a with statement
    """No query leaves this thread inside the block: what would run one fails instead."""

    __slots__ = ("_stack",)

    def __enter__(self) -> None:
        self._stack: contextlib.ExitStack | None = None
        if getattr(_refusing, "now", False):
            return  # inside another such block
        self._stack = stack = contextlib.ExitStack()
        _refusing.now = True
        for alias in connections:
            # A database whose driver is not there runs no SQL anyway.
            with contextlib.suppress(Exception), importing:
                stack.enter_context(connections[alias].execute_wrapper(_refuse_query))

    def __exit__(self, *args: object) -> None:
        if self._stack is not None:
            _refusing.now = False
            self._stack.close()


def _refuse_query(*args: Any) -> Any:
    raise RuntimeError("a notice is being made, and that must not run SQL")

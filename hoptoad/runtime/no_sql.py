"""Keeps the site's own code from running SQL while a notice is made."""

import threading
from typing import Any

from django.db import connections

from hoptoad.runtime.lifecycle import importing

_refusing = threading.local()


class no_sql:  # noqa: N801 - read as what it does, in a with statement
    """No query leaves this thread inside the block: what would run one fails instead."""

    __slots__ = ("_wrappers",)

    def __enter__(self) -> None:
        self._wrappers: list[list[Any]] | None = None
        if getattr(_refusing, "now", False):
            return  # inside another such block
        _refusing.now = True
        with importing:
            found = [_wrappers_of(alias) for alias in connections]
        self._wrappers = [wrappers for wrappers in found if wrappers is not None]
        for wrappers in self._wrappers:
            wrappers += [_refuse_query]

    def __exit__(self, *args: object) -> None:
        if self._wrappers is not None:
            _refusing.now = False
            for wrappers in self._wrappers:
                wrappers.remove(_refuse_query)


def _wrappers_of(alias: str) -> list[Any] | None:
    """The wrappers of a connection's queries; None without the driver, where no query runs anyway."""
    try:
        return connections[alias].execute_wrappers
    except Exception:
        return None


def _refuse_query(*args: Any) -> Any:
    raise RuntimeError("a notice is being made, and that must not run SQL")

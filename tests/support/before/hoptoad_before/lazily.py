"""Regular expressions that are compiled when they are first used: a site that does not fail needs none."""

import re
from typing import Any, cast


class _Pattern:
    def __init__(self, *given: Any) -> None:
        self._given = given

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)  # of a copy that is not yet made
        found = getattr(re.compile(*self._given), name)
        setattr(self, name, found)  # from now on it is as fast as any
        return found


def compiled(pattern: str, flags: int = 0) -> "re.Pattern[str]":
    """Like `re.compile`, later."""
    return cast("re.Pattern[str]", _Pattern(pattern, flags))

"""Imports that wait until there is something to report, and that a fork in their midst does not break."""

import importlib
import os
import threading
from functools import cache
from types import ModuleType
from typing import Any

# Held while a module is imported. A child forked while another thread imports one would wait for it
# for ever, so a fork waits until the import is done.
importing = threading.RLock()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=importing.acquire,
        after_in_parent=importing.release,
        after_in_child=importing.release,
    )


@cache
def when_needed(module: str) -> ModuleType:
    """The module, imported now where it was not yet. Raises what that raises, and may be asked again."""
    with importing:
        return importlib.import_module(module)


def imported(path: str) -> Any:
    """What a dotted path names, as Django's `import_string` finds it."""
    find = when_needed("django.utils.module_loading").import_string
    with importing:
        return find(path)

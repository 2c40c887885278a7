"""Imports that wait until there is something to report, and that a fork in their midst does not break."""

import importlib
import os
import threading
from functools import cache
from types import ModuleType

# A child forked while another thread imports a module would wait for that import for ever.
_importing = threading.RLock()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_importing.acquire,
        after_in_parent=_importing.release,
        after_in_child=_importing.release,
    )


@cache
def when_needed(module: str) -> ModuleType:
    """The module, imported now where it was not yet. Raises what that raises, and may be asked again."""
    with _importing:
        return importlib.import_module(module)

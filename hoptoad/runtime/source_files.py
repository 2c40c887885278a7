"""Loads a handler from a Python file, as sites of 0.3 name it, if nobody else may write to that file."""

import contextlib
import importlib.machinery
import importlib.util
import os
from collections.abc import Mapping
from types import ModuleType
from typing import Any, cast

from hoptoad.runtime import safe_files
from hoptoad.runtime.lifecycle import importing

_MAX_SOURCE = 1_000_000  # bytes


def load(path: str, root: str) -> ModuleType:
    """The module in a file. A relative path begins at `root`, the directory of the project.

    Raises Untrusted where anybody but the owner of `root` may write to the file, ImportError where it is
    not a Python file, and whatever its code raises.
    """
    path = os.path.realpath(os.path.join(root, path))
    if not path.endswith(".py"):
        raise ImportError(f"{path} is not a Python file")
    safe_files.require_unwritable(path, *_owners(root))
    loader = _CheckedLoader("hoptoad_handler_file", path)
    spec = importlib.util.spec_from_file_location(loader.name, path, loader=loader)
    module = importlib.util.module_from_spec(cast(importlib.machinery.ModuleSpec, spec))
    with importing:
        loader.exec_module(module)
    return module


class _CheckedLoader(importlib.machinery.SourceFileLoader):
    """Reads source only: the bytecode beside the file may have another owner.

    Python looks for bytecode where `path_stats` gives the time of the source, and nowhere if it raises:

        queues.py, __pycache__/queues.cpython-312.pyc       # the second is neither read nor written

    `test_bytecode_beside_it_is_neither_run_nor_written` fails without it.
    """

    def get_data(self, path: str) -> bytes:
        return safe_files.read(path, _MAX_SOURCE, of_anybody=True)  # its owner was checked before

    def path_stats(self, path: str) -> Mapping[str, Any]:
        raise OSError("no bytecode is read or written")


def _owners(directory: str) -> tuple[int, ...]:
    """The owner of the project's root, who owns the site's other code too."""
    with contextlib.suppress(OSError):
        return (os.stat(directory).st_uid,)
    return ()

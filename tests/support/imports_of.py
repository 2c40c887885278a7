"""The imports of the package's modules, those inside functions included."""

import ast
from pathlib import Path

import hoptoad

PACKAGE = Path(hoptoad.__file__).parent


def modules():
    """Pairs of a module's name below the package, "" for the package itself, and its syntax tree."""
    for path in sorted(PACKAGE.rglob("*.py")):
        name = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
        yield name.removesuffix("__init__").removesuffix("."), ast.parse(path.read_text())


def imported(tree):
    """The dotted names of all that a module imports, now or late."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "absolute imports only"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield whole if _is_module(whole) else node.module
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "when_needed":
            if isinstance(node.args[0], ast.Constant):
                yield node.args[0].value


def edges():
    """Pairs of the names of our modules: who imports, and what."""
    for name, tree in modules():
        for dotted in imported(tree):
            if dotted == "hoptoad" or dotted.startswith("hoptoad."):
                yield name, dotted.removeprefix("hoptoad").removeprefix(".")


def _is_module(dotted):
    path = PACKAGE.joinpath(*dotted.split(".")[1:])
    return dotted.startswith("hoptoad.") and (
        path.with_suffix(".py").exists() or (path / "__init__.py").exists()
    )

"""File names as the server likes them: the same for every release, host and virtual environment."""

import os
import sysconfig
from functools import lru_cache

from hoptoad.lazily import compiled

_PACKAGES = compiled(r"^.*?/(?:site|dist)-packages/")
_STDLIB = tuple(
    f"{os.path.realpath(sysconfig.get_path(name))}/".replace("\\", "/") for name in ("stdlib", "platstdlib")
)
_MAX_PATH = 255


@lru_cache(maxsize=4096)
def shorten(file: str, project_root: str, *, gem_paths: bool = False) -> str:
    """`[SITE_PACKAGES]/…`, `[PROJECT_ROOT]/…` or `[STDLIB]/…`, else the path as it is.

    Packages come first: a virtual environment may lie inside the project. With `gem_paths` they
    are written as `[GEM_ROOT]/gems/…`, which makes an Errbit show the package in bold.
    """
    path = file.replace("\\", "/")
    package = _PACKAGES.match(path)
    if package:
        prefix = "[GEM_ROOT]/gems/" if gem_paths else "[SITE_PACKAGES]/"
        return _safe(prefix, path[package.end() :])
    for root in _roots(project_root):
        if path.startswith(root):
            return _safe("[PROJECT_ROOT]/", path[len(root) :])
    for root in _STDLIB:
        if path.startswith(root):
            return _safe("[STDLIB]/", path[len(root) :])
    return _safe("", path)


@lru_cache(maxsize=4096)
def is_own(file: str, project_root: str) -> bool:
    """Whether a file is the project's, and no package's that lies inside the project."""
    return shorten(file, project_root).startswith("[PROJECT_ROOT]/")


def _roots(project_root: str) -> list[str]:
    if not project_root:
        return []
    # A release is often reached through a symbolic link: `current -> releases/42`.
    names = {os.path.abspath(project_root), os.path.realpath(project_root)}
    return sorted(name.replace("\\", "/").rstrip("/") + "/" for name in names)


def _safe(prefix: str, path: str) -> str:
    # Errbit writes the directory part into its page unescaped.
    directory, slash, base = path.rpartition("/")
    directory = directory.replace("<", "_").replace(">", "_")
    keep = _MAX_PATH - len(prefix)
    return prefix + (directory + slash + base)[-keep:]

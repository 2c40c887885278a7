"""File names as the server likes them: the same for every release, host and virtual environment."""

import os
import re
import sysconfig
from functools import lru_cache
from posixpath import normpath

from hoptoad_before.lazily import compiled

_PACKAGES = compiled(r"^.*?/(?:site|dist)-packages/")
_STDLIB = tuple(
    f"{os.path.realpath(sysconfig.get_path(name))}/".replace("\\", "/") for name in ("stdlib", "platstdlib")
)
_MAX_PATH = 255
MAX_FILE = 1024  # of a name that is remembered


def shorten(file: str, project_root: str, *, gem_paths: bool = False) -> str:
    """`[SITE_PACKAGES]/…`, `[PROJECT_ROOT]/…` or `[STDLIB]/…`, else the path as it is.

    Packages come first: a virtual environment may lie inside the project. With `gem_paths` they
    are written as `[GEM_ROOT]/gems/…`, which makes an Errbit show the package in bold.
    """
    # What is longer is no file's name, and must not fill the memory of those that are.
    shortened = _shorten if len(file) <= MAX_FILE else _shorten.__wrapped__
    return shortened(file, project_root, gem_paths)


@lru_cache(maxsize=4096)
def _shorten(file: str, project_root: str, gem_paths: bool) -> str:
    path = file.replace("\\", "/")
    if "/../" in path:
        path = normpath(path)  # `/srv/shop/../other.py` is not the project's
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


def is_own(file: str, project_root: str) -> bool:
    """Whether a file is the project's, and no package's that lies inside the project."""
    judged = _is_own if len(file) <= MAX_FILE else _is_own.__wrapped__
    return judged(file, project_root)


@lru_cache(maxsize=4096)
def _is_own(file: str, project_root: str) -> bool:
    return shorten(file, project_root).startswith("[PROJECT_ROOT]/")


def shorten_all(text: str, project_root: str, *, gem_paths: bool = False) -> str:
    """`text` with every path in it written like those of frames.

    `No such file: '/srv/42/shop/a.csv'` becomes `No such file: '[PROJECT_ROOT]/a.csv'`.
    """
    has_packages = "-packages" in text
    if not has_packages and not any(name in text for name in _last_names(project_root)):
        return text  # as most are
    packages = "[GEM_ROOT]/gems" if gem_paths else "[SITE_PACKAGES]"
    names = {"packages": packages, "project": "[PROJECT_ROOT]", "stdlib": "[STDLIB]"}

    def shortened(match: "re.Match[str]") -> str:
        # What ends with a separator goes on with the path below.
        return names[match.lastgroup or ""] + ("/" if match[0][-1] in "/\\" else "")

    return _in_text(project_root, has_packages).sub(shortened, text)


_SEPARATOR = r"[/\\]+"  # a path in a `repr` has its backslashes twice
_START = r"(?:(?<=file://)|(?<![\w.~/\\-]))(?!//)"  # of a path, not within one or a URL
_END = rf"(?:{_SEPARATOR}|(?![\w-]|\.\w))"
_FOLDER = rf"{_SEPARATOR}[^/\\\s'\"<>|:;,()\[\]{{}}]+"
_ANY_PACKAGES = rf"(?:[A-Za-z]:)?(?:{_FOLDER})*?{_SEPARATOR}(?:site|dist)-packages"


@lru_cache(maxsize=8)
def _last_names(project_root: str) -> frozenset[str]:
    return frozenset(folder.rstrip("/").rpartition("/")[2] for folder in (*_known(project_root), *_STDLIB))


def _known(project_root: str) -> list[str]:
    return [folder for folder in _roots(project_root) if folder.strip("/")]  # "/" is no project's


@lru_cache(maxsize=8)
def _in_text(project_root: str, has_packages: bool) -> "re.Pattern[str]":
    folders: dict[str, list[str]] = {
        "packages": [_pattern(sysconfig.get_path(name)) for name in ("purelib", "platlib")],
        "project": [_pattern(folder) for folder in _known(project_root)],
        "stdlib": [_pattern(folder) for folder in _STDLIB],
    }
    if has_packages:  # first: a virtual environment may lie inside the project
        folders["packages"].append(_ANY_PACKAGES)
    found = "|".join(
        f"(?P<{name}>(?:{'|'.join(patterns)}){_END})" for name, patterns in folders.items() if patterns
    )
    return re.compile(f"{_START}(?:{found})")


def _pattern(folder: str) -> str:
    parts = folder.replace("\\", "/").rstrip("/").split("/")
    return _SEPARATOR.join(map(re.escape, parts))


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

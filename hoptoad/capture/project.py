"""The project's directory: its files' names and its revision, the same on every host.

The revision is read from the repository's own files, without a subprocess.
"""

import contextlib
import os
import re
import sysconfig
from functools import lru_cache
from posixpath import normpath

from hoptoad.conf.settings import Settings
from hoptoad.runtime import safe_files
from hoptoad.runtime.messages import without_credentials, without_query

_PACKAGES = re.compile(r"^.*?/(?:site|dist)-packages/")
_STDLIB = tuple(
    f"{os.path.realpath(sysconfig.get_path(name))}/".replace("\\", "/") for name in ("stdlib", "platstdlib")
)
_MAX_PATH = 255
MAX_FILE = 1024  # of a name that is remembered
# What hosts put into the environment of a release that has no repository.
_VARIABLES = (
    "HOPTOAD_REVISION SOURCE_VERSION GIT_COMMIT GIT_REV GITHUB_SHA CI_COMMIT_SHA RENDER_GIT_COMMIT"
    " HEROKU_SLUG_COMMIT RAILWAY_GIT_COMMIT_SHA K_REVISION"
).split()
_HASH = re.compile(r"[0-9a-f]{7,64}")
_URL = re.compile(r"^\s*url\s*=\s*(\S+)", re.MULTILINE)
_REMOTE = re.compile(r'\[remote "origin"\](.*?)(?=^\[|\Z)', re.DOTALL | re.MULTILINE)
# Any name that git allows, as far as it leads nowhere else.
_REF = re.compile(r"refs/[\w./#@+=,-]+")
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")  # SHA-1, SHA-256
_MAX_PARENTS = 31
_MAX_FILE = 4096  # bytes
_MAX_LIST = 1_000_000  # bytes of a list of refs, or of a configuration


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


@lru_cache(maxsize=1)
def revision_of(settings: Settings) -> str:
    """The revision of HOPTOAD_PROJECT_ROOT, read once for each Settings object."""
    return revision(settings.project_root)


def revision(directory: str) -> str:
    """The commit of the repository that holds `directory`, or of the environment; empty without one.

    Format: https://git-scm.com/docs/gitrepository-layout; worktrees, packed refs and detached
    heads included. Ignores a repository that cannot be read, and one that belongs to another user
    than ours and root: who has planted it must not choose what is sent.
    """
    for name in _VARIABLES:
        value = os.environ.get(name, "")
        if _HASH.fullmatch(value):
            return value
    try:
        return _of_repository(directory)
    except (OSError, ValueError):
        return ""


def repository(directory: str) -> str:
    """The address of the repository's `origin`, without credentials; empty where it has none elsewhere."""
    try:
        git = _git_directory(directory)
        config = _text(os.path.join(_common(git), "config"), _MAX_LIST) if git else ""
    except (OSError, ValueError):
        return ""
    remote = _REMOTE.search(config)
    url = _URL.search(remote[1]) if remote else None
    address = without_query(without_credentials(url[1])) if url else ""
    return "" if address.startswith(("/", ".", "file:")) else address  # a folder of this machine


def _of_repository(directory: str) -> str:
    git = _git_directory(directory)
    if not git:
        return ""
    head = _text(os.path.join(git, "HEAD")).strip()
    if not head.startswith("ref: "):
        return _commit(head)
    name = head.removeprefix("ref: ").strip()
    if ".." in name or not _REF.fullmatch(name):
        return ""
    common = _common(git)
    for place in (git, common):
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            return _commit(_text(safe_files.real_path_below(os.path.join(place, name), place)).strip())
    return _packed(os.path.join(common, "packed-refs"), name)


def _git_directory(directory: str) -> str:
    """The repository's own directory; empty without one. Raises Untrusted where it is somebody else's.

    Above the project others may have planted one: https://github.com/git/git/security/advisories
    (CVE-2022-24765).
    """
    here = os.path.realpath(directory) if directory else ""
    for _ in range(_MAX_PARENTS if here else 0):
        git = os.path.join(here, ".git")
        if os.path.lexists(git):
            safe_files.require_owner(git)
            if os.path.isdir(git):
                return git
            path = _text(git).strip().removeprefix("gitdir: ")  # a worktree or a submodule
            return _trusted(os.path.join(here, path))
        here = os.path.dirname(here)
    return ""


def _common(git: str) -> str:
    """Where a worktree keeps what it shares with the others."""
    link = os.path.join(git, "commondir")
    return _trusted(os.path.join(git, _text(link).strip())) if os.path.lexists(link) else git


def _trusted(directory: str) -> str:
    real = os.path.realpath(directory)
    safe_files.require_owner(real)
    return real


def _packed(refs: str, name: str) -> str:
    for line in _text(refs, _MAX_LIST).splitlines():
        commit, _, ref = line.partition(" ")
        if ref == name:
            return _commit(commit)
    return ""


def _commit(text: str) -> str:
    return text if _COMMIT.fullmatch(text) else ""


def _text(path: str, max_bytes: int = _MAX_FILE) -> str:
    return safe_files.read(path, max_bytes).decode()

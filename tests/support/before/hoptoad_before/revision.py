"""The revision that runs, read from the repository's own files, without a subprocess."""

import contextlib
import os
import re

from hoptoad_before import safefile
from hoptoad_before.lazily import compiled
from hoptoad_before.messages import without_credentials, without_query

# What hosts put into the environment of a release that has no repository.
_VARIABLES = (
    "HOPTOAD_REVISION SOURCE_VERSION GIT_COMMIT GIT_REV GITHUB_SHA CI_COMMIT_SHA RENDER_GIT_COMMIT"
    " HEROKU_SLUG_COMMIT RAILWAY_GIT_COMMIT_SHA K_REVISION"
).split()
_HASH = compiled(r"[0-9a-f]{7,64}")
_URL = compiled(r"^\s*url\s*=\s*(\S+)", re.MULTILINE)
_REMOTE = compiled(r'\[remote "origin"\](.*?)(?=^\[|\Z)', re.DOTALL | re.MULTILINE)
# Any name that git allows, as far as it leads nowhere else.
_REF = compiled(r"refs/[\w./#@+=,-]+")
_COMMIT = compiled(r"[0-9a-f]{40}|[0-9a-f]{64}")  # SHA-1, SHA-256
_MAX_PARENTS = 31
_MAX_FILE = 4096  # bytes
_MAX_LIST = 1_000_000  # bytes of a list of refs, or of a configuration


def revision(directory: str) -> str:
    """The commit of the repository that holds `directory`, or of the environment; empty without one.

    Format: https://git-scm.com/docs/gitrepository-layout; worktrees, packed refs and detached
    heads included. A repository that cannot be read is as none, and so is one that belongs to another user
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
            return _commit(_text(safefile.real_path_below(os.path.join(place, name), place)).strip())
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
            safefile.require_owner(git)
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
    safefile.require_owner(real)
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
    return safefile.read(path, max_bytes).decode()

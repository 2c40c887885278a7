"""The revision that runs, read from the repository's own files, without a subprocess."""

import os
import re
from pathlib import Path

from hoptoad.lazily import compiled
from hoptoad.messages import without_credentials, without_query

# What hosts put into the environment of a release that has no repository.
_VARIABLES = (
    "HOPTOAD_REVISION SOURCE_VERSION GIT_COMMIT GIT_REV GITHUB_SHA CI_COMMIT_SHA RENDER_GIT_COMMIT"
    " HEROKU_SLUG_COMMIT RAILWAY_GIT_COMMIT_SHA K_REVISION"
).split()
_HASH = compiled(r"[0-9a-f]{7,64}")
_URL = compiled(r"^\s*url\s*=\s*(\S+)", re.MULTILINE)
_REMOTE = compiled(r'\[remote "origin"\](.*?)(?=^\[|\Z)', re.DOTALL | re.MULTILINE)
_MAX_PARENTS = 30


def revision(directory: str) -> str:
    """The commit of the repository that holds `directory`, or of the environment; empty without one.

    Format: https://git-scm.com/docs/gitrepository-layout; worktrees, packed refs and detached
    heads included. An unreadable repository is as none.
    """
    for name in _VARIABLES:
        value = os.environ.get(name, "")
        if _HASH.fullmatch(value):
            return value
    try:
        return _of_repository(directory)
    except (OSError, UnicodeDecodeError):
        return ""


def repository(directory: str) -> str:
    """The address of the repository's `origin`, without credentials; empty where it has none elsewhere."""
    try:
        git = _git_directory(directory)
        config = (_common(git) / "config").read_text() if git else ""
    except (OSError, UnicodeDecodeError):
        return ""
    remote = _REMOTE.search(config)
    url = _URL.search(remote[1]) if remote else None
    address = without_query(without_credentials(url[1])) if url else ""
    return "" if address.startswith(("/", ".", "file:")) else address  # a folder of this machine


def _of_repository(directory: str) -> str:
    git = _git_directory(directory)
    if git is None:
        return ""
    head = (git / "HEAD").read_text().strip()
    if not head.startswith("ref: "):
        return head if _HASH.fullmatch(head) else ""
    name = head.removeprefix("ref: ")
    for place in (git, _common(git)):
        if (place / name).is_file():
            return (place / name).read_text().strip()
    return _packed(_common(git) / "packed-refs", name)


def _git_directory(directory: str) -> Path | None:
    if not directory:
        return None
    here = Path(directory).resolve()
    for folder in (here, *list(here.parents)[:_MAX_PARENTS]):
        git = folder / ".git"
        if git.is_dir():
            return git
        if git.is_file():  # a worktree or a submodule
            path = git.read_text().strip().removeprefix("gitdir: ")
            return (folder / path).resolve()
    return None


def _common(git: Path) -> Path:
    """Where a worktree keeps what it shares with the others."""
    link = git / "commondir"
    return (git / link.read_text().strip()).resolve() if link.is_file() else git


def _packed(refs: Path, name: str) -> str:
    if refs.is_file():
        for line in refs.read_text().splitlines():
            commit, _, ref = line.partition(" ")
            if ref == name and _HASH.fullmatch(commit):
                return commit
    return ""

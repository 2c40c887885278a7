"""The revision that runs, read from real repositories."""

import subprocess

import pytest

from hoptoad.api import v3
from hoptoad.revision import repository, revision
from hoptoad.testing import outbox


def git(folder, *arguments):
    names = ["-c", "user.name=Freda", "-c", "user.email=freda@shop.example"]
    done = subprocess.run(
        ["git", *names, *arguments], cwd=folder, check=True, capture_output=True, text=True, timeout=60
    )
    return done.stdout.strip()


@pytest.fixture(autouse=True)
def no_variables(monkeypatch):
    from hoptoad.revision import _VARIABLES

    for name in _VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "project"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    (folder / "shop").mkdir()
    (folder / "shop" / "views.py").write_text("x")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "first")
    return folder


def test_of_a_branch(project):
    assert revision(str(project)) == git(project, "rev-parse", "HEAD")
    assert revision(str(project / "shop")) == git(project, "rev-parse", "HEAD")


def test_of_packed_refs(project):
    git(project, "pack-refs", "--all")
    assert not (project / ".git" / "refs" / "heads" / "main").exists()

    assert revision(str(project)) == git(project, "rev-parse", "HEAD")


def test_of_a_detached_head(project):
    git(project, "checkout", "-q", "--detach")

    assert revision(str(project)) == git(project, "rev-parse", "HEAD")


@pytest.mark.parametrize("packed", [False, True])
def test_of_a_worktree(project, tmp_path, packed):
    tree = tmp_path / "tree"
    git(project, "worktree", "add", "-q", "-b", "other", str(tree))
    git(tree, "commit", "-q", "--allow-empty", "-m", "second")
    if packed:
        git(project, "pack-refs", "--all")

    assert revision(str(tree)) == git(tree, "rev-parse", "HEAD") != git(project, "rev-parse", "HEAD")


def test_of_a_submodule(project, tmp_path):
    outer = tmp_path / "outer"
    outer.mkdir()
    git(outer, "init", "-q")
    git(outer, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(project), "inner")

    assert revision(str(outer / "inner")) == git(project, "rev-parse", "HEAD")


def test_of_the_environment(project, monkeypatch):
    monkeypatch.setenv("SOURCE_VERSION", "0123456789abcdef")

    assert revision(str(project)) == "0123456789abcdef"


@pytest.mark.parametrize("head", ["", "ref: refs/heads/unborn", "nonsense", "\xff"])
def test_of_none(tmp_path, head):
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "HEAD").write_text(head, encoding="latin-1")

    assert revision(str(tmp_path)) == ""
    assert revision("") == ""


def test_the_address_of_origin_has_no_credentials(project):
    assert repository(str(project)) == ""
    git(project, "remote", "add", "upstream", "https://other.test/x.git")
    git(project, "remote", "add", "origin", "/srv/git/shop.git")
    assert repository(str(project)) == ""
    git(project, "remote", "remove", "origin")
    git(project, "remote", "add", "origin", "https://freda:secret@git.test/shop.git")

    assert repository(str(project)) == "https://git.test/shop.git"


def test_it_travels_with_every_notice(client, settings_for, project):
    settings_for(HOPTOAD_PROJECT_ROOT=str(project))

    client.get("/boom/")

    [notice] = outbox
    commit = git(project, "rev-parse", "HEAD")
    assert notice.request.cgi_data["REVISION"] == notice.server.revision == commit
    assert f'"revision":"{commit}"'.encode() in v3.encode(notice)


def test_the_version_may_be_a_function(client, settings_for):
    settings_for(HOPTOAD_APP_VERSION=lambda: "1.4.2")

    client.get("/boom/")

    assert outbox[0].server.app_version == "1.4.2"

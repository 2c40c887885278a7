"""The revision that runs, read from real repositories."""

import os
import subprocess

import pytest
from planted import given_away

from hoptoad.api import v3
from hoptoad.capture.project import repository, revision
from hoptoad.testing import outbox


def git(folder, *arguments):
    names = ["-c", "user.name=Freda", "-c", "user.email=freda@shop.example"]
    done = subprocess.run(
        ["git", *names, *arguments], cwd=folder, check=True, capture_output=True, text=True, timeout=60
    )
    return done.stdout.strip()


@pytest.fixture(autouse=True)
def no_variables(monkeypatch):
    from hoptoad.capture.project import _VARIABLES

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


COMMIT = "0123456789abcdef" * 2 + "01234567"
SECRET = "DATABASE_PASSWORD=frog-prince"


@pytest.fixture
def planted(tmp_path):
    """A repository made by hand above the project, and a secret beside it."""
    (tmp_path / "secret").write_text(SECRET)
    (tmp_path / "token").write_text(COMMIT)
    (tmp_path / "site").mkdir()
    folder = tmp_path / ".git"
    (folder / "refs" / "heads").mkdir(parents=True)
    (folder / "HEAD").write_text("ref: refs/heads/main\n")
    (folder / "refs" / "heads" / "main").write_text(f"{COMMIT}\n")
    return folder


def told(planted):
    return revision(str(planted.parent / "site"))


def test_a_repository_above_the_project_that_is_ours_is_read(planted):
    assert told(planted) == COMMIT


@pytest.mark.parametrize(
    "head",
    [
        "ref: ../secret",
        "ref: ../token",
        "ref: refs/../../token",
        "ref: refs/heads/../../../token",
        "ref: /etc/hostname",
        "ref: token",
        "ref: HEAD",
        "ref: refs/heads/a b",
        "ref: refs/heads/main\0",
        "ref: refs/heads/" + "x" * 300,
        "ref: refs/heads/main" + " " * 5000,
        SECRET,
        COMMIT[:12],
        COMMIT.upper(),
    ],
)
def test_a_head_leads_to_a_commit_or_nowhere(planted, head):
    (planted / "HEAD").write_text(head)

    assert told(planted) == ""


@pytest.mark.parametrize("content", [SECRET, "", COMMIT[:20], COMMIT + "0", f"{COMMIT} {SECRET}", "x" * 5000])
@pytest.mark.parametrize("place", ["HEAD", "refs/heads/main"])
def test_what_is_no_commit_is_not_sent(planted, place, content):
    (planted / place).write_text(content)

    assert told(planted) == ""


@pytest.mark.parametrize("name", ["main", "release/2.0", "fix+more", "user@host", "issue-#12", "größer"])
def test_branches_may_be_called_what_git_allows(project, name):
    git(project, "checkout", "-q", "-B", name)

    assert revision(str(project)) == git(project, "rev-parse", "HEAD")


@pytest.mark.parametrize("place", ["HEAD", "refs/heads/main", "packed-refs", "commondir"])
def test_a_fifo_in_a_repository_is_not_waited_for(planted, place):
    (planted / "refs" / "heads" / "main").unlink()
    (planted / place).unlink(missing_ok=True)
    os.mkfifo(planted / place)

    assert told(planted) == ""


def test_a_fifo_in_place_of_a_repository_is_not_waited_for(planted):
    planted.rename(planted.with_name("elsewhere"))
    os.mkfifo(planted)

    assert told(planted) == repository(str(planted.parent)) == ""


@pytest.mark.parametrize("place", ["HEAD", "refs/heads/main", "refs/heads", "refs"])
def test_a_link_in_a_repository_leads_nowhere(planted, place):
    outside = planted.parent / "outside"
    (outside / "heads").mkdir(parents=True)
    for name in ("main", "heads/main"):
        (outside / name).write_text(COMMIT)
    linked = planted / place
    linked.rename(planted / "moved")
    linked.symlink_to(planted.parent / "token" if linked.name in ("HEAD", "main") else outside)

    assert told(planted) == ""


@pytest.mark.parametrize("place", [".", "HEAD", "refs/heads/main", "packed-refs"])
def test_a_repository_of_another_user_is_not_read(planted, monkeypatch, place):
    if place == "packed-refs":
        (planted / "refs" / "heads" / "main").unlink()
        (planted / place).write_text(f"{COMMIT} refs/heads/main\n")
    assert told(planted) == COMMIT
    given_away(planted / place, monkeypatch)

    assert told(planted) == ""


def test_nor_is_one_that_another_users_file_or_link_leads_to(project, tmp_path, monkeypatch):
    for name in ("by-file", "by-link"):
        (tmp_path / name).mkdir()
    (tmp_path / "by-file" / ".git").write_text(f"gitdir: {project}/.git\n")
    (tmp_path / "by-link" / ".git").symlink_to(project / ".git")
    commit = git(project, "rev-parse", "HEAD")
    assert [revision(str(tmp_path / name)) for name in ("by-file", "by-link")] == [commit] * 2
    for name in ("by-file", "by-link"):
        given_away(tmp_path / name / ".git", monkeypatch)

    assert [revision(str(tmp_path / name)) for name in ("by-file", "by-link")] == [""] * 2


@pytest.mark.parametrize("path", ["../secret", "\0", "x" * 5000, ".git", "/dev", "/proc/self/root"])
def test_a_file_in_place_of_a_repository_leads_to_one_or_nowhere(tmp_path, path):
    (tmp_path / "secret").write_text(SECRET)
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / ".git").write_text(f"gitdir: {path}")

    assert revision(str(tmp_path / "site")) == ""


def test_packed_refs_may_be_many(project):
    commit = git(project, "rev-parse", "HEAD")
    refs = "".join(f"{number:040x} refs/tags/v{number}\n" for number in range(2_000))
    (project / ".git" / "packed-refs").write_text(f"{refs}{commit} refs/heads/main\n")
    (project / ".git" / "refs" / "heads" / "main").unlink()

    assert revision(str(project)) == commit


def test_the_address_of_origin_is_read_from_a_regular_file_of_ours(project, monkeypatch):
    git(project, "remote", "add", "origin", "https://git.test/shop.git")
    config = project / ".git" / "config"
    config.rename(config.with_name("moved"))
    config.symlink_to("moved")
    assert repository(str(project)) == ""
    config.unlink()
    os.mkfifo(config)
    assert repository(str(project)) == ""
    config.unlink()
    config.with_name("moved").rename(config)
    assert repository(str(project)) == "https://git.test/shop.git"
    given_away(config, monkeypatch)

    assert repository(str(project)) == ""


@pytest.mark.parametrize("api", ["v2", "v3"])
def test_a_planted_repository_costs_a_notice_its_revision_only(client, settings_for, planted, api):
    (planted / "HEAD").write_text("ref: ../secret")
    settings_for(HOPTOAD_PROJECT_ROOT=str(planted.parent / "site"), HOPTOAD_API=api, HOPTOAD_PROJECT_ID="1")

    client.get("/boom/")

    [notice] = outbox
    assert notice.server.revision == ""
    assert "frog-prince" not in str(notice)

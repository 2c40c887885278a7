"""A handler in a file, as sites of 2010 have it: its code runs in the site, so nobody else may write it."""

import os
import py_compile
from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from planted import given_away

from hoptoad.errors import ConfigurationError
from hoptoad.handlers import get_handler

HANDLER = "class Mine:\n    name = 'the site'\n    def enqueue(self, payload, timeout): pass\n"
PLANTED = HANDLER.replace("the site", "planted")


@pytest.fixture
def root(tmp_path, settings_for, monkeypatch):
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "handler.py").write_text(HANDLER)
    settings_for(HOPTOAD_PROJECT_ROOT=str(folder), HOPTOAD_HANDLER_CLASS="Mine")
    return folder


def named(settings_for, path, **names):
    settings_for(HOPTOAD_HANDLER=str(path), **names)
    return get_handler().name


def refused(settings_for, path):
    settings_for(HOPTOAD_HANDLER=str(path))
    with pytest.raises(ConfigurationError) as raised:
        get_handler()
    assert str(raised.value).startswith(f"HOPTOAD_HANDLER is {str(path)!r} with HOPTOAD_HANDLER_CLASS 'Mine'")
    return str(raised.value)


@pytest.mark.parametrize("path", ["handler.py", "./handler.py", "folder/../handler.py", "{root}/handler.py"])
def test_a_relative_path_begins_at_the_projects_root(root, settings_for, tmp_path, monkeypatch, path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "handler.py").write_text(PLANTED)
    (root / "folder").mkdir()
    monkeypatch.chdir(elsewhere)

    assert named(settings_for, path.format(root=root)) == "the site"


def test_without_the_file_there_the_current_directory_is_not_asked(root, settings_for, monkeypatch, tmp_path):
    (tmp_path / "handler.py").write_text(PLANTED)
    (root / "handler.py").unlink()
    monkeypatch.chdir(tmp_path)

    assert f"No such file or directory: '{root}/handler.py'" in refused(settings_for, "handler.py")


@pytest.mark.parametrize("mode", [0o666, 0o646, 0o777])
def test_a_file_that_others_can_write_is_refused_with_what_to_do(root, settings_for, mode):
    (root / "handler.py").chmod(mode)

    why = refused(settings_for, root / "handler.py")

    assert f"others can write to {root}/handler.py: take that right from them (chmod go-w)" in why


@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o757])
def test_so_is_one_in_a_directory_that_others_can_write(root, settings_for, mode):
    root.chmod(mode)

    assert f"others can write to {root}: " in refused(settings_for, "handler.py")


def test_so_is_one_below_a_directory_that_others_can_write(root, settings_for):
    (root / "deeper").mkdir()
    (root / "handler.py").rename(root / "deeper" / "handler.py")
    root.chmod(0o777)

    assert f"others can write to {root}: " in refused(settings_for, "deeper/handler.py")


def test_so_is_one_that_a_link_leads_to(root, settings_for, tmp_path):
    (tmp_path / "open").mkdir(mode=0o755)
    (tmp_path / "open" / "planted.py").write_text(PLANTED)
    (tmp_path / "open").chmod(0o777)
    (root / "handler.py").unlink()
    (root / "handler.py").symlink_to(tmp_path / "open" / "planted.py")

    assert f"others can write to {tmp_path}/open: " in refused(settings_for, "handler.py")


def test_so_is_one_of_another_user(root, settings_for, monkeypatch):
    owner = root.stat().st_uid
    given_away(root / "handler.py", monkeypatch)

    if owner:  # the owner of the project may write its code, whoever runs it
        assert named(settings_for, "handler.py") == "the site"
    else:
        assert "belongs to user" in refused(settings_for, "handler.py")


def test_the_owner_of_the_project_may_be_another_user(root, settings_for, monkeypatch):
    for path in (root / "handler.py", root):
        given_away(path, monkeypatch)

    assert named(settings_for, "handler.py") == "the site"


def test_a_fifo_is_not_waited_for(root, settings_for):
    os.mkfifo(root / "pipe.py", mode=0o600)

    assert "not a regular file" in refused(settings_for, "pipe.py")


def test_bytecode_beside_it_is_neither_run_nor_written(root, settings_for):
    settled = os.stat(root / "handler.py")
    cached = root / "__pycache__"
    cached.mkdir(mode=0o777)
    (root / "planted.py").write_text(PLANTED.ljust(settled.st_size))
    (root / "handler.py").write_text(HANDLER.ljust(len(PLANTED)))
    os.utime(root / "planted.py", (1, 1))
    os.utime(root / "handler.py", (1, 1))
    import importlib.util

    path = importlib.util.cache_from_source(str(root / "handler.py"))
    py_compile.compile(str(root / "planted.py"), cfile=path, dfile=str(root / "handler.py"))

    assert named(settings_for, "handler.py") == "the site"
    os.unlink(path)
    assert os.listdir(cached) == []


def test_the_check_says_the_same(root, settings_for):
    (root / "handler.py").chmod(0o666)
    settings_for(HOPTOAD_HANDLER="handler.py")

    with pytest.raises(SystemCheckError, match="others can write to"):
        call_command("check", stderr=StringIO())


def test_a_fallback_handler_is_found_in_the_same_way(root, settings_for):
    (root / "fallback.py").write_text(HANDLER)
    (root / "fallback.py").chmod(0o666)
    settings_for(HOPTOAD_HANDLER="memory", HOPTOAD_FALLBACK_HANDLER="./fallback.py")

    with pytest.raises(SystemCheckError, match="HOPTOAD_FALLBACK_HANDLER.*others can write to"):
        call_command("check", stderr=StringIO())

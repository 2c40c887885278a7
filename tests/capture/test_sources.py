"""The lines around a failure: from the project's own regular files, and from nothing else."""

import os
import subprocess
import sys
import zipfile

import pytest

from hoptoad.capture import stack
from hoptoad.testing import outbox

SOURCE = "# before\nraise ValueError('x')\n# after\n"
OUTSIDE = "# outside\nDATABASE = 'frog-prince'\n# after\n"


@pytest.fixture
def project(tmp_path, settings_for):
    root = tmp_path / "project"
    root.mkdir()
    (root / "shop.py").write_text(SOURCE)
    (tmp_path / "outside.py").write_text(OUTSIDE)
    settings_for(HOPTOAD_PROJECT_ROOT=str(root), HOPTOAD_SOURCE_CONTEXT=1)
    return root


@pytest.fixture
def shown(client, view):
    """The source of the frame of a view whose code calls itself a file of this name."""

    def fail(file, **names):
        code = compile("\nraise ValueError('x')", "x", "exec").replace(co_filename=str(file))

        @view
        def failing(request):
            exec(code, {"__name__": "made", **names})

        assert client.get("/exception/").status_code == 500
        notice = outbox.pop()
        assert notice.error.message == "ValueError: x"
        return [line for frame in notice.error.frames for _, line in frame.source]

    return fail


def fifo(path):
    os.mkfifo(path)


def link_out(path):
    path.symlink_to("../outside.py")


def link_to_a_device(path):
    path.symlink_to("/dev/zero")


def folder(path):
    path.mkdir()


def too_large(path):
    path.write_text(SOURCE + "#" * 1_000_000)


def sparse(path):
    path.touch()
    os.truncate(path, 3 * 2**30)


def of_an_unknown_encoding(path):
    path.write_text(f"# coding: frog\n{SOURCE}")


def of_an_encoding_that_unpacks(path):
    path.write_text(f"# coding: zlib\n{SOURCE}")


def of_no_text(path):
    path.write_bytes(b"\xff\xfe\x00\n" * 5)


def test_a_file_of_the_project_is_shown(project, shown):
    lines = SOURCE.splitlines()

    assert shown(project / "shop.py") == lines
    assert shown(project / "x" / ".." / "shop.py") == lines


def test_a_link_inside_the_project_is_followed(project, shown):
    (project / "link.py").symlink_to("shop.py")
    (project.parent / "current").symlink_to("project")

    assert shown(project / "link.py") == SOURCE.splitlines()


def test_a_project_may_be_reached_by_a_link(project, shown, settings_for):
    (project.parent / "current").symlink_to("project")
    settings_for(HOPTOAD_PROJECT_ROOT=str(project.parent / "current"))

    assert shown(project.parent / "current" / "shop.py") == SOURCE.splitlines()


@pytest.mark.parametrize(
    "planted",
    [
        fifo,
        folder,
        link_out,
        link_to_a_device,
        too_large,
        sparse,
        of_an_unknown_encoding,
        of_an_encoding_that_unpacks,
        of_no_text,
    ],
)
def test_anything_but_a_small_text_of_the_project_is_not(project, shown, planted):
    planted(project / "planted.py")

    assert shown(project / "planted.py") == []


@pytest.mark.parametrize(
    "name",
    [
        "{root}/../outside.py",
        "{root}/shop/../../outside.py",
        "{root}/./../outside.py",
        "{root}/folder/outside.py",
        "[PROJECT_ROOT]/../outside.py",
        "{root}",
        "{root}/",
        "{root}/\0",
        "{root}/shop.py/x",
        "<string>",
        "../outside.py",
    ],
)
def test_a_name_that_leads_out_of_the_project_is_not_read(project, shown, monkeypatch, name):
    monkeypatch.chdir(project)
    (project / "folder").symlink_to("..")

    assert shown(name.format(root=project)) == []


def test_code_outside_that_names_the_project_on_its_way_is_not_the_projects(project, client, view):
    code = compile("raise ValueError('x')", f"{project}/../outside.py", "exec")

    @view
    def failing(request):
        exec(code, {})

    client.get("/exception/")

    [notice] = outbox
    assert notice.error.frames[0].file == f"{project.parent}/outside.py"


class Loader:
    """Of a module that would rather run code than be read."""

    asked = 0

    def get_source(self, name):
        Loader.asked += 1
        return OUTSIDE


def test_no_loader_is_asked(project, shown):
    assert shown(project / "gone.py", __loader__=Loader(), __spec__=None) == []
    assert shown("<made>", __loader__=Loader()) == []
    assert shown("made.py", __loader__=Loader()) == []
    assert Loader.asked == 0


def test_a_module_in_an_archive_has_no_source_and_is_reported(project, client, view, monkeypatch):
    with zipfile.ZipFile(project / "lib.zip", "w") as archive:
        archive.writestr("zipped_shop.py", "def fail():\n    raise ValueError('zipped')\n")
    monkeypatch.syspath_prepend(str(project / "lib.zip"))
    import zipped_shop

    view(lambda request: zipped_shop.fail())
    client.get("/exception/")

    [notice] = outbox
    assert notice.error.frames[0].file == "[PROJECT_ROOT]/lib.zip/zipped_shop.py"
    assert notice.error.frames[0].source == ()
    sys.modules.pop("zipped_shop")


def test_a_file_is_read_once_for_a_notice_however_often_it_fails(project, client, view, monkeypatch):
    reads = []
    read = stack.safe_files.read
    monkeypatch.setattr(stack.safe_files, "read", lambda *a, **k: reads.append(a) or read(*a, **k))
    code = compile("def f(n):\n    return f(n - 1) if n else 1 / 0", str(project / "shop.py"), "exec")
    names = {}
    exec(code, names)
    view(lambda request: names["f"](50))

    client.get("/exception/")

    assert len(outbox[0].error.frames) > 50
    assert len([path for path, *_ in reads if path.endswith("shop.py")]) == 1


def test_the_files_of_a_notice_are_bounded_together(project):
    for number in range(10):
        (project / f"{number}.py").write_text("#" * 900_000)
    found = stack.Sources(str(project))

    shown = [bool(found.lines(str(project / f"{number}.py"))) for number in range(10)]

    assert shown == [True] * 4 + [False] * 6


def test_nothing_of_a_file_stays_in_the_process():
    program = """
import linecache, os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "shop.settings"
import django
django.setup()
from django.conf import settings
settings.HOPTOAD_SOURCE_CONTEXT = 3
from django.test import Client
from django.test.utils import setup_test_environment
setup_test_environment()
Client(raise_request_exception=False).get("/boom/")
from hoptoad.testing import outbox
assert outbox[0].error.frames[0].source
assert not [name for name in linecache.cache if name[0] != "<"], list(linecache.cache)
"""
    subprocess.run([sys.executable, "-c", program], check=True, cwd=os.path.dirname(__file__))

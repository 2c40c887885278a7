import os

import pytest

from hoptoad.capture.project import shorten, shorten_all


@pytest.mark.parametrize(
    ("file", "wanted"),
    [
        ("/srv/shop/orders/views.py", "[PROJECT_ROOT]/orders/views.py"),
        (
            "/srv/shop/.venv/lib/python3.12/site-packages/django/http/request.py",
            "[SITE_PACKAGES]/django/http/request.py",
        ),
        ("/usr/lib/python3/dist-packages/yaml/__init__.py", "[SITE_PACKAGES]/yaml/__init__.py"),
        ("C:\\srv\\Lib\\site-packages\\django\\x.py", "[SITE_PACKAGES]/django/x.py"),
        (os.__file__, "[STDLIB]/os.py"),
        ("/srv/shopping/views.py", "/srv/shopping/views.py"),
        ("<frozen importlib._bootstrap>", "<frozen importlib._bootstrap>"),
        ("<string>", "<string>"),
        ("/x/<script>/<b>.py", "/x/_script_/<b>.py"),
    ],
)
def test_files_are_named_alike_on_every_machine(file, wanted):
    assert shorten(file, "/srv/shop") == wanted


def test_a_release_behind_a_symbolic_link_is_the_project(tmp_path):
    (tmp_path / "releases" / "42").mkdir(parents=True)
    (tmp_path / "current").symlink_to(tmp_path / "releases" / "42")

    for name in ("releases/42", "current"):
        assert shorten(f"{tmp_path}/{name}/shop/views.py", f"{tmp_path}/current") == (
            "[PROJECT_ROOT]/shop/views.py"
        )


def test_packages_can_be_written_as_errbit_shows_them_best():
    file = "/v/site-packages/django/http/request.py"

    assert shorten(file, "", gem_paths=True) == "[GEM_ROOT]/gems/django/http/request.py"


def test_long_names_keep_their_end():
    short = shorten("/srv/" + "a" * 300 + "/views.py", "/srv")

    assert len(short) == 255
    assert short.startswith("[PROJECT_ROOT]/aaa")
    assert short.endswith("/views.py")


STDLIB = os.path.dirname(os.__file__)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("[Errno 2] No such file: '/srv/shop/a/b.csv'", "[Errno 2] No such file: '[PROJECT_ROOT]/a/b.csv'"),
        ("cannot import name 'x' (/srv/shop/x.py)", "cannot import name 'x' ([PROJECT_ROOT]/x.py)"),
        ("no file in /srv/shop.", "no file in [PROJECT_ROOT]."),
        ("file:///srv/shop/a.html", "file://[PROJECT_ROOT]/a.html"),
        ("PosixPath('/srv/shop/a') and /srv/shop/b", "PosixPath('[PROJECT_ROOT]/a') and [PROJECT_ROOT]/b"),
        ("in /srv/shop/.venv/lib/python3.12/site-packages/x/y.py", "in [SITE_PACKAGES]/x/y.py"),
        ("from '/usr/lib/python3/dist-packages/yaml.py'", "from '[SITE_PACKAGES]/yaml.py'"),
        ("no dir /opt/v/lib/site-packages!", "no dir [SITE_PACKAGES]!"),
        (r"'C:\\srv\\Lib\\site-packages\\django\\x.py'", r"'[SITE_PACKAGES]/django\\x.py'"),
        (f"{STDLIB}/json/decoder.py broke", "[STDLIB]/json/decoder.py broke"),
        ("a line\n/srv/shop/a.py\n/srv/shop/b.py", "a line\n[PROJECT_ROOT]/a.py\n[PROJECT_ROOT]/b.py"),
        # No paths of ours:
        ("/srv/shopping/a and /srv/shop-old/b", "/srv/shopping/a and /srv/shop-old/b"),
        ("/mnt/srv/shop/a", "/mnt/srv/shop/a"),
        ("https://shop.example/srv/shop/a", "https://shop.example/srv/shop/a"),
        ("~/srv/shop/a ../srv/shop/a", "~/srv/shop/a ../srv/shop/a"),
        ("the shop is closed", "the shop is closed"),
        ("pip's site-packages", "pip's site-packages"),
        ("/srv/shop.example.com/a", "/srv/shop.example.com/a"),
        ("/media/a.jpg not found", "/media/a.jpg not found"),
    ],
)
def test_paths_in_a_text_are_named_alike_on_every_machine(text, wanted):
    assert shorten_all(text, "/srv/shop") == wanted


@pytest.mark.parametrize("root", ["", "/"])
def test_a_root_that_is_no_folder_changes_no_text(root):
    assert shorten_all("/a/b and /", root) == "/a/b and /"


def test_paths_in_a_text_are_written_as_errbit_shows_them_best():
    assert shorten_all("in /v/site-packages/a/b.py", "/srv", gem_paths=True) == "in [GEM_ROOT]/gems/a/b.py"

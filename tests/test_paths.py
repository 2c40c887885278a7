import os

import pytest

from hoptoad.paths import shorten


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

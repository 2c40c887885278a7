"""How settings are found and read: late, from a dictionary or single names, and again after a change."""

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from places import SITE

from hoptoad import get_hoptoad_settings
from hoptoad.conf.loading import get_settings

KEY = "0123456789abcdef0123456789abcdef"


def test_the_dictionary_and_single_names_are_merged_and_the_dictionary_wins(settings_for):
    settings_for(
        HOPTOAD_SETTINGS={"HOPTOAD_API_KEY": KEY, "HOPTOAD_ENV_NAME": "grouped"},
        HOPTOAD_ENV_NAME="flat",
        HOPTOAD_TIMEOUT=3,
    )

    assert get_settings().env_name == "grouped"
    assert get_settings().timeout == 3.0
    assert get_settings().api_key == KEY


def test_settings_can_be_overridden_at_any_time(settings_for):
    assert get_settings().notify_404 is False

    settings_for(HOPTOAD_NOTIFY_404=True)

    assert get_settings().notify_404 is True


def test_the_2010_function_gives_a_dictionary_of_what_is_in_force(settings_for):
    settings_for(HOPTOAD_TIMEOUT=3)

    found = get_hoptoad_settings()

    assert found["HOPTOAD_API_KEY"] == KEY
    assert found["HOPTOAD_TIMEOUT"] == 3.0
    assert found["HOPTOAD_NOTIFY_404"] is False


def test_what_the_environment_does_not_have_is_as_if_not_set(settings_for):
    settings_for(HOPTOAD_SETTINGS={"HOPTOAD_API_KEY": None, "HOPTOAD_ENV_NAME": None})

    assert not get_settings().enabled
    assert get_settings().env_name == "unknown"


def test_a_mail_backend_that_keeps_letters_in_memory_does_not_look_like_a_test(settings_for):
    program = (
        "import os, django; os.environ['DJANGO_SETTINGS_MODULE'] = 'shop.settings'; django.setup();"
        "from django.core import mail; mail.outbox = [];"
        "from hoptoad.conf.loading import get_settings; print(get_settings().handler)"
    )
    found = subprocess.run([sys.executable, "-c", program], cwd=SITE, capture_output=True, text=True)

    assert (found.stdout.strip(), found.stderr) == ("threadpool", "")


def test_the_project_root_is_found_beside_the_settings_module():
    program = (
        "import os, django; from django.conf import settings;"
        "os.environ['DJANGO_SETTINGS_MODULE'] = 'project.settings'; django.setup();"
        "from hoptoad.conf.loading import get_settings; print(get_settings().project_root)"
    )
    with tempfile.TemporaryDirectory() as folder:
        package = Path(folder) / "project"
        package.mkdir()
        (package / "__init__.py").touch()
        (package / "settings.py").write_text("SECRET_KEY = 'x'")
        found = subprocess.run(
            [sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=True
        )
        assert Path(found.stdout.strip()).samefile(folder)


@pytest.mark.parametrize(
    "given", ["", "BASE_DIR = None", "from pathlib import PurePath; BASE_DIR = PurePath('.')"]
)
@pytest.mark.parametrize(
    "override",
    [
        "override_settings(DEBUG=False)",
        "override_settings(BASE_DIR=None)",
        "modify_settings(INSTALLED_APPS={'append': 'hoptoad'})",
    ],
)
def test_the_project_root_stays_where_settings_are_overridden(tmp_path, given, override):
    program = (
        "import os, django; from django.test import modify_settings, override_settings;"
        "os.environ['DJANGO_SETTINGS_MODULE'] = 'project.settings'; django.setup();"
        "from hoptoad.conf.loading import get_settings\n"
        f"with {override}, override_settings(APPEND_SLASH=False):\n    print(get_settings().project_root)"
    )
    package = tmp_path / "project"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "settings.py").write_text(f"SECRET_KEY = 'x'\n{given}")

    found = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True
    )

    assert Path(found.stdout.strip()).samefile(tmp_path)


def test_a_root_that_is_overridden_is_the_root(settings_for):
    settings_for(BASE_DIR="/srv/shop")

    assert get_settings().project_root == "/srv/shop"

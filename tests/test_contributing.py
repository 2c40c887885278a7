"""The changes that CONTRIBUTING.rst shows: they apply to the package, and they work."""

import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from places import SITE

import hoptoad

PACKAGE = Path(hoptoad.__file__).parent
TEXT = (Path(__file__).parent.parent / "CONTRIBUTING.rst").read_text()


def blocks(language):
    """Each code block of the language, with the last file that the text before it names."""
    pattern = rf"\.\. code-block:: {language}\n\n((?:(?: {{4}}.*)?\n)+)"
    for found in re.finditer(pattern, TEXT):
        [*_, file] = re.findall(r"``(hoptoad/[\w/]+\.py)``", TEXT[: found.start()])
        yield file, textwrap.dedent(found[1]).strip("\n").splitlines()


def apply(diff, path):
    """Applies a diff without line numbers: its context must be in the file exactly once."""
    before = "\n".join(line[1:] for line in diff if not line.startswith("+")) + "\n"
    after = "\n".join(line[1:] for line in diff) + "\n"
    source = path.read_text()
    assert source.count(before) == 1, before
    path.write_text(source.replace(before, after))


@pytest.fixture
def changed(tmp_path):
    """A folder with a changed copy of the package, and the package that the integration is for."""
    shutil.copytree(PACKAGE, tmp_path / "hoptoad", ignore=shutil.ignore_patterns("__pycache__"))
    for file, lines in blocks("python"):
        assert not (tmp_path / file).exists()
        (tmp_path / file).write_text("\n".join(lines) + "\n")
    for file, lines in blocks("diff"):
        apply(lines, tmp_path / file)
    (tmp_path / "lanterns").mkdir()
    (tmp_path / "lanterns" / "signals.py").write_text(
        "from django.dispatch import Signal\n\nlantern_failed = Signal()\n"
    )
    return tmp_path


USE = """
import os, sys

sys.path[:0] = [sys.argv[1], "."]
os.environ["DJANGO_SETTINGS_MODULE"] = "shop.settings"
import django
from django.conf import settings

import lanterns.signals

settings.HOPTOAD_SETTINGS = {
    **getattr(settings, "HOPTOAD_SETTINGS", {}),
    "HOPTOAD_API_KEY": "0123456789abcdef",
    "HOPTOAD_API": "frog",
    "HOPTOAD_PROJECT_ID": 7,
    "HOPTOAD_NOTIFICATION_URL": sys.argv[2],
    "HOPTOAD_HANDLER": "carrier",
    "HOPTOAD_HOOKS": ["lanterns"],
    "HOPTOAD_QUIET_PATHS": ["/status/503/"],
}
django.setup()
assert sys.modules["hoptoad"].__file__.startswith(sys.argv[1])

from django.core.management import call_command
from django.test import Client

call_command("check")
client = Client(raise_request_exception=False)
client.get("/status/503/")
client.get("/boom/")
lanterns.signals.lantern_failed.send("green", error=ValueError("the holder of FT-12345678 left"))
"""


def test_a_handler_an_api_an_integration_a_pattern_a_setting_and_a_filter_are_what_the_page_shows(
    changed, collector
):
    done = subprocess.run(
        [sys.executable, "-c", USE, str(changed), collector.url], cwd=SITE, capture_output=True, text=True
    )

    assert done.returncode == 0, done.stderr
    assert [received.body for received in collector.received] == [
        b'{"croak": "ValueError: something broke"}',
        b'{"croak": "ValueError: the holder of ******************** left"}',
    ]

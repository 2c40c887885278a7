"""The settings of the README and of the quick start, pasted into the site that `startproject` makes."""

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from rules import check_v2

ROOT = Path(__file__).parent.parent
PAGES = {
    "readme": ROOT / "README.rst",
    "quick start": ROOT / "docs" / "quickstart.rst",
    "inbox": ROOT / "docs" / "inbox.rst",
    "without a server": ROOT / "docs" / "without-a-server.rst",
}
ADDRESS = "https://errbit.example.com/notifier_api/v2/notices"
# "..." and "# ..." stand for what startproject has written.
MERGE = """
for _name in ("INSTALLED_APPS", "MIDDLEWARE"):
    _pasted = [_item for _item in _pasted_names.get(_name, []) if _item is not ...]
    globals()[_name] = [*_pasted, *(_item for _item in globals()[_name] if _item not in _pasted)]
HOPTOAD_SETTINGS = _pasted_names["HOPTOAD_SETTINGS"]
DEBUG = False
ALLOWED_HOSTS = ["testserver"]
SILENCED_SYSTEM_CHECKS = ["hoptoad.W005", "hoptoad.W015"]  # no https, and one file for all
"""
FAIL = """
import django
django.setup()
from django.test import Client
from django.urls import path
from site_of_mine import urls

def fail(request):
    raise ValueError("the first error of the site")

urls.urlpatterns.append(path("fail/", fail))
assert Client(raise_request_exception=False).get("/fail/").status_code == 500
import hoptoad
hoptoad.flush()
"""
SHOW = """
import django
django.setup()
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
client = Client()
client.force_login(User.objects.create_superuser("frog"))
page = client.get(reverse("admin:hoptoad_inbox_problem_changelist"))
print(page.content.decode())
"""


def pasted(page, wanted):
    """The first Python sample of the page with that text."""
    blocks = re.findall(r"code-block:: python\n\n((?:(?: {4,}.*)?\n)+)", PAGES[page].read_text())
    return next(textwrap.dedent(block) for block in blocks if wanted in block)


@pytest.fixture
def site(tmp_path):
    """Makes a site with what is pasted; returns what runs Python in it."""
    python(tmp_path, "-m", "django", "startproject", "site_of_mine", ".")

    def make(*samples):
        settings = tmp_path / "site_of_mine" / "settings.py"
        pastings = "".join(f"exec({sample!r}, _pasted_names)\n" for sample in samples)
        settings.write_text(f"{settings.read_text()}\n_pasted_names = {{}}\n{pastings}{MERGE}")
        return lambda *arguments: python(tmp_path, *arguments)

    return make


def python(folder, *arguments):
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={
            **{name: value for name, value in os.environ.items() if "SETTINGS" not in name},
            "DJANGO_SETTINGS_MODULE": "site_of_mine.settings",
            "PYTHONPATH": str(folder),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("page", ["readme", "quick start"])
def test_with_a_server_the_first_error_arrives(site, collector, page):
    run = site(pasted(page, ADDRESS).replace(ADDRESS, collector.url))

    run("manage.py", "check", "--fail-level", "WARNING")
    run("-c", FAIL)

    [received] = collector.received
    notice = check_v2(received.body)
    assert notice.findtext("error/message") == "ValueError: the first error of the site"
    assert notice.findtext("server-environment/environment-name") == "production"


@pytest.mark.parametrize("page", ["readme", "without a server", "inbox"])
def test_without_a_server_the_first_error_is_in_the_admin(site, page):
    run = site(pasted("readme", ADDRESS), pasted(page, '"HOPTOAD_HANDLER": "inbox"'))

    run("manage.py", "migrate", "--verbosity", "0")
    run("manage.py", "check", "--fail-level", "WARNING")
    run("manage.py", "hoptoad_test")
    run("-c", FAIL)

    assert "the first error of the site" in run("-c", SHOW)

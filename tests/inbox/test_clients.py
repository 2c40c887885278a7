"""Clients that nobody here wrote send to a running inbox: two values are one problem, two functions are two."""

import importlib.util
import shutil
import subprocess
import sys
import textwrap

import pytest
from alone import alone
from brokers import missing

pytestmark = pytest.mark.long

FAILING = """
def checkout(name):
    return {}[name]

def refund(name):
    return {}[name]
"""

PYBRAKE = """
import pybrake
notifier = pybrake.Notifier(
    project_id=1, project_key=KEY, host=URL, environment="production", root_directory=ROOT,
    remote_config=False, performance_stats=False, query_stats=False, queue_stats=False,
)

def send(error):
    notice = notifier.notify_sync(error)
    assert notice.get("id"), notice.get("error")
"""

AIRBRAKE = """
import airbrake
notifier = airbrake.Airbrake(
    project_id="1", api_key=KEY, host=URL, environment="production", root_directory=ROOT
)

def send(error):
    answer = notifier.log(exc_info=(type(error), error, error.__traceback__))
    assert answer.status_code == 201, answer.text
"""

DJANGO_AIRBRAKE = """
import logging
from airbrake.handlers import AirbrakeHandler
handler = AirbrakeHandler(KEY, "production", api_url=URL + "/notifier_api/v2/notices")

def send(error):
    record = logging.LogRecord("x", 40, "x", 1, "failed", (), (type(error), error, error.__traceback__))
    handler.emit(record)
"""

NODE = """
const { Notifier } = require("@airbrake/node");
const notifier = new Notifier({
  projectId: 1, projectKey: KEY, host: URL, environment: "production",
  performanceStats: false, queryStats: false, queueStats: false, remoteConfig: false,
});
function checkout(name) { throw new Error("no toad named " + JSON.stringify(name)); }
function refund(name) { throw new Error("no toad named " + JSON.stringify(name)); }
async function main() {
  for (const [fail, name] of [[checkout, "frog"], [checkout, "toad"], [refund, "frog"]]) {
    try { fail(name); } catch (error) {
      const notice = await notifier.notify(error);
      if (!notice.id) { console.error(notice.error); process.exit(1); }
    }
  }
  process.exit(0);
}
main();
"""


@pytest.fixture
def inbox(tmp_path):
    with alone(tmp_path / "data") as running:
        yield running


def installed(tmp_path, package):
    """A folder with a package of PyPI: two of them share the name `airbrake`, so each has its own."""
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "-q",
        "--no-deps",
        "--target",
        str(tmp_path / "lib"),
        package,
    ]
    if subprocess.run(command, capture_output=True, timeout=60, check=False).returncode:
        missing(package)
    return str(tmp_path / "lib")


def run_python(tmp_path, inbox, client, path=""):
    project = tmp_path / "project" / "shop"
    project.mkdir(parents=True)
    (project / "views.py").write_text(FAILING)
    (project / "__init__.py").write_text("")
    program = f"KEY, URL, ROOT = {inbox.key!r}, {inbox.url!r}, {str(project.parent)!r}\n" + textwrap.dedent(
        client
    )
    program += "\nfrom shop.views import checkout, refund\n"
    program += "for fail, name in ((checkout, 'frog'), (checkout, 'toad'), (refund, 'frog')):\n"
    program += "    try:\n        fail(name)\n    except KeyError as error:\n        send(error)\n"
    (project.parent / "main.py").write_text(program)
    done = subprocess.run(
        [sys.executable, "main.py"],
        cwd=project.parent,
        env={"PYTHONPATH": path, "PATH": "/usr/bin", "DJANGO_SETTINGS_MODULE": ""},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def problems(inbox):
    return inbox.rows(
        "SELECT class_name, place, environment, count FROM hoptoad_inbox_problem ORDER BY place"
    )


EXPECTED = [
    ("KeyError", "shop/views.py in checkout", "production", 2),
    ("KeyError", "shop/views.py in refund", "production", 1),
]


def test_pybrake(inbox, tmp_path):
    if importlib.util.find_spec("pybrake") is None:
        missing("pybrake")

    run_python(tmp_path, inbox, PYBRAKE)

    assert problems(inbox) == EXPECTED


def test_airbrake(inbox, tmp_path):
    run_python(tmp_path, inbox, AIRBRAKE, installed(tmp_path, "airbrake==2.2.0"))

    assert problems(inbox) == EXPECTED


def test_django_airbrake(inbox, tmp_path):
    run_python(tmp_path, inbox, DJANGO_AIRBRAKE, installed(tmp_path, "django-airbrake==1.3.0"))

    # It names no root, so the whole path is told.
    assert [(name, place.rpartition("shop/")[2], count) for name, place, _, count in problems(inbox)] == [
        ("KeyError", "views.py in checkout", 2),
        ("KeyError", "views.py in refund", 1),
    ]


def test_airbrake_for_node(inbox, tmp_path):
    if not (shutil.which("node") and shutil.which("npm")):
        missing("node")
    command = [
        "npm",
        "install",
        "--silent",
        "--no-audit",
        "--no-fund",
        "--prefix",
        str(tmp_path),
        "@airbrake/node@2",
    ]
    if subprocess.run(command, capture_output=True, timeout=60, check=False).returncode:
        missing("@airbrake/node")
    program = f"const KEY = {inbox.key!r}, URL = {inbox.url!r};\n{NODE}"
    (tmp_path / "main.js").write_text(program)

    done = subprocess.run(
        ["node", "main.js"], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )

    assert done.returncode == 0, done.stderr
    assert [(name, place.rpartition(" in ")[2], count) for name, place, _, count in problems(inbox)] == [
        ("Error", "checkout", 2),
        ("Error", "refund", 1),
    ]

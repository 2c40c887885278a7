"""The sdist and the wheel: what they contain, and that the wheel works where nothing else is installed."""

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from importlib.metadata import PathDistribution
from pathlib import Path

import pytest
from alone import alone as running_inbox
from rules import check_v2

import hoptoad

pytestmark = pytest.mark.long

ROOT = Path(__file__).parent.parent
BARE = {
    name: value
    for name, value in os.environ.items()
    if not name.startswith(("PYTHON", "DJANGO_", "HOPTOAD_", "SHOP_"))
}
DIRECT = {name: value for name, value in BARE.items() if not name.lower().endswith("_proxy")}
# What a tree that is worked in contains, and neither archive may.
LEFTOVERS = [
    "build/lib/hoptoad/old.py",
    "docs/_build/index.html",
    "hoptoad/__pycache__/old.cpython-312.pyc",
    "tests/__pycache__/old.cpython-312.pyc",
]
BUILT = {"METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE", "top_level.txt"}
TOOLS = {"docs", "lint", "tests"}  # tox installs each of them in an environment of its own

SITE = """
import sys, threading
import django, hoptoad
from django.conf import settings
from django.core.management import call_command
settings.configure(
    INSTALLED_APPS=["hoptoad"],
    HOPTOAD_API_KEY="frog",
    HOPTOAD_NOTIFICATION_URL=sys.argv[1],
    {settings}
)
django.setup()
call_command("check")
"""
NOTIFY = """
hoptoad.notify(message="installed alone")
assert hoptoad.flush(20)
"""
CELERY = """
from celery import Celery, signals
from celery.contrib.testing.worker import start_worker
delivered = threading.Event()
signals.task_success.connect(lambda **details: delivered.set(), weak=False)
app = Celery("site", broker="memory://")
app.set_default()
with start_worker(app, perform_ping_check=False):
    hoptoad.notify(message="installed alone")
    assert delivered.wait(20)
"""
TASKS = """
    HOPTOAD_HANDLER="tasks",
    TASKS={"default": {"BACKEND": "django_tasks.backends.immediate.ImmediateBackend"}},
"""
OTHER_CLIENTS = """
import aiosmtpd, blinker, bugsnag, honeybadger, pybrake, rollbar, sentry_sdk
"""
# The oldest that may be installed; urllib3 1.26 is the oldest for requests on today's Pythons.
OLDEST = "requests==2.32.2 urllib3==1.26.20 waitress==3.0.1 whitenoise==6.7"
# For each extra: what is installed with it, the settings of a site, and how that sends a notice.
SITES = {
    "benchmarks": ("", "", OTHER_CLIENTS + NOTIFY),
    "celery": ("celery==5.4", 'HOPTOAD_HANDLER="celery"', CELERY),
    "tasks": ("Django<6", TASKS, NOTIFY),  # later versions have tasks of their own
}

# The modules that need a package of the site, and which.
NEEDING = {
    "hoptoad.handlers.celery": "celery",
    "hoptoad.integrations.celery": "celery",
    "hoptoad.integrations.pytest_plugin": "pytest",
}
if sys.version_info < (3, 12):  # the last Django there is 5.2, without tasks
    NEEDING |= {"hoptoad.handlers.tasks": "django_tasks", "hoptoad.integrations.tasks": "django_tasks"}
IMPORTS = """
import importlib, json, sys
import django
from django.conf import settings
contrib = ["admin", "auth", "contenttypes", "messages", "sessions"]
modules = json.loads(sys.argv[1])
settings.configure(
    INSTALLED_APPS=[
        *("django.contrib." + name for name in contrib),
        *(name.removesuffix(".apps") for name in modules if name.endswith(".apps")),
    ]
)
django.setup()
missing = {}
for name in modules:
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing[name] = error.name
print(json.dumps(missing))
"""


def unavailable(reason):
    """Skips the test; in CI nothing may be missing."""
    (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)


def run(*command, cwd, env=DIRECT):
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=300, check=False)


def run_with_index(*command, cwd):
    """Runs a command that needs an index of packages, the one that pip is configured to use."""
    done = run(sys.executable, "-m", *command, cwd=cwd, env=BARE)
    probe = ("pip", "download", "--no-deps", "--retries", "0", "--dest", "probe", "setuptools")
    if done.returncode and run(sys.executable, "-m", *probe, cwd=cwd, env=BARE).returncode:
        unavailable("pip cannot reach an index")
    assert done.returncode == 0, done.stdout + done.stderr


def copy(files, folder):
    for name in [*files, *LEFTOVERS]:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes((ROOT / name).read_bytes() if name in files else b"")
    return folder


@pytest.fixture(scope="session")
def files():
    """The files of the tree: those that git knows, and the new ones that it does not ignore."""
    git = ("git", "-c", "safe.directory=*")  # in a container the clone may be another user's
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        unavailable("this is not a clone, or git is not installed")
    done = run(*git, "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return {name for name in done.stdout.split("\0") if (ROOT / name).is_file()}


@pytest.fixture
def tree(files, tmp_path):
    """A copy of the tree, with what work leaves in one."""
    return copy(files, tmp_path / "tree")


@pytest.fixture(scope="session")
def built(files, tmp_path_factory):
    """The folder with the sdist, and the wheel that is built from it."""
    tree = copy(files, tmp_path_factory.mktemp("tree"))
    folder = tmp_path_factory.mktemp("dist")
    run_with_index("build", "--outdir", str(folder), str(tree), cwd=folder)
    return folder


@pytest.fixture(scope="session")
def sdist(built):
    [path] = built.glob("*.tar.gz")
    return path


@pytest.fixture(scope="session")
def wheel(built):
    [path] = built.glob("*.whl")
    return path


@pytest.fixture(scope="session")
def metadata(wheel):
    with zipfile.ZipFile(wheel) as archive:
        [folder] = [path for path in zipfile.Path(archive).iterdir() if path.name.endswith(".dist-info")]
        yield PathDistribution(folder).metadata


@pytest.fixture(scope="session")
def install(wheel, tmp_path_factory):
    """Installs the wheel, and what it requires, into an empty environment. Returns its interpreter."""

    def install(extra="", also=""):
        folder = tmp_path_factory.mktemp("environment")
        builder = venv.EnvBuilder(with_pip=False, symlinks=os.name != "nt")
        builder.create(folder)
        python = builder.ensure_directories(folder).env_exe
        wanted = [f"{wheel}[{extra}]" if extra else str(wheel), *also.split()]
        run_with_index("pip", "--python", python, "install", "--no-compile", *wanted, cwd=folder)
        return python

    return install


@pytest.fixture(scope="session")
def alone(install):
    return install()


@pytest.fixture(scope="session")
def inbox_python(install):
    return install("inbox", OLDEST)


def test_the_wheel_contains_the_package_and_nothing_else(wheel, files):
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if not name.endswith("/")}
    information = f"django_hoptoad-{hoptoad.__version__}.dist-info/"

    assert names == {name for name in files if name.startswith("hoptoad/")} | {
        information + name for name in BUILT
    }
    assert names > {
        "hoptoad/exceptional/templates/http_responses/default.html",
        "hoptoad/inbox/migrations/0001_initial.py",
        "hoptoad/inbox/static/hoptoad_inbox/inbox.css",
        "hoptoad/inbox/templates/hoptoad_inbox/list.html",
        "hoptoad/py.typed",
    }


def test_the_sdist_contains_what_builds_and_tests_the_package(sdist, files):
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames() if archive.getmember(name).isfile()}
    made = {name for name in names if name.startswith("django_hoptoad.egg-info/")}

    assert names - made - {"PKG-INFO", "setup.cfg"} == {name for name in files if not name.startswith(".")}


def test_a_tree_that_was_built_before_installs_no_removed_module(tree, files, tmp_path):
    target = tmp_path / "target"

    run_with_index(
        "pip", "install", "--no-deps", "--no-compile", "--target", str(target), str(tree), cwd=tmp_path
    )

    modules = {path.relative_to(target).as_posix() for path in (target / "hoptoad").rglob("*.py")}
    assert modules == {name for name in files if name.startswith("hoptoad/") and name.endswith(".py")}


def test_twine_accepts_both(built, sdist, wheel):
    done = run(sys.executable, "-m", "twine", "check", "--strict", str(sdist), str(wheel), cwd=built)

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("PASSED") == 2


def test_the_metadata_names_the_versions_that_are_tested(metadata):
    [(pythons, djangos)] = re.findall(
        r"^    py\{([\d,]+)\}-django\{([\d,]+)\}$", (ROOT / "tox.ini").read_text(), re.MULTILINE
    )
    [oldest] = re.findall(r"^    py\{([\d,]+)\}-django52$", (ROOT / "tox.ini").read_text(), re.MULTILINE)
    tested = [f"Framework :: Django :: {name[0]}.{name[1:]}" for name in djangos.split(",")]
    tested += [f"Programming Language :: Python :: 3.{name[1:]}" for name in f"{oldest},{pythons}".split(",")]

    named = [name for name in metadata.get_all("Classifier") if re.search(r":: \d\.\d+$", name)]

    assert named == tested
    assert (metadata["Version"], metadata["Requires-Python"]) == (hoptoad.__version__, ">=3.10")


def test_the_package_requires_only_django_and_requests(metadata):
    required = [line for line in metadata.get_all("Requires-Dist") if "extra ==" not in line]

    assert required == ["Django>=5.2", "requests>=2.32.2"]


def test_the_readme_is_the_description_and_its_links_work_elsewhere(metadata):
    readme = (ROOT / "README.rst").read_text("utf-8")
    targets = re.findall(r"<(\S+)>`__?|(?:image|figure|:target):+ (\S+)", readme)

    assert metadata.get_payload().strip() == readme.strip()
    assert len(targets) > 10
    assert [link or image for link, image in targets if not (link or image).startswith("https://")] == []


def test_the_metadata_links_to_pages_of_the_repository(metadata):
    urls = dict(line.split(", ") for line in metadata.get_all("Project-URL"))
    pages = [url.partition("/blob/main/")[2] for url in urls.values() if "/blob/" in url]

    assert urls.keys() == {"Changelog", "Documentation", "Issues", "Security policy", "Source"}
    assert len(pages) == 3
    assert [page for page in pages if not (ROOT / page).is_file()] == []


def test_every_module_that_needs_no_extra_is_imported_without_a_warning(alone, files, tmp_path):
    paths = [Path(name) for name in sorted(files) if re.match(r"hoptoad/.*\.py$", name)]
    modules = [".".join(path.with_suffix("").parts).removesuffix(".__init__") for path in paths]

    program = ("-W", "error", "-X", "dev", "-c", IMPORTS, json.dumps(modules))
    done = run(alone, *program, cwd=tmp_path)

    assert (done.stderr, done.returncode) == ("", 0)
    assert json.loads(done.stdout) == NEEDING


def test_what_is_imported_there_is_the_installed_package(alone, tmp_path):
    done = run(alone, "-c", "import hoptoad; print(hoptoad.__file__)", cwd=tmp_path)

    environment = Path(alone).parent.parent
    assert environment in Path(done.stdout.strip()).parents
    assert ROOT not in Path(done.stdout.strip()).parents


def test_the_demo_needs_only_django_and_requests(alone, tmp_path):
    done = run(alone, "-W", "error", "-X", "dev", "-m", "hoptoad", "demo", cwd=tmp_path)

    assert (done.stderr, done.returncode) == ("", 0)
    assert re.search(r"^(\d+) requests, \1 notices, 0 of \d+ secrets unmasked\.$", done.stdout, re.MULTILINE)


@pytest.mark.parametrize("extra", SITES)
def test_each_extra_works_alone(install, extra, collector, tmp_path):
    also, settings, program = SITES[extra]
    python = install(extra, also)

    done = run(python, "-c", SITE.format(settings=settings) + program, collector.url, cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    [received] = collector.received
    assert check_v2(received.body).findtext("error/message") == "installed alone"


def test_the_inbox_works_with_its_extra_alone_and_the_oldest_versions(inbox_python, tmp_path):
    with running_inbox(tmp_path / "data", python=inbox_python, env=DIRECT) as inbox:
        site = SITE.replace("frog", inbox.key).format(settings="") + 2 * NOTIFY
        done = run(inbox_python, "-c", site, f"{inbox.url}/notifier_api/v2/notices", cwd=tmp_path)
        style, _, _ = inbox.request("GET", "/static/hoptoad_inbox/inbox.css")
        problems = inbox.rows("SELECT message, count FROM hoptoad_inbox_problem")

    assert done.returncode == 0, done.stderr
    assert style == 200
    assert problems == [("installed alone", 2)]  # the second over the connection of the first


def test_without_its_extra_the_inbox_names_it(alone, tmp_path):
    done = run(alone, "-m", "hoptoad", "inbox", "--data", "data", cwd=tmp_path)

    assert (done.stdout, done.returncode) == ("", 1)
    assert done.stderr.endswith("pip install 'django-hoptoad[inbox]'\n")
    assert list(tmp_path.iterdir()) == []


def test_without_its_driver_the_inbox_names_it(inbox_python, tmp_path):
    command = ("-m", "hoptoad", "inbox", "--data", "data", "--database-url", "postgresql://x:y@127.0.0.1:1/z")
    done = run(inbox_python, *command, cwd=tmp_path)

    assert done.returncode == 1
    assert done.stderr.endswith('Run: pip install "psycopg[binary]"\n')


def test_without_its_extra_a_handler_names_it(alone, tmp_path):
    site = SITE.format(settings='HOPTOAD_HANDLER="celery"')

    done = run(alone, "-c", site, "https://errbit.example.com/", cwd=tmp_path)

    assert done.returncode == 1
    assert 'celery is not installed. Run: pip install "django-hoptoad[celery]"' in done.stderr


def test_no_extra_is_forgotten(metadata):
    assert set(metadata.get_all("Provides-Extra")) == {"inbox", *SITES, *TOOLS}

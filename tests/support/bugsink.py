"""A real Bugsink on 127.0.0.1: a server of Sentry's protocol that nobody here has written.

It comes from PyPI into an environment of its own below the user's cache, once for each version.
"""

import contextlib
import fcntl
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
import requests

VERSION = "2.6.2"
KEY = "c0ffee00000040008000000000000001"  # a UUID in hexadecimal digits
_PROJECT = 1
_LOGIN = ("frog", "a password of the tests")
_INSTALL = 600  # seconds
_START = 60
_SETTINGS = """
from bugsink.settings.default import *

SECRET_KEY = "of the tests"
DATABASES["default"]["NAME"] = "db.sqlite3"
DATABASES["snappea"]["NAME"] = "snappea.sqlite3"
SNAPPEA = {"TASK_ALWAYS_EAGER": True}  # events are digested before the answer, so nobody waits for them
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
BUGSINK = {
    "BASE_URL": "http://127.0.0.1",
    "SINGLE_USER": True,
    "PHONEHOME": False,
    "INGEST_STORE_BASE_DIR": "ingestion",
    "VALIDATE_ON_DIGEST": "strict",  # by Sentry's published schema of events
    **{
        f"MAX_EVENTS_PER_{period}": 10_000_000
        for limit in ("", "PROJECT_PER_")
        for period in (f"{limit}5_MINUTES", f"{limit}HOUR", f"{limit}MONTH")
    },
}
"""
_SET_UP = f"""
import django

django.setup()
from django.contrib.auth import get_user_model
from django.core.management import call_command

call_command("migrate", verbosity=0)
call_command("migrate", database="snappea", verbosity=0)
get_user_model().objects.create_superuser({_LOGIN[0]!r}, password={_LOGIN[1]!r})
from projects.models import Project

Project.objects.create(id={_PROJECT}, name="shop", sentry_key={KEY!r})
"""


class Bugsink:
    """`dsn` and `url` are where events go. What it has made of them is read from its database and its pages."""

    def __init__(self, port, folder):
        self._origin = f"http://127.0.0.1:{port}"
        self.dsn = f"http://{KEY}@127.0.0.1:{port}/{_PROJECT}"
        self.url = f"{self._origin}/api/{_PROJECT}/envelope/"
        self._database = folder / "db.sqlite3"
        self._browser = requests.Session()

    def login(self):
        """Signs in as a person does; the first request waits until the server has started."""
        page = self._browser.get(f"{self._origin}/accounts/login/", timeout=_START)
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)[1]
        form = {"username": _LOGIN[0], "password": _LOGIN[1], "csrfmiddlewaretoken": token}
        self._browser.post(f"{self._origin}/accounts/login/", data=form, timeout=_START).raise_for_status()

    def digested(self, event_id):
        """The event with this id, as it was stored; None where it was accepted and lost."""
        rows = self._rows("SELECT data FROM events_event WHERE event_id = ?", event_id)
        return json.loads(rows[0][0]) if rows else None

    def issue(self, event_id):
        """The number of the issue that the event is grouped into."""
        return self._rows("SELECT issue_id FROM events_event WHERE event_id = ?", event_id)[0][0]

    def events(self):
        """How many events are stored."""
        return self._rows("SELECT count(*) FROM events_event")[0][0]

    def pages(self, event_id):
        """The stack trace, the details and the breadcrumbs of an event, as people read them."""
        row = self._rows("SELECT issue_id, id FROM events_event WHERE event_id = ?", event_id)[0]
        issue, number = map(uuid.UUID, row)
        pages = []
        for tab in ("", "details/", "breadcrumbs/"):
            page = self._browser.get(
                f"{self._origin}/issues/issue/{issue}/event/{number}/{tab}", timeout=_START
            )
            assert page.status_code == 200, (tab, page.text[:2000])
            pages.append(page.text)
        return pages

    def use_up_quota(self):
        """From now on the project's events are refused with 429."""
        reason = json.dumps(["month", 1, 10_000_000])
        self._write(
            "UPDATE projects_project SET quota_exceeded_until = '2999-01-01', quota_exceeded_reason = ?",
            reason,
        )

    def renew_quota(self):
        self._write("UPDATE projects_project SET quota_exceeded_until = NULL")

    def _rows(self, query, *values):
        with contextlib.closing(sqlite3.connect(self._database, timeout=_START)) as database:
            return database.execute(query, values).fetchall()

    def _write(self, query, *values):
        with contextlib.closing(sqlite3.connect(self._database, timeout=_START)) as database, database:
            database.execute(query, values)


@contextlib.contextmanager
def running_bugsink(folder):
    """A Bugsink with one project and nothing in it. Skips the test where pip cannot get it."""
    environment = bugsink_environment()
    for name in ("db.sqlite3", "snappea.sqlite3", "bugsink_conf.py"):
        shutil.copy(environment / name, folder / name)
    with socket.create_server(("127.0.0.1", 0), backlog=100) as listener, (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                environment / "bin" / "gunicorn",
                "bugsink.wsgi",
                f"--bind=fd://{listener.fileno()}",
                "--threads=2",
                "--no-control-socket",
            ],
            cwd=folder,
            env=_variables(),
            pass_fds=[listener.fileno()],
            stdout=log,
            stderr=log,
        )
        try:
            server = Bugsink(listener.getsockname()[1], folder)
            server.login()
            yield server
        finally:
            process.send_signal(signal.SIGINT)  # ends without waiting for connections that are kept alive
            process.wait()


def bugsink_environment():
    """The folder of the virtual environment, with a database that has everything but events."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "django-hoptoad-tests"
    cache.mkdir(parents=True, exist_ok=True)
    environment = cache / f"bugsink-{VERSION}-python{sys.version_info[0]}.{sys.version_info[1]}"
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two runs at a time install it once
        if not (environment / "ready").exists():
            shutil.rmtree(environment, ignore_errors=True)
            _install(environment)
    return environment


def _install(environment):
    _run(sys.executable, "-m", "venv", environment)
    python = environment / "bin" / "python"
    try:
        _run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", f"bugsink=={VERSION}")
    except subprocess.CalledProcessError as error:
        pytest.skip(f"pip cannot get bugsink {VERSION}: {error.stderr.decode(errors='replace')[-500:]}")
    (environment / "bugsink_conf.py").write_text(_SETTINGS)
    _run(python, "-c", _SET_UP, cwd=environment)
    (environment / "ready").touch()


def _run(*command, cwd=None):
    subprocess.run(command, check=True, capture_output=True, cwd=cwd, env=_variables(), timeout=_INSTALL)


def _variables():
    """The environment of the tests without what is meant for their own processes."""
    ours = ("PYTHONPATH", "PYTHONDEVMODE", "PYTHONWARNINGS", "DJANGO_SETTINGS_MODULE", "VIRTUAL_ENV")
    kept = {name: text for name, text in os.environ.items() if name not in ours}
    return {**kept, "DJANGO_SETTINGS_MODULE": "bugsink_conf", "PYTHONPATH": "."}

"""The inbox as a service of its own."""

import contextlib
import re
import subprocess
import sys
from http.cookies import SimpleCookie
from urllib.parse import urlencode

import pytest
from alone import alone
from django.test import override_settings

from hoptoad.api import htv2, v3
from hoptoad.notice import ErrorInfo, Notice

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def inbox(tmp_path_factory):
    with alone(tmp_path_factory.mktemp("alone") / "data") as running:
        yield running


def test_one_command_makes_all_that_is_needed(inbox):
    assert inbox.request("GET", "/healthz")[:2] == (200, b"ok")
    assert inbox.request("GET", "/static/admin/css/base.css")[0] == 200
    assert inbox.request("GET", "/")[0] == 302
    assert f'"HOPTOAD_NOTIFICATION_URL": "{inbox.url}/notifier_api/v2/notices"' in inbox.said
    assert (inbox.data.stat().st_mode & 0o777, (inbox.data / "secret-key").stat().st_mode & 0o777) == (
        0o700,
        0o600,
    )
    assert inbox.rows("PRAGMA journal_mode") == [("wal",)]
    assert inbox.rows("PRAGMA auto_vacuum") == [(2,)]


def test_the_first_user_signs_in(inbox):
    assert signed_in(inbox, re.search(r"password.*:\n(\S+)", inbox.said)[1])


def test_a_lost_password_is_replaced(tmp_path):
    command = [sys.executable, "-m", "hoptoad", "inbox", "--data", str(tmp_path), "--new-password", "admin"]
    with alone(tmp_path) as inbox:
        ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)

        assert not signed_in(inbox, re.search(r"password.*:\n(\S+)", inbox.said)[1])
        assert signed_in(inbox, ended.stdout.strip())


def signed_in(inbox, password):
    """Whether the first user signs in with the password."""
    _, page, headers = inbox.request("GET", "/admin/login/")
    token = SimpleCookie(headers["Set-Cookie"])["csrftoken"].value
    form = urlencode(
        {"csrfmiddlewaretoken": token, "username": "admin", "password": password, "next": "/admin/"}
    )
    sent = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": f"csrftoken={token}"}

    status, _, headers = inbox.request("POST", "/admin/login/", form, sent)

    return (status, headers["Location"]) == (302, "/admin/")


@pytest.mark.parametrize("api", ["v2", "v3"])
def test_our_own_notifier_sends_to_it(inbox, api):
    path = "/notifier_api/v2/notices" if api == "v2" else "/api/v3/projects/1/notices"
    client = {"v2": htv2, "v3": v3}[api]
    names = {"HOPTOAD_API_KEY": inbox.key, "HOPTOAD_API": api, "HOPTOAD_NOTIFICATION_URL": inbox.url + path}
    with override_settings(HOPTOAD_SETTINGS=names):
        answer = client.report(client.encode(Notice(id="", error=ErrorInfo(f"Own{api}", "no"))))

    assert answer.verdict.value == "accepted", answer
    assert answer.link.startswith(f"{inbox.url}/locate/")
    assert inbox.rows(f"SELECT count FROM hoptoad_inbox_problem WHERE class_name = 'Own{api}'") == [(1,)]


def test_a_body_that_is_too_large_is_refused(inbox):
    with contextlib.suppress(OSError):  # the server does not wait for the end of it
        assert inbox.request("POST", "/notifier_api/v2/notices", b"x" * 3_000_000)[0] == 413
    assert inbox.request("POST", "/notifier_api/v2/notices", b"x" * 1_100_000)[0] == 413


def test_the_second_start_says_no_password(inbox):
    with alone(inbox.data) as again:
        assert "password" not in again.said
        assert again.key == inbox.key


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--bind", "nowhere"], "--bind nowhere: expected an address and a port"),
        (["--max-age", "-1"], "--max-age -1: expected a number of days from 0 to 3650"),
        (["--new-password", "nobody"], "--new-password nobody: there is no such user."),
        (["--data", "/proc/no"], "the inbox cannot write there"),
        (["--database-url", "mysql://x/y"], "expected postgresql://"),
        (
            ["--database-url", "postgresql://x:secret@127.0.0.1:1/y"],
            "The database of the inbox cannot be used: ",
        ),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(tmp_path, options, says):
    command = [sys.executable, "-m", "hoptoad", "inbox", "--data", str(tmp_path / "data"), *options]

    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert ended.returncode == 1
    assert says in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "secret" not in ended.stderr


def test_a_port_that_is_taken_is_said(inbox, tmp_path):
    command = [
        sys.executable,
        "-m",
        "hoptoad",
        "inbox",
        "--data",
        str(tmp_path),
        "--bind",
        f"127.0.0.1:{inbox.port}",
    ]

    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert (ended.returncode, "cannot listen there" in ended.stderr) == (1, True)

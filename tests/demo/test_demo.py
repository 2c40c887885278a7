"""`python -m hoptoad demo`, as a new user runs it."""

import http.client
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest


def command(*arguments):
    return [sys.executable, "-W", "error", "-m", "hoptoad", "demo", *arguments]


ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}


def test_the_demo_shows_what_arrived_with_the_secrets_masked(tmp_path):
    done = subprocess.run(
        command(),
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=120,
        check=False,
        env={**ENVIRONMENT, "PYTHONIOENCODING": "utf-8"},
    )

    assert (done.stderr, done.returncode) == ("", 0)
    assert "13 requests, 13 notices, 0 of 4 secrets unmasked." in done.stdout
    assert re.search(r"error +ValueError: the frog is not a prince", done.stdout)
    assert re.search(r"cause +KeyError: 'toad'", done.stdout)
    assert re.search(r"where +hoptoad\.management\.demo\.site\.Order#get", done.stdout)
    assert re.search(r"password +\*{20}\n", done.stdout)
    assert "correct-horse-battery" not in done.stdout


@pytest.fixture
def serving(tmp_path):
    process = subprocess.Popen(
        command("--serve"),
        stdout=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env={**ENVIRONMENT, "PYTHONIOENCODING": "utf-8"},
    )
    lines = []
    for line in process.stdout:
        lines.append(line)
        if "keep running" in line:
            break
    yield {line.split()[0]: line.split()[1] for line in lines[:2]}
    process.terminate()
    process.communicate(timeout=20)


def get(url, path="/"):
    connection = http.client.HTTPConnection(url.split("/")[2], timeout=20)
    connection.request("GET", path)
    response = connection.getresponse()
    body = response.read().decode()
    connection.close()
    return response.status, body


def test_both_pages_can_be_looked_at_with_a_browser(serving):
    status, home = get(serving["Site"])
    assert status == 200
    assert '<a href="/plain/">' in home
    assert serving["Receiver"] in home

    status, notices = get(serving["Receiver"])
    assert status == 200
    assert notices.count("/locate/") == 13
    assert "correct-horse" not in notices

    status, notice = get(serving["Receiver"], "/locate/5")
    assert "ValueError: the payment of Freda failed" in notice
    assert "<td>" + "*" * 20 in notice

    get(serving["Site"], "/plain/?q=%3Cscript%3Ealert(1)%3C/script%3E")
    assert get(serving["Receiver"], "/locate/99")[0] == 404
    assert "<script>" not in get(serving["Receiver"], "/locate/14")[1]


def test_the_command_says_what_it_can_do():
    done = subprocess.run(
        [sys.executable, "-m", "hoptoad"], capture_output=True, text=True, check=False, env=ENVIRONMENT
    )

    assert done.returncode == 2
    assert "demo" in done.stderr


def test_nothing_of_the_demo_is_needed_by_the_rest():
    package = Path(__import__("hoptoad").__file__).parent
    others = [path for path in package.rglob("*.py") if "demo" not in path.parts]

    assert [path.name for path in others if "hoptoad.management.demo" in path.read_text()] == ["__main__.py"]

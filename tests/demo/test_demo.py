"""`python -m hoptoad demo`, as a new user runs it."""

import contextlib
import http.client
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urljoin, urlsplit

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
    assert done.stdout.endswith("  python -m hoptoad demo --serve\n")
    assert re.search(r"error +ValueError: the frog is not a prince", done.stdout)
    assert re.search(r"cause +KeyError: 'toad'", done.stdout)
    assert re.search(r"where +hoptoad\.management\.demo\.site\.Order#get", done.stdout)
    assert re.search(r"password +\*{20}\n", done.stdout)
    assert "correct-horse-battery" not in done.stdout


@pytest.fixture(scope="module")
def serving(tmp_path_factory):
    """The addresses that a running demo has printed: of the inbox and of the site."""
    folder = tmp_path_factory.mktemp("demo")
    process = subprocess.Popen(
        command("--serve"),
        stdout=subprocess.PIPE,
        text=True,
        cwd=folder,
        env={**ENVIRONMENT, "PYTHONIOENCODING": "utf-8", "TMPDIR": str(folder)},
    )
    said = ""
    for line in process.stdout:
        said += line
        if "keep running" in line:
            break
    assert "13 requests, 13 notices, 0 of 4 secrets unmasked." in said
    yield SimpleNamespace(
        inbox=re.search(r"The inbox +(\S+)", said)[1], site=re.search(r"The site +(\S+)", said)[1]
    )
    process.terminate()
    process.communicate(timeout=20)
    assert list(folder.iterdir()) == []


def get(url, cookies=""):
    """The status, body and headers of a page."""
    parts = urlsplit(url)
    with contextlib.closing(http.client.HTTPConnection(parts.netloc, timeout=20)) as connection:
        connection.request("GET", f"{parts.path}?{parts.query}", headers={"Cookie": cookies})
        response = connection.getresponse()
        return response.status, response.read().decode(), response.headers


@pytest.fixture(scope="module")
def visitor(serving):
    """The cookies that a visitor gets, and the page that it is led to."""
    status, _, headers = get(serving.inbox)
    assert status == 302
    cookies = "; ".join(line.partition(";")[0] for line in headers.get_all("Set-Cookie"))
    return cookies, urljoin(serving.inbox, headers["Location"])


def test_the_inbox_opens_signed_in_with_the_failures_in_it(visitor):
    cookies, problems = visitor

    status, listed, _ = get(problems, cookies)
    links = set(re.findall(r'href="(/admin/hoptoad_inbox/problem/\d+/change/)', listed))
    pages = [get(urljoin(problems, link), cookies)[1] for link in links]

    assert status == 200
    assert len(links) >= 13
    assert "the frog is not a prince" in listed
    assert any("KeyError" in page and "hoptoad.management.demo.site" in page for page in pages)
    assert not any("correct-horse" in page for page in (listed, *pages))
    assert get(urljoin(problems, "/static/admin/css/base.css"))[0] == 200


def test_a_failing_page_arrives_in_the_inbox(serving, visitor, deadline):
    cookies, problems = visitor
    status, home, _ = get(serving.site)

    assert get(urljoin(serving.site, "/orders/12/"))[0] == 500
    assert '<a href="/orders/7/">' in home
    while '"/admin/hoptoad_inbox/problem/' not in (found := get(f"{problems}?q=order+12", cookies)[1]):
        assert deadline(60), found
    assert status == 200


def test_the_printed_address_signs_in_once_and_nothing_else_does(serving, visitor):
    cookies, problems = visitor

    assert get(serving.inbox)[0] == 403
    assert get(serving.inbox, cookies)[0] == 302
    assert get(urljoin(serving.site, "/open/guessed"))[0] == 403
    assert "/admin/login/" in get(problems)[2]["Location"]


def test_the_command_says_what_it_can_do():
    done = subprocess.run(
        [sys.executable, "-m", "hoptoad"], capture_output=True, text=True, check=False, env=ENVIRONMENT
    )

    assert done.returncode == 2
    assert "demo" in done.stderr


def test_nothing_of_the_demo_is_needed_by_the_rest():
    package = Path(__import__("hoptoad").__file__).parent
    others = [path for path in package.rglob("*.py") if "demo" not in path.parts]

    assert [path.name for path in others if "management.demo" in path.read_text()] == ["__main__.py"]

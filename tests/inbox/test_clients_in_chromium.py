"""@airbrake/browser in a real browser, on a page of another origin, sends to a running inbox."""

import functools
import http.server
import json
import shutil
import subprocess
import threading
from contextlib import contextmanager

import pytest
from alone import alone
from brokers import missing
from browser import chromium

pytestmark = pytest.mark.long

PAGE = (
    '<!doctype html><title>shop</title><script src="airbrake.min.js"></script><script src="main.js"></script>'
)
SCRIPT = """
function checkout(name) { throw new Error("no toad named " + JSON.stringify(name)); }
function refund(name) { throw new Error("no toad named " + JSON.stringify(name)); }
async function send(host, projectKey) {
  const client = new Airbrake.Notifier({
    projectId: 1, projectKey, host, environment: "production", remoteConfig: false, performanceStats: false,
  });
  const answers = [];
  for (const [fail, name] of [[checkout, "frog"], [checkout, "toad"], [refund, "frog"]]) {
    try { fail(name); } catch (error) {
      const notice = await client.notify(error);
      answers.push(notice.id ? "stored" : String(notice.error));
    }
  }
  return answers;
}
async function post(address, headers) {
  const body = JSON.stringify({errors: [{type: "Asked", message: "first"}]});
  const answer = await fetch(address, {method: "POST", headers, body});
  return [answer.status, answer.headers.get("X-RateLimit-Delay")];
}
"""


@pytest.fixture(scope="module")
def airbrake(tmp_path_factory):
    """The script of @airbrake/browser, as a page loads it."""
    if not shutil.which("npm"):
        missing("npm")
    folder = tmp_path_factory.mktemp("npm")
    command = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder)]
    done = subprocess.run([*command, "@airbrake/browser@2"], capture_output=True, timeout=120, check=False)
    if done.returncode:
        missing("@airbrake/browser")
    return folder / "node_modules/@airbrake/browser/umd/airbrake.min.js"


@pytest.fixture(scope="module")
def inbox(tmp_path_factory):
    with alone(tmp_path_factory.mktemp("inbox") / "data") as running:
        yield running


@contextmanager
def serving(folder):
    """The address of a site with the files of a folder."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=folder)
    ) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def page(airbrake, tmp_path):
    """A browser that shows a page with the client."""
    shutil.copy(airbrake, tmp_path / "airbrake.min.js")
    (tmp_path / "main.js").write_text(SCRIPT)
    (tmp_path / "index.html").write_text(PAGE)
    with serving(tmp_path) as site, chromium() as browser:
        browser.open(f"{site}/index.html")
        yield browser


def call(page, function, *arguments):
    return page.run(f"{function}({', '.join(map(json.dumps, arguments))})")


def test_airbrake_for_browsers(page, inbox):
    assert call(page, "send", inbox.url, inbox.key) == ["stored"] * 3

    assert inbox.rows(
        "SELECT class_name, place, environment, count FROM hoptoad_inbox_problem ORDER BY place"
    ) == [
        ("Error", "main.js in checkout", "production", 2),
        ("Error", "main.js in refund", "production", 1),
    ]
    [[agent, url]] = inbox.rows("SELECT DISTINCT agent, url FROM hoptoad_inbox_notice")
    assert "Chrome/" in agent
    assert url.endswith("/index.html")


def test_a_client_with_a_wrong_key_learns_so(page, inbox):
    assert (
        call(page, "send", inbox.url, "0" * 32)[0]
        == "Error: airbrake: unauthorized: project id or key are wrong"
    )


@pytest.mark.parametrize("header", ["Authorization", "X-Airbrake-Token"])
def test_a_browser_asks_first_and_may_send_the_key_in_a_header(page, inbox, header):
    key = f"Bearer {inbox.key}" if header == "Authorization" else inbox.key

    answer = call(
        page,
        "post",
        f"{inbox.url}/api/v3/projects/1/notices",
        {"Content-Type": "application/json", header: key},
    )

    assert answer == [201, None]


def test_a_script_may_read_when_to_come_again(page, inbox):
    address = f"{inbox.url}/api/v3/projects/1/notices?key=wrong"

    answers = page.run(f"Promise.all([...Array(150)].map(() => post({json.dumps(address)}, {{}})))")

    assert [401, None] in answers
    assert {int(delay) > 0 for status, delay in answers if status == 429} == {True}

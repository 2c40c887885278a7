"""An inbox that runs alone sends its mail through a real server, named by environment variables."""

import json
import os
import queue
import re
import subprocess
import sys
from email import message_from_bytes, policy
from http.cookies import SimpleCookie
from urllib.parse import urlencode

import pytest
from alone import alone
from brokers import missing
from servers import free_port

pytestmark = pytest.mark.long

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
APP = "/admin/hoptoad_inbox/app/1/"
SAVED = {"name": "Lilies", "mail_to": "ana@pond.test", "mail_environments": ""}


@pytest.fixture
def mail_server():
    """A real SMTP server that wants a password: its `port`, and the `letters` that it took."""
    try:
        from aiosmtpd.controller import Controller
        from aiosmtpd.smtp import AuthResult
    except ImportError:
        missing("aiosmtpd")

    class Letters:
        def __init__(self):
            self.taken = queue.Queue()

        async def handle_DATA(self, server, session, envelope):  # noqa: N802
            letter = message_from_bytes(envelope.content, policy=policy.default)
            self.taken.put((envelope.mail_from, envelope.rcpt_tos, letter))
            return "250 OK"

    def signed_in(server, session, envelope, mechanism, data):
        return AuthResult(success=(data.login, data.password) == (b"toad", b"pond"), handled=False)

    letters = Letters()
    server = Controller(
        letters,
        hostname="127.0.0.1",
        port=free_port(),
        authenticator=signed_in,
        auth_require_tls=False,
    )
    server.start()
    server.letters = letters.taken
    yield server
    server.stop()


class Visitor:
    """Signed in as the first user, with the cookies of a browser."""

    def __init__(self, inbox):
        self.inbox, self.cookies = inbox, {}
        password = re.search(r"password.*:\n(\S+)", inbox.said)[1]
        self.get("/admin/login/")
        self.post("/admin/login/", username="admin", password=password, next="/admin/")

    def get(self, path):
        return self._request("GET", path)

    def post(self, path, **fields):
        form = urlencode({"csrfmiddlewaretoken": self.cookies["csrftoken"], **fields})
        return self._request("POST", path, form, FORM)

    def _request(self, method, path, body=None, headers=None):
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        status, page, answered = self.inbox.request(
            method, path, body, {**(headers or {}), "Cookie": cookies}
        )
        for cookie in answered.get_all("Set-Cookie") or ():
            self.cookies |= {name: morsel.value for name, morsel in SimpleCookie(cookie).items()}
        return status, page.decode()


def environment(port, **others):
    """Those of a service: no variable of this machine."""
    return {
        **{name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ},
        "EMAIL_HOST": "127.0.0.1",
        "EMAIL_PORT": str(port),
        "EMAIL_HOST_USER": "toad",
        "EMAIL_HOST_PASSWORD": "pond",
        "DEFAULT_FROM_EMAIL": "inbox@pond.test",
        **others,
    }


def test_a_new_problem_is_mailed_with_the_address_of_its_page(mail_server, tmp_path):
    with alone(tmp_path / "data", env=environment(mail_server.port)) as inbox:
        visitor = Visitor(inbox)
        visitor.post(f"{APP}change/", **SAVED)
        visitor.post(f"{APP}test-mail/")
        assert "A test mail was sent to ana@pond.test." in visitor.get(f"{APP}change/")[1]
        test = mail_server.letters.get(timeout=30)
        notice = {"errors": [{"type": "KeyError", "message": "'frog'"}], "context": {"environment": "pond"}}
        inbox.request(
            "POST", "/api/v3/projects/1/notices", json.dumps(notice), {"X-Airbrake-Token": inbox.key}
        )
        sender, recipients, letter = mail_server.letters.get(timeout=30)

    assert test[2]["Subject"] == "[Lilies] Test mail of the inbox"
    assert (sender, recipients) == ("inbox@pond.test", ["ana@pond.test"])
    assert letter["Subject"] == "[Lilies pond] New: KeyError: 'frog'"
    assert f"{inbox.url}/admin/hoptoad_inbox/problem/1/change/" in letter.get_content()


def test_the_page_says_what_the_mail_server_refuses(mail_server, tmp_path):
    wrong = environment(mail_server.port, EMAIL_HOST_PASSWORD="puddle")
    with alone(tmp_path / "data", env=wrong) as inbox:
        visitor = Visitor(inbox)
        visitor.post(f"{APP}change/", **SAVED)
        visitor.post(f"{APP}test-mail/")
        said = visitor.get(f"{APP}change/")[1]

    assert "The mail was not sent. SMTPAuthenticationError" in said
    assert "puddle" not in said


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"EMAIL_PORT": "smtp"}, "EMAIL_PORT=smtp: expected a port, as 587."),
        ({"EMAIL_USE_TLS": "maybe"}, "EMAIL_USE_TLS=maybe: expected true or false."),
        ({"EMAIL_USE_TLS": "1", "EMAIL_USE_SSL": "yes"}, "EMAIL_USE_TLS and EMAIL_USE_SSL are both true"),
    ],
)
def test_a_variable_that_cannot_be_is_said_in_a_sentence(tmp_path, variables, says):
    ended = subprocess.run(
        [sys.executable, "-m", "hoptoad", "inbox", "--data", str(tmp_path / "data")],
        env=environment(25, **variables),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (ended.returncode, says in ended.stderr, "Traceback" in ended.stderr) == (1, True, False)

"""`manage.py hoptoad_test`, against a real server and each way in which it fails."""

import contextlib
import os
import socket
import subprocess
import sys
import threading
from io import StringIO

import collector as faults
import django
import pytest
from collector import Reply
from django.core import mail
from django.core.management import CommandError, call_command
from places import SITE

import hoptoad

PEOPLE = ["admin@shop.example"] if django.VERSION >= (6, 0) else [("A person", "admin@shop.example")]


@pytest.fixture
def run(collector, settings_for):
    def run(out=None, **names):
        settings_for(
            **{
                "HOPTOAD_HANDLER": "threadpool",
                "HOPTOAD_NOTIFICATION_URL": collector.url,
                "HOPTOAD_TIMEOUT": 0.5,
                "HOPTOAD_RETRIES": 0,
                **names,
            }
        )
        out = out or StringIO()
        call_command("hoptoad_test", stdout=out, no_color=True)
        return out.getvalue()

    return run


@pytest.mark.parametrize("handler", ["threadpool", "blocking", f"{__name__}.Mine"])
def test_an_accepted_notice_is_told_with_its_id_and_address(run, collector, handler):
    said = run(HOPTOAD_HANDLER=handler)

    assert said == (
        f"To       {collector.url}\n"
        f"Handler  {handler}\n"
        "Answer   accepted (HTTP 200)\n"
        "Id       64e5f0b2a1c3d4e5f6a7b8c9\n"
        "See      https://errbit.test/locate/64e5f0b2\n"
        "The notice was accepted.\n"
    )
    assert b"HoptoadTest: This is a test. Nothing is broken." in collector.received[0].body


@pytest.mark.parametrize(
    ("status", "says"),
    [
        (301, "HOPTOAD_NOTIFICATION_URL"),
        (401, "HOPTOAD_API_KEY"),
        (402, "plan is not paid"),
        (403, "HOPTOAD_API_KEY"),
        (404, "HOPTOAD_NOTIFICATION_URL"),
        (418, "HOPTOAD_API_KEY"),
        (422, "HOPTOAD_API_KEY"),
        (429, "limit"),
        (500, "The server failed"),
        (503, "quota"),
    ],
)
def test_a_refusal_is_told_with_the_servers_words_and_the_next_step(run, collector, capsys, status, says):
    collector.replies.append(Reply(status, "Your API key is unknown"))

    with pytest.raises(CommandError, match=says):
        run()


@pytest.mark.long
@pytest.mark.parametrize(
    ("names", "says"),
    [
        ({"HOPTOAD_SETTINGS": {}}, "HOPTOAD_API_KEY is not set"),
        ({"HOPTOAD_HANDLER": "memory"}, "sends nothing"),
        ({"HOPTOAD_TIMEOUT": "soon"}, "HOPTOAD_TIMEOUT is 'soon'"),
        ({"HOPTOAD_HANDLER": "shop.nowhere.X"}, "shop.nowhere.X"),
        ({"HOPTOAD_HANDLER": f"{__name__}.Silent"}, "no answer came within 6 s"),
        ({"HOPTOAD_NOTIFICATION_URL": "http://no-such-host.invalid/"}, "cannot be resolved"),
    ],
)
def test_what_keeps_it_from_being_sent_is_told(run, names, says):
    with pytest.raises(CommandError, match=says):
        run(**names)


def test_a_server_that_is_not_there_is_told(run):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        with pytest.raises(CommandError, match="Is the server running"):
            run(HOPTOAD_NOTIFICATION_URL=f"http://127.0.0.1:{free.getsockname()[1]}/")


@pytest.mark.parametrize("status", [402, 403])
def test_a_refusal_over_https_tells_of_the_fallback(run, collector, status):
    collector.replies.append(Reply(status))

    with pytest.raises(CommandError, match="HOPTOAD_NO_SSL_FALLBACK"):
        run(HOPTOAD_NOTIFICATION_URL=collector.https_url)


def test_a_port_that_does_not_speak_https_is_told(run):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        url = f"https://127.0.0.1:{listener.getsockname()[1]}/"

        def answer_in_http():
            connection, _ = listener.accept()
            connection.recv(1000)
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            connection.close()

        server = threading.Thread(target=answer_in_http)
        server.start()
        with pytest.raises(CommandError, match="does not speak https"):
            run(HOPTOAD_NOTIFICATION_URL=url)
        server.join()


def test_a_server_that_hangs_is_told(run, collector):
    collector.default = faults.hang

    with pytest.raises(CommandError, match="did not answer in time"):
        run()


def test_a_certificate_nobody_signed_is_told(run, collector, monkeypatch):
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")

    with pytest.raises(CommandError, match="REQUESTS_CA_BUNDLE"):
        run(HOPTOAD_NOTIFICATION_URL=collector.https_url)


@pytest.mark.parametrize(
    ("names", "told"),
    [
        ({"DEBUG": True}, True),
        ({"DEBUG": True, "HOPTOAD_NOTIFY_WHILE_DEBUG": True}, False),
        ({"DEBUG": False}, False),
    ],
)
def test_that_nothing_else_is_reported_while_debug_is_on_is_told(run, names, told):
    said = run(**names)

    assert "The notice was accepted." in said
    assert ("DEBUG is on: the site itself reports nothing." in said) is told


def test_that_debug_is_on_is_told_where_the_notice_is_refused_too(run, collector, capsys):
    collector.default = Reply(422, "Your API key is unknown")

    out = StringIO()
    with pytest.raises(CommandError, match="HOPTOAD_API_KEY"):
        run(out=out, DEBUG=True)

    assert "DEBUG is on: the site itself reports nothing." in out.getvalue()


@pytest.mark.long
@pytest.mark.parametrize(
    ("handler", "fault"),
    [
        ("threadpool", "nothing listens"),
        ("threadpool", "dns"),
        ("threadpool", "401"),
        ("blocking", "503"),
        ("spool", "nothing listens"),
        ("spool", "401"),
    ],
)
def test_advice_is_given_once_and_the_cause_is_the_true_one(collector, tmp_path, handler, fault):
    if fault.isdigit():
        collector.default = Reply(int(fault), "no")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = {
            "nothing listens": f"http://127.0.0.1:{free.getsockname()[1]}/",
            "dns": "http://no-such-host.invalid/",
        }.get(fault, collector.url)
        done = manage(
            "hoptoad_test",
            HOPTOAD_HANDLER=handler,
            HOPTOAD_NOTIFICATION_URL=url,
            HOPTOAD_SPOOL_DIR=str(tmp_path / "spool"),
        )

    advice = {
        "nothing listens": "Is the server running",
        "dns": "cannot be resolved",
        "401": "does not know the key",
        "503": "over its quota",
    }[fault]
    assert done.returncode == 1
    assert (done.stdout + done.stderr).count(advice) == 1
    assert "lost" not in done.stderr
    assert "HOPTOAD_FLUSH_TIMEOUT" not in done.stderr
    lines = [line for line in done.stderr.splitlines() if "wait in the spool" not in line]
    assert len(lines) == 1


def manage(*arguments, **names):
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=SITE,
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "shop.served",
            "SHOP_SETTINGS": repr({name: repr(value) for name, value in names.items()}),
        },
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_notice_of_the_test_is_none_that_the_site_has_lost(run, collector, settings_for):
    collector.default = Reply(401, "no")
    before = hoptoad.stats()["dropped"]

    with pytest.raises(CommandError):
        run(HOPTOAD_FALLBACK_HANDLER="mail")
    with pytest.raises(CommandError):
        run(HOPTOAD_HANDLER="blocking")

    assert hoptoad.stats()["dropped"] == before


@pytest.mark.parametrize("status", [200, 401, 503])
@pytest.mark.parametrize("handler", ["threadpool", "spool"])
def test_it_leaves_no_thread_behind(run, collector, tmp_path, handler, status):
    collector.default = Reply(status)
    before = set(threading.enumerate())

    with contextlib.suppress(CommandError):
        run(HOPTOAD_HANDLER=handler, HOPTOAD_SPOOL_DIR=tmp_path / "spool", HOPTOAD_RETRIES=3)

    for thread in set(threading.enumerate()) - before:
        if thread.name.startswith("hoptoad"):
            thread.join(20)
            assert not thread.is_alive()


@pytest.mark.parametrize(
    ("body", "lines"),
    [
        (
            "<id>1</id><url>javascript:alert(1)</url>",
            ["Id       1", "See      the project's page on the server"],
        ),
        (
            "<id>1\nThe notice was accepted.\x1b[2K</id>",
            ["Id       1 The notice was accepted.\\x1b[2K", "See      the project's page on the server"],
        ),
        (
            "\x1b[2Kfine\r\nAnswer   forged\u2028Id  7\x85",
            [
                "Said     \\x1b[2Kfine Answer forged Id 7",
                "Id       none given",
                "See      the project's page on the server",
            ],
        ),
    ],
)
def test_a_server_cannot_forge_a_line(run, collector, body, lines):
    collector.default = Reply(200, body)

    assert run().split("\n")[3:] == [*lines, "The notice was accepted.", ""]


@pytest.mark.parametrize("status", [200, 422])
@pytest.mark.parametrize("api", ["v2", "v3", "sentry"])
def test_neither_key_nor_password_is_printed(run, collector, status, api):
    key = "0123456789abcdef0123456789abcdef"
    collector.default = Reply(status, f"key {key} of http://bob:pw-of-bob@errbit.test/?key={key}")
    out = StringIO()
    url = f"http://bob:pw-of-bob@127.0.0.1:{collector.port}/notices?key={key}"

    with contextlib.suppress(CommandError):
        run(out=out, HOPTOAD_NOTIFICATION_URL=url, HOPTOAD_API=api)

    assert f"To       http://127.0.0.1:{collector.port}/notices\n" in out.getvalue()
    assert key not in out.getvalue()
    assert "pw-of-bob" not in out.getvalue()
    assert "Said     key ******************** of http://" in out.getvalue()


@pytest.mark.parametrize(
    "names",
    [
        {"HOPTOAD_HANDLER": f"{__name__}.Failing"},
        {"HOPTOAD_API": f"{__name__}.FailingApi", "HOPTOAD_HANDLER": "blocking"},
        {"HOPTOAD_API": f"{__name__}.FailingToEncode"},
    ],
)
def test_what_a_handler_or_an_api_of_the_site_raises_is_told_without_the_key(run, names):
    with pytest.raises(CommandError) as raised:
        run(**names)

    assert str(raised.value).endswith(
        "could not send the notice: ValueError: bad key ******************** here"
    )


def test_what_an_api_of_the_site_raises_in_a_thread_is_told_at_once(run, caplog):
    with pytest.raises(CommandError, match="could not send the notice: sending it raised ValueError"):
        run(HOPTOAD_API=f"{__name__}.FailingApi")


def fail(*args):
    raise ValueError("bad key 0123456789abcdef0123456789abcdef\nhere")


class Failing:
    def enqueue(self, payload, timeout):
        fail()


class FailingApi:
    CONTENT_TYPE = "text/plain"

    @staticmethod
    def encode(notice):
        return b"x"

    @staticmethod
    def report(payload, timeout=None):
        fail()


class FailingToEncode(FailingApi):
    encode = staticmethod(fail)


class Mine:
    def enqueue(self, payload, timeout):
        from hoptoad.api import htv2

        htv2.report(payload, timeout)


class Silent:
    def enqueue(self, payload, timeout):
        pass


def test_a_mail_is_told_without_the_address_of_a_server(run, settings_for):
    said = run(HOPTOAD_HANDLER="mail", HOPTOAD_SETTINGS={}, ADMINS=PEOPLE)

    assert said == (
        "To       ADMINS, by mail\n"
        "Handler  mail\n"
        "Answer   accepted\n"
        "Id       none given\n"
        "See      the mailboxes of ADMINS\n"
        "The notice was accepted.\n"
    )
    assert [letter.to for letter in mail.outbox] == [["admin@shop.example"]]


def test_a_mail_that_nobody_gets_is_told(run):
    with pytest.raises(CommandError, match="Compare ADMINS, MANAGERS"):
        run(HOPTOAD_HANDLER="mail", ADMINS=[])

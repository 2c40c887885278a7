"""`manage.py hoptoad_test`, against a real server and each way in which it fails."""

import socket
import threading
from io import StringIO

import collector as faults
import pytest
from collector import Reply
from django.core.management import CommandError, call_command


@pytest.fixture
def run(collector, settings_for):
    def run(**names):
        settings_for(
            **{
                "HOPTOAD_HANDLER": "threadpool",
                "HOPTOAD_NOTIFICATION_URL": collector.url,
                "HOPTOAD_TIMEOUT": 0.5,
                "HOPTOAD_RETRIES": 0,
                **names,
            }
        )
        out = StringIO()
        call_command("hoptoad_test", stdout=out)
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
        (402, "be paid"),
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


class Mine:
    def enqueue(self, payload, timeout):
        from hoptoad.api import htv2

        htv2.report(payload, timeout)


class Silent:
    def enqueue(self, payload, timeout):
        pass

"""Against a real server: every answer is understood, every fault ends in time."""

import contextlib
import email.utils
import os
import socket
import ssl
import threading
import time

import collector as faults
import pytest
from certificates import Authority
from collector import Collector, Reply

from hoptoad.delivery import connection, transport
from hoptoad.delivery.answer import Answer, Verdict, advice
from hoptoad.signals import notice_answered

HEADERS = {"Content-Type": "text/xml"}
BODY = b"not looked at here"


@pytest.fixture
def post(collector):
    def post(url=None, timeout=5, **kwargs):
        return transport.post(url or collector.url, BODY, headers=HEADERS, timeout=timeout, **kwargs)

    return post


@pytest.fixture
def other_server(authority):
    servers = []

    def start(context):
        servers.append(Collector(context))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def untrusted(certificate, authority, folder):
    return {
        "expired": lambda: authority.context(days=(-9, -1)),
        "of another host": lambda: authority.context(host="elsewhere.test"),
        "of another authority": lambda: Authority(folder).context(),
    }[certificate]()


def lead(client, port):
    """Leads what a client of a proxy sends to a port of this machine, and the answers back."""

    def copy(source, target):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    with socket.create_connection(("127.0.0.1", port)) as server:
        back = threading.Thread(target=copy, args=(server, client))
        back.start()
        copy(client, server)
        back.join()


@contextlib.contextmanager
def tunnel():
    """The address of a proxy that opens one tunnel, as CONNECT asks for it."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()

        def serve():
            client, _ = listener.accept()
            with client, contextlib.suppress(OSError):
                _, port = client.recv(4096).split()[1].decode().split(":")
                client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                lead(client, int(port))

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_an_accepted_notice_has_the_servers_id_and_address(post, collector):
    answer = post()

    assert answer.verdict is Verdict.ACCEPTED
    assert answer.id == "64e5f0b2a1c3d4e5f6a7b8c9"
    assert answer.link == "https://errbit.test/locate/64e5f0b2"
    received = collector.received[0]
    assert received.body == BODY
    assert received.headers["Content-Type"] == "text/xml"
    assert received.headers["User-Agent"].startswith("django-hoptoad/")


@pytest.mark.parametrize(
    ("body", "identity", "link"),
    [
        ("Received notification.\n<id>17</id>", "17", ""),
        (
            '<notice><error-id type="integer">3</error-id><url>http://x/3</url><id type="integer">9</id></notice>',
            "9",
            "http://x/3",
        ),
        ("", "", ""),
        ("<html>not what was expected", "", ""),
    ],
)
def test_any_successful_answer_is_a_success(post, collector, body, identity, link):
    collector.replies.append(Reply(201, body))

    answer = post()

    assert (answer.verdict, answer.id, answer.link) == (Verdict.ACCEPTED, identity, link)


@pytest.mark.parametrize(
    ("status", "verdict", "says"),
    [
        (301, Verdict.REFUSED, "not followed"),
        (302, Verdict.REFUSED, "not followed"),
        (307, Verdict.REFUSED, "not followed"),
        (400, Verdict.REFUSED, "proxy"),
        (401, Verdict.REFUSED, "key"),
        (402, Verdict.REFUSED, "plan is not paid"),
        (403, Verdict.REFUSED, "HOPTOAD_API_KEY"),
        (404, Verdict.REFUSED, "HOPTOAD_NOTIFICATION_URL"),
        (405, Verdict.REFUSED, "HOPTOAD_NOTIFICATION_URL"),
        (413, Verdict.REFUSED, "too large"),
        (422, Verdict.REFUSED, "HOPTOAD_API_KEY"),
        (420, Verdict.LATER, "limit"),
        (429, Verdict.LATER, "limit"),
        (500, Verdict.REFUSED, "HOPTOAD_APP_VERSION"),
        (502, Verdict.LATER, "server failed"),
        (503, Verdict.LATER, "quota"),
        (504, Verdict.LATER, "server failed"),
    ],
)
def test_every_status_has_a_verdict_and_an_advice_in_the_log(post, collector, caplog, status, verdict, says):
    collector.replies.append(Reply(status, "the server's own words", {"Location": collector.url}))

    answer = post()

    assert answer.verdict is verdict
    assert len(collector.received) == 1
    [line] = caplog.messages
    assert "the server's own words" in line
    assert says in line
    assert says in advice(answer)


def test_errbits_silent_drop_is_no_success(post, collector, caplog):
    collector.replies.append(Reply(200, "Notice for old app version ignored"))

    assert post().verdict is Verdict.REFUSED
    assert "HOPTOAD_APP_VERSION" in caplog.text


@pytest.mark.parametrize(
    ("headers", "delay"),
    [
        ({"X-RateLimit-Delay": "17", "Retry-After": "3"}, 17.0),
        ({"Retry-After": "3"}, 3.0),
        ({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
        ({"Retry-After": "999999999"}, 3600.0),
        ({"Retry-After": "9" * 500}, 3600.0),
        ({"X-RateLimit-Delay": "3601.5"}, 3600.0),
        ({"X-RateLimit-Delay": "1e9", "Retry-After": "7"}, 7.0),
        ({"Retry-After": "-5"}, 0.0),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "Fri, 31 Dec 9999 23:59:59 GMT"}, 3600.0),
        ({"Retry-After": "Fri, 31 Dec 9999 23:59:59 -2359"}, 3600.0),
        ({"Retry-After": "Mon, 01 Jan 0001 00:00:00 +2359"}, 0.0),
        ({"Retry-After": "Fri, 31 Dec 99999 23:59:59 GMT"}, None),
        ({"Retry-After": "tomorrow"}, None),
        ({}, None),
    ],
)
def test_the_delay_a_server_asks_for_is_understood(post, collector, headers, delay):
    collector.replies.append(Reply(429, "", headers))

    assert post().delay == delay


def test_a_delay_until_a_date_is_counted_from_now(post, collector):
    soon = email.utils.formatdate(time.time() + 600, usegmt=True)
    collector.replies.append(Reply(503, "", {"Retry-After": soon}))

    assert 500 < post().delay <= 600


@pytest.mark.parametrize("delay", [float("inf"), float("nan"), 10**400, -1.0])
def test_an_answer_made_by_a_sites_own_class_has_a_bounded_delay(delay):
    answer = Answer(verdict=Verdict.LATER, url="", delay=delay)

    assert 0.0 <= answer.delay <= 3600.0


def interim(*lines, then):
    """Answers with lines of interim answers before the final one."""

    def reply(handler):
        for line in lines:
            handler.wfile.write(f"HTTP/1.1 {line}\r\n\r\n".encode())
        handler.answer(then)

    return reply


@pytest.mark.parametrize(
    "lines",
    [
        ["102 Processing"],
        ["103 Early Hints\r\nLink: </style.css>; rel=preload\r\nContent-Length: 4"],
        ["103 Early Hints\r\nTransfer-Encoding: chunked"] * 3,
        ["100 Continue", "102 Processing", "100 Continue", "199 Unknown"],
        ["100 Continue"],
    ],
)
def test_the_final_answer_counts_and_none_is_left_for_the_next_notice(post, collector, lines):
    collector.replies += [
        interim(*lines, then=Reply(422, "Your API key is unknown")),
        interim(*lines, then=Reply()),
        Reply(503, "busy"),
    ]

    answers = [post(), post(), post()]

    assert [answer.status for answer in answers] == [422, 200, 503]
    assert answers[0].text == "Your API key is unknown"
    assert {received.connection for received in collector.received} == {1}


@pytest.mark.parametrize(
    "lines", [["101 Switching Protocols\r\nUpgrade: h2c"], ["103 Early Hints", "101 Switching Protocols"]]
)
def test_a_server_that_switches_protocols_is_unreachable(post, collector, lines):
    collector.replies += [interim(*lines, then=Reply()), Reply(422, "the next notice's")]

    assert post().verdict is Verdict.UNREACHABLE
    assert post().text == "the next notice's"
    assert collector.connections == 2


def test_endless_interim_answers_cost_no_more_than_the_timeout(post, collector, deadline):
    def reply(handler):
        with contextlib.suppress(OSError):
            while not handler.server.collector.over.wait(0.05):
                handler.wfile.write(b"HTTP/1.1 103 Early Hints\r\n\r\n")
        handler.close_connection = True

    collector.replies.append(reply)

    assert post(timeout=0.5).fault == "timeout"
    assert deadline(4)


@pytest.mark.parametrize(("fault", "kind"), [(None, "refused"), (faults.hang, "timeout")])
def test_a_line_speaks_of_one_attempt(post, collector, caplog, fault, kind):
    """A kept-alive connection was reset, and the attempt over a new one failed otherwise."""

    def reset_and_close(handler):
        handler.server.socket.shutdown(socket.SHUT_RDWR)  # nobody listens any more
        faults.reset(handler)

    post()
    collector.replies.append(faults.reset if fault else reset_and_close)
    collector.default = fault

    answer = post(timeout=0.5)

    assert answer.fault == kind
    assert "reset" not in caplog.text
    assert "aborted" not in caplog.text


@pytest.mark.parametrize("fault", [faults.reset, Reply(503), Reply(429, "", {"Retry-After": "1"})])
def test_the_end_of_an_outage_is_logged_once(post, collector, caplog, fault):
    collector.replies += [fault, fault]
    for _ in range(4):
        answer = post()
        if answer.verdict is Verdict.ACCEPTED:
            transport.log_recovery(answer, 17)

    [line] = [line for line in caplog.messages if "accepts notices again" in line]
    assert line == f"{collector.url} accepts notices again: 1 delivered, 17 waiting."


def test_a_server_that_was_never_down_is_not_back(post, collector, caplog):
    collector.replies += [Reply(422, "Your API key is unknown"), Reply()]
    for _ in range(3):
        transport.log_recovery(post(), 0)

    assert "accepts notices again" not in caplog.text


@pytest.mark.parametrize("body", ["<id>" + " " * 60_000, "<id" * 20_000, "<id>" + "<url>" * 12_000])
def test_an_answer_made_to_be_slow_is_read_at_once(post, collector, deadline, body):
    collector.replies.append(Reply(200, body))

    assert post().verdict is Verdict.ACCEPTED
    assert deadline(5)


def test_a_kept_connection_is_not_urllib3s_to_close(post, collector):
    """At the interpreter's exit urllib3 closes what its pools hold, while our threads still send."""
    post()

    [endpoint] = [found for found in connection._endpoints if str(collector.port) in str(found.pool)]
    assert not any(endpoint.pool.pool.queue)


def test_one_connection_is_kept_alive(post, collector):
    for _ in range(3):
        post()

    assert {received.connection for received in collector.received} == {1}


def test_a_connection_over_tls_is_kept_alive(post, collector):
    for _ in range(3):
        assert post(collector.https_url).verdict is Verdict.ACCEPTED

    assert {received.connection for received in collector.received} == {1}


def test_each_notice_over_a_kept_alive_connection_has_its_own_length(collector):
    bodies = [b"", b"x", b"long" * 100_000, b"y"]
    for body in bodies:
        transport.post(collector.url, body, headers=HEADERS, timeout=5)

    assert [received.body for received in collector.received] == bodies
    assert [received.headers["Content-Length"] for received in collector.received] == [
        "0",
        "1",
        "400000",
        "1",
    ]
    assert {received.connection for received in collector.received} == {1}


def test_a_notice_over_a_kept_alive_connection_is_one_piece(post):
    pieces = []

    def serve(listener):
        client, _ = listener.accept()
        with client:
            for _ in range(2):
                pieces.append([client.recv(65536)])
                while not pieces[-1][-1].endswith(BODY):
                    pieces[-1].append(client.recv(65536))
                client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        for _ in range(2):
            assert post(f"http://127.0.0.1:{listener.getsockname()[1]}/").verdict is Verdict.ACCEPTED
        thread.join()

    assert len(pieces[1]) == 1


def half(handler):
    """Breaks off in the middle of an answer."""
    handler.send_response(200)
    handler.send_header("Content-Length", "100")
    handler.end_headers()
    handler.wfile.write(b"<id>half")
    handler.close_connection = True


def half_of_the_chunks(handler):
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    handler.wfile.write(b"8\r\n<id>half\r\n")
    handler.close_connection = True


def no_http(handler):
    handler.wfile.write(b"SSH-2.0-OpenSSH_9.6\r\n")
    handler.close_connection = True


def chunks(handler):
    handler.send_response(422)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    handler.wfile.write(b"5\r\nYour \r\n3\r\nkey\r\n0\r\n\r\n")


def until_the_end(handler):
    """Without a length: the end of the connection is the end of the answer."""
    handler.send_response(422)
    handler.end_headers()
    handler.wfile.write(b"Your key")
    handler.close_connection = True


# Over a new connection and over a kept-alive one, which is another path through the code.
@pytest.mark.parametrize("before", [0, 1], ids=["new", "kept alive"])
class TestOverAConnection:
    @pytest.fixture(autouse=True)
    def exchanges_before(self, post, before):
        for _ in range(before):
            post()

    @pytest.mark.parametrize("fault", [half_of_the_chunks, no_http])
    def test_what_is_no_answer_makes_the_server_unreachable(self, post, collector, before, fault):
        collector.replies += [fault, Reply(422, "the next notice's")]

        answer = post()

        assert (answer.verdict, answer.fault) == (Verdict.UNREACHABLE, "network")
        assert post().text == "the next notice's"
        assert len(collector.received) == before + 2

    def test_the_status_counts_where_the_text_of_an_answer_breaks_off(self, post, collector, before):
        collector.replies += [half, Reply(422, "the next notice's")]

        assert [post().text, post().text] == ["<id>half", "the next notice's"]
        assert len(collector.received) == before + 2

    @pytest.mark.parametrize("reply", [chunks, until_the_end])
    def test_the_end_of_an_answer_is_found(self, post, collector, before, reply):
        collector.replies += [reply, Reply(422, "the next notice's")]

        assert [post().text, post().text] == ["Your key", "the next notice's"]
        assert len(collector.received) == before + 2

    @pytest.mark.parametrize(
        "fault", [faults.hang, faults.hang_after_headers, faults.drip_headers, faults.drip_body]
    )
    def test_the_deadline_is_one_for_the_whole_answer(self, post, collector, before, deadline, fault):
        collector.replies += [fault, Reply(422, "the next notice's")]

        assert post(timeout=0.5).fault == "timeout"
        assert deadline(4)
        assert post().text == "the next notice's"
        assert collector.received[-1].connection == 2

    def test_the_rest_of_an_endless_answer_is_not_taken_for_the_next(self, post, collector, before):
        collector.replies += [faults.endless, Reply(422, "the next notice's")]

        assert len(post().text) == 2000
        assert post().text == "the next notice's"

    def test_an_answer_nobody_has_asked_for_is_not_taken_for_the_next(self, post, collector, before):
        first_was_read, second_was_sent = threading.Event(), threading.Event()

        def two(handler):
            handler.answer(Reply(422, "the first"))
            assert first_was_read.wait(20)
            handler.answer(Reply(422, "nobody's"))
            second_was_sent.set()

        collector.replies += [two, Reply(422, "the next notice's")]

        assert post().text == "the first"
        first_was_read.set()
        assert second_was_sent.wait(20)
        assert post().text == "the next notice's"


def test_a_header_that_http_cannot_carry_harms_no_other_notice(post, collector):
    post()
    for value in ("a\nb", "\N{FROG FACE}"):
        answer = transport.post(collector.url, BODY, headers={"X-Name": value}, timeout=5)
        assert answer.verdict is Verdict.UNREACHABLE

    assert post().verdict is Verdict.ACCEPTED


def test_a_connection_that_was_closed_between_notices_is_opened_again(post, collector):
    collector.replies.append(faults.answer_then_close)
    post()

    assert post().verdict is Verdict.ACCEPTED
    assert collector.connections == 2


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (faults.hang, "timeout"),
        (faults.hang_after_headers, "timeout"),
        (faults.drip_headers, "timeout"),
        (faults.drip_body, "timeout"),
        (faults.reset, "network"),
    ],
)
def test_a_failing_server_costs_no_more_than_the_timeout(post, collector, deadline, caplog, fault, kind):
    collector.default = fault

    answer = post(timeout=0.5)

    assert (answer.verdict, answer.fault) == (Verdict.UNREACHABLE, kind)
    assert deadline(4)  # a dripping answer would take twelve seconds and more
    assert advice(answer) in caplog.text


def test_a_gigabyte_of_an_answer_is_not_read(post, collector, deadline):
    collector.replies.append(faults.endless)

    answer = post()

    assert answer.verdict is Verdict.ACCEPTED
    assert len(answer.text) == 2000
    assert post().verdict is Verdict.ACCEPTED


def test_nobody_listening_is_told(post):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        answer = post(f"http://127.0.0.1:{free.getsockname()[1]}/")

    assert answer.fault == "refused"
    assert "Is the server running" in advice(answer)


def test_an_unknown_host_is_told(post):
    answer = post("http://no-such-host.invalid/")

    assert answer.fault == "dns"
    assert "cannot be resolved" in advice(answer)


@pytest.mark.parametrize(
    "url", ["http://\udc80/", "http://[::1/", "http://a b/", "ftp://x/", "http://" + "a" * 70 + "/"]
)
def test_even_an_impossible_address_raises_nothing(post, url):
    assert post(url).verdict is Verdict.UNREACHABLE


def test_a_broken_proxy_is_told(post, collector, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")

    answer = post("http://errbit.invalid/")

    assert answer.fault == "proxy"
    assert "HTTP_PROXY" in advice(answer)


def test_a_proxy_is_used_as_requests_finds_it(post, collector, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", collector.url)

    assert post("http://errbit.invalid/notices").verdict is Verdict.ACCEPTED
    assert collector.received[0].path == "http://errbit.invalid/notices"


def test_a_proxy_gets_its_credentials_with_each_notice(post, collector, monkeypatch):
    proxy = collector.url.replace("http://", "http://bob:word@")
    monkeypatch.setenv("HTTP_PROXY", proxy)

    for _ in range(3):
        assert post("http://proxied.invalid/notices").verdict is Verdict.ACCEPTED

    assert {received.path for received in collector.received} == {"http://proxied.invalid/notices"}
    assert {received.headers["Host"] for received in collector.received} == {"proxied.invalid"}
    assert {received.headers["Proxy-Authorization"] for received in collector.received} == {
        "Basic Ym9iOndvcmQ="
    }
    assert {received.connection for received in collector.received} == {1}


@contextlib.contextmanager
def socks_proxy(port):
    """The address of a SOCKS proxy whose one client is led to a port of this machine."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()

        def serve():
            client, _ = listener.accept()
            with client, contextlib.suppress(OSError):
                client.recv(4096)  # the ways to prove who one is
                client.sendall(b"\5\0")
                client.recv(4096)  # the host wanted
                client.sendall(b"\5\0\0\1" + bytes(6))
                lead(client, port)

        threading.Thread(target=serve, daemon=True).start()
        yield f"socks5h://127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_socks_proxy_is_used(post, collector, monkeypatch, scheme):
    pytest.importorskip("socks", reason="PySocks is not installed")
    with socks_proxy(collector.port) as proxy:
        monkeypatch.setenv("ALL_PROXY", proxy)
        for _ in range(3):
            assert post(f"{scheme}://localhost:{collector.port}/socks").verdict is Verdict.ACCEPTED

    assert {received.connection for received in collector.received} == {1}


def test_the_credentials_of_netrc_go_with_each_notice(post, collector, monkeypatch, tmp_path):
    (tmp_path / "netrc").write_text("machine localhost login bob password word")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))

    for _ in range(3):
        post(collector.https_url)

    assert {received.headers["Authorization"] for received in collector.received} == {"Basic Ym9iOndvcmQ="}


def test_https_is_verified_against_the_bundle_requests_uses(post, collector):
    answer = post(collector.https_url)

    assert answer.verdict is Verdict.ACCEPTED
    assert collector.received[0].secure


@pytest.mark.parametrize("certificate", ["expired", "of another host", "of another authority"])
def test_a_bad_certificate_is_told_and_nothing_is_sent(post, other_server, authority, certificate, tmp_path):
    server = other_server(untrusted(certificate, authority, tmp_path))

    answer = post(server.https_url)

    assert answer.fault == "tls"
    assert server.received == []
    assert "REQUESTS_CA_BUNDLE" in advice(answer)


@pytest.mark.parametrize("status", [402, 403])
def test_refused_ssl_falls_back_to_plain_http_once_and_only_where_allowed(post, collector, caplog, status):
    collector.replies += [Reply(status), Reply(status), Reply(200)]

    assert post(collector.https_url).status == status
    assert len(collector.received) == 1

    assert post(collector.https_url, plain_fallback=True).verdict is Verdict.ACCEPTED
    assert [received.secure for received in collector.received] == [True, True, False]
    assert "go over plain http" in caplog.text


@pytest.fixture
def server_without_a_certificate(other_server):
    """Speaks plain http, and breaks off every TLS handshake."""
    return other_server(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))


def test_a_failed_secure_connection_falls_back_where_allowed(post, server_without_a_certificate):
    server = server_without_a_certificate

    assert post(server.https_url, plain_fallback=True).verdict is Verdict.ACCEPTED
    assert [received.secure for received in server.received] == [False]


def test_the_fallback_is_told_once_a_minute(post, collector, server_without_a_certificate, caplog):
    for _ in range(5):
        post(server_without_a_certificate.https_url, plain_fallback=True)
    collector.replies += [Reply(402), Reply(200), Reply(403), Reply(200)]
    for _ in range(2):
        post(collector.https_url, plain_fallback=True)

    assert len(caplog.messages) == 2  # one for each address


@pytest.mark.parametrize("certificate", ["expired", "of another host", "of another authority"])
def test_a_certificate_that_is_not_trusted_never_falls_back(
    post, other_server, authority, certificate, tmp_path
):
    server = other_server(untrusted(certificate, authority, tmp_path))

    answer = post(server.https_url, plain_fallback=True)

    assert (answer.verdict, answer.is_distrusted) == (Verdict.UNREACHABLE, True)
    assert server.received == []


@pytest.mark.parametrize("certificate", ["expired", "of another host", "of another authority"])
def test_a_certificate_that_is_not_trusted_is_told_through_a_proxy_too(
    post, other_server, authority, certificate, tmp_path, monkeypatch
):
    server = other_server(untrusted(certificate, authority, tmp_path))
    with tunnel() as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy)
        answer = post(server.https_url, plain_fallback=True)

    assert (answer.fault, answer.is_distrusted) == ("tls", True)
    assert "certificate" in answer.text
    assert "REQUESTS_CA_BUNDLE" in advice(answer)
    assert server.received == []


def test_a_trusted_server_is_reached_through_a_proxy(post, collector, monkeypatch):
    with tunnel() as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy)
        for _ in range(3):  # by one tunnel
            assert post(collector.https_url).verdict is Verdict.ACCEPTED

    assert {received.path for received in collector.received} == {"/notifier_api/v2/notices"}


@pytest.mark.parametrize("status", [401, 422, 500, 503])
def test_other_refusals_never_fall_back(post, collector, status):
    collector.replies.append(Reply(status))

    post(collector.https_url, plain_fallback=True)

    assert len(collector.received) == 1


def test_the_fallback_is_tried_once(post, collector):
    collector.default = Reply(403)

    post(collector.https_url, plain_fallback=True)

    assert [received.secure for received in collector.received] == [True, False]


def test_a_redirect_is_not_followed(post, collector):
    collector.replies.append(Reply(302, "", {"Location": f"{collector.url}/elsewhere"}))

    post()

    assert len(collector.received) == 1


def test_every_answer_is_signalled_and_a_failing_receiver_does_no_harm(post, collector):
    answers = []

    def remember(sender, answer, **kwargs):
        answers.append(answer)
        raise RuntimeError("a receiver that fails")

    notice_answered.connect(remember)
    try:
        assert post() == answers[0]
    finally:
        notice_answered.disconnect(remember)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_child_forked_by_any_thread_opens_a_connection_of_its_own(post, collector):
    def fork():
        post()
        child = os.fork()
        if not child:
            os._exit(0 if post().verdict is Verdict.ACCEPTED else 1)
        assert os.waitpid(child, 0)[1] == 0
        post()

    thread = threading.Thread(target=fork)
    thread.start()
    thread.join()

    assert [received.connection for received in collector.received] == [1, 2, 1]


def test_connections_that_were_closed_at_the_end_of_a_process_are_made_anew(collector):
    transport.post(collector.url, b"x", headers={}, timeout=5)

    connection.close_connections()
    answer = transport.post(collector.url, b"x", headers={}, timeout=5)

    assert answer.verdict is Verdict.ACCEPTED
    assert [received.connection for received in collector.received] == [1, 2]

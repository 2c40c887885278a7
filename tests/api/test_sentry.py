"""How events are sent."""

import pytest
from collector import Reply
from event_rules import check_envelope, check_event
from some_notices import ID, WHOLE, failing

from hoptoad.api import htv2, v3
from hoptoad.api.sentry import wire
from hoptoad.delivery.answer import Verdict
from hoptoad.notice import RequestInfo


@pytest.fixture
def sentry_site(collector, settings_for):
    collector.default = Reply(200, f'{{"id":"{ID}"}}')
    settings_for(
        HOPTOAD_API="sentry",
        HOPTOAD_HANDLER="blocking",
        HOPTOAD_NOTIFICATION_URL=f"http://127.0.0.1:{collector.port}/api/7/envelope/",
    )
    return collector


def test_a_failing_page_is_reported(client, sentry_site):
    client.get("/boom/?page=2")

    [received] = sentry_site.received
    event = check_envelope(received)
    assert received.path == "/api/7/envelope/"
    assert event["exception"]["values"][-1]["value"] == "something broke"
    assert event["exception"]["values"][-1]["stacktrace"]["frames"][-1]["in_app"] is True
    assert event["request"]["query_string"] == "page=2"


def test_short_events_are_not_compressed(sentry_site):
    wire.report(wire.encode(failing()))
    wire.report(wire.encode(WHOLE))

    short, long = sentry_site.received
    assert "Content-Encoding" not in short.headers
    assert long.headers["Content-Encoding"] == "gzip"
    check_envelope(short)
    check_envelope(long)


def test_the_answers_id_is_read(sentry_site):
    answer = wire.report(wire.encode(WHOLE))

    assert (answer.verdict, answer.id, answer.link) == (Verdict.ACCEPTED, ID, "")


def test_the_time_of_sending_is_not_that_of_encoding(sentry_site):
    payload = wire.encode(WHOLE)

    wire.report(payload)
    wire.report(payload)

    first, second = (received.document.split(b"\n") for received in sentry_site.received)
    assert first[0] != second[0]
    assert first[2] == second[2] == payload


def test_what_is_too_large_for_a_server_is_sent_smaller_once(sentry_site):
    sentry_site.replies += [Reply(413, '{"message":"Max length exceeded"}'), Reply(200, "{}")]
    texts = {f"name{number}": chr(97 + number) * 10_000 for number in range(20)}
    payload = wire.encode(failing(request=RequestInfo(url="https://shop.test/", params=texts)))

    answer = wire.report(payload)

    assert answer.verdict is Verdict.ACCEPTED
    first, second = (received.document for received in sentry_site.received)
    assert len(second) < 101_000 < len(first)
    for received in sentry_site.received:
        check_envelope(received)


@pytest.mark.parametrize("rest", [b"", b',"exception":{"values":[7]}', b',"exception":{"values":7}'])
def test_what_only_looks_like_an_event_raises_nothing(collector, settings_for, rest):
    settings_for(HOPTOAD_NOTIFICATION_URL=f"http://127.0.0.1:{collector.port}/elsewhere/")
    collector.default = Reply(413, "too large")
    end = b"" if not rest else b',"extra":{"a":"%s"}}' % (b"x" * 200_000)

    answer = wire.report((b'{"event_id":"%s"%s%s' % (ID.encode(), rest, end)).ljust(200_000))

    assert answer.verdict is Verdict.REFUSED


def test_what_stays_too_large_is_refused_with_advice(sentry_site, caplog):
    sentry_site.default = Reply(413, "too large")

    assert wire.report(wire.encode(WHOLE)).verdict is Verdict.REFUSED
    assert len(sentry_site.received) == 1
    assert "The notice is too large for the server" in caplog.text


@pytest.mark.parametrize("api", [htv2, v3])
def test_a_document_of_another_api_that_waited_in_a_spool_is_sent_as_an_event(sentry_site, api):
    wire.report(api.encode(WHOLE))

    [received] = sentry_site.received
    event = check_envelope(received)
    assert event["event_id"] == ID
    assert event["exception"]["values"][-1]["value"] == "frog"


def test_bytes_of_nobody_are_left_to_the_server_to_refuse(sentry_site):
    sentry_site.default = Reply(400, '{"message":"Header not JSON"}')

    answer = wire.report(b"frogs")

    assert answer.verdict is Verdict.REFUSED
    assert sentry_site.received[0].body == b"frogs"


class Kept:
    payloads = []  # noqa: RUF012

    def enqueue(self, payload, timeout):
        self.payloads.append(payload)


def test_what_a_spool_or_a_broker_keeps_is_the_event_without_the_key(client, settings_for):
    Kept.payloads.clear()
    settings_for(
        HOPTOAD_SETTINGS={"HOPTOAD_DSN": "https://c0ffee00000040008000000000000001@bugs.example.com/7"},
        HOPTOAD_HANDLER=f"{__name__}.Kept",
    )

    client.get("/boom/")

    [payload] = Kept.payloads
    check_event(payload)
    assert b"c0ffee" not in payload

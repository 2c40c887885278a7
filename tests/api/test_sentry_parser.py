"""Events are read back as the notices that they were, or refused."""

import json
from dataclasses import replace

import pytest
from django.core.management import call_command
from event_rules import check_event
from hypothesis import HealthCheck, given, settings
from some_notices import FRAME, ID, NOTICES, OUTER, WHOLE, failing

from hoptoad.api.parsers import parse
from hoptoad.api.sentry import wire
from hoptoad.api.truncation import encoded
from hoptoad.errors import ParseError
from hoptoad.notice import ErrorInfo
from hoptoad.testing import assert_notified, outbox


def test_reading_it_back_gives_what_was_written():
    read = parse(wire.encode(WHOLE))

    assert read.error.class_name == "shop.Odd"
    assert read.error.message == "Odd: frog\na note"
    assert read.error.frames == (FRAME, OUTER)
    assert read.causes[0].message == "KeyError: 'x'"
    cause = {"EXCEPTION_CAUSE": "KeyError: 'x' at [PROJECT_ROOT]/shop/views.py:7 in Checkout.post (cause)"}
    assert read.request == replace(WHOLE.request, cgi_data={**WHOLE.request.cgi_data, **cause})
    assert (read.id, read.user, read.server, read.time) == (WHOLE.id, WHOLE.user, WHOLE.server, WHOLE.time)
    assert (read.framework, read.language, read.severity) == ("Django: 6.1", "Python/3.12.1", "critical")
    assert read.extra == {
        "tags": {"tenant": "frogs"},
        "basket": "full",
        "trail": ("WARNING shop.cart: empty",),
    }
    assert read.lost == 3


def test_a_message_is_read_back_as_one():
    error = ErrorInfo("shop.cart", "%s is empty", (FRAME,), is_message=True)

    assert parse(wire.encode(failing(error, extra={"log": {"text": "x"}}))).error == error


@pytest.mark.parametrize(
    "rest",
    [
        b"",
        b"}",
        b',"exception":7}',
        b',"exception":{"values":[]},' + b'"extra":' + b'{"a":' * 300 + b"1" + b"}" * 302,
    ],
)
def test_what_is_no_event_is_refused(rest):
    with pytest.raises(ParseError):
        parse(b'{"event_id":"' + ID.encode() + b'"' + rest)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(NOTICES)
def test_any_notice_becomes_a_good_event_that_can_be_read_back(notice):
    body = wire.encode(notice)

    check_event(body)
    assert parse(body).id == json.loads(body)["event_id"]


def test_the_outbox_reads_events(client, settings_for):
    settings_for(HOPTOAD_SETTINGS={"HOPTOAD_DSN": "https://key@bugs.example.com/7"})

    client.get("/boom/")

    [notice] = outbox
    assert_notified(ValueError, message="something broke", component="shop.views", action="boom")
    assert notice.error.message == "ValueError: something broke"
    assert notice.error.frames[0].file == "[PROJECT_ROOT]/site/shop/views.py"
    assert notice.request.cgi_data["REQUEST_METHOD"] == "GET"


def test_the_preview_shows_an_event(settings_for, capsys):
    settings_for(HOPTOAD_SETTINGS={"HOPTOAD_DSN": "https://key@bugs.example.com/7"})

    call_command("hoptoad_preview", format="event")

    check_event(encoded(json.loads(capsys.readouterr().out)))

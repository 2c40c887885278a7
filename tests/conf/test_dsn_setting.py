"""HOPTOAD_DSN alone is enough; with settings that say otherwise it is an error that names both."""

import pytest
from collector import Reply
from django.core.management import call_command
from django.core.management.base import CommandError
from event_rules import check_envelope

import hoptoad
from hoptoad.api.registry import url_of
from hoptoad.checks import check_address, check_settings
from hoptoad.conf.loading import get_settings
from hoptoad.errors import ConfigurationError
from hoptoad.runtime import messages

KEY = "c0ffee00000040008000000000000001"
DSN = f"https://{KEY}@bugs.example.com/errors/7"
URL = "https://bugs.example.com/errors/api/7/envelope/"


def errors():
    return [message for message in check_settings(None) if message.is_serious()]


@pytest.fixture
def given(settings_for):
    """Sets these alone, not those of the test site."""

    def give(**names):
        settings_for(HOPTOAD_SETTINGS=names)

    return give


def test_a_dsn_gives_api_address_and_key(given):
    given(HOPTOAD_DSN=DSN)

    settings = get_settings()
    assert (settings.api, settings.api_key, url_of(settings)) == ("sentry", KEY, URL)
    assert settings.enabled
    assert errors() == []


def test_it_may_stand_beside_settings_that_say_the_same(given):
    given(HOPTOAD_DSN=DSN, HOPTOAD_API="sentry", HOPTOAD_API_KEY=KEY, HOPTOAD_NOTIFICATION_URL=URL)

    assert errors() == []


@pytest.mark.parametrize("dsn", [None, "", "  "])
def test_none_changes_nothing(given, dsn):
    given(HOPTOAD_DSN=dsn, HOPTOAD_API_KEY="a key")

    assert get_settings().api == "v2"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HOPTOAD_API", "v3"),
        ("HOPTOAD_API", "v2"),
        ("HOPTOAD_API", 7),
        ("HOPTOAD_API_KEY", "0123456789abcdef0123456789abcdef"),
        ("HOPTOAD_NOTIFICATION_URL", "https://errbit.example.com/notifier_api/v2/notices"),
    ],
)
def test_with_settings_that_say_otherwise_it_is_an_error_that_names_both(given, name, value):
    given(HOPTOAD_DSN=DSN, **{name: value})

    [error] = errors()
    assert error.id == "hoptoad.E008"
    assert error.msg == f"{name} and HOPTOAD_DSN contradict each other."
    assert KEY not in error.msg + error.hint
    assert str(value) not in error.msg
    with pytest.raises(ConfigurationError):
        get_settings()


@pytest.mark.parametrize(
    ("dsn", "kind", "why"),
    [
        (f"{KEY}@bugs.example.com/7", "malformed", "does not begin with https"),
        ("https://bugs.example.com/7", "malformed", "no key"),
        (f"https://{KEY}@bugs.example.com/", "malformed", "number of a project"),
        (7, "a int", "expected a string"),
    ],
)
def test_a_malformed_one_is_named_and_not_quoted(given, dsn, kind, why):
    given(HOPTOAD_DSN=dsn)

    [error] = errors()
    assert error.id == "hoptoad.E002"
    assert error.msg.startswith(f"HOPTOAD_DSN is {kind}: ")
    assert why in error.msg
    assert KEY not in error.msg + error.hint


def test_the_api_without_a_dsn_or_an_address_is_an_error(given):
    given(HOPTOAD_API="sentry", HOPTOAD_API_KEY=KEY)

    [error] = errors()
    assert (error.id, "HOPTOAD_DSN" in error.msg) == ("hoptoad.E007", True)


def test_a_key_that_its_header_cannot_carry_is_an_error(given):
    given(HOPTOAD_API="sentry", HOPTOAD_API_KEY="a,sentry_key=b", HOPTOAD_NOTIFICATION_URL=URL)

    [error] = errors()
    assert (error.id, "without commas" in error.msg) == ("hoptoad.E002", True)


def test_the_key_is_masked_in_log_lines_and_by_the_check_of_the_address(given):
    given(HOPTOAD_DSN=f"https://{KEY}:an-old-secret@bugs.example.com/7")

    assert KEY not in messages.safe_line(f"key {KEY} refused")
    [info] = check_address(None)
    assert "https://bugs.example.com/api/7/envelope/" in info.msg
    assert KEY not in info.msg + info.hint


def test_the_key_is_masked_in_notices(collector, given, client, view):
    given(
        HOPTOAD_DSN=f"http://{KEY}:an-old-secret@127.0.0.1:{collector.port}/7",
        HOPTOAD_HANDLER="blocking",
        HOPTOAD_LOCAL_VARIABLES=True,
    )

    @view
    def fail(request):
        address = f"http://{KEY}@bugs.example.com/7"
        raise ValueError(f"cannot reach {address} with {KEY} and an-old-secret")

    client.get(f"/exception/?seen={KEY}")

    [received] = collector.received
    check_envelope(received)
    assert KEY.encode() not in received.document
    assert b"an-old-secret" not in received.document


def test_everything_that_is_sent_is_sent_with_it(collector, given):
    given(HOPTOAD_DSN=f"http://{KEY}@127.0.0.1:{collector.port}/errors/7", HOPTOAD_HANDLER="blocking")

    identity = hoptoad.notify(message="frogs are loose")

    [received] = collector.received
    assert received.path == "/errors/api/7/envelope/"
    assert check_envelope(received)["event_id"] == identity


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (Reply(400, '{"message":"bad"}'), "cannot read the event"),
        (Reply(401, ""), "does not know the key"),
        (Reply(403, f"Project not found or key incorrect: http://{KEY}@bugs/7"), "Compare HOPTOAD_DSN"),
        (Reply(404, "Unimplemented API endpoint"), "No Sentry answers at this address"),
        (Reply(413, ""), "too large"),
        (Reply(429, "", {"X-Sentry-Rate-Limits": "60::key"}), "quota"),
    ],
)
def test_hoptoad_test_explains_each_answer(collector, given, capsys, reply, says):
    given(HOPTOAD_DSN=f"http://{KEY}@127.0.0.1:{collector.port}/7", HOPTOAD_HANDLER="blocking")
    collector.replies.append(reply)

    with pytest.raises(CommandError) as error:
        call_command("hoptoad_test")

    printed = capsys.readouterr().out
    assert says in str(error.value)
    assert f"HTTP {reply.status}" in printed
    assert KEY not in printed + str(error.value)


def test_hoptoad_test_says_that_it_was_accepted(collector, given, capsys):
    given(HOPTOAD_DSN=f"http://{KEY}@127.0.0.1:{collector.port}/7", HOPTOAD_HANDLER="blocking")
    collector.replies.append(Reply(200, '{"id":"fedcba9876543210fedcba9876543210"}'))

    call_command("hoptoad_test")

    printed = capsys.readouterr().out
    assert "fedcba9876543210fedcba9876543210" in printed
    assert "The notice was accepted." in printed


def test_hoptoad_deploy_says_what_there_is_instead(given):
    given(HOPTOAD_DSN=DSN)

    with pytest.raises(CommandError, match="HOPTOAD_APP_VERSION names the version in each notice"):
        call_command("hoptoad_deploy")

"""What Sentry, GlitchTip and Bugsink answer, and what follows: limits, refusals, lies."""

import json

import pytest
from collector import Reply, hang, reset
from some_notices import ID, WHOLE

from hoptoad.api.sentry import wire
from hoptoad.delivery.answer import Verdict, advice, pause_after
from hoptoad.delivery.circuit_breaker import CircuitBreaker

ACCEPTED = Reply(200, json.dumps({"id": ID}))


@pytest.fixture
def answer_to(collector, settings_for):
    """The answer to an event where the server replies so."""
    settings_for(
        HOPTOAD_NOTIFICATION_URL=f"http://127.0.0.1:{collector.port}/api/7/envelope/", HOPTOAD_TIMEOUT=1
    )

    def answer(reply):
        collector.replies.append(reply)
        return wire.report(wire.encode(WHOLE))

    return answer


@pytest.mark.parametrize(
    ("limits", "delay"),
    [
        ("60::key", 60.0),
        ("60:error:organization", 60.0),
        ("2.5:default;error:project:quota", 2.5),
        ("60:error:key, 2700:default;transaction:organization:reason:more", 2700.0),
        (" 60 : error ; span : key ", 60.0),
        ("60", 60.0),
        ("86400::key", 3600.0),
        ("86400:transaction;span:organization", None),
        ("60:errors:key", None),
        ("-1::key", None),
        ("soon::key", None),
        ("", None),
        ("," * 50_000, None),
        ("60:" * 15_000, None),
    ],
)
def test_a_limit_counts_where_it_is_for_errors(answer_to, limits, delay):
    answer = answer_to(Reply(429, "", {"X-Sentry-Rate-Limits": limits}))

    assert (answer.verdict, answer.delay) == (Verdict.LATER, delay)


def test_the_limit_wins_over_retry_after(answer_to):
    answer = answer_to(Reply(429, "", {"X-Sentry-Rate-Limits": "60::key", "Retry-After": "5"}))

    assert pause_after(answer, 0) == 60.0


def test_where_the_limit_is_for_others_retry_after_counts(answer_to):
    answer = answer_to(Reply(429, "", {"X-Sentry-Rate-Limits": "60:span:key", "Retry-After": "5"}))

    assert pause_after(answer, 0) == 5.0


def test_a_bare_429_is_a_minute(answer_to):
    assert pause_after(answer_to(Reply(429, "")), 0) == 60.0


def test_a_limit_that_comes_with_an_accepted_event_makes_a_pause(answer_to):
    now = [1000.0]
    circuit = CircuitBreaker(clock=lambda: now[0], jitter=lambda: 0.0)

    answer = answer_to(Reply(200, ACCEPTED.body, {"X-Sentry-Rate-Limits": "30:error:key"}))
    circuit.permit()
    circuit.answered(answer)

    assert answer.verdict is Verdict.ACCEPTED
    assert circuit.permit() == 30.0
    now[0] += 30.0
    assert circuit.permit() == 0.0


def test_a_limit_for_others_that_comes_with_every_answer_does_not_stop_us(answer_to):
    circuit = CircuitBreaker()

    circuit.answered(answer_to(Reply(200, ACCEPTED.body, {"X-Sentry-Rate-Limits": "86400:transaction:org"})))

    assert not circuit.is_open


@pytest.mark.parametrize(
    ("status", "body", "verdict", "says"),
    [
        (400, '{"message":"Envelope headers not JSON"}', Verdict.REFUSED, "cannot read the event"),
        (401, '{"detail":"no known authorization"}', Verdict.REFUSED, "does not know the key"),
        (403, "Project not found or key incorrect", Verdict.REFUSED, "The key or the project is wrong"),
        (301, "moved", Verdict.REFUSED, "its scheme, into HOPTOAD_DSN"),
        (404, "Unimplemented API endpoint", Verdict.REFUSED, "No Sentry answers at this address"),
        (413, '{"message":"Max length exceeded"}', Verdict.REFUSED, "too large"),
        (429, "", Verdict.LATER, "quota"),
        (502, "", Verdict.LATER, "server failed"),
    ],
)
def test_every_answer_has_a_verdict_and_words(answer_to, caplog, status, body, verdict, says):
    answer = answer_to(Reply(status, body))

    assert answer.verdict is verdict
    assert says in advice(answer)
    [line] = caplog.messages
    assert says in line
    assert body in line
    assert "HOPTOAD_NOTIFICATION_URL" not in line


@pytest.mark.parametrize("status", [402, 418, 422])
def test_a_refusal_that_is_none_of_sentrys_names_the_dsn_too(answer_to, status):
    said = advice(answer_to(Reply(status)))

    assert "Compare HOPTOAD_DSN with the DSN on the project's page." in said
    assert "HOPTOAD_API_KEY" not in said


def test_a_key_that_a_refusal_quotes_is_masked(answer_to, caplog):
    key = "0123456789abcdef0123456789abcdef"

    answer = answer_to(Reply(403, f"key incorrect: http://{key}@bugs.test/7, {key}"))

    assert key not in answer.text + caplog.text


@pytest.mark.parametrize("fault", [hang, reset])
def test_a_server_that_gives_no_answer_is_unreachable(answer_to, fault):
    answer = answer_to(fault)

    assert answer.verdict is Verdict.UNREACHABLE
    assert "HOPTOAD_NOTIFICATION_URL" not in advice(answer)


@pytest.mark.parametrize(
    "body",
    ['{"id":"0123"}', "{}", "", "<html>", '{"id":null}', '{"id":{"a":"b"}}', '{"id":"' + "x" * 100_000],
)
def test_whatever_a_server_says_of_the_id_200_is_accepted(answer_to, body):
    answer = answer_to(Reply(200, body))

    assert answer.verdict is Verdict.ACCEPTED
    assert len(answer.id) <= 2000

"""The meaning of a server's answer: verdict, pause, number and link."""

import sys
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import pytest

from hoptoad.delivery.answer import LONGEST_DELAY, LONGEST_PAUSE, Answer, Verdict, advice, judge, pause_after

URL = "https://errbit.test/notifier_api/v2/notices"
BODY = "<notice><id>5bbf4af2</id><url>https://errbit.test/locate/5bbf4af2</url></notice>"


def answer(verdict=Verdict.REFUSED, status=0, **more):
    return Answer(verdict=verdict, url=more.pop("url", URL), status=status, **more)


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (199, Verdict.REFUSED),
        (200, Verdict.ACCEPTED),
        (299, Verdict.ACCEPTED),
        (300, Verdict.REFUSED),
        *((status, Verdict.LATER) for status in (408, 420, 429, 502, 503, 504)),
        *((status, Verdict.REFUSED) for status in (301, 400, 403, 404, 413, 422, 500, 501, 505)),
    ],
)
def test_the_verdict_on_a_status(status, verdict):
    assert judge(URL, status, {}, "").verdict is verdict


def test_an_accepted_notice_of_an_old_version_is_refused():
    assert judge(URL, 200, {}, "Notice for old app version ignored").verdict is Verdict.REFUSED


@pytest.mark.parametrize(
    ("body", "number"),
    [
        ("<notice><id>7</id></notice>", "7"),
        ('<id type="integer"> 7 </id>', "7"),
        ("<id\n>7</id>", "7"),
        (f"<id{' ' * 100}>7</id>", "7"),
        (f"<id{' ' * 101}>7</id>", ""),
        (f"<id>{'7' * 200}</id>", "7" * 200),
        (f"<id>{'7' * 201}</id>", ""),
        ("<idea>7</idea>", ""),
        ("<id></id>", ""),
        ('{"id": "a-7_b"}', "a-7_b"),
        ('{"id":7}', "7"),
        ('{"issue_id" : "7"}', "7"),
        ('{"paid": "7"}', ""),
        (f'{{"id": "{"7" * 200}"}}', "7" * 200),
        ("y" * 8_160 + '{"id": "1234567890"}', "1234567890"),
        ("y" * 8_180 + '{"id": "1234567890"}', "1234"),
        ("y" * 8_190 + '{"id": "1234567890"}', ""),
    ],
)
def test_the_number_that_a_server_gave(body, number):
    assert judge(URL, 200, {}, body).id == number
    assert judge(URL, 422, {}, body).id == ""


@pytest.mark.parametrize(
    ("body", "link"),
    [
        ("<url>https://x.test/7</url>", "https://x.test/7"),
        ('<url a="b"> http://x.test/7 </url>', "http://x.test/7"),
        (f"<url{' ' * 101}>https://x.test/7</url>", ""),
        ("<urls>https://x.test/7</urls>", ""),
        ("<url>javascript:alert(7)</url>", ""),
        ('{"url": "https://x.test/7"}', "https://x.test/7"),
        ('{"issue_url" : "https://x.test/7"}', "https://x.test/7"),
        ('{"hurl": "https://x.test/7"}', ""),
        ('{"url": "https://x.test/\\u0037"}', ""),
        ('{"url": "https://x.test/ 7"}', ""),
    ],
)
def test_the_link_that_a_server_gave(body, link):
    assert judge(URL, 200, {}, body).link == link


@pytest.mark.parametrize("length", [2_000, 2_001])
def test_the_text_is_one_line_of_bounded_length(length):
    text = judge(URL, 422, {}, "a\nb" + "x" * (length - 3)).text

    assert len(text) == 2_000
    assert text.startswith("a b")
    assert text.endswith("x" * 99) == (length == 2_000)


@pytest.mark.parametrize(
    ("headers", "delay"),
    [
        ({}, None),
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": " 7.5 "}, 7.5),
        ({"Retry-After": "7."}, 7.0),
        ({"Retry-After": "-7"}, 0.0),
        ({"Retry-After": ".5"}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "9" * 99}, LONGEST_DELAY),
        ({"Retry-After": "0" * 99 + "7"}, 7.0),
        ({"Retry-After": "0" * 100 + "7"}, 0.0),
        ({"X-RateLimit-Delay": "3", "Retry-After": "7"}, 3.0),
        ({"X-RateLimit-Delay": "soon", "Retry-After": "7"}, 7.0),
        ({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
        ({"Retry-After": "Wed, 21 Oct 2015 07:28:00 -0000"}, 0.0),
    ],
)
def test_the_delay_that_a_server_asks_for(headers, delay):
    assert judge(URL, 429, headers, "").delay == delay
    assert judge(URL, 422, headers, "").delay is None
    assert judge(URL, 200, headers, "").delay is None


@pytest.mark.parametrize("zone", ["GMT", "-0000"])
def test_the_delay_may_be_a_time(zone):
    when = format_datetime(datetime.now(timezone.utc) + timedelta(seconds=1_000)).replace("+0000", zone)

    assert 900 < judge(URL, 503, {"Retry-After": when}, "").delay <= 1_000


@pytest.mark.parametrize(
    ("limits", "delay"),
    [
        ("60::key", 60.0),
        ("60:error:key", 60.0),
        ("60:default:key", 60.0),
        ("60:transaction:key", None),
        ("60:transaction;error:key", 60.0),
        ("60:transaction; error :key", 60.0),
        ("60::key, 2700:transaction;span:organization", 60.0),
        ("60::key,90.5:error:key", 90.5),
        ("2700:transaction:key,60::key", 60.0),
        (" 60 ::key", 60.0),
        ("60", 60.0),
        ("x60::key", None),
        ("soon::key", None),
        ("270:transaction:key," * 99 + "60::key", 60.0),
        ("270:transaction:key," * 100 + "60::key", None),
    ],
)
def test_the_limits_of_a_sentry(limits, delay):
    for status in (200, 429, 403):
        assert judge(URL, status, {"X-Sentry-Rate-Limits": limits, "Retry-After": "7"}, "").delay == (
            7.0 if status == 429 and delay is None else delay
        )


@pytest.mark.parametrize(
    ("delay", "bounded"),
    [
        (0.5, 0.5),
        (-1.0, 0.0),
        (LONGEST_DELAY + 1, LONGEST_DELAY),
        (float("nan"), LONGEST_DELAY),
        (None, None),
    ],
)
def test_a_delay_is_bounded(delay, bounded):
    assert answer(delay=delay).delay == bounded


def test_the_pause_doubles_with_each_failure_and_ends_somewhere():
    down = answer(Verdict.UNREACHABLE)

    assert [pause_after(down, failures) for failures in (0, 1, 2, 8, 9, 5_000)] == [1, 2, 4, 256, 300, 300]
    assert pause_after(answer(Verdict.LATER), 7) == 60.0
    assert pause_after(answer(Verdict.LATER, delay=0.0), 7) == 0.0
    assert pause_after(answer(Verdict.UNREACHABLE, delay=5.0), 7) == 5.0
    assert LONGEST_PAUSE == 300.0
    assert LONGEST_DELAY == 3_600.0


@pytest.mark.parametrize(
    ("said", "text"),
    [
        (answer(status=422, text="No such key."), "refused for good (HTTP 422): No such key"),
        (answer(Verdict.UNREACHABLE, fault="dns", text="x"), "unreachable (dns): x"),
        (answer(Verdict.ACCEPTED, status=200), "accepted (HTTP 200): no text"),
    ],
)
def test_an_answer_in_one_line(said, text):
    assert str(said) == text


ENVELOPE = "https://key@sentry.test/api/7/envelope/"


@pytest.mark.parametrize(
    ("said", "start"),
    [
        (answer(Verdict.ACCEPTED, 200), ""),
        (answer(status=200, text="Notice for old app version ignored."), "The server drops notices of old"),
        (answer(status=299), "The server drops notices of old"),
        (answer(status=300), "The server redirects"),
        (answer(status=399), "The server redirects"),
        (answer(status=418), "Compare HOPTOAD_NOTIFICATION_URL and HOPTOAD_API_KEY"),
        (answer(status=499), "Compare HOPTOAD_NOTIFICATION_URL and HOPTOAD_API_KEY"),
        (answer(status=500), "The server failed."),
        (answer(status=402), "The key is wrong, the server's API is switched off, or its plan"),
        (
            answer(status=403, url="HTTPS://x"),
            "The key is wrong, the server's API is switched off, or its plan",
        ),
        (answer(status=402, url="http://x"), "The plan is not paid"),
        (answer(status=403, url="http://x"), "The key is wrong, or the server's API is switched off."),
        (answer(status=400), "The server found no notice"),
        (answer(status=401), "The server does not know the key."),
        (answer(status=404), "Nothing answers at this address."),
        (answer(status=413), "The notice is too large"),
        (answer(status=422), "The server refuses the notice"),
        (answer(status=420), "The server limits"),
        (answer(Verdict.LATER, 429), "The server limits"),
        (answer(Verdict.LATER, 503), "The server is overloaded"),
        (answer(Verdict.LATER, 502), "The server failed."),
        (
            answer(Verdict.UNREACHABLE, fault="tls", is_distrusted=True),
            "The server's certificate is not trusted.",
        ),
        (
            answer(Verdict.UNREACHABLE, fault="tls", text="[SSL: WRONG_VERSION_NUMBER]"),
            "The port does not speak https.",
        ),
        (answer(Verdict.UNREACHABLE, fault="tls"), "The secure connection failed."),
        (
            answer(Verdict.UNREACHABLE, fault="dns"),
            "The host name cannot be resolved. Check its spelling in HOPTOAD_NOT",
        ),
        (
            answer(Verdict.UNREACHABLE, fault="dns", url=ENVELOPE),
            "The host name cannot be resolved. Check its spelling in HOPTOAD_DSN",
        ),
        (answer(Verdict.UNREACHABLE, fault="refused"), "Nothing listens there."),
        (answer(Verdict.UNREACHABLE, fault="timeout"), "The server did not answer in time."),
        (answer(Verdict.UNREACHABLE, fault="proxy"), "The proxy refuses."),
        (answer(Verdict.UNREACHABLE, fault="network"), "The connection broke."),
        (answer(Verdict.UNREACHABLE, fault="odd"), "The connection broke."),
        (answer(status=400, url=ENVELOPE), "The server cannot read the event."),
        (answer(status=401, url=ENVELOPE), "The server does not know the key. Compare HOPTOAD_DSN"),
        (answer(status=403, url=ENVELOPE), "The key or the project is wrong"),
        (answer(status=404, url=ENVELOPE.rstrip("/")), "No Sentry answers at this address"),
        (answer(Verdict.LATER, 429, url=ENVELOPE), "The quota of the project"),
        (answer(status=418, url=ENVELOPE), "Compare HOPTOAD_DSN with the DSN"),
    ],
)
def test_the_advice_on_an_answer(said, start):
    assert advice(said).startswith(start)
    assert bool(advice(said)) == bool(start)


def names_called(function):
    """The names of the Python functions that `function` calls, directly or not."""
    called = set()
    before = sys.getprofile()
    sys.setprofile(lambda frame, event, arg: called.add(frame.f_code.co_name))
    try:
        function()
    finally:
        sys.setprofile(before)
    return called


def test_the_text_of_an_accepted_notice_is_masked_only_if_someone_reads_it():
    answers = []

    called = names_called(lambda: answers.append(judge("https://errbit.test/", 201, {}, BODY)))

    assert "redacted" not in called
    assert "redacted" in names_called(lambda: answers[0].text)
    assert (answers[0].id, answers[0].link) == ("5bbf4af2", "https://errbit.test/locate/5bbf4af2")


@pytest.mark.parametrize("status", [401, 503])
def test_the_text_of_a_refusal_gives_neither_id_nor_link(status):
    answer = judge("https://errbit.test/", status, {}, BODY)

    assert (answer.id, answer.link) == ("", "")


def test_an_api_of_the_site_may_name_id_and_link_itself():
    answer = Answer(verdict=Verdict.ACCEPTED, url="", text="17: stored", id="17", link="https://x.test/17")

    assert (answer.text, answer.id, answer.link) == ("17: stored", "17", "https://x.test/17")
    assert repr(answer) == "<Answer: accepted: 17: stored>"

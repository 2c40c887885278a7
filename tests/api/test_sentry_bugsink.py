"""A real Bugsink takes, digests and shows whatever we send."""

import html
import json
import logging
import re
import subprocess
import sys
from dataclasses import replace

import pytest
from bugsink import KEY, bugsink_environment, running_bugsink
from event_rules import check_event
from hypothesis import HealthCheck, given, settings
from some_notices import NOTICES, WHOLE, failing

import hoptoad
from hoptoad.api.sentry import wire
from hoptoad.delivery.answer import Verdict, advice
from hoptoad.log import HoptoadHandler
from hoptoad.notice import ErrorInfo, Frame, RequestInfo, Server
from hoptoad.signals import heard_answers

pytestmark = pytest.mark.long
SECRET = "cn5f0b7c21d9e84a"


@pytest.fixture(scope="module")
def bugsink(tmp_path_factory):
    with running_bugsink(tmp_path_factory.mktemp("bugsink")) as server:
        yield server


@pytest.fixture
def site(bugsink, settings_for, monkeypatch):
    """The site reports to Bugsink, from the request itself. Returns the ids of what was accepted."""
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    settings_for(
        HOPTOAD_API="sentry",
        HOPTOAD_SETTINGS={"HOPTOAD_API_KEY": KEY},
        HOPTOAD_NOTIFICATION_URL=bugsink.url,
        HOPTOAD_HANDLER="blocking",
        HOPTOAD_LOCAL_VARIABLES=True,
        HOPTOAD_SOURCE_CONTEXT=3,
        HOPTOAD_TIMEOUT=30,
    )
    with heard_answers() as answers:
        yield lambda: answers.get(timeout=30)


def shown(bugsink, answer):
    """What Bugsink shows of an event that it has accepted and digested, as one text."""
    assert answer.verdict is Verdict.ACCEPTED, str(answer)
    event = bugsink.digested(answer.id)
    assert event is not None, "accepted and lost"
    check_event(json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode())
    # Code is shown in colours, with a tag around each word.
    return html.unescape(re.sub("<[^<>]*>", "", "\n".join(bugsink.pages(answer.id))))


def test_a_failing_page_is_shown_with_its_form_and_without_its_secrets(client, bugsink, site, view):
    @view
    def checkout(request):
        basket, password = request.POST["basket"], request.POST["password"]
        try:
            {}["price"]
        except KeyError as missing:
            raise ValueError(f"no price of {basket}, {password}") from missing

    client.post("/exception/?page=2", {"basket": "three frogs", "password": SECRET})

    page = shown(bugsink, site())
    for text in (
        "ValueError",
        "KeyError",
        "no price of three frogs",
        "shop/views.py",
        "checkout",
        "three frogs",
        "page=2",
    ):
        assert text in page
    assert "raise ValueError(f" in page, "no source line"
    assert SECRET not in page
    assert "0123456789abcdef0123456789abcdef" not in page


@pytest.mark.skipif(sys.version_info < (3, 11), reason="Python 3.10 has no exception groups")
def test_a_group_is_shown_with_its_members(bugsink, site):
    hoptoad.notify(ExceptionGroup("two failed", [KeyError("frog"), OSError("pond")]))  # noqa: F821

    page = shown(bugsink, site())
    assert "ExceptionGroup" in page
    assert "two failed" in page
    assert "KeyError" in page
    assert "pond" in page


def test_a_message_and_a_log_record_are_shown(bugsink, site):
    hoptoad.notify(message="frogs are loose", tags={"pond": "north"})
    message = shown(bugsink, site())
    logger = logging.Logger("shop.cart")  # noqa: LOG001 - known to nobody else
    logger.addHandler(HoptoadHandler())
    logger.error("order %s failed", 17)
    record = shown(bugsink, site())

    assert "frogs are loose" in message
    assert "pond" in message
    assert "north" in message
    assert "order 17 failed" in record
    assert "shop.cart" in record


def test_a_status_is_shown_with_its_route(client, bugsink, site):
    client.get("/status/503/")

    page = shown(bugsink, site())
    assert "Http503" in page
    assert "Service Unavailable at /status/<int:code>/" in page


def deep(depth):
    return {"deeper": deep(depth - 1) if depth else "end"}


FROG = Frame("[PROJECT_ROOT]/shop/frogs.py", 7, "leap", {"pond": ("deep", {"deeper": "x"})}, ((7, "leap()"),))
KINDS = {
    "whole": WHOLE,
    "bare": failing(ErrorInfo("", "")),
    "without frames": failing(ErrorInfo("shop.Odd", "Odd: frog")),
    "with long texts": failing(ErrorInfo("E", "E: " + "x" * 50_000), extra={"essay": "é" * 300_000}),
    "larger than a server takes": failing(extra={f"text{number}": "🐸" * 90_000 for number in range(9)}),
    "with hostile characters": failing(
        ErrorInfo("E\x00", "E\x00: \ud800 \x1b[31m </script><script>\u2028"),
        extra={"\udfff": ("\x00", {"": "\ud800"})},
    ),
    "with 2,000 frames": failing(ErrorInfo("E", "E: deep", (FROG,) * 2_000)),
    "with ten causes": failing(None, *[ErrorInfo(f"E{number}", "E: x", relation="cause") for number in range(10)]),
    "with 200 tags": failing(extra={"tags": {f"tag{number}": "x" for number in range(200)}}),
    "with odd tags": failing(extra={"tags": {"a b": ("x",), "": "x", "line": "a\nb"}}),
    "nested 200 deep": failing(extra=deep(200)),
    "of an odd release": failing(server=Server(app_version="feature/x\\y\n", environment_name="live /1")),
    "of an odd request": failing(request=RequestInfo(url="?", cgi_data={"HTTP_": "x", "HTTP_HOST": ("a", "b")})),
    "in a warning": failing(severity="warning", lost=7),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_notice_is_digested_and_its_pages_open(bugsink, site, kind):
    notice = KINDS[kind]
    identity = f"{list(KINDS).index(kind):032x}"

    wire.report(wire.encode(replace(notice, id=identity)))

    answer = site()
    assert answer.id == identity
    shown(bugsink, answer)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(notice=NOTICES)
def test_any_notice_is_digested(bugsink, site, notice):
    wire.report(wire.encode(notice))

    shown(bugsink, site())


def test_the_same_event_again_is_counted_once(bugsink, site):
    payload = wire.encode(replace(WHOLE, id="ab" * 16))

    wire.report(payload)
    before = bugsink.events()
    wire.report(payload)

    assert (site().verdict, site().verdict) == (Verdict.ACCEPTED, Verdict.ACCEPTED)
    assert bugsink.events() == before


def issue_of(bugsink, answer):
    assert answer.verdict is Verdict.ACCEPTED
    return bugsink.issue(answer.id)


def test_failures_that_differ_in_a_number_are_one_issue(bugsink, site):
    for error in (ValueError("order 17 of 20"), ValueError("order 18 of 21"), KeyError("order 17 of 20")):
        hoptoad.notify(error)

    first, second, other = (issue_of(bugsink, site()) for _ in range(3))
    assert first == second != other


def test_log_records_of_one_template_are_one_issue(bugsink, site):
    logger = logging.Logger("shop.cart")  # noqa: LOG001 - known to nobody else
    logger.addHandler(HoptoadHandler())

    for name in ("frog", "toad"):
        logger.error("no price of %s", name)
    logger.error("no stock of %s", "frog")

    first, second, other = (issue_of(bugsink, site()) for _ in range(3))
    assert first == second != other


def test_the_issue_is_that_of_the_same_failure_reported_by_sentrys_own_client(bugsink, site):
    by_sentry = (
        "import sentry_sdk, sys\n"
        "sentry_sdk.init(sys.argv[1], default_integrations=False)\n"
        "error = LookupError('no frog here')\n"
        "print(sentry_sdk.capture_exception(error))\n"
        "sentry_sdk.flush()\n"
    )
    python = bugsink_environment() / "bin" / "python"
    printed = subprocess.run(
        [python, "-c", by_sentry, bugsink.dsn], check=True, capture_output=True, env={}, timeout=60
    )

    hoptoad.notify(LookupError("no frog here"))

    assert bugsink.issue(printed.stdout.decode().strip()) == issue_of(bugsink, site())


def test_a_wrong_key_is_refused_and_not_quoted(bugsink, site, settings_for):
    wrong = "deadbeef000040008000000000000002"
    settings_for(HOPTOAD_SETTINGS={"HOPTOAD_API_KEY": wrong})

    answer = wire.report(wire.encode(WHOLE))

    assert (answer.verdict, answer.status) == (Verdict.REFUSED, 403)
    assert "key incorrect" in answer.text
    assert wrong not in str(answer)
    assert "The key or the project is wrong" in advice(answer)


def test_an_address_without_its_slash_is_refused(bugsink, site, settings_for):
    settings_for(HOPTOAD_NOTIFICATION_URL=bugsink.url.rstrip("/"))

    answer = wire.report(wire.encode(WHOLE))

    assert (answer.verdict, answer.status) == (Verdict.REFUSED, 404)


def test_a_used_up_quota_makes_a_pause(bugsink, site):
    bugsink.use_up_quota()
    try:
        answer = wire.report(wire.encode(WHOLE))
    finally:
        bugsink.renew_quota()

    assert (answer.verdict, answer.status, answer.delay) == (Verdict.LATER, 429, 60.0)

"""Which failures are the same, and that their fingerprint is cheap."""

import asyncio
import json
import logging
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.core.exceptions import ObjectDoesNotExist
from django.test import RequestFactory
from django.urls import resolve

from hoptoad.log import HoptoadHandler
from hoptoad.notice import ErrorInfo, Incident, Reason
from hoptoad.reporting.fingerprint import digest, fingerprint
from hoptoad.testing import outbox

ROOT = str(Path(__file__).parent.parent)


def caught(function, *args):
    try:
        function(*args)
    except Exception as error:
        return error


def request_to(route):
    request = RequestFactory().get("/")
    request.resolver_match = SimpleNamespace(route=route)
    return request


def of(error, route="a/", **more):
    return fingerprint(Incident(exception=error, request=request_to(route), **more), ROOT)


def parse(text):
    return json.loads(text)


def parse_elsewhere(text):
    return json.loads(text)


def raise_it(kind, *args):
    raise kind(*args)


def missing(key):
    return {}[key]


async def awaited(text):
    return parse(text)


def test_values_in_a_message_do_not_tell_failures_apart():
    assert of(caught(parse, "{1")) == of(caught(parse, "{2"))
    assert of(caught(missing, "a")) == of(caught(missing, "b"))
    assert of(caught(raise_it, OSError, 2, "x")) == of(caught(raise_it, OSError, 2, "y"))


@pytest.mark.parametrize("fail", [parse, lambda text: asyncio.run(awaited(text))], ids=["sync", "async"])
def test_routes_tell_failures_in_a_library_apart(fail):
    error = caught(fail, "{1")

    assert of(error, "a/") != of(error, "pay/")
    assert of(error, "a/") == of(caught(fail, "{2"), "a/")


def test_lines_of_the_project_tell_failures_in_a_library_apart():
    assert of(caught(parse, "{1")) != of(caught(parse_elsewhere, "{1"))


@pytest.mark.parametrize(
    "one, other",
    [
        ({"component": "celery", "action": "shop.pay"}, {"component": "celery", "action": "shop.mail"}),
        ({"component": "management", "action": "bill"}, {"component": "management", "action": "migrate"}),
        ({"component": "import"}, {"component": "export"}),
    ],
)
def test_tasks_commands_and_components_tell_failures_apart(one, other):
    error = caught(parse, "{1")

    assert of(error, **one) != of(error, **other)


def test_classes_raised_at_one_line_are_apart():
    assert of(caught(raise_it, ValueError)) != of(caught(raise_it, ObjectDoesNotExist))


def test_statuses_are_apart_by_route_and_code():
    def status(code, route, **more):
        return fingerprint(Incident(status=code, request=request_to(route), **more))

    assert status(404, "a/<slug>/", path="/a/x/") == status(404, "a/<slug>/", path="/a/y/")
    assert status(404, "a/") != status(404, "b/")
    assert status(404, "a/") != status(403, "a/")
    assert status(404, "", referrer="https://shop.test/x/", host="shop.test") != status(404, "")
    assert status(404, "", referrer="https://other.test/", host="shop.test") == status(404, "")


def test_every_fingerprint_has_the_same_size():
    big = "x" * 1_000_000
    kind = type(big, (Exception,), {})
    found = [
        of(caught(raise_it, kind)),
        of(caught(raise_it, ValueError, big), component=big, action=big),
        fingerprint(Incident(status=404, path=big, referrer=big, host=big)),
        fingerprint(Incident(kind=big, message=big, is_request=False, site=(big, 1, big))),
        fingerprint(Incident(kind="a\udc80", is_request=False)),
        (digest(big), digest("\udc80")),
    ]

    assert {len(key) for pair in found for key in pair} == {16}


def test_a_traceback_without_lines_and_one_without_the_projects_have_fingerprints():
    assert of(ValueError("never raised")) == of(ValueError("nor this"))
    assert of(caught(json.loads, "{")).place != of(caught(json.loads, "{"), "b/").place


@pytest.fixture
def logger():
    logger, handler = logging.getLogger("shop.fingerprints"), HoptoadHandler()
    logger.addHandler(handler)
    yield logger
    logger.removeHandler(handler)


@pytest.mark.parametrize(
    "say",
    [
        lambda logger, number: logger.error(f"bad input {number}"),  # noqa: G004
        lambda logger, number: logger.error("bad input " + "x" * number),  # noqa: G003
        lambda logger, number: logger.critical("bad input %s", number),
        lambda logger, number: logger.error({"input": number}),
    ],
)
def test_a_log_call_is_one_failure_whatever_it_says(logger, settings_for, say):
    settings_for(HOPTOAD_STORM_LIMIT=3)

    for number in range(10):
        say(logger, number)

    assert len(outbox) == 3


def test_two_log_calls_are_two_failures(logger, settings_for):
    settings_for(HOPTOAD_STORM_LIMIT=1)

    for _ in range(3):
        logger.error("the card was refused")
        logger.error("the card was refused")

    assert len(outbox) == 2


def test_loggers_that_share_a_line_are_apart(settings_for):
    settings_for(HOPTOAD_STORM_LIMIT=1)
    handler = HoptoadHandler()
    for name in ("shop.a", "shop.b"):
        handler.handle(logging.LogRecord(name, 40, "/srv/log.py", 7, "no", (), None, "log"))

    assert len(outbox) == 2


@pytest.mark.parametrize("path", ["/boom/", "/boom/async/", "/boom/decorated/"])
def test_a_flood_of_one_page_leaves_the_failures_of_others(client, settings_for, view, path):
    settings_for(HOPTOAD_STORM_LIMIT=1)
    view(lambda request: parse("{"))
    for _ in range(5):
        client.get(path)
        client.get("/exception/")
    client.get("/reset/a/b/")

    assert len(outbox) == 3
    assert resolve("/reset/a/b/").route == "reset/<uidb64>/<token>/"


def said(kind="shop", site=("/srv/a.py", 7, "f"), **more):
    return fingerprint(Incident(kind=kind, is_request=False, site=site, **more))


def test_messages_are_apart_by_kind_file_and_line():
    assert said() == said(site=("/srv/a.py", 7, "g")) == said(message="x")
    for other in (
        said(kind="blog"),
        said(site=("/srv/b.py", 7, "f")),
        said(site=("/srv/a.py", 8, "f")),
        said(site=None),
        said(component="celery"),
        said(action="pay"),
    ):
        assert other.failure != said().failure
        assert other.place != said().place
    assert said().failure == said().place


def test_messages_are_apart_by_the_line_of_their_caller():
    def message():
        return Incident(kind="shop", is_request=False, stack=sys._getframe(1))

    one, other = message(), message()
    again = [fingerprint(message()) for _ in range(2)]

    assert again[0] == again[1]
    assert fingerprint(one) == fingerprint(other)  # of one line at the moment of the look
    assert again[0] != said(site=None)


def test_only_of_missing_pages_those_that_the_site_links_to_are_apart():
    def status(code, referrer):
        return fingerprint(Incident(status=code, referrer=referrer, host="shop.test"))

    assert status(403, "https://shop.test/x/") == status(403, "")
    assert status(404, "https://shop.test/x/") != status(404, "")


def test_statuses_are_apart_by_the_exception_that_led_to_them():
    def status(name):
        return fingerprint(Incident(status=404, reason=Reason(ErrorInfo(name, "x")) if name else None))

    assert status("shop.Gone").place == status("shop.Lost").place == status("").place
    assert len({status("shop.Gone").failure, status("shop.Lost").failure, status("").failure}) == 3


def test_the_parts_of_a_fingerprint_do_not_run_into_each_other():
    def tasks(component, action):
        return fingerprint(Incident(component=component, action=action, is_request=False))

    assert tasks("ab", "c") != tasks("a", "bc")
    assert tasks("a", "") != tasks("", "a")


def test_a_class_tells_failures_apart_and_not_places():
    one, other = of(caught(raise_it, ValueError)), of(caught(raise_it, KeyError))

    assert one.place == other.place
    assert one.failure != other.failure
    assert one.failure != one.place

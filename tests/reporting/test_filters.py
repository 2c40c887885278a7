"""Which failures are not reported: Django's rules for broken links, and the rows of FILTERS."""

import re

import pytest
from django.core.signals import got_request_exception

from hoptoad.conf.loading import get_settings
from hoptoad.middleware import HoptoadNotifierMiddleware
from hoptoad.notice import Incident
from hoptoad.reporting import filters
from hoptoad.reporting.filters import is_broken_link
from hoptoad.testing import outbox


@pytest.mark.parametrize(
    ("path", "referrer", "broken"),
    [
        ("/nowhere/", "", False),
        ("/nowhere/", "https://other.test/page", True),
        ("/nowhere/", "https://other.test/search?q=shop", False),
        ("/nowhere/", "https://testserver/page?from=1", True),
        ("/nowhere/", "http://testserver/page", True),
        ("/nowhere/", "https://testserver/nowhere/", False),
        ("/nowhere/", "/nowhere/", False),
        ("/nowhere/", "https://testserver/nowhere", False),
        ("/nowhere", "https://testserver/nowhere/", True),
        ("/nowhere/?a=1", "https://testserver/nowhere/?a=1", False),
        ("/list/?page=99", "https://testserver/list/", True),
        ("/list/?page=99", "https://testserver/list/?page=98", True),
        ("/nowhere/", "https://sub.testserver/nowhere/", True),
        ("/nowhere/", "https://[half/", False),
        ("/nowhere/", "android-app://org.telegram", True),
    ],
)
def test_the_rule_of_broken_link_emails(path, referrer, broken):
    assert is_broken_link(path, referrer, "testserver") is broken


def test_the_slash_counts_only_where_django_appends_it():
    assert is_broken_link("/nowhere/", "https://testserver/nowhere", "testserver", append_slash=False)


@pytest.mark.parametrize(
    ("wanted", "referrer", "reported"),
    [
        (False, "", 1),
        (True, "", 0),
        (True, "https://other.test/page", 1),
        ("internal", "https://other.test/page", 0),
        ("internal", "http://testserver/page", 1),
    ],
)
def test_broken_links_only(client, settings_for, wanted, referrer, reported):
    settings_for(HOPTOAD_NOTIFY_404=True, HOPTOAD_BROKEN_LINKS_ONLY=wanted)

    client.get("/nowhere/", headers={"Referer": referrer} if referrer else {})

    assert len(outbox) == reported


def test_other_statuses_need_no_referrer(client, settings_for):
    settings_for(HOPTOAD_NOTIFY_404=True, HOPTOAD_BROKEN_LINKS_ONLY=True)

    client.get("/status/503/")

    assert len(outbox) == 1


@pytest.mark.parametrize("path", ["/cgi-bin/x", "/a/favicon.ico?v=2", "/ignored/"])
def test_djangos_older_settings_are_honoured(client, settings_for, path):
    settings_for(
        HOPTOAD_NOTIFY_404=True,
        IGNORABLE_404_STARTS=["/cgi-bin/"],
        IGNORABLE_404_ENDS=["favicon.ico"],
        IGNORABLE_404_URLS=[re.compile("^/ignored/")],
    )

    client.get(path)
    client.get("/other/")

    assert [notice.error.message for notice in outbox] == ["Http404: Page not found at /other/"]


@pytest.mark.parametrize("path", ["/boom/", "/status/503/", "/nowhere/"])
def test_urls_can_be_ignored_for_any_failure(client, settings_for, path):
    settings_for(HOPTOAD_NOTIFY_404=True, HOPTOAD_IGNORE_URLS=[f"^{path}\\?ignore"])

    client.get(f"{path}?ignore=1")
    client.get(path)

    assert len(outbox) == 1


class Choosy(HoptoadNotifierMiddleware):
    asked = []

    def is_ignorable(self, request, *, response=None, exception=None):
        Choosy.asked.append((request.path, getattr(response, "status_code", None), type(exception).__name__))
        query = request.META["QUERY_STRING"]  # not request.GET, which this would evaluate
        if "fail" in query:
            raise RuntimeError("the hook failed")
        return "ignore" in query


@pytest.fixture
def choosy(settings_for, monkeypatch):
    # The middleware of other tests' clients may not be collected yet.
    monkeypatch.setattr(got_request_exception, "receivers", [])
    Choosy.asked.clear()
    settings_for(
        HOPTOAD_NOTIFY_404=True,
        MIDDLEWARE=[f"{__name__}.Choosy", "shop.middleware.Outer", "shop.middleware.Inner"],
    )


def test_a_subclass_decides_what_is_ignorable(client, choosy):
    for path in ("/", "/boom/?ignore", "/boom/", "/status/503/?ignore", "/status/503/", "/status/403/"):
        client.get(path)

    assert [notice.error.class_name for notice in outbox] == ["ValueError", "Http503"]
    assert Choosy.asked == [
        ("/boom/", None, "ValueError"),
        ("/boom/", None, "ValueError"),
        ("/status/503/", 503, "NoneType"),
        ("/status/503/", 503, "NoneType"),
    ]


async def test_a_subclass_decides_in_async_too(async_client, choosy):
    await async_client.get("/status/503/?ignore=1")
    await async_client.get("/boom/async/?ignore=1")

    assert outbox == []


def test_a_hook_that_fails_ignores_nothing(client, choosy, caplog):
    assert client.get("/boom/?fail=1&ignore=1").status_code == 500

    assert len(outbox) == 1
    assert "is_ignorable" in caplog.text


def test_a_filter_is_a_function_and_a_row(client, reported, monkeypatch, caplog):
    def quiet_hours(incident, settings):
        return incident.path.startswith("/boom/1/")

    monkeypatch.setattr(filters, "FILTERS", (*filters.FILTERS, ("QUIET_HOURS", quiet_hours)))
    caplog.set_level("DEBUG", logger="hoptoad")

    client.get("/boom/1/")
    client.get("/boom/2/")

    assert len(reported) == 1
    assert "Not reported, because of QUIET_HOURS: /boom/1/" in caplog.text


class Quiet(Exception):
    hoptoad_ignore = True


class Answered(Exception):
    hoptoad_ignore = "answered"


class Loud(Quiet):
    hoptoad_ignore = False


class Liar(ValueError):
    __class__ = KeyError


SENT = {"HOPTOAD_NOTIFY_404": True, "HOPTOAD_NOTIFY_403": True}
CRASH = {"exception": ValueError("x"), "path": "/a/"}
MISSING = {"status": 404, "path": "/a/?b=/c/", "host": "testserver"}


@pytest.mark.parametrize(
    ("incident", "names", "setting"),
    [
        (CRASH, {}, None),
        (CRASH, {"DEBUG": True}, "HOPTOAD_NOTIFY_WHILE_DEBUG"),
        (CRASH, {"DEBUG": True, "HOPTOAD_NOTIFY_WHILE_DEBUG": True}, None),
        (CRASH, {"HOPTOAD_NOTIFY_500": False}, "HOPTOAD_NOTIFY_500"),
        (CRASH | {"is_request": False}, {"HOPTOAD_NOTIFY_500": False}, None),
        ({"status": 500}, {"HOPTOAD_NOTIFY_500": False}, "HOPTOAD_NOTIFY_STATUSES"),
        ({"status": 500}, {}, None),
        ({"status": 404}, {"HOPTOAD_NOTIFY_404": False}, "HOPTOAD_NOTIFY_STATUSES"),
        ({"status": 404, "is_request": False}, {"HOPTOAD_NOTIFY_404": False}, None),
        ({"status": 403}, {}, None),
        ({"status": 410}, {}, "HOPTOAD_NOTIFY_STATUSES"),
        (CRASH, {"HOPTOAD_IGNORE_EXCEPTIONS": ["ValueError"]}, "HOPTOAD_IGNORE_EXCEPTIONS"),
        (CRASH, {"HOPTOAD_IGNORE_EXCEPTIONS": ["KeyError"]}, None),
        ({"exception": Liar()}, {"HOPTOAD_IGNORE_EXCEPTIONS": ["KeyError"]}, None),
        ({"status": 404}, {"HOPTOAD_IGNORE_EXCEPTIONS": ["ValueError"]}, None),
        ({"exception": Quiet()}, {}, "hoptoad_ignore"),
        ({"exception": Loud()}, {}, None),
        ({"exception": Answered()}, {}, None),
        (CRASH | {"agent": "a bot/1"}, {"HOPTOAD_IGNORE_AGENTS": ["bot"]}, "HOPTOAD_IGNORE_AGENTS"),
        (CRASH | {"agent": "a browser"}, {"HOPTOAD_IGNORE_AGENTS": ["bot"]}, None),
        (CRASH, {"HOPTOAD_IGNORE_URLS": ["^/a"]}, "HOPTOAD_IGNORE_URLS"),
        (MISSING, {"IGNORABLE_404_URLS": [re.compile(r"\?b=")]}, "IGNORABLE_404_URLS"),
        (MISSING, {"IGNORABLE_404_STARTS": ["/a/"]}, "IGNORABLE_404_URLS"),
        (MISSING, {"IGNORABLE_404_ENDS": ["a/"]}, "IGNORABLE_404_URLS"),
        (MISSING, {"IGNORABLE_404_ENDS": ["/c/"]}, None),
        (MISSING | {"status": 403}, {"IGNORABLE_404_STARTS": ["/a/"]}, None),
        (CRASH, {"IGNORABLE_404_STARTS": ["/a/"]}, None),
        (MISSING, {"HOPTOAD_BROKEN_LINKS_ONLY": True}, "HOPTOAD_BROKEN_LINKS_ONLY"),
        (MISSING | {"referrer": "http://x.test/"}, {"HOPTOAD_BROKEN_LINKS_ONLY": True}, None),
        (
            MISSING | {"referrer": "http://x.test/"},
            {"HOPTOAD_BROKEN_LINKS_ONLY": "internal"},
            "HOPTOAD_BROKEN_LINKS_ONLY",
        ),
        (MISSING | {"referrer": "http://testserver/d"}, {"HOPTOAD_BROKEN_LINKS_ONLY": "internal"}, None),
        (MISSING | {"status": 403}, {"HOPTOAD_BROKEN_LINKS_ONLY": True}, None),
        (
            MISSING | {"path": "/a/", "referrer": "http://testserver/a"},
            {"HOPTOAD_BROKEN_LINKS_ONLY": True},
            "HOPTOAD_BROKEN_LINKS_ONLY",
        ),
        (
            MISSING | {"path": "/a/", "referrer": "http://testserver/a"},
            {"HOPTOAD_BROKEN_LINKS_ONLY": True, "APPEND_SLASH": False},
            None,
        ),
    ],
)
def test_the_setting_by_which_a_failure_is_not_reported(settings_for, incident, names, setting):
    settings_for(**{**SENT, **names})

    assert filters.suppressed_by(Incident(**incident), get_settings()) == setting


def test_only_an_exception_that_says_so_is_one_that_an_answer_ends():
    assert [filters.is_answer(error) for error in (Answered(), Quiet(), Loud(), ValueError())] == [
        True,
        False,
        False,
        False,
    ]


def test_the_case_of_a_host_does_not_count():
    assert not is_broken_link("/a/", "https://TestServer/a/", "testSERVER")
    assert is_broken_link("/a/", "https://TestServer/b/", "testSERVER")

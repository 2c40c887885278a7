"""Which failures are not reported: Django's rules for broken links, and the rows of FILTERS."""

import re

import pytest
from django.core.signals import got_request_exception

from hoptoad.middleware import HoptoadNotifierMiddleware
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

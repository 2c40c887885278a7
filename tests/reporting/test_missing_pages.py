"""The 404 digest: repeated requests for missing pages are one notice."""

import threading

import pytest
from django.test import RequestFactory
from places import SITE

from hoptoad import stats
from hoptoad.capture import build, request
from hoptoad.capture.request import RequestReader
from hoptoad.reporting import reporter
from hoptoad.reporting.missing_pages import MAX_DESCRIPTIONS, MAX_PATHS, MAX_REFERRERS, TOP, Digest
from hoptoad.reporting.pipeline import pipeline
from hoptoad.testing import outbox


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def seen(digest, path, referrer="", window=600):
    if not digest.is_first(path, window):
        digest.add(path, referrer, lambda: (path, referrer))


def test_the_first_of_each_page_is_told_at_once_and_the_rest_in_one_digest(client, settings_for):
    settings_for(HOPTOAD_NOTIFY_404=True)
    for path, times in (("/a/", 4), ("/b/?page=1", 2), ("/c/", 1)):
        for number in range(times):
            client.get(path, headers={"Referer": f"https://shop.example/{number % 2}"})
    assert len(outbox) == 3

    pipeline.flush_summaries()
    pipeline.flush_summaries()

    [*_, told] = outbox
    assert len(outbox) == 4
    assert told.error.class_name == "Http404"
    assert told.error.message == "Http404: Missing pages that were asked for again"
    assert told.request.params == {
        "pages": (
            {
                "path": "/a/",
                "count": "3",
                "referrers": (
                    {"referrer": "https://shop.example/1", "count": "2"},
                    {"referrer": "https://shop.example/0", "count": "1"},
                ),
            },
            {
                "path": "/b/",
                "count": "1",
                "referrers": ({"referrer": "https://shop.example/1", "count": "1"},),
            },
        )
    }
    assert told.request.cgi_data["DIGEST_COUNT"] == "4 more requests for 2 missing pages"
    assert stats()["suppressed"] == 4


def test_it_can_be_switched_off(client, settings_for):
    settings_for(HOPTOAD_NOTIFY_404=True, HOPTOAD_DIGEST_404=0)

    for _ in range(3):
        client.get("/nowhere/")

    assert len(outbox) == 3


def test_other_failures_are_not_collected(client, settings_for):
    settings_for(HOPTOAD_NOTIFY_403=True)

    for path in ("/boom/", "/boom/", "/status/403/", "/status/403/"):
        client.get(path)

    assert len(outbox) == 4


def test_a_window_begins_with_its_first_page_and_is_told_when_it_ends():
    clock = Clock()
    links = Digest(clock=clock, wall_clock=lambda: 1000 + clock.now)
    seen(links, "/a/")
    clock.now = 599
    seen(links, "/a/")
    assert links.take_ended() == []

    clock.now = 600
    [told] = links.take_ended()

    assert (told.count, told.pages, told.since, told.until) == (1, 1, 1000, 1600)
    assert links.take_ended() == []
    assert links.is_first("/a/", 600)


def test_a_window_ends_also_where_nobody_asks():
    clock = Clock()
    links = Digest(clock=clock)
    for _ in range(3):
        seen(links, "/a/")
    clock.now = 700

    assert links.is_first("/a/", 600)
    seen(links, "/a/")

    assert [told.count for told in links.take_ended(all_of_them=True)] == [2, 1]


def test_a_window_without_repetitions_says_nothing():
    clock = Clock()
    links = Digest(clock=clock)
    seen(links, "/a/")
    clock.now = 700

    assert links.take_ended() == []
    assert links.is_first("/a/", 600)


def test_what_it_holds_is_bounded():
    links = Digest()
    for number in range(MAX_PATHS + 50):
        seen(links, f"/{number}/")
    for number in range(100):
        for _ in range(number % 30 + 1):
            seen(links, f"/{number}/", f"https://x.test/{number}")
            seen(links, "/0/", f"https://x.test/{number}")

    assert not links.is_first("/0/", 600)
    assert not links.is_first(f"/{MAX_PATHS + 49}/", 600)
    [told] = links.take_ended(all_of_them=True)
    assert len(told.top) == TOP
    assert told.top[0].path == "/0/"
    assert len(told.top[0].referrers) == MAX_REFERRERS


def test_counting_is_exact_from_many_threads():
    links = Digest()
    threads = [
        threading.Thread(target=lambda: [seen(links, "/a/", "x") for _ in range(200)]) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert links.take_ended(all_of_them=True)[0].count == 1599


def test_the_end_of_the_process_tells_it(tmp_path):
    import subprocess
    import sys

    program = """
import atexit, os
outbox = []
atexit.register(lambda: print([notice.error.message for notice in outbox]))  # called last
os.environ["DJANGO_SETTINGS_MODULE"] = "shop.settings"
import django
django.setup()
from django.test import Client, override_settings
from hoptoad.handlers import memory
memory.outbox = outbox
override_settings(HOPTOAD_NOTIFY_404=True, HOPTOAD_HANDLER="memory", ALLOWED_HOSTS=["*"]).enable()
for _ in range(3):
    Client().get("/nowhere/")
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=SITE,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    assert done.stdout == (
        "['Http404: Page not found at /nowhere/', 'Http404: Missing pages that were asked for again']\n"
    )


def pages(notice):
    return {page["path"]: page for page in notice.request.params["pages"]}


@pytest.mark.parametrize("referrer", ["https://other.example/page/", ""], ids=["linked", "not linked"])
@pytest.mark.parametrize("scanned", [101, 110])
def test_scanned_paths_do_not_hide_a_broken_link(client, settings_for, referrer, scanned):
    settings_for(HOPTOAD_NOTIFY_404=True)
    for number in range(scanned):
        client.get(f"/scan/{number}.php")
    client.get("/moved/", headers={"Referer": referrer})

    pipeline.flush_summaries()

    assert len(outbox) == 101
    told = pages(outbox[-1])["/moved/"]
    assert told["count"] == "1"
    assert [source["referrer"] for source in told["referrers"]] == [referrer] * bool(referrer)
    assert outbox[-1].request.cgi_data["DIGEST_COUNT"].startswith(f"{scanned - 99} more requests")


@pytest.mark.parametrize("path", ["/raise/404/", "/status/404/"])
def test_a_route_that_is_scanned_lists_its_pages_in_the_digest(client, settings_for, path):
    settings_for(HOPTOAD_NOTIFY_404=True, HOPTOAD_STORM_LIMIT=1)
    for _ in range(4):
        client.get(path)

    pipeline.flush_summaries()

    assert len(outbox) == 2
    assert pages(outbox[1])[path]["count"] == "3"


async def test_a_broken_link_on_this_site_is_told_at_once_after_a_scan(async_client, settings_for):
    settings_for(HOPTOAD_NOTIFY_404=True, HOPTOAD_STORM_LIMIT=5)
    for number in range(20):
        await async_client.get(f"/scan/{number}.php")
    await async_client.get("/moved/", headers={"Referer": "http://testserver/"})

    assert len(outbox) == 6
    assert outbox[-1].request.url.endswith("/moved/")


def test_links_of_this_site_have_room_that_scanners_do_not_take():
    links = Digest()
    links.is_first("/a/", 600)
    links.add("/moved/", "http://shop.test/", lambda: ("/moved/", "http://shop.test/"), is_linked=True)
    for number in range(3 * MAX_PATHS):
        path = f"/scan/{number}"
        links.add(path, "", lambda path=path: (path, ""))

    [told] = links.take_ended(all_of_them=True)

    assert told.top[0].path == "/moved/"
    assert told.count == 3 * MAX_PATHS + 1


def test_the_page_that_goes_first_is_the_one_nobody_asked_for_longest():
    links = Digest()
    links.is_first("/a/", 600)
    for number in range(3 * MAX_PATHS):
        seen_again = "/wanted/" if number % 100 == 0 else f"/scan/{number}"
        links.add(seen_again, "", lambda seen_again=seen_again: (seen_again, ""))

    [told] = links.take_ended(all_of_them=True)

    assert (told.top[0].path, told.top[0].count) == ("/wanted/", 30)


def test_what_is_looked_at_is_bounded_and_the_rest_still_counted():
    looked = []
    links = Digest()
    links.is_first("/a/", 600)
    for number in range(2 * MAX_DESCRIPTIONS):
        links.add(f"/{number % 300}/", f"https://x.test/{number}", lambda: looked.append(1) or ("/x/", "y"))

    assert len(looked) == MAX_DESCRIPTIONS
    assert links.take_ended(all_of_them=True)[0].count == 2 * MAX_DESCRIPTIONS


def test_the_digest_looks_at_a_request_and_takes_no_notice_of_it(client, settings_for, monkeypatch):
    settings_for(HOPTOAD_NOTIFY_404=True)
    client.get("/moved/")
    read = []
    monkeypatch.setattr(build, "notice", lambda *args, **more: read.append("notice"))
    for name in ("_params", "_body", "user"):
        monkeypatch.setattr(RequestReader, name, lambda reader, name=name: read.append(name))
    monkeypatch.setattr(request, "session_of", lambda *args: read.append("session"))
    client.post("/moved/", {"password": "x" * 50_000}, headers={"Referer": "https://x.test/"})

    pipeline.flush_summaries()

    assert read == []
    assert pages(outbox[-1])["/moved/"]["referrers"] == ({"referrer": "https://x.test/", "count": "1"},)


SECRET = "Zq8-staple-77-horse"


@pytest.mark.parametrize(
    "given",
    [
        {"headers": {"Authorization": f"Bearer {SECRET}"}},
        {"headers": {"X-Api-Key": SECRET}},
        {"headers": {"Cookie": f"sessionid={SECRET}"}},
        {"query_params": {"token": SECRET}},
    ],
    ids=["authorization", "header", "cookie", "query"],
)
def test_a_secret_in_the_address_of_a_missing_page_stays(client, settings_for, given):
    settings_for(HOPTOAD_NOTIFY_404=True)
    given = {**given, "headers": {**given.get("headers", {}), "Referer": f"https://x.test/{SECRET}/y"}}
    query = given.pop("query_params", {})
    for _ in range(3):
        client.get(f"/missing/{SECRET}/x", query, **given)

    pipeline.flush_summaries()

    [page] = pages(outbox[-1]).values()
    assert SECRET not in repr(outbox[-1])
    assert page["path"].startswith("/missing/")
    assert page["referrers"][0]["referrer"].startswith("https://x.test/")


@pytest.mark.parametrize("host", ["[bad", "a/b", "", "x" * 5_000])
def test_a_host_that_is_none_does_not_keep_a_page_from_the_digest(settings_for, caplog, host):
    settings_for(HOPTOAD_NOTIFY_404=True)
    for _ in range(2):
        reporter.report_status(RequestFactory().get("/moved/", headers={"Host": host}), 404)

    pipeline.flush_summaries()

    [page] = pages(outbox[-1]).values()
    assert page["count"] == "1"
    assert page["path"].endswith("/moved/") or len(host) > 2_000
    assert caplog.text == ""


@pytest.mark.parametrize(
    "header", [{"REMOTE_ADDR": "203.0.113.77"}, {"HTTP_X_FORWARDED_FOR": "203.0.113.77"}]
)
def test_an_address_that_may_not_be_sent_stays_out_of_the_digest(client, settings_for, header):
    settings_for(HOPTOAD_NOTIFY_404=True, HOPTOAD_SEND_IP=None)
    for _ in range(2):
        client.get("/from/203.0.113.77/", **header)

    pipeline.flush_summaries()

    assert "203.0.113.77" not in repr(outbox[-1])
    assert pages(outbox[-1])

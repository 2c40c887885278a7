"""The inbox in the admin: who sees what, what the pages say, and what people do there."""

import os
import re
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from html import unescape
from html.parser import HTMLParser

import office
import pytest
from django.db import connection
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext, override_script_prefix
from django.utils.timezone import localdate, localtime, now
from places import PYTHONPATH
from seeded import DJANGO, content, fill, frame, hostile, receive, receive_documents

from hoptoad.inbox.models import App, Deploy, Notice, Problem, Receipt
from hoptoad.notice import ErrorInfo, Server, User

LIST = "/admin/hoptoad_inbox/problem/"
MOST_QUERIES = 12


@pytest.fixture(scope="session")
def admin_tables(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock(), office.opened():
        office.make_tables()


@pytest.fixture
def site(admin_tables, db):
    with office.opened():
        yield


@pytest.fixture
def shop(site):
    return App.objects.create(name="Lily shop", key="k" * 32)


@pytest.fixture
def problem(shop):
    return receive(shop, failure())


@pytest.fixture
def boss(site):
    """A superuser's browser."""
    return office.signed_in(office.person("boss", is_superuser=True))


def failure(message="'frog'", class_name="KeyError", function="checkout", **more):
    return content(class_name, message, frame("shop/views.py", 78, function), **more)


def versioned(version, **more):
    return replace(failure(**more), server=Server(environment_name="production", app_version=version))


def page(problem, rest="change/"):
    return f"{LIST}{problem.pk}/{rest}"


def text_of(response):
    """The text of a page as it is read, without its tags."""
    body = response.content.decode().partition('<main id="content-start"')[2] or response.content.decode()
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", body)).split())


# Who sees what


@pytest.mark.parametrize(
    "rest", ["", "1/change/", "1/text/", "1/notices/1/", "1/notices/1/document/", "notice/abc/"]
)
def test_visitors_are_asked_to_sign_in(site, rest):
    answer = Client().get(LIST + rest)

    assert answer.status_code == 302
    assert answer.url.startswith("/admin/login/")


@pytest.mark.parametrize("rest", ["change/", "text/", "notices/1/", "notices/1/text/", "notices/1/document/"])
def test_staff_without_permission_see_nothing(problem, rest):
    client = office.signed_in(office.person())

    assert client.get(LIST).status_code == 403
    assert client.get(page(problem, rest)).status_code == 403
    assert client.get(f"{LIST}notice/{Notice.objects.get().client_id}/").status_code == 403
    assert b"Problems" not in client.get("/admin/").content


def test_the_view_permission_shows_and_changes_nothing(problem):
    client = office.signed_in(office.person("ana", "view_problem"))

    listed, shown = client.get(LIST), client.get(page(problem))

    assert b"KeyError" in listed.content
    assert b"<select" not in listed.content
    assert b"shop/views.py:78" in shown.content
    assert b"Resolve" not in shown.content
    assert b"As received" not in shown.content
    assert client.post(page(problem, "decide/"), {"decision": "resolve"}).status_code == 403
    assert client.get(page(problem, "notices/1/document/")).status_code == 403
    assert client.post(page(problem, "delete/"), {"post": "yes"}).status_code == 403
    assert Problem.objects.get().state == "open"


def test_the_change_permission_decides_and_does_not_delete(problem):
    client = office.signed_in(office.person("ana", "view_problem", "change_problem"))

    client.post(page(problem, "decide/"), {"decision": "resolve", "version": "1.4"})

    assert Problem.objects.get().state == "resolved"
    assert b"Delete" not in client.get(page(problem)).content
    assert client.post(page(problem, "delete/"), {"post": "yes"}).status_code == 403


def test_states_change_by_post_with_the_token_only(problem):
    client = office.signed_in(office.person("boss", is_superuser=True), enforce_csrf_checks=True)

    assert client.post(page(problem, "decide/"), {"decision": "resolve"}).status_code == 403
    assert client.get(page(problem, "decide/")).status_code == 405
    assert Problem.objects.get().state == "open"


def test_problems_are_not_added_by_hand(boss):
    assert boss.get(f"{LIST}add/").status_code == 403


# The list


def test_the_list_shows_the_open_problems_latest_first(shop, boss):
    receive(shop, failure("old"), moment=now() - timedelta(hours=2))
    receive(shop, failure("new", "ValueError"))
    receive(shop, failure("gone", "TypeError"))
    Problem.objects.filter(class_name="TypeError").update(state="resolved")

    listed = text_of(boss.get(LIST))

    assert listed.index("ValueError") < listed.index("KeyError")
    assert "shop/views.py in checkout" in listed
    assert "2 hours ago" in listed
    assert "TypeError" not in listed
    assert "resolved TypeError" in text_of(boss.get(f"{LIST}?state=all"))


def test_each_row_has_the_bars_of_its_last_day(shop, boss):
    moment = now()
    for hours in (0, 0, 3, 30):
        receive(shop, failure(), moment=moment - timedelta(hours=hours))

    html = boss.get(LIST).content.decode()

    assert 'aria-label="3 in the last 24 hours, at most 2 in one"' in html
    assert html.count('<rect class="hoptoad-bar"') == 2


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("state=resolved", {"C"}),
        ("state=ignored", set()),
        ("state=regressed", {"B"}),
        ("state=all", {"A", "B", "C"}),
        ("environment=staging", {"B"}),
        ("version=1.5", {"A"}),
        ("severity=critical", {"B"}),
        ("seen=24", {"A"}),
        ("seen=x", {"A", "B"}),
        ("app=x", {"A", "B"}),
        ("app=0", set()),
        ("q=frog", {"A"}),
        ("q=views+pay", {"B"}),
        ("q=" + "f" * 32, set()),
    ],
)
def test_filters_and_search(shop, boss, query, found):
    receive(shop, versioned("1.5", class_name="A", message="a frog"))
    receive(shop, failure("x", "B", "pay"), moment=now() - timedelta(days=2))
    receive(shop, failure("a frog", "C"))
    Problem.objects.filter(class_name="B").update(
        environment="staging", severity="critical", resolved_at=now(), regressed_at=now()
    )
    Problem.objects.filter(class_name="C").update(state="resolved")

    html = boss.get(f"{LIST}?{query}").content.decode()

    assert set(re.findall(r'class="hoptoad-class"[^>]*>([^<]*)<', html)) == found


def test_the_list_is_sorted_by_count_and_time(shop, boss):
    receive(shop, failure("x", "Often"), failure("x", "Often"), failure("x", "Often"))
    receive(shop, failure("x", "Seldom"))

    def order(query):
        return re.findall(
            r'class="hoptoad-class"[^>]*>([^<]*)<', boss.get(f"{LIST}?{query}").content.decode()
        )

    assert order("o=-3") == ["Often", "Seldom"]
    assert order("o=3") == ["Seldom", "Often"]
    assert order("") == ["Seldom", "Often"]


def test_lists_are_cut_into_pages_and_count_a_bounded_number(shop, boss, monkeypatch):
    from hoptoad.inbox.pages import listing

    monkeypatch.setattr(listing, "MOST_COUNTED", 60)
    row = {"app": shop, "environment": "production", "first_seen": now(), "last_seen": now()}
    Problem.objects.bulk_create(Problem(class_name=f"E{number}", **row) for number in range(70))

    with CaptureQueriesContext(connection) as queries:
        html = boss.get(LIST).content.decode()

    assert html.count("hoptoad-class") == 50
    assert "60 problems" in html
    assert "LIMIT 60" in next(query["sql"] for query in queries if "COUNT" in query["sql"])


def test_an_empty_list_says_how_to_send_an_error(shop, boss):
    said = text_of(boss.get(LIST))

    assert "No errors yet" in said
    assert 'with this setting: HOPTOAD_SETTINGS = {"HOPTOAD_HANDLER": "inbox"}' in said
    assert '<a href="/admin/hoptoad_inbox/app/">Apps</a>' in boss.get(LIST).content.decode()
    with override_settings(HOPTOAD_HANDLER="inbox"):
        assert "To send one now: $ python manage.py hoptoad_test" in text_of(boss.get(LIST))
    viewer = office.signed_in(office.person("ana", "view_problem"))
    assert "hoptoad_inbox/app/" not in viewer.get(LIST).content.decode()


def test_a_list_without_open_problems_leads_to_the_others(problem, boss):
    Problem.objects.update(state="resolved")

    listed, found_nothing = boss.get(LIST), boss.get(f"{LIST}?q=newt")

    assert "No open problems Show resolved and ignored problems too" in text_of(listed)
    assert "No problem matches Show all problems" in text_of(found_nothing)
    assert "(Show all)" not in text_of(boss.get(f"{LIST}?state=all"))  # "all" of the admin: the open ones


def test_the_list_names_an_unusual_severity_and_no_message_twice(shop, boss):
    receive(shop, failure("MemoryError", "MemoryError", severity="critical"))

    assert "MemoryError shop/views.py in checkout Lily shop · production · critical" in text_of(
        boss.get(LIST)
    )


def act(client, action, *problems, **data):
    ids = [problem.pk for problem in problems]
    return client.post(
        f"{LIST}?state=all", {"action": action, "_selected_action": ids, "index": 0, **data}, follow=True
    )


def test_the_lists_actions_change_many(shop, boss):
    problems = [receive(shop, versioned("1.4", class_name=name)) for name in ("A", "B", "C")]

    told = text_of(act(boss, "resolve", *problems))

    assert "Resolved. (3 problems)" in told
    assert set(Problem.objects.values_list("state", "resolved_in")) == {("resolved", "1.4")}
    act(boss, "resolve", *problems, version="1.5")
    assert set(Problem.objects.values_list("resolved_in", flat=True)) == {"1.5"}
    act(boss, "reopen", *problems)
    assert set(Problem.objects.values_list("state", flat=True)) == {"open"}
    act(boss, "ignore", problems[0])
    act(boss, "ignore_for_a_day", problems[1])
    act(boss, "ignore_until_100_more", problems[2])
    first, second, third = Problem.objects.order_by("class_name")
    assert (first.state, first.ignored_until, first.ignored_until_count) == ("ignored", None, None)
    assert timedelta(hours=23) < second.ignored_until - now() < timedelta(hours=25)
    assert third.ignored_until_count == 101


def test_problems_are_ignored_until_a_date(shop, boss):
    first, second = receive(shop, failure("a", "A")), receive(shop, failure("b", "B"))
    date = localdate() + timedelta(days=40)

    told = text_of(act(boss, "ignore_until_a_date", first, date=date))
    boss.post(page(second, "decide/"), {"decision": "ignore", "until": "date", "date": date})

    assert f"Ignored until {date:%d %b %Y}." in told
    moments = {localtime(moment) for moment in Problem.objects.values_list("ignored_until", flat=True)}
    assert {(moment.date(), moment.hour, moment.minute) for moment in moments} == {(date, 0, 0)}
    assert f"Ignored until {date.day} {date:%b %Y}, 00:00." in text_of(boss.get(page(second)))


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"until": "date"}, "Choose a date after today."),
        ({"until": "date", "date": "2001-01-01"}, "Choose a date after today."),
        ({"until": "date", "date": "soon"}, "Enter a valid date."),
        ({"decision": "explode"}, "Problems can be resolved, ignored and reopened."),
    ],
)
def test_a_decision_that_cannot_be_changes_nothing_and_says_why(problem, boss, given, reason):
    told = boss.post(page(problem, "decide/"), {"decision": "ignore", **given}, follow=True)

    assert f"Nothing was changed. {reason}" in text_of(told)
    assert Problem.objects.get().state == "open"


def test_merged_problems_are_one(shop, boss):
    first = receive(shop, failure("a", "A"), moment=now() - timedelta(hours=1))
    second = receive(shop, failure("b", "B"), failure("b", "B"))

    told = text_of(act(boss, "merge", first, second))

    assert "Merged 2 problems into one." in told
    assert Problem.objects.get().count == 3
    assert "Choose two problems or more." in text_of(act(boss, "merge", first))
    keys = text_of(boss.get(page(first)))
    assert "Class A Message a Place shop/views.py in checkout" in keys
    assert "Class B Message b Place shop/views.py in checkout" in keys


def test_problems_of_two_apps_are_not_merged(shop, boss):
    other = App.objects.create(name="other")

    told = text_of(act(boss, "merge", receive(shop, failure()), receive(other, failure("x", "X"))))

    assert "Not merged: problems of different apps cannot be merged." in told
    assert Problem.objects.count() == 2


def test_deleting_names_problems_and_counts_no_notices(shop, boss):
    problem = receive(shop, failure("<b>"), failure("<b>"))

    with CaptureQueriesContext(connection) as queries:
        asked = act(boss, "delete_selected", problem)

    assert "KeyError: &lt;b&gt;" in asked.content.decode()
    assert not [query for query in queries if "hoptoad_inbox_notice" in query["sql"]]
    act(boss, "delete_selected", problem, post="yes")
    assert not Problem.objects.exists()
    assert not Notice.objects.exists()
    assert not Receipt.objects.exists()


# One problem


def test_the_page_says_what_and_where_in_its_first_lines(problem, boss):
    said = text_of(boss.get(page(problem)))

    assert "open Lily shop · production KeyError 'frog' shop/views.py:78 in checkout" in said


def test_the_page_shows_all_that_the_notice_says(shop, boss):
    notice = failure(
        url="https://shop.example/pay/?step=2",
        view="shop.views#pay",
        method="POST",
        params={"size": "3", "who": {"name": "Ingrid"}, "tags": ("a", "b"), "none": ()},
        session={"cart": "17"},
        user=User(id="5", email="i@shop.example"),
        extra={"weight": "12 kg", "trail": ("10:01 INFO shop: one", "10:02 INFO shop: two")},
        causes=(
            ErrorInfo("OSError", "no disk", (frame("shop/disk.py", 5, "write", ">    write()", path="/x"),)),
        ),
        severity="critical",
    )

    said = text_of(boss.get(page(receive(shop, notice))))

    for part in (
        "production · critical",
        "· POST https://shop.example/pay/?step=2",
        "The direct cause of the error above OSError no disk shop/disk.py:5 in write 5 write() path /x",
        "Breadcrumbs oldest first 10:01 INFO shop: one 10:02 INFO shop: two",
        "View shop.views#pay",
        "size 3 who who name Ingrid tags tags 0 a tags 1 b none []",
        "Id 5 E-mail i@shop.example",
        "Session cart 17",
        "Added by the site weight 12 kg",
        "Host web-1 Version 2.14.0",
    ):
        assert part in said


def test_a_long_message_begins_the_page_and_is_whole_below(shop, boss):
    message = "no frog in the pond\n" * 40

    html = boss.get(page(receive(shop, failure(message)))).content.decode()

    head, _, whole = html.partition("The whole message")
    assert head.partition("<h1>")[2].count("no frog in the pond") == 6
    assert whole.partition("</details>")[0].count("no frog in the pond") == 40
    assert "The whole message" not in text_of(boss.get(page(receive(shop, failure("short")))))


@pytest.mark.parametrize("kind", ["v2", "v3"])
def test_a_class_of_the_site_is_no_part_of_its_message(shop, boss, kind):
    problem = receive(shop, failure("Declined: no funds", "shop.errors.Declined"), kind=kind)

    assert Problem.objects.get().message == "no funds"
    assert "Declined no funds shop/views.py" in text_of(boss.get(LIST))
    assert "production Declined no funds shop/views.py" in text_of(boss.get(page(problem)))


def test_a_class_without_message_and_frames_is_said_once(shop, boss):
    said = text_of(boss.get(page(receive(shop, content("MemoryError", "MemoryError")))))

    assert said.partition("Notices")[0].count("MemoryError") == 1
    assert "The client sent no backtrace." in said


def test_the_figures_say_how_often_and_since_when(shop, boss):
    moment = now()
    for hours in (0, 1, 1, 30, 24 * 20):
        problem = receive(shop, versioned("1.5"), moment=moment - timedelta(hours=hours))

    said = text_of(boss.get(page(problem)))

    assert "Notices 5 Last 24 hours 3 First seen" in said
    assert "in 1.5" in said
    assert f"{localtime(problem.last_seen):%b %Y, %H:%M} Last 14 days at most 3 in 6 hours" in said


def test_a_summary_is_there_to_be_copied(shop, boss):
    notice = failure(
        url="https://shop.example/pay/?token=tok-1", method="POST", extra={"trail": ("10:01 one",)}
    )
    problem = receive(shop, notice)

    html = boss.get(page(problem)).content.decode()

    summary = unescape(re.search(r'aria-label="The summary">([^<]*)<', html)[1]).split("\n")
    assert summary[:2] == ["KeyError: 'frog'", "Lily shop, production, 2.14.0"]
    assert summary[2].startswith("Notices: 1, from ")
    assert summary[3:] == [
        f"POST https://shop.example/pay/?token={'*' * 20}",
        "",
        "  shop/views.py:78 in checkout",
        "",
        f"http://testserver{page(problem)}",
    ]


def test_version_2_says_the_same(shop, boss):
    notice = failure(
        url="https://shop.example/pay/",
        view="shop.views#pay",
        method="POST",
        params={"who": {"name": "Ingrid"}},
        extra={"trail": ("10:01 INFO shop: one",)},
        causes=(
            ErrorInfo(
                "OSError",
                "OSError: no disk",
                (
                    frame("shop/disk.py", 5, "write", ">    write()", path="/x"),
                    frame("shop/pay.py", 9, "pay"),
                ),
                notes=("Is it full?",),
                relation="context",
            ),
            ErrorInfo("MemoryError", "MemoryError", relation="cause"),
        ),
    )

    said = text_of(boss.get(page(receive(shop, notice, kind="v2"))))

    assert "KeyError 'frog' shop/views.py:78 in checkout · POST https://shop.example/pay/" in said
    assert (
        "Happened first; the error above was raised while it was handled OSError no disk Is it full?" in said
    )
    assert "shop/disk.py:5 in write 5 write() path /x shop/pay.py:9 in pay" in said
    assert "The direct cause of the error above MemoryError The client sent no backtrace." in said
    assert "who who name Ingrid" in said
    assert "Breadcrumbs oldest first 10:01 INFO shop: one" in said


def test_frames_of_libraries_are_folded_and_the_innermost_own_one_is_open(shop, boss):
    notice = content(
        "KeyError",
        "x",
        frame("shop/views.py", 7, "pay", ">    x", total="3"),
        frame("shop/views.py", 9, "outer", ">    y"),
        url="https://shop.example/",
        causes=(ErrorInfo("OSError", "no", (DJANGO[0], frame("shop/disk.py", 3, "read", ">    z"))),),
    )

    html = boss.get(page(receive(shop, notice))).content.decode()

    opened = re.findall(r"<details open>\s*<summary><code>([^<]*)", html)
    assert opened == ["shop/views.py:7", "shop/disk.py:3"]
    assert "<summary>2 frames in django</summary>" in html
    assert "FRAME_001" not in html


def test_a_deep_recursion_is_folded(shop, boss):
    notice = content("RecursionError", "x", *(frame("shop/tree.py", 18, "up") for _ in range(60)))

    assert "50 frames more" in text_of(boss.get(page(receive(shop, notice))))


def test_of_two_hundred_frames_the_outer_ones_are_folded(shop, boss):
    frames = (frame(f"shop/m{number}.py", 1, "up") if number % 2 else DJANGO[0] for number in range(200))

    said = text_of(boss.get(page(receive(shop, content("E", "x", *frames)))))

    assert "170 frames more" in said
    assert "shop/m199.py:1 in up" in said


def test_kept_notices_are_stepped_through(shop, boss):
    problem = receive(shop, *(failure(f"frog {number}") for number in range(3)))

    html = boss.get(page(problem, "notices/2/")).content.decode()

    links = dict(re.findall(r'<a href="[^"]*/notices/(\d+)/"[^>]*>(First|Older|Newer|Latest)', html))
    assert 'notices/1/" rel="prev">Older' in html
    assert 'notices/3/" rel="next">Newer' in html
    assert set(links) == {"1", "3"}
    assert "frog 1" in text_of(boss.get(page(problem, "notices/2/")))
    assert "Notice 9 is not kept any more." in text_of(boss.get(page(problem, "notices/9/"), follow=True))


def test_counts_are_of_the_kept_notices(shop, boss):
    agents = ["Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"] * 2 + ["curl/8.5.0"]
    notices = [failure(url=f"https://shop.example/pay/?step={step}") for step, _ in enumerate(agents)]
    for notice, agent in zip(notices, agents, strict=True):
        notice.request.cgi_data["HTTP_USER_AGENT"] = agent

    said = text_of(boss.get(page(receive(shop, *notices))))

    assert "Among 3 kept notices Hosts web-1 3" in said
    assert "Addresses https://shop.example/pay/ 3" in said
    assert "Browsers and clients Firefox 145 2 curl/8.5.0 1" in said


def test_a_regression_is_named_with_its_deploy(shop, boss):
    problem = receive(shop, versioned("1.4"))
    boss.post(page(problem, "decide/"), {"decision": "resolve", "version": "1.4"})
    assert "Resolved in version 1.4 on" in text_of(boss.get(page(problem)))
    Deploy.objects.create(app=shop, environment="production", version="1.5", user="mehmet")
    receive(shop, versioned("1.4"))
    assert Problem.objects.get().state == "resolved"

    receive(shop, versioned("1.5"))

    said = text_of(boss.get(page(problem)))
    assert " regressed Lily shop" in f" {said}"
    assert re.search(
        r"Resolved in version 1\.4 on .* It came back on .* in version 1\.5, deployed on .* by mehmet\.",
        said,
    )
    assert "Deploys 1.5 just now by mehmet" in said


def test_a_problem_that_was_resolved_again_and_reopened_by_hand_is_open(shop, boss):
    problem = receive(shop, versioned("1.4"))
    boss.post(page(problem, "decide/"), {"decision": "resolve", "version": "1.4"})
    receive(shop, versioned("1.5"))
    boss.post(page(problem, "decide/"), {"decision": "resolve", "version": "1.5"})

    boss.post(page(problem, "decide/"), {"decision": "reopen"})

    assert "open Lily shop" in text_of(boss.get(page(problem)))
    assert "KeyError" not in text_of(boss.get(f"{LIST}?state=regressed"))


@pytest.mark.parametrize(
    ("until", "sentence"),
    [
        ("", "Ignored until somebody reopens it."),
        ("100", "Ignored until notice 101."),
        ("week", r"Ignored until \d+ \w+ \d+, \d\d:\d\d\."),
    ],
)
def test_ignoring_says_until_when(problem, boss, until, sentence):
    boss.post(page(problem, "decide/"), {"decision": "ignore", "until": until})

    said = text_of(boss.get(page(problem)))
    assert re.search(sentence, said)
    assert "Reopen" in said


def test_what_was_decided_stands_in_the_history(problem, boss):
    boss.post(page(problem, "decide/"), {"decision": "resolve", "version": "1.4"})
    boss.post(page(problem, "decide/"), {"decision": "reopen"})
    boss.post(page(problem, "decide/"), {"decision": "explode"})

    from django.contrib.admin.models import LogEntry  # which wants the admin among the apps

    assert list(LogEntry.objects.order_by("pk").values_list("change_message", flat=True)) == [
        "Resolved in version 1.4.",
        "Reopened.",
    ]
    assert "Resolved in version 1.4." in text_of(boss.get(page(problem, "history/")))


def test_why_notices_are_together_is_said(problem, boss):
    said = text_of(boss.get(page(problem)))

    assert "Why are these together?" in said
    assert said.endswith(
        "Environment production Class KeyError Message <text> Place shop/views.py in checkout"
    )


def test_a_message_may_hold_what_separates_the_parts_of_a_key(shop, boss):
    said = text_of(boss.get(page(receive(shop, failure("left | right")))))

    assert "Message left | right Place shop/views.py in checkout" in said


def test_a_problem_whose_notices_are_gone_still_has_a_page(problem, boss):
    Notice.objects.all().delete()

    said = text_of(boss.get(page(problem)))

    assert "KeyError 'frog' shop/views.py in checkout" in said
    assert "No notice of this problem is kept." in said
    assert boss.get(page(problem, "text/")).status_code == 200


def test_a_document_that_is_refused_now_is_said_to_be(problem, boss):
    from zlib import compress

    Notice.objects.update(document=compress(b"{"))

    assert "This notice cannot be read: the document is not well-formed JSON" in text_of(
        boss.get(page(problem))
    )


@pytest.mark.parametrize("rest", ["change/", "text/", "notices/1/", "decide/"])
def test_a_problem_that_is_not_there_is_not_found(boss, site, rest):
    answer = boss.post(f"{LIST}77/{rest}") if rest == "decide/" else boss.get(f"{LIST}77/{rest}")

    assert answer.status_code == (302 if rest == "change/" else 404)


# Text, document, ids


def test_the_page_as_text(shop, boss):
    notice = failure(params={"who": {"name": "Ingrid"}}, extra={"trail": ("10:01 INFO shop: one",)})
    problem = receive(shop, notice)

    answer = boss.get(page(problem, "notices/1/text/"))

    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    said = answer.content.decode()
    assert said.startswith(
        "KeyError: 'frog'\nin shop/views.py in checkout\n\nLily shop, production: open\nNotices     1\n"
    )
    assert f"Page        http://testserver{page(problem)}\n" in said
    assert "\n  shop/views.py:78 in checkout\n" in said
    assert "\n  who[name] = Ingrid\n" in said
    assert "\n  10:01 INFO shop: one\n" in said


def test_the_document_is_given_as_it_came_and_no_browser_renders_it(shop, boss):
    document = b'{"errors": [{"type": "<script>alert(1)</script>"}], "params": {"password": "hunter2"}}'

    answer = boss.get(page(receive_documents(shop, document), "notices/1/document/"))

    assert answer.content == document
    assert answer["Content-Type"].startswith("text/plain")
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer["Content-Security-Policy"]


def test_the_id_on_an_error_page_leads_to_its_problem(shop, boss):
    problem = receive(shop, failure(), *(failure(f"toad {number}") for number in range(2)))
    notice = Notice.objects.get(number=2)

    sent_on = boss.get(f"/locate/{notice.client_id}")
    located = boss.get(f"{LIST}notice/{notice.client_id.upper()}/")
    searched = boss.get(f"{LIST}?q={notice.client_id}&state=resolved")

    assert sent_on.url == f"{LIST}notice/{notice.client_id}/"
    assert located.url == page(problem, "notices/2/")
    assert b"KeyError" in searched.content
    receipts = list(Receipt.objects.all())
    Receipt.objects.all().delete()
    assert b"KeyError" in boss.get(f"{LIST}?q={notice.client_id}").content
    Receipt.objects.bulk_create(receipts)
    notice.delete()
    assert boss.get(f"{LIST}notice/{notice.client_id}/").url == page(problem)
    assert b"KeyError" in boss.get(f"{LIST}?q={notice.client_id}").content
    lost = boss.get(f"{LIST}notice/{'0' * 32}/", follow=True)
    assert "No notice with this id was received." in text_of(lost)


# What is never shown, and what never runs

PAYLOADS = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(2)>',
    "'\"></title></textarea></style><svg onload=alert(3)>",
    "javascript:alert(4)",
    "{{ 7|add:7 }}{% now 'Y' %}<details open ontoggle=alert(5)>",
)


class Tags(HTMLParser):
    """The tags of a page with their attributes."""

    def __init__(self, html):
        super().__init__()
        self.tags = []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))


@pytest.mark.long
@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("kind", ["v2", "v3"])
def test_nothing_of_a_notice_becomes_markup(shop, boss, kind, payload):
    App.objects.update(name=payload, refused_at=now(), refused_reason=payload)
    problem = receive(shop, hostile(payload), hostile(payload), kind=kind)
    Deploy.objects.create(app=shop, environment=problem.environment, version=payload, user=payload)
    Problem.objects.update(resolved_in=payload, resolved_at=now(), regressed_in=payload, regressed_at=now())

    for address in (
        LIST,
        page(problem),
        page(problem, "notices/1/"),
        page(problem, "delete/"),
        page(problem, "history/"),
        f"/admin/hoptoad_inbox/app/{shop.pk}/change/",
    ):
        html = boss.get(address).content.decode()
        tags = Tags(html).tags
        assert payload not in html or payload.startswith("javascript:")
        assert not [
            tag for tag in tags if tag[0] in ("iframe", "object", "style") or tag[1].get("src") == "x"
        ]
        assert not [tag for tag in tags for name in tag[1] if name.startswith("on")]
        assert not [tag for tag in tags if tag[0] == "script" and "src" not in tag[1]]
        assert not [tag for tag in tags if tag[1].get("href", "").startswith("javascript")]


def test_our_pages_have_no_inline_style_or_script(shop, boss):
    fill()

    for address in (f"{LIST}?state=all", *(page(problem) for problem in Problem.objects.all()[:3])):
        tags = Tags(boss.get(address).content.decode()).tags
        assert not [tag for tag in tags if "style" in tag[1] or tag[0] == "style"]
        assert not [tag for tag in tags if tag[0] == "script" and "src" not in tag[1]]


def test_characters_that_hide_or_turn_text_are_shown_as_escapes(shop, boss):
    problem = receive(
        shop, failure("abc\u202etxt.exe \u200b\x07 \U000e0041", params={"na\u2066me": "a\rb\tc"})
    )

    for address in (LIST, page(problem), page(problem, "text/")):
        body = boss.get(address).content.decode()
        assert "abc\\u202etxt.exe" in body
        assert not re.search("[\u202e\u2066\u200b\x07\U000e0041]", body)
    assert "na\\u2066me" in boss.get(page(problem)).content.decode()
    assert "a\\rb\tc" in boss.get(page(problem)).content.decode()


@pytest.mark.long
@pytest.mark.parametrize(
    ("text", "is_link"),
    [
        ("https://shop.example/pay/?a=1", True),
        ("http://shop.example", True),
        ("javascript:alert(1)", False),
        ("https://user@shop.example/", False),
        ("https://shop.example/ and more", False),
        ("https://shop.example\\@evil.example/", False),
        ("https:shop.example", False),
        ("https:///path", False),
        ("//shop.example/", False),
        ("data:text/html,x", False),
        ("https://b\u00fccher.example/", False),
        ("https://[broken/", False),
        ('https://shop.example/"x', False),
    ],
)
def test_only_plain_web_addresses_are_links(shop, boss, text, is_link):
    html = boss.get(page(receive(shop, failure(params={"at": text})))).content.decode()

    assert f'rel="noreferrer noopener nofollow">{text}<' in html if is_link else 'rel="noref' not in html


def test_secrets_of_clients_that_mask_nothing_are_masked(shop, boss, settings):
    settings.HOPTOAD_PROTECTED_PARAMS = ["iban"]
    document = b"""{"errors": [{"type": "E", "message": "m", "backtrace": []}],
      "context": {"url": "https://shop.example/?q=frog&token=tok-1"},
      "environment": {"HTTP_COOKIE": "sessionid=abc", "Authorization": "Bearer xyz", "HTTP_HOST": "shop.example"},
      "params": {"password": "hunter2", "card": {"iban": "DE02", "owner": "Ingrid"}, "empty_token": ""},
      "session": {"csrf_token": ["s1", "s2"]}}"""
    problem = receive_documents(shop, document)

    for address in (page(problem), page(problem, "text/"), LIST):
        body = boss.get(address).content.decode()
        assert not re.search(r"\b(hunter2|tok-1|abc|xyz|DE02|s1|s2)\b", body.partition("<main")[2] or body)
    assert "https://shop.example/?q=frog&token=" + "*" * 20 in text_of(boss.get(page(problem)))
    assert "card card owner Ingrid" in text_of(boss.get(page(problem))).replace(
        "card iban " + "*" * 20 + " ", ""
    )


# Where the pages are, and what they cost


def test_the_pages_work_below_a_path(problem, boss):
    with override_script_prefix("/errors/"):
        html, listed = boss.get(page(problem)).content.decode(), boss.get(LIST).content.decode()

    assert f'action="/errors{page(problem, "decide/")}"' in html
    assert f'href="/errors{page(problem, "notices/1/text/")}"' in html
    assert f'href="/errors{page(problem)}"' in listed


def test_a_site_without_time_zones_has_the_inbox(shop, boss, settings):
    settings.USE_TZ = False
    problem = receive(shop, failure(), moment=now() - timedelta(hours=2))

    boss.post(page(problem, "decide/"), {"decision": "ignore", "until": "date", "date": "2999-01-02"})

    assert "2 hours ago" in text_of(boss.get(f"{LIST}?state=all"))
    assert "Ignored until 2 Jan 2999, 00:00." in text_of(boss.get(page(problem)))
    assert boss.get(page(problem, "text/")).status_code == 200


@pytest.mark.parametrize("kind", ["superuser", "staff"])
def test_no_page_takes_more_than_twelve_queries(shop, kind):
    problem = fill()[0]
    permissions = "view_problem", "change_problem", "delete_problem", "view_app", "change_app"
    user = (
        office.person("boss", is_superuser=True)
        if kind == "superuser"
        else office.person("ana", *permissions)
    )
    client = office.signed_in(user)

    for address in (
        LIST,
        f"{LIST}?q=frog",
        f"{LIST}?state=all",
        page(problem),
        page(problem, "text/"),
        page(problem, "notices/1/document/"),
        f"/admin/hoptoad_inbox/app/{problem.app_id}/change/",
    ):
        with CaptureQueriesContext(connection) as captured:
            assert client.get(address).status_code == 200
        queries = [query["sql"] for query in captured]
        assert len(queries) <= MOST_QUERIES, (address, queries)
        assert not [sql for sql in queries if "COUNT" in sql and "inbox_notice" in sql]
        assert sum('"hoptoad_inbox_notice"."document"' in sql for sql in queries) <= 1


def test_numbers_and_bars_are_well_formed_in_every_language(shop, boss, settings):
    settings.LANGUAGE_CODE, settings.USE_THOUSAND_SEPARATOR = "de", True
    problem = receive(shop, failure())
    Problem.objects.update(count=12345)

    html = boss.get(page(problem)).content.decode()

    assert "12,345" in html
    for tag, attributes in Tags(html).tags:
        if tag == "rect":
            assert all(attributes[name].isdigit() for name in ("x", "y", "width", "height"))


# Apps


def test_the_key_is_for_those_who_may_change_the_app(shop):
    address = f"/admin/hoptoad_inbox/app/{shop.pk}/change/"
    viewer = office.signed_in(office.person("ana", "view_app"))

    assert "k" * 32 not in viewer.get(address).content.decode()
    assert (
        "k" * 32
        in office.signed_in(office.person("boss", "view_app", "change_app")).get(address).content.decode()
    )


def test_settings_to_paste_name_the_ingest_urls_of_this_site(shop, boss):
    address = f"/admin/hoptoad_inbox/app/{shop.pk}/change/"

    said = text_of(boss.get(address))

    assert '"HOPTOAD_NOTIFICATION_URL": "http://testserver/notifier_api/v2/notices"' in said
    assert f'project_id={shop.pk}, project_key="{shop.key}", host="http://testserver", )' in said
    assert f'curl "http://testserver/api/v3/projects/{shop.pk}/notices"' in said
    with override_settings(ROOT_URLCONF="shop.two_offices"):
        assert "This site receives no notices of others yet." in text_of(boss.get(address))


def test_a_new_key_leaves_the_old_one_valid_for_a_day(shop, boss):
    address = f"/admin/hoptoad_inbox/app/{shop.pk}/change/"

    told = boss.post(f"/admin/hoptoad_inbox/app/{shop.pk}/new-key/", follow=True)

    changed = App.objects.get()
    assert changed.key != "k" * 32
    assert changed.old_key == "k" * 32
    assert timedelta(hours=23) < changed.old_key_until - now() < timedelta(hours=25)
    assert "It has a new key. The old one is accepted for 24 hours more." in text_of(told)
    assert "The key before this one is accepted until" in text_of(boss.get(address))


def test_the_buttons_of_an_app_are_for_those_who_may_change_it(shop):
    viewer = office.signed_in(office.person("ana", "view_app"))
    strict = office.signed_in(office.person("boss", is_superuser=True), enforce_csrf_checks=True)

    for rest in ("new-key", "test-mail"):
        address = f"/admin/hoptoad_inbox/app/{shop.pk}/{rest}/"
        assert viewer.post(address).status_code == 403
        assert strict.post(address).status_code == 403
        assert strict.get(address).status_code == 405

    assert App.objects.get().key == "k" * 32


def test_a_test_mail_says_what_came_of_it(shop, boss, mailoutbox):
    address = f"/admin/hoptoad_inbox/app/{shop.pk}/test-mail/"

    nobody = text_of(boss.post(address, follow=True))
    App.objects.update(mail_to="a@x.test\nb@x.test")
    sent = text_of(boss.post(address, follow=True))
    with override_settings(DEFAULT_FROM_EMAIL="no\naddress"):
        failed = text_of(boss.post(address, follow=True))

    assert "Nobody gets mail: save an address first." in nobody
    assert "A test mail was sent to a@x.test, b@x.test." in sent
    assert "The mail was not sent. " in failed
    assert [letter.to for letter in mailoutbox] == [["a@x.test", "b@x.test"]]
    assert boss.post("/admin/hoptoad_inbox/app/77/test-mail/").status_code == 404


def test_refused_notices_are_said_with_the_last_reason(shop, boss):
    App.objects.update(refused_count=3, refused_at=now(), refused_reason="the body is larger than 1 MiB")

    assert "3 so far. The last one, just now : the body is larger" in text_of(
        boss.get(f"/admin/hoptoad_inbox/app/{shop.pk}/change/")
    )
    assert "3, last just now" in text_of(boss.get("/admin/hoptoad_inbox/app/"))


def test_an_app_is_added_and_deleted(site, boss):
    form = {"name": "Depot", "mail_to": "", "mail_environments": ""}
    added = boss.post("/admin/hoptoad_inbox/app/add/", form, follow=True)
    app = App.objects.get()
    assert f'project_key="{app.key}"' in text_of(added)
    receive(app, failure())

    asked = boss.get(f"/admin/hoptoad_inbox/app/{app.pk}/delete/")
    boss.post(f"/admin/hoptoad_inbox/app/{app.pk}/delete/", {"post": "yes"})

    assert len(app.key) == 32
    assert "Apps, with all of their problems: 1" in text_of(asked)
    assert not Problem.objects.exists()


# Other sites, other databases


def test_an_admin_site_beside_the_usual_one_keeps_to_its_own_pages(problem, boss):
    with override_settings(ROOT_URLCONF="shop.two_offices"):
        listed = boss.get("/back-office/hoptoad_inbox/problem/").content.decode()
        shown = boss.get(f"/back-office/hoptoad_inbox/problem/{problem.pk}/change/").content.decode()
        decided = boss.post(
            f"/back-office/hoptoad_inbox/problem/{problem.pk}/decide/", {"decision": "resolve"}
        )

    assert not re.findall('(?:href|action)="/admin/[^"]*', listed + shown)
    assert decided.url == f"/back-office/hoptoad_inbox/problem/{problem.pk}/change/"


REPLACED = """
import django; django.setup()
from django.test import Client, override_settings
from django.test.utils import setup_test_environment
from django.core.management import call_command
import office, seeded
from hoptoad.inbox.models import App
setup_test_environment()
call_command("migrate", verbosity=0)
problem = seeded.receive(App.objects.create(name="shop"), seeded.SEEDS[0].content)
client = Client(); client.force_login(office.person("boss", is_superuser=True))
for address in ("/admin/hoptoad_inbox/problem/", f"/admin/hoptoad_inbox/problem/{problem.pk}/change/"):
    page = client.get(address)
    assert page.status_code == 200 and b"The back office" in page.content and b"KeyError" in page.content
"""


@pytest.mark.long
def test_a_site_that_replaces_the_admin_site_has_the_pages(tmp_path):
    subprocess.run(
        [sys.executable, "-W", "error", "-c", REPLACED],
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "shop.back_office", "PYTHONPATH": PYTHONPATH},
        check=True,
    )

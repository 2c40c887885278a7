"""Counting and keeping what arrives, on both databases."""

import sys
from datetime import datetime, timedelta, timezone

import pytest
from django.db import connections, transaction
from django.test.utils import CaptureQueriesContext

from hoptoad.api import htv2, v3
from hoptoad.inbox import states
from hoptoad.inbox.arrivals import arrival
from hoptoad.inbox.models import Fingerprint, Hour, Notice, Problem, Receipt, State
from hoptoad.inbox.store import Flood, store
from hoptoad.notice import ErrorInfo, Frame, RequestInfo, Server, User
from hoptoad.notice import Notice as Content

NOON = datetime(2026, 11, 27, 12, 30, tzinfo=timezone.utc)
FRAMES = (Frame("[PROJECT_ROOT]/shop/views.py", 7, "checkout"),)


def content(identity="", class_name="KeyError", message="'frog'", version="1.0", frames=FRAMES):
    return Content(
        id=identity,
        error=ErrorInfo(class_name, f"{class_name}: {message}", frames),
        request=RequestInfo(url="https://shop.test/a", cgi_data={"HTTP_USER_AGENT": "Firefox"}),
        server=Server(environment_name="production", app_version=version, hostname="web1"),
        user=User(id="7", email="freda@x.test"),
    )


def received(app, moment=NOON, *, encode=htv2.encode, **parts):
    return arrival(app.pk, encode(content(**parts)), moment)


def stored(database, *arrivals):
    return store(arrivals, database, Flood())


def the_problem(database):
    return Problem.objects.using(database).get()


def test_two_notices_of_one_bug_are_one_problem(app, database):
    stored(database, received(app, message="'frog'"))
    stored(
        database, received(app, NOON + timedelta(hours=1), message="'toad'", version="1.1", encode=v3.encode)
    )

    problem = the_problem(database)
    assert (problem.count, problem.class_name, problem.message) == (2, "KeyError", "'toad'")
    assert (problem.place, problem.environment) == ("shop/views.py in checkout", "production")
    assert (problem.first_seen, problem.last_seen) == (NOON, NOON + timedelta(hours=1))
    assert (problem.first_version, problem.last_version) == ("1.0", "1.1")
    assert [(row.hour.hour, row.count) for row in problem.hours.order_by("hour")] == [(12, 1), (13, 1)]
    assert problem.fingerprints.get().text == "production | KeyError | <text> | shop/views.py in checkout"


def test_a_kept_notice_says_what_was_sent(app, database):
    stored(database, received(app, identity="a" * 32))

    notice = Notice.objects.using(database).get()
    assert (notice.number, notice.kind, notice.client_id) == (1, "v2", "a" * 32)
    assert (notice.host, notice.user, notice.agent) == ("web1", "freda@x.test", "Firefox")
    assert notice.content().error.frames == FRAMES
    assert notice.raw.startswith(b"<?xml")


def test_a_notice_that_is_sent_again_counts_once(app, database):
    stored(database, received(app, identity="1"), received(app, identity="1"))
    again = stored(database, received(app, identity="1"), received(app, identity="2"))
    never = stored(database, received(app, identity="1"), received(app, identity="2"))

    assert (again.counted, never.counted) == (1, 0)
    assert the_problem(database).count == 2
    assert Receipt.objects.using(database).count() == 2


def test_a_batch_of_many_problems_counts_each(app, database):
    names = ["E1", "E2", "E1", "E3", "E1"]

    stored(database, *(received(app, class_name=name) for name in names))

    counts = dict(Problem.objects.using(database).values_list("class_name", "count"))
    assert counts == {"E1": 3, "E2": 1, "E3": 1}


def test_of_many_notices_the_first_and_the_latest_are_kept(app, database):
    flood = Flood()
    for start in range(0, 300, 20):  # within a minute 20 are kept
        moment = NOON + timedelta(minutes=start)
        store([received(app, moment) for _ in range(20)], database, flood)

    numbers = list(Notice.objects.using(database).order_by("number").values_list("number", flat=True))
    assert numbers[:11] == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12]
    assert numbers[-50:] == list(range(251, 301))
    assert len(numbers) <= 160
    assert the_problem(database).count == 300


def test_a_flood_moves_the_counters_and_keeps_20_a_minute(app, database):
    flood = Flood()
    for _ in range(4):
        store([received(app) for _ in range(50)], database, flood)

    assert the_problem(database).count == 200
    assert Hour.objects.using(database).get().count == 200
    assert Notice.objects.using(database).count() <= 20


def test_a_new_notice_reopens_a_resolved_problem(app, database):
    stored(database, received(app, version="1.4"))
    states.resolve(Problem.objects.using(database))

    stored(database, received(app, version="1.4"))
    still = the_problem(database)
    [alert] = stored(database, received(app, version="1.5")).alerts

    assert (still.state, still.resolved_in) == (State.RESOLVED, "1.4")
    back = the_problem(database)
    assert (back.state, back.regressed_in, back.resolved_in) == (State.OPEN, "1.5", "1.4")
    assert alert.kind == "regression"


def test_an_ignored_problem_counts_in_silence_and_opens_after_so_many(app, database):
    stored(database, received(app))
    states.ignore(Problem.objects.using(database), more=10)

    silent = stored(database, *(received(app) for _ in range(9)))  # its tenth is among them
    state = the_problem(database).state
    [alert] = stored(database, received(app)).alerts

    assert silent.alerts == []
    assert state == State.IGNORED
    assert (alert.kind, the_problem(database).state) == ("reopened", State.OPEN)


def test_an_ignored_problem_opens_at_its_time(app, database):
    stored(database, received(app))
    states.ignore(Problem.objects.using(database), until=NOON + timedelta(days=1))

    stored(database, received(app, NOON + timedelta(hours=23)))
    before = the_problem(database).state
    stored(database, received(app, NOON + timedelta(hours=25)))

    assert (before, the_problem(database).state) == (State.IGNORED, State.OPEN)


def test_milestones_are_told(app, database):
    kinds = [alert.kind for _ in range(100) for alert in stored(database, received(app)).alerts]

    assert kinds == ["new", "milestone", "milestone"]


def test_merged_problems_count_together_and_later_notices_follow(app, database):
    stored(database, received(app, class_name="E1"), received(app, class_name="E1"))
    stored(database, received(app, NOON + timedelta(hours=2), class_name="E2"))

    target = states.merge(Problem.objects.using(database))
    stored(database, received(app, NOON + timedelta(hours=2), class_name="E2"))

    problem = the_problem(database)
    assert problem.pk == target.pk
    assert problem.count == 4
    assert Fingerprint.objects.using(database).filter(problem=problem).count() == 2
    assert sorted(problem.notices.values_list("number", flat=True)) == [1, 2, 3, 4]
    assert [(row.hour.hour, row.count) for row in problem.hours.order_by("hour")] == [(12, 2), (14, 2)]


def test_problems_of_two_apps_are_not_merged(app, database):
    other = type(app).objects.using(database).create(name="blog")
    stored(database, received(app), received(other))

    with pytest.raises(ValueError, match="different apps"):
        states.merge(Problem.objects.using(database))


def test_a_deleted_problem_is_new_when_it_comes_again(app, database):
    stored(database, received(app))
    Problem.objects.using(database).all().delete()

    [alert] = stored(database, received(app)).alerts

    assert (alert.kind, the_problem(database).count) == ("new", 1)


def test_a_notice_of_a_known_problem_takes_fewer_than_1500_calls_and_a_dozen_queries(app, database):
    stored(database, received(app), received(app))
    arrivals = [received(app) for _ in range(3)]
    calls = []

    with CaptureQueriesContext(connections[database]) as queries:
        stored(database, arrivals.pop())
    stored(database, arrivals.pop())
    before = sys.getprofile()
    sys.setprofile(lambda frame, event, function: calls.append(event) if "call" in event else None)
    try:
        stored(database, arrivals.pop())
    finally:
        sys.setprofile(before)

    assert len(queries) < 12
    assert len(calls) < 1_500  # about 600 on SQLite; the ORM took 5,300


def test_what_fails_within_a_batch_leaves_nothing(app, database):
    broken = received(app)
    object.__setattr__(broken, "document", object())

    with pytest.raises(Exception):  # noqa: B017 - each database's own
        stored(database, received(app), broken)

    assert not Problem.objects.using(database).exists()


def test_rows_of_a_batch_survive_only_a_commit(app, database):
    with transaction.atomic(using=database):
        stored(database, received(app))
        transaction.set_rollback(True, using=database)

    assert not Receipt.objects.using(database).exists()

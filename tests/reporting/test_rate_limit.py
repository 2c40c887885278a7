"""Storms: the first go at once, the flood is counted and summed up."""

import threading

import pytest
from django.core.cache import caches
from rules import variables

from hoptoad import notify, stats
from hoptoad.notice import ErrorInfo, Incident, Notice
from hoptoad.reporting import rate_limit
from hoptoad.reporting.fingerprint import fingerprint
from hoptoad.reporting.throttle import MAX_FINGERPRINTS, MAX_FLOODS, MAX_VARIANTS, Throttle
from hoptoad.testing import outbox


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def throttle(clock):
    return Throttle(clock=clock, wall_clock=clock)


def capture():
    return Notice(id="1", error=ErrorInfo("E", "E: x"))


def storm_of(throttle, number, limit=3):
    admitted = 0
    for index in range(number):
        if throttle.admits("same", limit):
            admitted += 1
        else:
            throttle.suppress("same", capture)
    return admitted


def test_below_the_limit_all_go_at_once(throttle):
    assert storm_of(throttle, 3) == 3
    assert throttle.ended(all_of_them=True) == []


def test_beyond_the_limit_they_are_counted_and_summed_up_once_when_the_window_ends(throttle, clock):
    assert storm_of(throttle, 10) == 3
    clock.now += 59
    assert throttle.ended() == []
    clock.now += 1

    [flood] = throttle.ended()

    assert (flood.count, flood.since) == (7, 1000.0)
    assert throttle.ended() == []


def test_a_new_window_begins_with_a_new_limit(throttle, clock):
    storm_of(throttle, 10)
    clock.now += 60
    throttle.ended()

    assert storm_of(throttle, 10) == 3


def test_different_failures_do_not_share_a_limit(throttle):
    assert storm_of(throttle, 10) == 3
    assert throttle.admits("another", 3)


def test_very_many_different_failures_do_not_fill_the_memory(throttle, clock):
    for number in range(MAX_FINGERPRINTS + 10):
        assert throttle.admits(str(number), 3)

    assert len(throttle._windows) == MAX_FINGERPRINTS
    clock.now += 60
    assert throttle.admits("one more", 3)
    assert len(throttle._windows) == 1


def test_counting_is_exact_from_many_threads(throttle):
    admitted = []

    def work():
        admitted.append(storm_of(throttle, 500, limit=100))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(admitted) == 100
    assert throttle.ended(all_of_them=True)[0].count == 1900


def test_failures_are_the_same_by_class_and_line():
    def fail(kind):
        try:
            raise kind("text " + kind.__name__)
        except kind as error:
            return fingerprint(Incident(exception=error))

    assert fail(ValueError) == fail(ValueError)
    assert fail(ValueError) != fail(KeyError)
    assert fingerprint(Incident(status=404)) != fingerprint(Incident(status=403))


def test_a_storm_is_limited_and_summed_up_in_the_group_of_its_failure(client, reported, settings_for):
    settings_for(HOPTOAD_STORM_LIMIT=5)

    for number in range(20):
        client.get(f"/boom/{number}/")
    assert len(reported) == 5

    rate_limit.tell_now()

    assert len(reported) == 6
    last = list(reported)[-1]
    assert last.findtext("error/class") == "ValueError"
    data = variables(last, "cgi-data")
    assert data["STORM_SUPPRESSED"] == "15 notices like this one in this process"
    assert data["STORM_SINCE"] <= data["STORM_UNTIL"]
    assert stats()["suppressed"] == 15
    assert stats()["sent"] == 6


def test_a_limit_of_nothing_lets_everything_through(client, reported, settings_for):
    settings_for(HOPTOAD_STORM_LIMIT=0)

    for _ in range(120):
        client.get("/boom/")

    assert len(reported) == 120


def test_processes_share_the_limit_through_the_cache(client, reported, settings_for):
    settings_for(HOPTOAD_STORM_LIMIT=5, HOPTOAD_STORM_CACHE="default")
    caches["default"].clear()

    for _ in range(4):
        client.get("/boom/")
    rate_limit.start_over()  # as another process that has counted nothing itself
    for _ in range(4):
        client.get("/boom/")

    assert len(reported) == 5


def test_a_cache_that_fails_costs_nothing_but_the_sharing(client, reported, settings_for, caplog):
    settings_for(
        HOPTOAD_STORM_CACHE="default",
        HOPTOAD_STORM_LIMIT=5,
        CACHES={
            "default": {
                "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
                "LOCATION": "/dev/null/x",
            }
        },
    )

    for _ in range(10):
        client.get("/boom/")

    assert len(reported) == 5
    assert "does not count" in caplog.text


def test_a_sample_rate_of_nothing_reports_nothing(client, reported, settings_for):
    settings_for(HOPTOAD_SAMPLE_RATE=0)

    client.get("/boom/")

    assert len(reported) == 0
    assert stats()["suppressed"] == 1


def test_what_was_lost_is_told_in_the_next_notice(client, reported):
    from hoptoad.delivery.stats import stats as process_stats

    process_stats.drop(17, "for the test")

    client.get("/boom/")

    assert variables(reported.one(), "cgi-data")["HOPTOAD_NOTICES_LOST"] == "17 by this process so far"


def test_a_timer_sums_up_when_the_window_ends(client, collector, settings_for, monkeypatch):
    monkeypatch.setattr("hoptoad.reporting.throttle.WINDOW", 0.2)
    monkeypatch.setattr("hoptoad.reporting.rate_limit.WINDOW", 0.2)
    settings_for(HOPTOAD_HANDLER="blocking", HOPTOAD_NOTIFICATION_URL=collector.url, HOPTOAD_STORM_LIMIT=1)

    for _ in range(5):
        client.get("/boom/")

    first, *later = collector.wait(2)
    assert b"STORM" not in first.body
    assert b"STORM_SUPPRESSED" in later[-1].body or b"STORM_SUPPRESSED" in collector.wait()[0].body


def over(throttle, key, times=1):
    """Counts what is not admitted, with a limit of 1."""
    for _ in range(times + 1):
        if not throttle.admits(key, 1):
            throttle.suppress(key, capture)


def test_the_oldest_goes_first_and_its_flood_is_still_summed_up(throttle):
    over(throttle, b"oldest", 5)
    for number in range(MAX_FINGERPRINTS):
        throttle.admits(b"%d" % number, 1)

    assert throttle.admits(b"oldest", 1)
    assert throttle.has_floods()
    assert [flood.count for flood in throttle.ended()] == [5]


def test_more_floods_than_have_room_are_summed_up_together(throttle, clock):
    captured = []
    for number in range(MAX_FLOODS + 40):
        for _ in range(3):
            if not throttle.admits(b"%d" % number, 1):
                throttle.suppress(b"%d" % number, lambda: captured.append(1) or capture())
    clock.now += 60

    floods = throttle.ended()

    assert len(captured) == MAX_FLOODS
    assert sorted(flood.count for flood in floods) == [*[2] * MAX_FLOODS, 80]
    assert [flood.count for flood in floods if flood.notice is None] == [80]
    over(throttle, b"later")
    assert throttle.ended(all_of_them=True)[0].notice is not None


def test_what_cannot_be_captured_is_counted_too(throttle):
    throttle.admits(b"x", 0)
    with pytest.raises(ValueError, match="no"):
        throttle.suppress(b"x", lambda: raise_it(ValueError("no")))

    assert [(flood.notice, flood.count) for flood in throttle.ended(all_of_them=True)] == [(None, 1)]


def raise_it(error):
    raise error


def test_failures_without_end_of_one_place_share_a_limit(throttle, clock):
    keys = [throttle.key(b"%d" % number, b"place") for number in range(MAX_VARIANTS + 100)]

    assert len(set(keys)) == MAX_VARIANTS + 1
    assert set(keys[MAX_VARIANTS:]) == {b"place"}
    assert throttle.key(b"0", b"place") == b"0"
    assert throttle.key(b"new", b"another place") == b"new"
    clock.now += 60
    assert throttle.key(b"new", b"place") == b"new"


@pytest.mark.parametrize("path", ["/exception/", "/exception/async/"])
def test_classes_made_at_run_time_do_not_escape_the_limit(client, settings_for, view, path):
    settings_for(HOPTOAD_STORM_LIMIT=1)

    @view
    def fail(request):
        kind = request.GET["kind"]
        raise type(kind, (Exception,), {})

    for number in range(100):
        client.get(path, {"kind": f"Kind{number}"})
        client.get("/boom/")
    assert len(outbox) == MAX_VARIANTS + 2

    rate_limit.tell_now()

    said = [notice.request.cgi_data.get("STORM_SUPPRESSED", "").partition(" ")[0] for notice in outbox]
    assert sorted(filter(None, said)) == ["67", "99"]


def test_failures_without_room_of_their_own_are_told_in_one_notice(client, settings_for, view):
    settings_for(HOPTOAD_STORM_LIMIT=1)
    lines = "\n".join(
        f"    if number == {number}: raise KeyError(number)" for number in range(MAX_FLOODS + 9)
    )
    names = {}
    exec(compile(f"def fail(number):\n{lines}", __file__, "exec"), names)  # noqa: S102
    view(lambda request: names["fail"](int(request.GET["n"])))
    for number in (*range(MAX_FLOODS + 9), *range(MAX_FLOODS + 9)):
        client.get("/exception/", {"n": number})
    before = len(outbox)

    rate_limit.tell_now()

    told = outbox[before:]
    assert len(told) == MAX_FLOODS + 1
    [rest] = [notice for notice in told if notice.error.class_name == "StormLimit"]
    assert rest.request.cgi_data["STORM_SUPPRESSED"] == "9 notices of other failures in this process"


def test_processes_share_the_limit_of_log_calls_and_tasks_too(settings_for):
    settings_for(HOPTOAD_STORM_LIMIT=2, HOPTOAD_STORM_CACHE="default")
    caches["default"].clear()

    for number in range(3):
        for action in ("bill", "mail"):
            notify(message=f"row {number}", component="tasks", action=action)
        rate_limit.start_over()  # as another process

    assert len(outbox) == 4

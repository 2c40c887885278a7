"""The rate limit: the first notices are sent at once, the rest are counted and summed up."""

import threading

import pytest
from django.core.cache import caches
from rules import variables

from hoptoad import notify, stats
from hoptoad.conf.loading import get_settings
from hoptoad.notice import ErrorInfo, Incident, Notice
from hoptoad.reporting.fingerprint import fingerprint
from hoptoad.reporting.pipeline import pipeline
from hoptoad.reporting.rate_limit import MAX_FINGERPRINTS, MAX_SUMMARIES, MAX_VARIANTS, RateLimiter, Throttle
from hoptoad.testing import outbox


@pytest.fixture
def throttle(clock):
    return Throttle(clock=clock, wall_clock=clock)


def capture():
    return Notice(id="1", error=ErrorInfo("E", "E: x"))


def storm_of(throttle, number, limit=3):
    admitted = 0
    for index in range(number):
        if throttle.allows("same", limit):
            admitted += 1
        else:
            throttle.suppress("same", capture)
    return admitted


def test_below_the_limit_all_go_at_once(throttle):
    assert storm_of(throttle, 3) == 3
    assert throttle.take_ended(all_of_them=True) == []


def test_beyond_the_limit_they_are_counted_and_summed_up_once_when_the_window_ends(throttle, clock):
    assert storm_of(throttle, 10) == 3
    clock.now += 59
    assert throttle.take_ended() == []
    clock.now += 1

    [suppressed] = throttle.take_ended()

    assert (suppressed.count, suppressed.since) == (7, 1000.0)
    assert throttle.take_ended() == []


def test_a_new_window_begins_with_a_new_limit(throttle, clock):
    storm_of(throttle, 10)
    clock.now += 60
    throttle.take_ended()

    assert storm_of(throttle, 10) == 3


def test_different_failures_do_not_share_a_limit(throttle):
    assert storm_of(throttle, 10) == 3
    assert throttle.allows("another", 3)


def test_very_many_different_failures_do_not_fill_the_memory(throttle, clock):
    for number in range(MAX_FINGERPRINTS + 10):
        assert throttle.allows(str(number), 3)

    assert len(throttle._windows) == MAX_FINGERPRINTS
    clock.now += 60
    assert throttle.allows("one more", 3)
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
    assert throttle.take_ended(all_of_them=True)[0].count == 1900


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

    pipeline.flush_summaries()

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
    pipeline.start_over()  # as another process that has counted nothing itself
    for _ in range(4):
        client.get("/boom/")

    assert len(reported) == 5


class Cache:
    """Counts as Django's caches do."""

    def __init__(self):
        self.counts = {}

    def add(self, key, value, timeout):
        self.counts.setdefault(key, value)

    def incr(self, key):
        self.counts[key] += 1
        return self.counts[key]


def test_limiters_with_one_cache_have_one_limit(clock, settings_for):
    settings_for(HOPTOAD_STORM_LIMIT=3, HOPTOAD_STORM_CACHE="default")
    cache, sent = Cache(), []
    first, second = (RateLimiter(sent.append, clock=clock, cache=lambda alias: cache) for _ in range(2))

    keys = [limiter.over_limit(Incident(status=503), get_settings()) for limiter in (first, second) * 3]

    assert [key is None for key in keys] == [True, True, True, False, False, False]
    assert list(cache.counts.values()) == [6]


def test_a_limiter_sends_one_summary_and_forgets_it(clock, settings_for):
    settings_for(HOPTOAD_STORM_LIMIT=1)
    sent = []
    limiter = RateLimiter(sent.append, clock=clock, wall_clock=clock)
    for _ in range(4):
        key = limiter.over_limit(Incident(status=503), get_settings())
        if key is not None:
            limiter.suppress(key, capture)

    limiter.flush()
    limiter.flush()

    assert [notice.request.cgi_data["STORM_SUPPRESSED"] for notice in sent] == [
        "3 notices like this one in this process"
    ]


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
    assert "this process counts alone" in caplog.text


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
        if not throttle.allows(key, 1):
            throttle.suppress(key, capture)


def test_the_oldest_goes_first_and_what_it_suppressed_is_still_summed_up(throttle):
    over(throttle, b"oldest", 5)
    for number in range(MAX_FINGERPRINTS):
        throttle.allows(b"%d" % number, 1)

    assert throttle.allows(b"oldest", 1)
    assert throttle.has_suppressed()
    assert [suppressed.count for suppressed in throttle.take_ended()] == [5]


def test_failures_beyond_the_bound_share_one_summary(throttle, clock):
    captured = []
    for number in range(MAX_SUMMARIES + 40):
        for _ in range(3):
            if not throttle.allows(b"%d" % number, 1):
                throttle.suppress(b"%d" % number, lambda: captured.append(1) or capture())
    clock.now += 60

    ended = throttle.take_ended()

    assert len(captured) == MAX_SUMMARIES
    assert sorted(suppressed.count for suppressed in ended) == [*[2] * MAX_SUMMARIES, 80]
    assert [suppressed.count for suppressed in ended if suppressed.notice is None] == [80]
    over(throttle, b"later")
    assert throttle.take_ended(all_of_them=True)[0].notice is not None


def test_what_cannot_be_captured_is_counted_too(throttle):
    throttle.allows(b"x", 0)
    with pytest.raises(ValueError, match="no"):
        throttle.suppress(b"x", lambda: raise_it(ValueError("no")))

    assert [(each.notice, each.count) for each in throttle.take_ended(all_of_them=True)] == [(None, 1)]


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

    pipeline.flush_summaries()

    said = [notice.request.cgi_data.get("STORM_SUPPRESSED", "").partition(" ")[0] for notice in outbox]
    assert sorted(filter(None, said)) == ["67", "99"]


def test_failures_without_room_of_their_own_are_told_in_one_notice(client, settings_for, view):
    settings_for(HOPTOAD_STORM_LIMIT=1)
    lines = "\n".join(
        f"    if number == {number}: raise KeyError(number)" for number in range(MAX_SUMMARIES + 9)
    )
    names = {}
    exec(compile(f"def fail(number):\n{lines}", __file__, "exec"), names)  # noqa: S102
    view(lambda request: names["fail"](int(request.GET["n"])))
    for number in (*range(MAX_SUMMARIES + 9), *range(MAX_SUMMARIES + 9)):
        client.get("/exception/", {"n": number})
    before = len(outbox)

    pipeline.flush_summaries()

    told = outbox[before:]
    assert len(told) == MAX_SUMMARIES + 1
    [rest] = [notice for notice in told if notice.error.class_name == "StormLimit"]
    assert rest.request.cgi_data["STORM_SUPPRESSED"] == "9 notices of other failures in this process"


def test_processes_share_the_limit_of_log_calls_and_tasks_too(settings_for):
    settings_for(HOPTOAD_STORM_LIMIT=2, HOPTOAD_STORM_CACHE="default")
    caches["default"].clear()

    for number in range(3):
        for action in ("bill", "mail"):
            notify(message=f"row {number}", component="tasks", action=action)
        pipeline.start_over()  # as another process

    assert len(outbox) == 4


def test_places_with_many_failures_are_forgotten_when_there_are_very_many_failures(throttle):
    for number in range(MAX_VARIANTS):
        assert throttle.key(b"%d" % number, b"place") == b"%d" % number
    assert throttle.key(b"one more", b"place") == b"place"

    for number in range(MAX_FINGERPRINTS - MAX_VARIANTS - 1):
        throttle.key(b"x", b"other %d" % number)
    assert throttle.key(b"one more", b"place") == b"place"
    throttle.key(b"x", b"the last")

    assert throttle.key(b"one more", b"place") == b"one more"

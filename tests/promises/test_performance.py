"""What it costs, in counts that no busy machine changes: imports, reads, calls, bytes. No times."""

import asyncio
import functools
import gc
import json
import os
import subprocess
import sys
import tracemalloc
from pathlib import Path
from types import FunctionType, ModuleType
from urllib.parse import urlencode

import pytest
from asgiref.sync import markcoroutinefunction
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpResponse
from django.test import RequestFactory
from hypothesis import given, settings
from hypothesis import strategies as st
from redacting import policy, redacted

import hoptoad
from hoptoad.api import htv2, v3
from hoptoad.api.sentry import wire
from hoptoad.capture import build
from hoptoad.conf.loading import get_settings
from hoptoad.delivery import connection, transport
from hoptoad.delivery.answer import Verdict
from hoptoad.middleware import HoptoadNotifierMiddleware
from hoptoad.notice import Frame
from hoptoad.redaction.names import Names
from hoptoad.redaction.policy import policy_of
from hoptoad.reporting import reporter

HERE = Path(__file__).resolve().parent
PACKAGE = Path(hoptoad.__file__).parent
FORM = {f"field{number}": f"value {number}" for number in range(9)} | {"password": "correct horse battery"}


def in_a_process(program, **environment):
    """What a fresh interpreter prints."""
    done = subprocess.run(
        [sys.executable, "-c", program],
        check=True,
        cwd=HERE,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "shop.settings", **environment},
        stdout=subprocess.PIPE,
        text=True,
    )
    return done.stdout


def test_a_site_that_does_not_fail_loads_settings_and_nothing_that_reports():
    loaded = in_a_process("""
import json, sys
import django
django.setup()
from django.test import Client
assert Client().get("/").status_code == 200
print(json.dumps([name for name in sys.modules if name.partition(".")[0] in ("hoptoad", "requests", "urllib3")]))
""")
    loaded = set(json.loads(loaded))

    assert "hoptoad.middleware" in loaded
    assert (
        not {"requests", "urllib3", "hoptoad.reporting.pipeline", "hoptoad.capture.build", "hoptoad.notice"}
        & loaded
    )
    assert len(loaded) < 45


class Trap:
    """A request that nobody may ask for anything."""

    def __getattribute__(self, name):
        raise AssertionError(f"the request was asked for {name}")


def test_a_healthy_answer_costs_no_look_at_the_request():
    answer = HttpResponse("ok")

    async def respond(request):
        return answer

    markcoroutinefunction(respond)

    assert HoptoadNotifierMiddleware(lambda request: answer)(Trap()) is answer
    assert asyncio.run(HoptoadNotifierMiddleware(respond)(Trap())) is answer


def test_a_healthy_answer_costs_four_calls():
    """The middleware's own, that of what it is put around, and two of C that find the thread's scope."""
    middleware = HoptoadNotifierMiddleware(lambda request: answer)
    answer = HttpResponse("ok")

    middleware(Trap())  # the first request of a thread makes its scope

    assert calls(lambda: middleware(Trap())) == 4


class Odd:
    """An answer of a class that knows neither status nor streaming."""


def test_an_answer_of_an_odd_class_passes():
    answer = Odd()

    assert HoptoadNotifierMiddleware(lambda request: answer)(Trap()) is answer


def failed(depth=27, form=None, text="out of stock", headers=()):
    """A request that a view has failed to answer, with so many frames, and its exception."""
    headers = {"accept": "text/html;q=0.9", **dict(headers)}
    request = RequestFactory().post("/checkout/?page=2", form or FORM, headers=headers)
    request = WSGIRequest(request.environ)
    assert request.POST

    def view(left):
        if left:
            return view(left - 1)
        raise ValueError(text)

    try:
        view(depth)
    except ValueError as error:
        return request, error


def calls(function):
    """How many functions it calls, those written in C included."""
    return _events(function) - _events(lambda: None)


def _events(function):
    count = 0

    def seen(frame, event, argument):
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(seen)
    try:
        function()
    finally:
        sys.setprofile(before)
    return count


def notice_of(request, error):
    return build.notice(build.incident(request, exception=error), get_settings())


def calls_for(encode=htv2.encode, **size):
    """What making and encoding a notice takes, once its like has been seen."""
    encode(notice_of(*failed(**size)))
    request, error = failed(**size)
    return calls(lambda: encode(notice_of(request, error)))


def test_a_notice_of_thirty_frames_and_a_form_takes_as_many_calls_as_are_allowed():
    """About 620 with Python 3.12."""
    assert calls_for() < 850


@pytest.mark.parametrize(
    "line",
    [
        "login password=correct horse failed",
        "pin=([) ",
        "://:@a",
        "correct horse pin=1",
        "{n}xQ9-& pin=1&{n} ",
    ],
)
def test_text_that_was_made_to_hurt_costs_in_proportion_to_its_length(line):
    def cost(times):
        text = "".join(line.format(n=number) for number in range(times))
        form = {"password": ["correct horse", *(f"{number}xQ9-&" for number in range(times))]}
        return calls_for(form=form | {f"field{number}": text for number in range(times // 10)})

    assert cost(80) < 7 * cost(40)  # so many texts, each so long: 4


def test_version_3_takes_hardly_more_than_version_2():
    assert calls_for(v3.encode) < calls_for() + 200


def test_an_event_of_sentrys_takes_hardly_more_than_version_2():
    assert calls_for(wire.encode) < calls_for() + 300


def test_a_notice_grows_with_what_is_in_it_and_no_further_than_its_bounds(settings_for):
    settings_for(DATA_UPLOAD_MAX_NUMBER_FIELDS=None)
    few, some, many, far_too_many = (
        calls_for(form={f"field{number}": f"value: {number}" for number in range(count)})
        for count in (20, 200, 2_000, 4_000)
    )

    assert some < 1.2 * few
    assert many < 1.2 * some
    assert far_too_many < 1.2 * many  # HOPTOAD_MAX_VARS


@pytest.mark.parametrize(
    "flood",
    [
        {"form": {f"name{number}": "x" for number in range(1_900)}},
        {"headers": {f"X-Name{number}": "x" for number in range(1_900)}},
        {"agents": [f"agent: {number}" for number in range(1_100)]},
    ],
    ids=lambda flood: next(iter(flood)),
)
def test_what_one_client_sends_makes_the_notices_of_others_no_dearer(settings_for, flood):
    settings_for(DATA_UPLOAD_MAX_NUMBER_FIELDS=None)
    form = {"name": "Freda", "pets_name": "frog", "remark": "ring twice"}
    policy_of.cache_clear()  # a process that has seen nothing
    before = calls_for(form=form)
    policy_of.cache_clear()
    for agent in flood.pop("agents", ["agent"]):
        request, error = failed(1, **{"form": FORM, **flood})
        request.META["HTTP_USER_AGENT"] = agent
        notice_of(request, error)

    assert calls_for(form=form) <= before * 1.02  # a few calls depend on what is cached by now


def remembered():
    """All texts that the package's caches hold."""
    waiting = [
        item
        for item in gc.get_objects()
        if type(item) is functools._lru_cache_wrapper and item.__module__.startswith("hoptoad")
    ]
    seen = set()
    while waiting:
        item = waiting.pop()
        if type(item) is str:
            yield item
        elif id(item) not in seen and type(item) not in (FunctionType, ModuleType, type):
            seen.add(id(item))
            waiting.extend(gc.get_referents(item))


def test_names_and_texts_of_any_length_do_not_stay_in_the_process(settings_for):
    settings_for(HOPTOAD_LOCAL_VARIABLES=True)
    long, short = "leapfrog" * 200, "leapfrog"
    for name in (short, long):
        request, error = failed(1, headers={name: name, "user-agent": name, "accept": name})
        request.META["QUERY_STRING"] = urlencode({name: name})
        request.method = name
        match = type("Match", (), {"func": failed, "kwargs": {name: name}, "args": (), "route": name})
        request.resolver_match = match
        code = compile(f"{name} = 1\nraise ValueError('x')", f"<{name}>", "exec")
        try:
            exec(code, {name: name})
        except ValueError as failure:
            error.__cause__ = failure
        for encode in (htv2.encode, v3.encode):
            encode(notice_of(request, error))

    found = {text for text in remembered() if "leapfrog" in text.lower()}

    assert short in found
    assert [len(text) for text in found if len(text) > 1024] == []


def test_one_odd_name_makes_a_form_hardly_dearer():
    """As `[cut]` beyond the bound: every name was escaped by itself."""
    form = {f"field{number}": f"value: {number}" for number in range(200)}

    assert calls_for(form=form | {"it's <odd>": "x"}) < 2 * calls_for(form=form)


def test_frames_beyond_the_bound_cost_next_to_nothing(settings_for):
    settings_for(HOPTOAD_MAX_FRAMES=50)

    assert calls_for(depth=400) < calls_for(depth=100) + 50


def test_a_long_text_costs_no_more_calls_than_a_short_one():
    assert calls_for(text="x" * 1_000_000) < calls_for(text="x" * 10_000) + 50


@pytest.mark.parametrize(
    "suppressing",
    [
        {"HOPTOAD_IGNORE_EXCEPTIONS": ["ValueError"]},
        {"HOPTOAD_STORM_LIMIT": 1},
        {"HOPTOAD_NOTIFY_500": False},
    ],
)
def test_a_failure_that_is_not_reported_is_not_captured(reported, settings_for, suppressing):
    settings_for(**suppressing)
    for _ in range(3):  # the first of a storm goes out, the second stands for the rest
        reporter.report_exception(*failed())

    request, error = failed()

    assert calls(lambda: reporter.report_exception(request, error)) < 220


def grown(repeat, times):
    """Bytes in use after `times` more calls of `repeat`, as far as lines of the package have asked for them."""
    own = [tracemalloc.Filter(True, f"{PACKAGE}/*")]
    repeat()
    tracemalloc.start()
    try:
        for _ in range(50):
            repeat()
        gc.collect()  # it empties the interpreter's own stores of small tuples as well
        before = tracemalloc.take_snapshot().filter_traces(own)
        for _ in range(times):
            repeat()
        gc.collect()
        after = tracemalloc.take_snapshot().filter_traces(own)
    finally:
        tracemalloc.stop()
    return sum(line.size_diff for line in after.compare_to(before, "lineno"))


def test_ten_thousand_healthy_requests_leave_nothing_behind():
    answer = HttpResponse("ok")
    middleware = HoptoadNotifierMiddleware(lambda request: answer)
    request = RequestFactory().get("/")

    assert grown(lambda: middleware(request), 10_000) < 1_000


@pytest.fixture
def report(settings_for):
    """Reports a failure, always the same."""
    settings_for(HOPTOAD_HANDLER="nowhere.Nowhere", HOPTOAD_STORM_LIMIT=0)
    request, error = failed(depth=3, form={"name": "Freda", "password": "frog-prince"})

    def report():
        error.__dict__.clear()
        request.__dict__.pop("_hoptoad_seen", None)
        request.__dict__.pop("hoptoad_notice_id", None)
        assert reporter.report_exception(request, error)

    return report


def test_a_thousand_notices_leave_nothing_behind(report):
    # The interpreter's own stores come and go, those of frames above all; a notice has thousands of bytes.
    assert grown(report, 1_000) < 100_000


def test_what_is_shared_by_all_notices_cannot_be_filled():
    frame = Frame("shop.py", 1, "view")

    with pytest.raises(TypeError, match="replace"):
        frame.variables["secret"] = "of one notice"
    with pytest.raises(TypeError, match="replace"):
        frame.variables.update(secret="of one notice")


SECRETS = [
    "password",
    "hunter-22-hunter",
    "eyJhbGciOi.eyJzdWIiOi.abc",
    "4111 1111 1111 1111",
    "token=abcdefgh",
]
VALUES = st.one_of(
    st.text(max_size=30), st.sampled_from(SECRETS), st.integers(), st.lists(st.text(max_size=5))
)
NAMES = st.one_of(
    st.sampled_from(
        ["name", "password", "HTTP_ACCEPT", "HTTP_USER_AGENT", "note", "a b", "AKIAIOSFODNN7EXAMPLE"]
    ),
    st.text(max_size=20),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.dictionaries(NAMES, VALUES, max_size=8), min_size=1, max_size=4))
def test_what_was_seen_before_changes_nothing_of_what_is_masked(notices):
    """Names that were judged before are not judged again."""
    names = Names()  # with these goes what is remembered
    for data in notices:
        assert redacted(data, rules=policy(names=names)) == redacted(data, rules=policy(names=Names()))


def test_a_name_that_only_this_view_marks_is_masked_though_it_was_harmless_before():
    data = {"remark": "ring twice", "HTTP_USER_AGENT": "remark: ring twice"}
    rules = policy(names=Names())
    for _ in range(2):
        assert redacted(data, rules=rules) == data

    shown = redacted(data, rules=rules, marked={"remark": "sensitive_post_parameters"})

    assert "ring" not in str(shown)


def test_a_secret_for_which_there_is_no_room_is_still_known():
    """The room of what is known to be harmless is taken before; the secret is hidden elsewhere nevertheless."""
    form = {f"body{number}": "word " * 400 for number in range(95)}
    form |= {"password": "frog-prince-frog"} | {f"field{number}": "y" * 140 for number in range(150)}
    for _ in range(2):
        request, error = failed(form=form, text="no such frog-prince-frog")

        assert "frog-prince" not in str(notice_of(request, error))


def test_the_surroundings_of_a_delivery_are_looked_for_once_a_minute(collector, monkeypatch):
    looked, now, notice = [], [1000.0], notice_of(*failed())
    find = connection._find
    monkeypatch.setattr(connection, "_find", lambda *given: looked.append(given) or find(*given))
    monkeypatch.setattr(connection.time, "monotonic", lambda: now[0])
    connection._forget_session()

    def send():
        answer = transport.post(collector.url, htv2.encode(notice), headers={"Accept": "text/xml"}, timeout=5)
        assert answer.verdict is Verdict.ACCEPTED, answer

    for _ in range(3):
        send()
    now[0] += connection.LOOK_AGAIN - 1
    send()
    assert len(looked) == 1

    now[0] += 1
    send()
    assert len(looked) == 2
    connection._forget_session()


@pytest.mark.parametrize("error", [OSError(24, "Too many open files"), ImportError("no requests")])
def test_a_process_that_can_import_nothing_now_tries_again_later(collector, monkeypatch, error):
    name = "hoptoad.delivery.connection"

    class Failing:
        def find_spec(self, wanted, path=None, target=None):
            if wanted == name:
                raise error

    with monkeypatch.context() as now:
        now.delitem(sys.modules, name)
        now.delattr(name)
        now.setattr(sys, "meta_path", [Failing(), *sys.meta_path])
        answer = transport.post(collector.url, b"<notice/>", headers={}, timeout=5)

    assert answer.verdict is Verdict.UNREACHABLE
    assert str(error) in str(answer)
    assert transport.post(collector.url, b"x", headers={}, timeout=5).verdict is Verdict.ACCEPTED


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_fork_waits_for_an_import_that_another_thread_is_in():
    """Without that, the child would wait for ever where it needs the same module."""
    said = in_a_process("""
import os, sys, threading, time, warnings
warnings.simplefilter("ignore", DeprecationWarning)
from hoptoad.runtime.lifecycle import when_needed

class Slow:
    def find_spec(self, name, path=None, target=None):
        if name == "hoptoad.redaction.encodings":
            begun.set()
            time.sleep(0.3)

begun = threading.Event()
sys.meta_path.insert(0, Slow())
thread = threading.Thread(target=when_needed, args=["hoptoad.redaction.encodings"])
thread.start()
begun.wait()
child = os.fork()
if not child:
    when_needed("hoptoad.redaction.encodings")
    os._exit(0)
deadline = time.monotonic() + 20
while (done := os.waitpid(child, os.WNOHANG))[0] == 0 and time.monotonic() < deadline:
    time.sleep(0.01)
if not done[0]:
    os.kill(child, 9)
print("ended" if done == (child, 0) else "hangs")
""")

    assert said == "ended\n"


@pytest.mark.long
def test_the_benchmarks_still_run():
    """A quick run of two questions; it checks by itself that everything arrives."""
    folder = HERE.parent.parent / "benchmarks"
    if not folder.is_dir():
        pytest.skip("the benchmarks are not there")
    done = subprocess.run(
        [sys.executable, str(folder), "--quick", "suppressed", "memory"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert not done.returncode, done.stderr
    assert "a run failed" not in done.stdout
    assert "HOPTOAD_STORM_LIMIT = 1" in done.stdout


@pytest.mark.parametrize(("word", "arrives"), [("planted", "3 notices"), ("words", "1 notices")])
def test_the_hostile_requests_of_the_benchmarks_still_run(word, arrives):
    program = HERE.parent.parent / "benchmarks" / "hostile_requests.py"
    if not program.exists():
        pytest.skip("the benchmarks are not there")

    done = subprocess.run(
        [sys.executable, program, word], check=True, capture_output=True, text=True, timeout=120
    )

    assert arrives in done.stdout

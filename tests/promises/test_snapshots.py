"""What is captured and not redacted yet goes nowhere: not into a file, a broker, a log or a notice."""

import copy
import inspect
import json
import pickle
import sys
import threading

import pytest
from canaries import Canaries
from django.test import RequestFactory
from redacting import POLICY

from hoptoad.api import htv2, v3
from hoptoad.capture import build
from hoptoad.conf.loading import get_settings
from hoptoad.delivery.answer import Answer, Verdict
from hoptoad.handlers.registry import takes_reports
from hoptoad.handlers.threaded import ThreadedNotifier
from hoptoad.notice import Incident, Secret
from hoptoad.redaction import redact
from hoptoad.reporting.report import Report
from hoptoad.testing import outbox

ROOMS = (
    "cutting",
    "encodings",
    "finders",
    "key_values",
    "names",
    "page",
    "parts",
    "patterns",
    "redact",
    "secrets",
)
SECRETS = ("form", "header", "session", "message")


def functions():
    """All functions and methods of the room that redacts, but `redact` itself and what reports its failure."""
    found = []
    for room in ROOMS:
        module = sys.modules[f"hoptoad.redaction.{room}"]
        for owner in (module, *(kind for kind in vars(module).values() if inspect.isclass(kind))):
            if getattr(owner, "__module__", module.__name__) != module.__name__:
                continue
            found += [
                (owner, name)
                for name, item in vars(owner).items()
                if inspect.isfunction(item) and item.__module__ == module.__name__
            ]
    ours = {"redact", "_withheld", "_bare", "_place_of"}
    return [(owner, name) for owner, name in found if name not in ours and name != "__init__"]


def name_of(value):
    return value if isinstance(value, str) else value.__name__.rpartition(".")[2]


@pytest.fixture
def canaries():
    canaries = Canaries()
    for name in SECRETS:
        canaries.word(name)
    return canaries


def snapshot_of(canaries):
    """Of a request with secrets, encoded and shortened too, and an exception that quotes them."""
    form = {"password": canaries["form"], "link": f"https://x.test/?token={canaries['message']}&next=%2541"}
    request = RequestFactory().post(
        f"/pay/?token={canaries['header']}&a=%2520", form, headers={"X-Api-Key": canaries["header"]}
    )
    assert request.POST
    request.session = type("Session", (), {})()
    request.session._session_cache = {"api_token": canaries["session"]}
    quoted = " ".join([*map(canaries.get, SECRETS), f"{canaries['form'][:12]}... 4012 8888 8888 1881"])
    text = f"password={canaries['message']} Bearer {canaries['form']} {quoted}"
    text += f' {{"key": "api_key", "value": "{canaries["header"]}"}} pin: String = "{canaries["header"]}"'
    return build.snapshot(Incident(exception=ValueError(text), request=request), get_settings())


@pytest.mark.parametrize("captured", ["snapshot", "report"])
@pytest.mark.parametrize(
    "export",
    [pickle.dumps, copy.copy, copy.deepcopy, json.dumps, htv2.encode, v3.encode],
    ids=lambda f: f.__qualname__,
)
def test_it_can_be_neither_encoded_nor_copied_nor_shown(canaries, captured, export):
    thing = snapshot_of(canaries)
    if captured == "report":
        thing = Report(thing, get_settings())

    with pytest.raises((TypeError, AttributeError)) as error:
        export(thing)

    for text in (repr(thing), str(thing), f"{thing}", str(error.value)):
        assert canaries.found_in(text.encode()) == []


@pytest.mark.parametrize(("owner", "name"), functions(), ids=name_of)
def test_where_redaction_fails_class_and_frames_are_left(canaries, monkeypatch, caplog, owner, name):
    snapshot = snapshot_of(canaries)
    original = vars(owner)[name]

    def fail(*args, **kwargs):
        raise RuntimeError(repr(args) + repr(canaries["form"]))  # quotes what it was given

    for module in [module for key, module in sys.modules.items() if key.startswith("hoptoad.")]:
        for alias in [key for key, item in vars(module).items() if item is original]:
            monkeypatch.setattr(module, alias, fail)
    monkeypatch.setattr(owner, name, fail)

    notice = build.redacted(snapshot, get_settings()).notice

    assert notice.error.class_name == "ValueError"
    for document in (repr(notice), caplog.text):
        assert canaries.found_in(document.encode()) == []
    assert [record for record in caplog.records if record.exc_info] == []


def test_the_log_says_where_redaction_failed(canaries, monkeypatch, caplog):
    monkeypatch.setattr(redact.Finder, "find", lambda *args: 1 / 0)

    notice = build.redacted(snapshot_of(canaries), get_settings()).notice

    assert "A notice goes without details: ZeroDivisionError at <lambda>, line" in caplog.text
    assert notice.error.message == "ValueError: [withheld: it could not be redacted]"
    assert notice.request.params == {"[parameters]": "[withheld: it could not be redacted]"}


def test_where_the_allowance_is_spent_nothing_is_sent_unlooked_at(canaries):
    snapshot = snapshot_of(canaries)
    snapshot.hidden += [Secret(f"secret-{number}" * 99, "params", "token", "") for number in range(20)]
    times = iter(range(1_000))

    notice, _, problem = redact.redact(snapshot, POLICY, clock=lambda: next(times))

    assert problem == redact.TOO_MUCH
    assert canaries.found_in(repr(notice).encode()) == []
    assert notice.request.cgi_data["REQUEST_METHOD"] == "POST"


def test_a_report_is_finished_once_and_forgets_what_was_captured(canaries):
    report = Report(snapshot_of(canaries), get_settings())

    first = report.payload()

    assert report.payload() is first
    assert canaries.found_in(first) == []
    assert report._captured is None


class Waiting:
    """A report that says when it is finished."""

    timeout = 5.0

    def __init__(self, payload=b"<notice/>"):
        self.finished = threading.Event()
        self._payload = payload

    def payload(self):
        self.finished.set()
        return self._payload


def test_nothing_waits_as_it_was_captured_while_a_server_is_down():
    asked = threading.Semaphore(0)

    def send(payload, timeout):
        asked.release()
        return Answer(verdict=Verdict.UNREACHABLE, url="", text="it is down")

    notifier = ThreadedNotifier(1, send=send)
    notifier.submit(Waiting())
    assert asked.acquire(timeout=20)

    reports = [Waiting() for _ in range(5)]
    for report in reports:
        notifier.submit(report)

    assert all(report.finished.wait(20) for report in reports)
    notifier.close(0)


def test_a_report_that_nobody_wants_is_not_sent():
    sent = []
    notifier = ThreadedNotifier(1, send=lambda payload, timeout: sent.append(payload))

    for report in (Waiting(None), Waiting(b"1")):
        notifier.submit(report)

    assert notifier.flush(20)
    assert sent == [b"1"]


class TakesBytes(ThreadedNotifier):
    def enqueue(self, payload, timeout):
        super().enqueue(payload, timeout)


class TakesBoth(TakesBytes):
    takes_reports = True


@pytest.mark.parametrize(
    ("kind", "takes"), [(ThreadedNotifier, True), (TakesBytes, False), (TakesBoth, True), (Waiting, False)]
)
def test_a_handler_that_overrides_enqueue_gets_bytes_unless_it_says_so(kind, takes):
    assert takes_reports(kind) is takes


def test_a_site_may_still_refuse_a_notice(client, settings_for, collector):
    settings_for(
        HOPTOAD_HANDLER="threadpool",
        HOPTOAD_NOTIFICATION_URL=collector.url,
        HOPTOAD_BEFORE_NOTIFY=["shop.reporting.nothing"],
    )

    client.get("/boom/")

    assert outbox == []

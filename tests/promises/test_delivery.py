"""What becomes of notices when the server, the process or the operating system does not play along.

The table in docs/delivery.rst names these tests.
"""

import contextlib
import logging
import os
import re
import signal
import subprocess
import sys
import textwrap
import threading

import collector as faults
import pytest
from collector import Reply
from places import SITE
from servers import gunicorn, uvicorn

from hoptoad import stats
from hoptoad.delivery.answer import Answer, Verdict
from hoptoad.delivery.circuit_breaker import CircuitBreaker
from hoptoad.delivery.spool.directory import SpoolDirectory
from hoptoad.handlers import get_handler
from hoptoad.handlers.blocking import BlockingNotifier
from hoptoad.handlers.spool import SpoolNotifier
from hoptoad.handlers.threaded import ThreadedNotifier
from hoptoad.signals import notice_answered, notice_dropped, notice_sent

UNREACHABLE = Answer(verdict=Verdict.UNREACHABLE, url="", fault="refused")


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def threads(settings_for, collector):
    settings_for(HOPTOAD_HANDLER="threadpool", HOPTOAD_NOTIFICATION_URL=collector.url, HOPTOAD_TIMEOUT=1)
    yield
    get_handler().close(0)


@pytest.fixture
def failed():
    return []


def pool(send, failed, **kwargs):
    return ThreadedNotifier(
        kwargs.pop("threads", 4),
        send=send,
        fall_back=lambda payload, timeout, why, answer: failed.append((payload, answer)),
        **kwargs,
    )


def test_threadpool_waits_for_a_server_that_says_later(client, collector, threads):
    collector.replies += [Reply(503, "", {"Retry-After": "0"}), Reply(429, "", {"X-RateLimit-Delay": "0"})]

    for _ in range(3):
        client.get("/boom/")

    assert get_handler().flush(20)
    assert len(collector.wait(5)) == 5
    assert len({received.body for received in collector.received}) == 3
    assert (stats()["sent"], stats()["retried"], stats()["dropped"]) == (3, 2, 0)


def test_threadpool_never_sends_again_what_was_refused(client, collector, threads):
    collector.default = Reply(422, "Your API key is unknown")

    client.get("/boom/")

    assert get_handler().flush(20)
    assert len(collector.received) == 1
    assert (stats()["refused"], stats()["dropped"]) == (1, 1)


def test_threadpool_asks_a_dead_server_once_at_a_time(failed):
    attempts = threading.Semaphore(0)
    clock = Clock()

    def send(payload, timeout):
        attempts.release()
        return UNREACHABLE

    notifier = pool(send, failed, circuit=CircuitBreaker(clock=clock, jitter=lambda: 1.0), threads=1)
    for _ in range(50):
        notifier.enqueue(b"x", 1)

    assert attempts.acquire(timeout=20)
    assert not attempts.acquire(timeout=0.3)
    assert notifier.close(1) is False  # once more, then the rest is given up
    assert attempts.acquire(timeout=20)
    assert not attempts.acquire(timeout=0.3)
    assert len(failed) == 50


def test_threadpool_gives_up_after_the_retries(failed, settings_for):
    settings_for(HOPTOAD_RETRIES=2)
    attempts = []

    def send(payload, timeout):
        attempts.append(payload)
        return Answer(verdict=Verdict.LATER, url="", status=503, delay=0.0)

    notifier = pool(send, failed)
    notifier.enqueue(b"x", 1)

    assert notifier.flush(20)
    assert len(attempts) == 3
    assert failed[0][1].status == 503


def test_blocking_asks_a_dead_server_once_and_counts_what_is_lost(client, collector, settings_for):
    collector.default = faults.reset
    settings_for(HOPTOAD_HANDLER="blocking", HOPTOAD_NOTIFICATION_URL=collector.url)

    for _ in range(10):
        assert client.get("/boom/").status_code == 500

    assert len(collector.received) == 1
    assert stats()["dropped"] == 10


@pytest.mark.parametrize("outcome", [None, "accepted", Answer(verdict=Verdict.REFUSED, url=""), ValueError])
def test_blocking_gives_its_permit_back_whatever_a_probe_comes_to(outcome):
    clock = Clock()
    outcomes = iter([UNREACHABLE, outcome])
    sent = []

    def send(payload, timeout):
        sent.append(payload)
        found = next(outcomes, None)
        if found is ValueError:
            raise ValueError("x")
        return found

    notifier = BlockingNotifier(
        send=send, fall_back=lambda *args: None, circuit=CircuitBreaker(clock=clock, jitter=lambda: 1.0)
    )
    notifier.enqueue(b"down", 1)
    clock.now += 1.0
    with contextlib.suppress(ValueError):
        notifier.enqueue(b"probe", 1)
    for _ in range(3):
        notifier.enqueue(b"x", 1)

    assert sent == [b"down", b"probe", b"x", b"x", b"x"]


@pytest.mark.long
@pytest.mark.parametrize("outcome", [None, "accepted", Answer(verdict=Verdict.REFUSED, url=""), ValueError])
def test_the_spool_gives_its_permit_back_whatever_a_probe_comes_to(settings_for, tmp_path, outcome):
    settings_for(HOPTOAD_SPOOL_DIR=tmp_path / "spool")
    outcomes = iter([UNREACHABLE, outcome])
    sent = []

    def send(payload, timeout):
        found = next(outcomes, None)
        if found is ValueError:
            raise ValueError("x")
        if found is not UNREACHABLE:
            sent.append(payload)
        return found

    notifier = SpoolNotifier(
        send=send, fall_back=lambda *args: None, circuit=CircuitBreaker(jitter=lambda: 0.0)
    )
    for number in range(5):
        notifier.enqueue(b"%d" % number, 1)

    assert notifier.flush(20)
    assert len(set(sent)) == 5
    notifier.close()


@pytest.mark.parametrize("version", [{}, {"HOPTOAD_API": "v3", "HOPTOAD_PROJECT_ID": 7}])
@pytest.mark.parametrize("fault", [faults.reset, Reply(503, "", {"Retry-After": "0"}), Reply(502)])
@pytest.mark.parametrize("handler", ["threadpool", "blocking"])
def test_the_end_of_an_outage_is_one_line(client, collector, settings_for, caplog, handler, fault, version):
    collector.replies.append(fault)
    settings_for(HOPTOAD_HANDLER=handler, HOPTOAD_NOTIFICATION_URL=collector.url, **version)
    client.get("/boom/")
    notifier = get_handler()
    if handler == "threadpool":
        with notifier._changed:  # a pause of no length may be over before anyone looks
            assert notifier._changed.wait_for(
                lambda: notifier._circuit.is_open or len(collector.received) > 1, 60
            )
    notifier._circuit.end_pause()

    for _ in range(5):
        client.get("/boom/")
    if handler == "threadpool":
        assert get_handler().flush(20)

    [line] = [line for line in caplog.messages if "accepts notices again" in line]
    assert re.search(r": [1-4] delivered, \d waiting\.$", line)


def test_what_is_lost_and_what_arrives_is_signalled(client, collector, threads):
    sent, dropped = [], []

    def arrived(answer, **kwargs):
        sent.append(answer.id)

    def lost(payload, reason, answer, **kwargs):
        dropped.append((payload[:5], reason, answer.status))

    notice_sent.connect(arrived)
    notice_dropped.connect(lost)
    collector.replies += [Reply(), Reply(401, "who are you?")]

    try:
        for _ in range(2):
            client.get("/boom/")
            assert get_handler().flush(20)
    finally:
        notice_sent.disconnect(arrived)
        notice_dropped.disconnect(lost)

    assert sent == ["64e5f0b2a1c3d4e5f6a7b8c9"]
    assert dropped == [(b"<?xml", "refused for good (HTTP 401): who are you?", 401)]


def test_a_receiver_that_fails_and_a_log_that_fails_do_not_stop_delivery(client, collector, threads):
    """Django logs the receiver's failure, and the log may be a mail that cannot be sent."""

    class Broken(logging.Handler):
        def emit(self, record):
            raise OSError("the log is broken")

    def fail(**kwargs):
        raise RuntimeError("the receiver failed")

    handler, logger = Broken(), logging.getLogger("django.dispatch")
    logger.addHandler(handler)
    for told in (notice_sent, notice_dropped, notice_answered):
        told.connect(fail)
    collector.replies += [Reply(401), Reply(), Reply()]
    try:
        for _ in range(3):
            client.get("/boom/")
            assert get_handler().flush(20)
    finally:
        logger.removeHandler(handler)
        for told in (notice_sent, notice_dropped, notice_answered):
            told.disconnect(fail)

    assert len(collector.received) == 3


def test_the_lost_are_said_once_a_minute(caplog):
    from hoptoad.delivery.stats import Stats

    clock = Clock()
    counts = Stats(clock=clock)
    for _ in range(100):
        counts.drop(1, "the queue is full")
    clock.now += 61
    counts.drop(1, "the queue is full")

    assert caplog.messages == [
        "1 notices lost, 1 since this process began: the queue is full",
        "100 notices lost, 101 since this process began: the queue is full",
    ]


def test_a_storm_of_refusals_is_one_line_in_the_log(client, collector, threads, caplog):
    collector.default = Reply(422, "Your API key is unknown")

    for _ in range(10):
        client.get("/boom/")
    assert get_handler().flush(20)

    lines = [record for record in caplog.records if "Notice not accepted" in record.message]
    assert [record.levelname for record in lines].count("WARNING") <= 1


@pytest.mark.long
@pytest.mark.parametrize(
    "fault", [faults.hang, faults.reset, Reply(503)], ids=["hanging", "resetting", "busy"]
)
def test_gunicorn_ends_in_time_whatever_the_server_does(collector, deadline, fault):
    collector.default = fault
    with gunicorn(HOPTOAD_NOTIFICATION_URL=collector.url, HOPTOAD_FLUSH_TIMEOUT=1) as site:
        for _ in range(10):
            assert site.get("/boom/") == 500
        assert site.stop() == 0
        assert "notices lost" in site.log

    assert deadline(15)


@pytest.mark.long
def test_gunicorn_with_the_spool_leaves_what_it_could_not_send_for_the_next(collector, tmp_path):
    collector.default = Reply(503)
    names = {
        "HOPTOAD_NOTIFICATION_URL": collector.url,
        "HOPTOAD_HANDLER": "spool",
        "HOPTOAD_SPOOL_DIR": str(tmp_path / "spool"),
    }
    with gunicorn("--workers", "2", **names) as site:
        for _ in range(10):
            assert site.get("/boom/") == 500
        assert site.stop() == 0
    assert len(SpoolDirectory(tmp_path / "spool", fsync=False).waiting()) == 10
    asked = len(collector.received)
    collector.default = Reply()

    with gunicorn(**names):
        collector.wait(asked + 10)

    assert len({received.body for received in collector.received}) == 10


@pytest.mark.long
@pytest.mark.parametrize(("handler", "left"), [("threadpool", 0), ("spool", 5)])
def test_uvicorn_ends_itself_and_loses_what_is_in_memory_and_nothing_of_the_spool(
    collector, tmp_path, handler, left
):
    """uvicorn ends itself with SIGTERM, without atexit."""
    collector.default = faults.hang
    with uvicorn(
        HOPTOAD_NOTIFICATION_URL=collector.url,
        HOPTOAD_HANDLER=handler,
        HOPTOAD_SPOOL_DIR=str(tmp_path / "spool"),
    ) as site:
        for _ in range(5):
            assert site.get("/boom/async/") == 500
        site.stop()

    directory = SpoolDirectory(tmp_path / "spool", fsync=False)
    directory.open()
    assert len(directory.waiting()) == left


@pytest.mark.parametrize(("handler", "left"), [("threadpool", 0), ("spool", 5)])
def test_kill_9_loses_what_is_in_memory_and_nothing_of_the_spool(collector, tmp_path, handler, left):
    collector.default = faults.hang
    with gunicorn(
        HOPTOAD_NOTIFICATION_URL=collector.url,
        HOPTOAD_HANDLER=handler,
        HOPTOAD_SPOOL_DIR=str(tmp_path / "spool"),
    ) as site:
        for _ in range(5):
            assert site.get("/boom/") == 500
        subprocess.run(["pkill", "-9", "-P", str(site.process.pid)], check=True)
        site.stop(signal.SIGKILL)

    directory = SpoolDirectory(tmp_path / "spool", fsync=False)
    directory.open()
    assert len(directory.waiting()) == left


def test_a_thread_that_cannot_be_had_costs_nothing(collector, settings_for, monkeypatch):
    settings_for(HOPTOAD_HANDLER="threadpool", HOPTOAD_NOTIFICATION_URL=collector.url)
    notifier = ThreadedNotifier(1)

    def no_thread(self):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", no_thread)
        notifier.enqueue(b"first", 1)
    notifier.enqueue(b"second", 1)

    assert notifier.flush(20)
    assert [received.body for received in collector.wait(2)] == [b"first", b"second"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_what_a_child_of_multiprocessing_fails_with_last_is_sent(collector):
    """Such children end without atexit."""
    program = f"""
        import os, warnings
        warnings.simplefilter("ignore", DeprecationWarning)
        os.environ["DJANGO_SETTINGS_MODULE"] = "shop.settings"
        import django, multiprocessing
        from django.conf import settings
        settings.HOPTOAD_NOTIFICATION_URL = {collector.url!r}
        django.setup()
        from django.test import Client
        client = Client(raise_request_exception=False)
        context = multiprocessing.get_context("fork")
        children = [context.Process(target=client.get, args=("/boom/",)) for _ in range(3)]
        for child in children: child.start()
        for child in children: child.join()
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        cwd=SITE,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (done.stderr, done.returncode) == ("", 0)
    assert len(collector.wait(3)) == 3

"""Brokers that are down, full, hanging and back: each notice arrives, and a dead broker costs little."""

import importlib
import os
import socket
import subprocess
import sys
import textwrap
import threading

import brokers
import django
import pytest
from collector import Reply
from places import PYTHONPATH

from hoptoad import stats
from hoptoad.delivery.answer import Answer, Verdict
from hoptoad.delivery.circuit_breaker import CircuitBreaker
from hoptoad.handlers import get_handler
from hoptoad.handlers.broker import BrokeredNotifier
from hoptoad.handlers.fallback import get_spool
from hoptoad.handlers.registry import close_handlers

pytestmark = pytest.mark.long

UNREACHABLE = Answer(verdict=Verdict.UNREACHABLE, url="", fault="refused")
BUSY = Answer(verdict=Verdict.LATER, url="", status=429, delay=3600.0)


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


class Broker:
    """Takes documents while it is up, and counts how often it was asked."""

    def __init__(self):
        self.is_up = True
        self.asked = 0
        self.taken = []

    def __call__(self, document):
        self.asked += 1
        if not self.is_up:
            raise ConnectionError("the broker is gone")
        self.taken.append(document)


@pytest.fixture
def broker():
    return Broker()


@pytest.fixture
def pool(broker, monkeypatch):
    """Makes a notifier of one thread; it is closed at the end."""
    made = []

    def make(**kwargs):
        made.append(BrokeredNotifier(broker, "The broker", threads=1, **kwargs))
        return made[-1]

    yield make
    for notifier in made:
        notifier.close(1)


def enqueue(notifier, count):
    for number in range(count):
        notifier.enqueue(b"%d" % number, 5)


def test_what_a_broker_takes_is_counted(pool, broker):
    notifier = pool(send=None)

    enqueue(notifier, 7)

    assert notifier.flush(20)
    assert (stats()["published"], stats()["sent"]) == (7, 0)


def test_a_broker_that_is_down_is_asked_once_at_a_time(pool, broker):
    """The others are delivered here, and do not wait for the broker's timeout."""
    sent = []
    broker.is_up = False
    notifier = pool(
        send=lambda payload, timeout: sent.append(payload), broker_circuit=CircuitBreaker(clock=Clock())
    )

    enqueue(notifier, 100)

    assert notifier.flush(20)
    assert broker.asked == 1
    assert len(sent) == 100


def test_a_broker_that_is_down_is_asked_once_where_there_is_a_spool(
    pool, broker, settings_for, tmp_path, collector
):
    settings_for(HOPTOAD_SPOOL_DIR=tmp_path / "spool", HOPTOAD_NOTIFICATION_URL=collector.url)
    broker.is_up = False
    notifier = pool(send=None, broker_circuit=CircuitBreaker(clock=Clock()))

    enqueue(notifier, 50)

    assert notifier.flush(20)
    assert broker.asked == 1
    assert stats()["spooled"] == 50
    get_spool().close()


@pytest.mark.parametrize("answer", [UNREACHABLE, BUSY])
def test_a_broker_that_is_back_gets_all_that_wait_though_the_server_is_down(
    pool, broker, answer, caplog, settings_for
):
    settings_for(HOPTOAD_RETRIES=100)
    asked = threading.Event()

    def send(payload, timeout):
        asked.set()
        return answer

    broker.is_up = False
    notifier = pool(send=send, broker_circuit=CircuitBreaker(jitter=lambda: 0.0))
    enqueue(notifier, 21)
    assert asked.wait(20)

    broker.is_up = True

    assert notifier.flush(20)
    assert len(broker.taken) == stats()["published"] == 21
    assert stats()["dropped"] == 0
    assert "The broker accepts notices again: 1 published, 20 waiting." in caplog.messages


def test_a_broker_and_a_server_that_come_back_in_turn_lose_nothing(pool, broker, settings_for):
    """Down, up, down and up, with an outage of the server in between."""
    settings_for(HOPTOAD_RETRIES=100)
    server = threading.Event()
    sent = []

    def send(payload, timeout):
        if not server.is_set():
            return UNREACHABLE
        sent.append(payload)
        return Answer(verdict=Verdict.ACCEPTED, url="")

    def circuit():
        return CircuitBreaker(jitter=lambda: 0.0)

    notifier = pool(send=send, circuit=circuit(), broker_circuit=circuit())
    for is_up, answers in ((True, False), (False, True), (True, True), (False, True), (True, False)):
        broker.is_up = is_up
        (server.set if answers else server.clear)()
        enqueue(notifier, 10)
        assert notifier.flush(20)

    assert len(broker.taken) + len(sent) == 50
    assert stats()["dropped"] == 0


def test_a_broker_that_is_back_gets_what_waits_at_the_end_though_the_server_is_down():
    failed, published = [], []
    gate, entered = threading.Event(), threading.Event()

    def publish(document):
        if not entered.is_set():
            entered.set()
            assert gate.wait(20)
        published.append(document)

    circuit = CircuitBreaker(clock=Clock())
    notifier = BrokeredNotifier(
        publish, "The broker", threads=1, circuit=circuit, fall_back=lambda *args: failed.append(args)
    )
    enqueue(notifier, 10)
    assert entered.wait(20)
    circuit.answered(BUSY)

    notifier.close(0.5)

    assert (len(published), failed) == (9, [])
    gate.set()


def test_a_fallback_gets_what_waits_at_the_end(pool, broker):
    failed = []
    broker.is_up = False
    notifier = pool(send=lambda *args: UNREACHABLE, fall_back=lambda *args: failed.append(args[0]))
    enqueue(notifier, 20)

    assert notifier.close(1) is False

    assert len(failed) == 20


def test_a_spool_gets_what_does_not_fit_into_the_queue(pool, broker, settings_for, tmp_path, collector):
    settings_for(HOPTOAD_SPOOL_DIR=tmp_path / "spool", HOPTOAD_NOTIFICATION_URL=collector.url)
    gate, entered = threading.Event(), threading.Event()
    published = []

    def publish(document):
        entered.set()
        assert gate.wait(20)
        published.append(document)

    notifier = BrokeredNotifier(publish, "The broker", threads=1, queue_size=3)
    enqueue(notifier, 1)
    assert entered.wait(20)

    enqueue(notifier, 10)

    assert stats()["spooled"] == 7
    gate.set()
    assert notifier.flush(20)
    assert len(published) == 4
    assert stats()["dropped"] == 0
    get_spool().close()


@pytest.fixture
def hanging():
    """The address of a server that accepts connections and says nothing."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(100)
        yield f"127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize("broker", ["redis://127.0.0.1:9/0", "amqp://127.0.0.1:9//", "redis://HANGING/0"])
def test_a_process_that_ends_while_its_broker_is_down_spools_what_waits(
    collector, settings_for, tmp_path, hanging, broker
):
    pytest.importorskip("celery", reason="celery is not installed")
    spool = str(tmp_path / "spool")
    collector.default = Reply(503, "", {"Retry-After": "600"})
    program = f"""
        import os
        os.environ["DJANGO_SETTINGS_MODULE"] = "shop.settings"
        import django
        from django.conf import settings
        settings.HOPTOAD_NOTIFICATION_URL = {collector.url!r}
        settings.HOPTOAD_HANDLER = "celery"
        settings.HOPTOAD_SPOOL_DIR = {spool!r}
        settings.HOPTOAD_STORM_LIMIT = 0
        django.setup()
        from shop.celery import app
        app.conf.broker_transport_options = {{}}
        app.conf.broker_connection_timeout = 4
        from django.test import Client
        client = Client(raise_request_exception=False)
        for _ in range(100): client.get("/boom/")
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        env={**os.environ, "PYTHONPATH": PYTHONPATH, "SHOP_BROKER": broker.replace("HANGING", hanging)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, "notices lost" in done.stderr) == (0, False), done.stderr

    collector.default = Reply()
    before = len(collector.received)
    settings_for(HOPTOAD_HANDLER="spool", HOPTOAD_SPOOL_DIR=spool, HOPTOAD_NOTIFICATION_URL=collector.url)
    assert get_spool().flush(30)
    get_spool().close()

    assert len({received.body for received in collector.received[before:]}) == 100


def test_a_real_redis_that_is_full_down_and_back(client, collector, settings_for, tmp_path, caplog):
    pytest.importorskip("celery", reason="celery is not installed")
    redis = importlib.import_module("redis")
    from shop.celery import application

    settings_for(HOPTOAD_HANDLER="celery", HOPTOAD_NOTIFICATION_URL=collector.url, HOPTOAD_STORM_LIMIT=0)
    with brokers.redis(tmp_path) as url:
        app, server = application(url), redis.Redis.from_url(url)
        close_handlers()
        fail(client, 5)
        assert (stats()["published"], stats()["sent"]) == (5, 0)

        server.config_set("maxmemory", "1")
        fail(client, 5)
        assert (stats()["published"], stats()["sent"]) == (5, 5)
        assert "Celery's broker does not accept notices" in caplog.text

        server.config_set("maxmemory", "0")
        get_handler()._broker_circuit.end_pause()
        fail(client, 1)  # finds out that it is back
        fail(client, 4)
        assert (stats()["published"], stats()["sent"]) == (10, 5)
        assert "Celery's broker accepts notices again: 1 published" in caplog.text
        server.close()
    fail(client, 5)

    assert (stats()["published"], stats()["sent"], stats()["dropped"]) == (10, 10, 0)
    app.close()


def fail(client, times):
    for _ in range(times):
        client.get("/boom/")
    assert get_handler().flush(30)


DELAYS = [({"Retry-After": "999999999"}, 3600), ({"Retry-After": "Fri, 31 Dec 9999 23:59:59 GMT"}, 3600)]
DELAYS += [({"X-RateLimit-Delay": "31536000"}, 3600), ({"Retry-After": "-7"}, 0), ({"Retry-After": "90"}, 90)]


@pytest.mark.parametrize(("headers", "delay"), DELAYS)
def test_a_celery_task_comes_again_within_an_hour(collector, settings_for, headers, delay):
    pytest.importorskip("celery", reason="celery is not installed")
    from celery.exceptions import Retry
    from shop.celery import application

    application("memory://")
    from hoptoad.handlers.celery import deliver

    settings_for(HOPTOAD_NOTIFICATION_URL=collector.url)
    collector.default = Reply(429, "", headers)

    deliver.push_request(id="7", args=("a document",), called_directly=False, retries=0, delivery_info={})
    try:
        with pytest.raises(Retry) as raised:
            deliver.run("a document")
    finally:
        deliver.pop_request()

    assert delay <= raised.value.when <= delay * 1.1


def test_a_celery_task_that_cannot_come_again_is_lost_and_counted(collector, settings_for):
    """The worker's broker is gone when it asks for another attempt: Celery would reject the message."""
    pytest.importorskip("celery", reason="celery is not installed")
    from shop.celery import application

    app = application("redis://127.0.0.1:9/0")
    app.conf.broker_transport_options = {"max_retries": 1, "interval_start": 0}
    from hoptoad.handlers.celery import deliver

    settings_for(HOPTOAD_NOTIFICATION_URL=collector.url)
    collector.default = Reply(503, "")

    deliver.push_request(id="7", args=("a document",), called_directly=False, retries=0, delivery_info={})
    try:
        deliver.run("a document")
    finally:
        deliver.pop_request()

    assert stats()["dropped"] == 1
    app.close()


@pytest.fixture
def deferring(collector, settings_for, settings):
    """Django's task, with a backend that keeps what it is given."""
    package = "django.tasks" if django.VERSION >= (6, 0) else "django_tasks"
    settings_for(
        TASKS={"default": {"BACKEND": f"{package}.backends.dummy.DummyBackend"}},
        HOPTOAD_NOTIFICATION_URL=collector.url,
    )
    if package == "django_tasks":
        settings_for(INSTALLED_APPS=[*settings.INSTALLED_APPS, "django_tasks"])
    from hoptoad.handlers.tasks import deliver

    return deliver


@pytest.mark.parametrize(("headers", "delay"), DELAYS)
def test_a_task_of_django_comes_again_within_an_hour(deferring, collector, headers, delay):
    from django.utils import timezone

    collector.default = Reply(429, "", headers)
    before = timezone.now()

    deferring.func("a document")

    [result] = deferring.get_backend().results
    assert -1 <= (result.task.run_after - before).total_seconds() - delay < 20


def test_a_task_of_django_that_cannot_come_again_is_lost_and_counted(deferring, collector, monkeypatch):
    def fail(*args, **kwargs):
        raise ConnectionError("the backend's database is gone")

    collector.default = Reply(503, "")
    monkeypatch.setattr(type(deferring.get_backend()), "enqueue", fail)

    deferring.func("a document")

    assert stats()["dropped"] == 1


FORKS = """
    import os, sys, threading, warnings
    warnings.simplefilter("ignore", DeprecationWarning)
    os.environ["DJANGO_SETTINGS_MODULE"] = "shop.settings"
    import django
    from django.conf import settings
    settings.HOPTOAD_NOTIFICATION_URL = {url!r}
    settings.HOPTOAD_HANDLER = {handler!r}
    settings.HOPTOAD_STORM_LIMIT = 0
    settings.HOPTOAD_SPOOL_DIR = {spool!r}
    settings.HOPTOAD_FLUSH_TIMEOUT = 20
    django.setup()
    import shop.celery
    from django.test import Client

    def fail():
        Client(raise_request_exception=False).get("/boom/")

    Client().get("/")  # what the site itself imports is not ours to mend
    start = threading.Barrier(4)
    threads = [threading.Thread(target=lambda: (start.wait(), fail())) for _ in range(3)]
    for thread in threads: thread.start()
    start.wait()
    children = []
    for _ in range(6):
        child = os.fork()
        if not child:
            fail()
            import hoptoad
            os._exit(0 if hoptoad.flush(20) else 1)
        children.append(child)
    for thread in threads: thread.join()
    sys.exit(sum(os.waitpid(child, 0)[1] for child in children))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.parametrize("handler", ["threadpool", "blocking", "spool", "celery", "tasks"])
def test_children_forked_in_the_midst_of_the_first_failure_report_theirs(collector, tmp_path, handler):
    """Three threads fail for the first time while six children are forked; the broker is down."""
    pytest.importorskip("celery", reason="celery is not installed")
    spool = str(tmp_path / "spool") if handler == "spool" else ""
    program = FORKS.format(url=collector.url, handler=handler, spool=spool)
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        env={**os.environ, "PYTHONPATH": PYTHONPATH, "SHOP_BROKER": "redis://127.0.0.1:9/0"},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert len({received.body for received in collector.wait(9)}) == 9
    assert "notices lost" not in done.stderr

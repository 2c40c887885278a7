"""Delivery by Celery on real brokers, and by Django's tasks."""

import os

import brokers
import django
import pytest
from brokers import worker
from collector import Reply
from rules import check_v2
from servers import gunicorn

from hoptoad import stats
from hoptoad.handlers import get_handler
from hoptoad.handlers.registry import close_handlers

pytestmark = pytest.mark.long

pytest.importorskip("celery", reason="celery is not installed")


@pytest.fixture(scope="module", params=["redis", "rabbitmq"])
def broker(request, tmp_path_factory):
    with getattr(brokers, request.param)(tmp_path_factory.mktemp(request.param)) as url:
        yield url


@pytest.fixture
def app(broker):
    from shop.celery import application

    app = application(broker)
    with app.connection() as connection:
        app.amqp.queues["celery"](connection).declare()
        app.control.purge(connection=connection)
    close_handlers()
    yield app
    app.close()


def test_celery_delivers_on_a_real_broker(client, app, broker, collector, settings_for):
    settings_for(HOPTOAD_HANDLER="celery")

    with worker(
        broker, "--concurrency", "2", HOPTOAD_NOTIFICATION_URL=collector.url, HOPTOAD_HANDLER="celery"
    ):
        for _ in range(5):
            client.get("/boom/")
        assert len(collector.wait(5)) == 5

    assert stats()["sent"] == 0  # not from here


def test_celery_tries_again_when_the_server_asks_for_it(client, app, broker, collector, settings_for):
    collector.replies += [Reply(503, "", {"Retry-After": "0"}), Reply(429, "", {"Retry-After": "0"})]
    settings_for(HOPTOAD_HANDLER="celery")

    with worker(broker, "--pool", "solo", HOPTOAD_NOTIFICATION_URL=collector.url, HOPTOAD_HANDLER="celery"):
        client.get("/boom/")
        collector.wait(3)

    assert len({received.body for received in collector.received}) == 1


def test_failures_inside_recycled_workers_arrive(app, broker, collector):
    """Each prefork child ends after one task, right after its fifty failures."""
    with worker(
        broker,
        "--concurrency",
        "1",
        "--max-tasks-per-child",
        "1",
        HOPTOAD_NOTIFICATION_URL=collector.url,
        HOPTOAD_HANDLER="threadpool",
    ):
        for _ in range(2):
            app.send_task("shop.celery.crash", args=(50,), retry=False)
        assert len(collector.wait(100)) == 100


def test_tasks_that_fail_are_reported(app, broker, collector):
    """And those that retry, are ignored or raise what they may, are not."""
    with worker(
        broker,
        *("--concurrency", "1"),
        HOPTOAD_NOTIFICATION_URL=collector.url,
        HOPTOAD_HANDLER="threadpool",
    ):
        for name, args in (
            ("ignored", ()),
            ("retried", ()),
            ("broken", ("throws",)),
            ("broken", ("at last",)),
        ):
            app.send_task(
                f"shop.celery.{name}",
                args=args,
                kwargs={"password": "task-secret"} if args else {},
                retry=False,
            )
        received = collector.wait(2)

    notices = {notice.findtext("error/message"): notice for notice in map(check_v2, bodies(received))}
    assert set(notices) == {
        "ValueError: something broke twice",
        "ValueError: something broke in a task: at last",
    }
    notice = notices["ValueError: something broke in a task: at last"]
    assert notice.findtext("request/component") == "celery"
    assert notice.findtext("request/action") == "shop.celery.broken"
    assert notice.findtext("request/params/var[@key='kwargs']/var[@key='password']") == "*" * 20
    assert notice.findtext("request/params/var[@key='args']/var[@key='0']") == "at last"
    twice = notices["ValueError: something broke twice"]
    [told] = twice.iterfind("request/cgi-data/var[@key='EXTRA']/var[@key='celery']")
    assert {var.get("key"): var.text for var in told}["retries"] == "1"


def bodies(received):
    return [one.body for one in received]


@pytest.mark.parametrize("spooled", [False, True])
def test_a_broker_that_is_down_loses_nothing(client, collector, settings_for, tmp_path, spooled, caplog):
    from shop.celery import application

    app = application("redis://127.0.0.1:9/0")
    close_handlers()
    settings_for(HOPTOAD_HANDLER="celery", HOPTOAD_NOTIFICATION_URL=collector.url)
    if spooled:
        settings_for(HOPTOAD_SPOOL_DIR=tmp_path / "spool")

    for _ in range(3):
        client.get("/boom/")

    assert len(collector.wait(3)) == 3
    assert get_handler().flush(20)
    assert "Celery's broker does not accept notices" in caplog.text
    assert stats()["spooled"] == (3 if spooled else 0)
    if spooled:
        from hoptoad.handlers.fallback import get_spool

        get_spool().close()
    app.close()


@pytest.mark.parametrize("status", [200, 422, 503])
def test_djangos_tasks_deliver(client, collector, settings_for, settings, status):
    backend = "django.tasks" if django.VERSION >= (6, 0) else "django_tasks"
    collector.default = Reply(status, "in the server's words")
    settings_for(
        TASKS={"default": {"BACKEND": f"{backend}.backends.immediate.ImmediateBackend"}},
        HOPTOAD_HANDLER="tasks",
        HOPTOAD_NOTIFICATION_URL=collector.url,
        HOPTOAD_RETRIES=0,
    )
    if backend == "django_tasks":
        settings_for(INSTALLED_APPS=[*settings.INSTALLED_APPS, "django_tasks"])

    client.get("/boom/")

    assert get_handler().flush(20)
    assert len(collector.wait()) == 1
    assert stats()["dropped"] == (status != 200)


def test_a_tasks_backend_that_fails_loses_nothing(client, collector, settings_for, monkeypatch, caplog):
    from hoptoad.handlers import tasks

    def fail(document):
        raise ConnectionError("the backend's database is gone")

    settings_for(HOPTOAD_HANDLER="tasks", HOPTOAD_NOTIFICATION_URL=collector.url)
    close_handlers()
    monkeypatch.setattr(tasks, "deliver", type("Task", (), {"enqueue": staticmethod(fail)}))

    client.get("/boom/")

    assert len(collector.wait()) == 1
    assert "The tasks backend does not accept notices" in caplog.text


def test_gunicorn_publishes_what_fails_before_it_ends(app, broker, collector):
    with worker(broker, "--pool", "solo", HOPTOAD_NOTIFICATION_URL=collector.url, HOPTOAD_HANDLER="celery"):
        environment = {"SHOP_BROKER": broker}
        os.environ.update(environment)
        try:
            with gunicorn(HOPTOAD_HANDLER="celery") as site:
                for _ in range(5):
                    assert site.get("/boom/") == 500
                assert site.stop() == 0
        finally:
            del os.environ["SHOP_BROKER"]
        assert len(collector.wait(5)) == 5

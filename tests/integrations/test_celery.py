"""Failures of Celery's tasks in real workers: the original exception, once."""

import brokers
import pytest
from brokers import worker
from rules import check_v2

pytestmark = pytest.mark.long

pytest.importorskip("celery", reason="celery is not installed")

POOLS = {
    "prefork": ("--concurrency", "1"),
    "solo": ("--pool", "solo"),
    "threads": ("--pool", "threads", "--concurrency", "1"),
}
ROOT_HANDLER = {
    "CELERY_WORKER_HIJACK_ROOT_LOGGER": False,
    "LOGGING": {
        "version": 1,
        "disable_existing_loggers": False,
        "handlers": {"hoptoad": {"class": "hoptoad.log.HoptoadHandler", "level": "ERROR"}},
        "root": {"handlers": ["hoptoad"]},
    },
}


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    with brokers.redis(tmp_path_factory.mktemp("redis")) as url:
        yield url


@pytest.fixture
def run(broker, collector):
    """Runs tasks of shop.tasks in a worker, one after the other; the last of them must raise Plain."""
    from shop.celery import application

    app = application(broker)

    def run(*tasks, pool="prefork", **names):
        settings = {
            "HOPTOAD_NOTIFICATION_URL": collector.url,
            "HOPTOAD_HANDLER": "threadpool",
            "HOPTOAD_THREAD_COUNT": 1,  # in the order in which they failed
            "HOPTOAD_FLUSH_TIMEOUT": 20,
        }
        with worker(broker, *POOLS[pool], **settings, **names):
            for name, *args in tasks:
                app.send_task(f"shop.tasks.{name}", args=args, retry=False)
            while "Plain" not in check_v2(collector.wait(1)[0].body).findtext("error/class"):
                pass  # the worker ends only after the last of them
        return [check_v2(one.body) for one in collector.received]

    yield run
    app.close()


def names(notices):
    return [notice.findtext("error/class") for notice in notices]


@pytest.mark.parametrize("pool", POOLS)
@pytest.mark.parametrize("by_hand", [False, True])
def test_an_exception_that_celery_cannot_pickle_arrives_as_it_was_raised(run, pool, by_hand):
    kinds = ["two", "keyword", "lock", "local", "ignored", *([] if by_hand else ["expected"])]

    notices = run(*(("failing", kind, by_hand) for kind in [*kinds, "plain"]), pool=pool)

    assert names(notices) == [
        "shop.tasks.TwoArguments",
        "shop.tasks.KeywordOnly",
        "shop.tasks.HoldsALock",
        "shop.tasks._local.<locals>.OfAFunction",
        "shop.tasks.Plain",
    ]
    for notice in notices:
        assert "KeyError: 'the cause'" in "".join(notice.itertext())
        assert notice.find("error/backtrace/line").get("method") == "failing"
    assert notices[0].findtext("error/message") == "TwoArguments: two"


@pytest.mark.parametrize("logging", [{}, ROOT_HANDLER], ids=["plain", "root_handler"])
def test_a_task_that_is_ended_by_force_is_reported_once(run, logging):
    """Each twice, because one that is told twice must not look like one that failed twice."""
    notices = run(
        ("endless",), ("endless",), ("killed",), ("left",), ("killed",), ("failing", "plain"), **logging
    )

    actions = [notice.findtext("request/action") for notice in notices]
    assert sorted(zip(names(notices), actions, strict=True)) == [
        ("billiard.exceptions.TimeLimitExceeded", "shop.tasks.endless"),
        ("billiard.exceptions.TimeLimitExceeded", "shop.tasks.endless"),
        ("billiard.exceptions.WorkerLostError", "shop.tasks.killed"),
        ("billiard.exceptions.WorkerLostError", "shop.tasks.killed"),
        ("billiard.exceptions.WorkerLostError", "shop.tasks.left"),
        ("shop.tasks.Plain", "shop.tasks.failing"),
    ]


@pytest.mark.parametrize("logging", [{}, ROOT_HANDLER], ids=["plain", "root_handler"])
@pytest.mark.parametrize("task", ["endless_again", "killed_again"])
def test_a_task_that_comes_again_after_it_was_ended_is_reported_once(run, logging, task, tmp_path):
    notices = run((task, str(tmp_path / "marker")), **logging)

    # Celery sends no signal where a lost worker's task will run again: it logs, which a handler reports.
    is_reported = logging or task == "endless_again"
    assert len(notices) == (2 if is_reported else 1)

"""The site under the servers people run it with."""

import threading
import time

import collector as faults
import pytest
from servers import gunicorn, uvicorn

pytest.importorskip("gunicorn", reason="gunicorn is not installed")
pytest.importorskip("uvicorn", reason="uvicorn is not installed")


@pytest.mark.long
@pytest.mark.parametrize(
    "arguments",
    [(), ("--preload",), ("--threads", "4"), ("--workers", "2", "--preload")],
    ids=["sync", "preload", "gthread", "two preloaded"],
)
def test_gunicorn_reports_and_flushes_when_told_to_stop(collector, arguments):
    with gunicorn(*arguments, HOPTOAD_NOTIFICATION_URL=collector.url) as site:
        for _ in range(5):
            assert site.get("/boom/") == 500
        assert site.get("/stream/") == 200
        assert site.stop() == 0

    assert len(collector.wait(6)) == 6


@pytest.mark.long
def test_a_recycled_gunicorn_worker_loses_nothing(collector):
    with gunicorn("--max-requests", "3", HOPTOAD_NOTIFICATION_URL=collector.url) as site:
        for _ in range(10):
            assert site.get("/boom/") == 500
        assert len(collector.wait(10)) == 10


def test_uvicorn_reports_crashes_statuses_and_streams(collector):
    with uvicorn(HOPTOAD_NOTIFICATION_URL=collector.url) as site:
        assert site.get("/boom/") == 500
        assert site.get("/boom/async/") == 500
        assert site.get("/status/503/") == 503
        assert site.get("/stream/async/") == 200
        bodies = [received.body for received in collector.wait(4)]

    assert sum(b"half-way" in body for body in bodies) == 1
    assert len(collector.received) == 4


@pytest.mark.parametrize("path", ["/boom/async/", "/status/503/", "/stream/async/"])
def test_a_blocking_handler_and_a_hanging_server_do_not_hold_the_event_loop(collector, path):
    collector.default = faults.hang
    with uvicorn(
        HOPTOAD_NOTIFICATION_URL=collector.url, HOPTOAD_HANDLER="blocking", HOPTOAD_TIMEOUT=5
    ) as site:
        held = threading.Thread(target=site.get, args=(path,))
        held.start()
        while not collector.received:  # until the failing request waits for the server
            time.sleep(0.01)

        start = time.monotonic()
        assert all(site.get("/slow/") == 200 for _ in range(20))
        others_took = time.monotonic() - start

        assert held.is_alive()
        assert others_took < 4
        collector.over.set()
        held.join()

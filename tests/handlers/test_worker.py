"""The life of threads as pool and spool share it; each one's own part is in test_threaded and test_spool."""

import os
import subprocess
import sys
import textwrap
import threading

import pytest
from places import PYTHONPATH, SITE

from hoptoad.handlers.spool import SpoolNotifier
from hoptoad.handlers.threaded import ThreadedNotifier


@pytest.fixture
def run(collector, tmp_path):
    def run(program, **names):
        settings = {
            "HOPTOAD_HANDLER": "spool",
            "HOPTOAD_NOTIFICATION_URL": collector.url,
            "HOPTOAD_SPOOL_DIR": str(tmp_path / "spool"),
            **names,
        }
        return subprocess.run(
            [sys.executable, "-c", textwrap.dedent(program)],
            cwd=SITE,
            env={
                **os.environ,
                "PYTHONPATH": PYTHONPATH,
                "DJANGO_SETTINGS_MODULE": "shop.served",
                "SHOP_SETTINGS": repr({name: repr(value) for name, value in settings.items()}),
            },
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )

    return run


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_child_of_multiprocessing_closes_its_spool(collector, run):
    """These children end by os._exit: before Python 3.13 they run no atexit."""
    import collector as faults

    collector.default = faults.reset
    done = run(
        """
        import multiprocessing, threading, warnings
        warnings.simplefilter("ignore", DeprecationWarning)
        import django
        django.setup()
        from django.test import Client
        from hoptoad.signals import notice_answered
        answered = threading.Event()
        notice_answered.connect(lambda **named: answered.set(), weak=False)
        def work():
            Client(raise_request_exception=False).get("/boom/")
            assert answered.wait(20)
        child = multiprocessing.get_context("fork").Process(target=work)
        child.start()
        child.join()
        """
    )

    assert "This process ends. Another one sends the notices that wait in the spool" in done.stderr


@pytest.mark.parametrize("kind", [ThreadedNotifier, SpoolNotifier])
def test_a_thread_that_is_ended_is_replaced_with_the_next_notice(kind, settings_for, tmp_path, monkeypatch):
    settings_for(HOPTOAD_SPOOL_DIR=tmp_path / "spool")
    ended = threading.Event()
    monkeypatch.setattr(threading, "excepthook", lambda args: ended.set())
    sent = []

    def send(payload, timeout):
        sent.append(payload)
        if len(sent) == 1:
            raise SystemExit

    handler = kind(send=send, fall_back=lambda *args: None)
    handler.enqueue(b"1", 1)
    assert ended.wait(20)
    handler.enqueue(b"2", 1)

    assert handler.flush(20)
    assert b"2" in sent
    handler.close()


def test_a_handler_that_cannot_be_closed_keeps_no_other_from_its_end(collector, run):
    done = run(
        """
        import django
        django.setup()
        from django.test import Client
        from hoptoad.handlers.threaded import ThreadedNotifier
        class Broken(ThreadedNotifier):
            def close(self, timeout=None):
                raise RuntimeError("broken")
        broken = Broken()
        Client(raise_request_exception=False).get("/boom/")
        """,
        HOPTOAD_HANDLER="threadpool",
    )

    assert "A handler could not be closed as the process ended" in done.stderr
    assert len(collector.wait()) == 1

"""Our own threads, and the interpreters that have none."""

import contextvars
import subprocess
import sys
import textwrap
import threading

import pytest
from places import SITE

import hoptoad
from hoptoad.handlers.threaded import ThreadedNotifier
from hoptoad.runtime.threads import Timer

colour = contextvars.ContextVar("colour", default="none")


@pytest.fixture
def inheriting(monkeypatch):
    """Threads start in a copy of their starter's context, as with `-X thread_inherit_context=1`."""
    start = threading.Thread.start

    def inherit(thread):
        if getattr(thread, "_context", None) is None:  # Python 3.14: a context was given
            context, run = contextvars.copy_context(), thread.run
            thread.run = lambda: context.run(run)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", inherit)


def test_the_threads_of_the_pool_do_not_see_the_context_of_the_first_failure(inheriting):
    seen = []
    notifier = ThreadedNotifier(1, send=lambda payload, timeout: seen.append(colour.get()))
    token = colour.set("that of a request")

    notifier.enqueue(b"x", 5)

    assert notifier.flush(20)
    assert seen == ["none"]
    colour.reset(token)


def test_a_timer_does_not_see_the_context_in_which_it_was_started(inheriting):
    seen = []
    told = threading.Event()

    def tell():
        seen.append(colour.get())
        told.set()

    token = colour.set("that of a request")

    Timer("later", tell).start(0)

    assert told.wait(20)
    assert seen == ["none"]
    colour.reset(token)


def test_a_sites_own_thread_sees_what_python_gives_it(inheriting):
    seen = []
    token = colour.set("that of a request")
    thread = threading.Thread(target=lambda: seen.append(colour.get()))
    thread.start()
    thread.join()

    assert seen == ["that of a request"]
    colour.reset(token)


# Runs CODE in an interpreter of the process, and ends that before the process.
INTERPRETER = """
import sys
CODE = {code!r}
kind = {kind!r}
if kind == "pool":
    from concurrent.futures import InterpreterPoolExecutor
    with InterpreterPoolExecutor(max_workers=1) as pool:
        pool.submit(exec, CODE).result()
elif sys.version_info >= (3, 13):
    import _interpreters
    interpreter = _interpreters.create(kind)
    failed = _interpreters.exec(interpreter, CODE)
    assert failed is None, failed.formatted
    _interpreters.destroy(interpreter)
else:
    import _xxsubinterpreters
    interpreter = _xxsubinterpreters.create(isolated=kind == "isolated")
    _xxsubinterpreters.run_string(interpreter, CODE)
    _xxsubinterpreters.destroy(interpreter)
print("ended")
"""
PROGRAM = """
import os, sys, warnings
warnings.simplefilter("ignore")  # requests warns where charset_normalizer's C code cannot be loaded
sys.path[:0] = {path!r}
os.environ["DJANGO_SETTINGS_MODULE"] = "shop.settings"
from django.conf import settings
settings.HOPTOAD_NOTIFICATION_URL = {url!r}
settings.HOPTOAD_HANDLER = {handler!r}
settings.HOPTOAD_SPOOL_DIR = {spool!r}
settings.HOPTOAD_STORM_LIMIT = 2
settings.HOPTOAD_DIGEST_404 = 600
settings.HOPTOAD_NOTIFY_404 = True
settings.HOPTOAD_RETRIES = 0
settings.HOPTOAD_TIMEOUT = 1
import django
django.setup()
from django.test import Client
import hoptoad
client = Client(raise_request_exception=False)
for path in ("/boom/", "/boom/", "/boom/", "/missing/", "/missing/"):
    client.get(path)
"""


@pytest.fixture
def interpret(collector, tmp_path):
    """Lets five requests fail in another interpreter: three crashes alike, two for one missing page."""

    def interpret(kind, then="", handler="threadpool", url=collector.url):
        site = PROGRAM.format(path=sys.path, url=url, handler=handler, spool=str(tmp_path / "spool"))
        return subprocess.run(
            [sys.executable, "-c", INTERPRETER.format(code=site + textwrap.dedent(then), kind=kind)],
            cwd=SITE,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return interpret


KINDS = [
    "legacy",
    pytest.param(
        "isolated",
        marks=pytest.mark.skipif(sys.version_info < (3, 13), reason="Django cannot be imported there"),
    ),
    pytest.param("pool", marks=pytest.mark.skipif(sys.version_info < (3, 14), reason="new in Python 3.14")),
]


@pytest.mark.parametrize("kind", KINDS)
def test_in_another_interpreter_a_failure_is_sent_at_once_and_the_rest_at_its_end(interpret, collector, kind):
    done = interpret(
        kind,
        """
        assert hoptoad.stats()["sent"] == 3, hoptoad.stats()  # two crashes, one missing page
        assert hoptoad.flush(20)
        """,
    )

    assert (done.stderr, done.stdout, done.returncode) == ("", "ended\n", 0)
    assert len(collector.received) == 5  # one sums the crashes up, and one the missing pages


@pytest.mark.parametrize("kind", KINDS)
def test_in_another_interpreter_what_a_dead_server_does_not_take_is_counted(interpret, kind):
    done = interpret(kind, "assert not hoptoad.flush(0)", url="http://127.0.0.1:9/")

    assert "Traceback" not in done.stderr
    assert "notices lost" in done.stderr
    assert (done.stdout, done.returncode) == ("ended\n", 0)


def test_flush_raises_nothing(settings_for, caplog):
    settings_for(HOPTOAD_HANDLER="shop.nowhere.Handler")

    assert hoptoad.flush() is False
    assert "Waiting notices could not be sent" in caplog.text

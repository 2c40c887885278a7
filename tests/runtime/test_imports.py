"""What is imported late: no fork breaks it, and `warm_up` has it done before."""

import os
import subprocess
import sys
import textwrap

import pytest
from places import PYTHONPATH, SITE

import hoptoad
from hoptoad import stats
from hoptoad.testing import outbox

PROGRAM = """
import os, sys, threading, warnings
warnings.simplefilter("ignore", DeprecationWarning)  # a process with threads forks
os.environ["DJANGO_SETTINGS_MODULE"] = "shop.served"
import django
django.setup()
from django.test import Client
client = Client(raise_request_exception=False)
client.get("/")

def stack():
    frame = sys._getframe(2)
    while frame is not None:
        yield frame.f_code.co_filename, frame.f_code.co_name
        frame = frame.f_back
"""


@pytest.fixture
def run(collector, tmp_path):
    def run(program, **names):
        settings = {
            "HOPTOAD_NOTIFICATION_URL": collector.url,
            "HOPTOAD_SPOOL_DIR": str(tmp_path / "spool"),
            "HOPTOAD_PROJECT_ID": "1",
            "HOPTOAD_LOCAL_VARIABLES": True,
            "HOPTOAD_SOURCE_CONTEXT": 3,
            **names,
        }
        return subprocess.run(
            [sys.executable, "-c", PROGRAM + textwrap.dedent(program)],
            cwd=SITE,
            env={
                **os.environ,
                "PYTHONPATH": PYTHONPATH,
                "SHOP_SETTINGS": repr({name: repr(value) for name, value in settings.items()}),
            },
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )

    return run


# Another thread has come as far as importing MODULE when the process forks.
FORK = """
import signal
class Slow:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            reached.set()
            forked.wait(1)  # the fork waits for the import; where it does not, it comes in its midst
        return None
reached, forked = threading.Event(), threading.Event()
sys.meta_path.insert(0, Slow())
import hoptoad
fail = {fail}
threading.Thread(target=fail).start()
assert reached.wait(20), "it was imported before"
child = os.fork()
if not child:
    signal.alarm(60)
    fail()
    assert hoptoad.flush(5)
    os._exit(0)
forked.set()
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.long
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.parametrize(
    ("module", "names"),
    [
        ("hoptoad.reporting.pipeline", {}),
        ("hoptoad.capture.build", {}),
        ("hoptoad.handlers.threaded", {"HOPTOAD_HANDLER": "threadpool"}),
        ("hoptoad.handlers.blocking", {"HOPTOAD_HANDLER": "blocking"}),
        (
            "hoptoad.handlers.mail",
            {"HOPTOAD_FALLBACK_HANDLER": "mail", "HOPTOAD_HANDLER": "shop.queues.Lossy"},
        ),
        ("hoptoad.api.v3", {"HOPTOAD_API": "v3", "HOPTOAD_HANDLER": "blocking"}),
        ("hoptoad.api.sentry.wire", {"HOPTOAD_API": "sentry", "HOPTOAD_HANDLER": "blocking"}),
        ("hoptoad.delivery.connection", {"HOPTOAD_HANDLER": "blocking"}),
        ("shop.reporting", {"DEFAULT_EXCEPTION_REPORTER_FILTER": "shop.reporting.Filter"}),
    ],
)
def test_a_child_forked_while_something_is_imported_reports_its_own_failure(run, module, names):
    done = run(FORK.format(module=module, fail='lambda: client.get("/boom/")'), **names)

    assert done.stdout == "0\n", done.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_child_forked_while_notify_is_imported_reports_its_own_failure(run):
    done = run(FORK.format(module="hoptoad.reporting.manual", fail='lambda: hoptoad.notify(message="x")'))

    assert done.stdout == "0\n", done.stderr


# Prints what is imported on our behalf while a fork could come.
UNSAFE = """
from hoptoad.runtime import lifecycle
class Watch:
    def find_spec(self, name, path=None, target=None):
        ours = [(file, function) for file, function in stack() if "/hoptoad/" in file]
        if ours and not ours[0][0].endswith("/hoptoad/middleware.py") and not lifecycle.importing._is_owned():
            print(name, ours[:3])
        return None
sys.meta_path.insert(0, Watch())
client.get("/boom/")
client.get("/missing/")
import hoptoad
hoptoad.notify(message="x")
assert hoptoad.flush(20)
"""


@pytest.mark.parametrize(
    ("handler", "api"),
    [
        ("threadpool", "v2"),
        pytest.param("blocking", "v3", marks=pytest.mark.long),
        ("blocking", "sentry"),
        ("spool", "v2"),
        pytest.param("mail", "v2", marks=pytest.mark.long),
        pytest.param("memory", "v3", marks=pytest.mark.long),
        pytest.param("memory", "sentry", marks=pytest.mark.long),
        ("tasks", "v3"),
    ],
)
def test_nothing_is_imported_on_our_behalf_while_a_fork_could_come(run, handler, api):
    done = run(UNSAFE, HOPTOAD_HANDLER=handler, HOPTOAD_API=api, HOPTOAD_NOTIFY_404=True)

    assert (done.stdout, done.returncode) == ("", 0), done.stderr


WARM = """
import hoptoad
before = threading.active_count()
hoptoad.warm_up()
assert threading.active_count() == before
assert not any(hoptoad.stats().values()), hoptoad.stats()
class Watch:
    def find_spec(self, name, path=None, target=None):
        ours = [file for file, function in stack() if "/hoptoad/" in file]
        if ours and not ours[0].endswith("/hoptoad/middleware.py"):
            print(name, ours[:3])
        return None
sys.meta_path.insert(0, Watch())
client.get("/boom/")
assert hoptoad.flush(20)
"""


@pytest.mark.parametrize(
    ("handler", "api"),
    [
        ("threadpool", "v2"),
        pytest.param("threadpool", "v3", marks=pytest.mark.long),
        pytest.param("threadpool", "sentry", marks=pytest.mark.long),
        pytest.param("blocking", "v2", marks=pytest.mark.long),
        ("blocking", "v3"),
        pytest.param("blocking", "sentry", marks=pytest.mark.long),
    ],
)
def test_after_a_warm_up_the_first_failure_imports_nothing(run, collector, handler, api):
    done = run(WARM, HOPTOAD_HANDLER=handler, HOPTOAD_API=api)

    assert (done.stdout, done.returncode) == ("", 0), done.stderr
    assert len(collector.received) == 1


def test_a_warm_up_reports_nothing():
    hoptoad.warm_up()

    assert outbox == []
    assert not any(stats().values())


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ({"HOPTOAD_SETTINGS": {}}, ""),
        ({"HOPTOAD_HANDLER": "shop.nowhere.Handler"}, "hoptoad.warm_up() failed"),
        ({"HOPTOAD_TIMEOUT": "long"}, "hoptoad.warm_up() failed"),
    ],
)
def test_a_warm_up_raises_nothing(settings_for, caplog, names, said):
    settings_for(**names)

    hoptoad.warm_up()

    assert said in caplog.text
    assert bool(caplog.text) is bool(said)

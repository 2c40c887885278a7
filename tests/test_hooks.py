"""Failures outside requests, in processes of their own."""

import logging
import os
import subprocess
import sys

import pytest
from places import PYTHONPATH, SITE
from rules import check_v2

from hoptoad import hooks

SETUP = """
import django
django.setup()
"""


@pytest.fixture
def run(collector):
    """Runs a program, or a command of the test site; returns its outcome and what was reported."""

    def run(*arguments, program=None, file="manage.py", **names):
        settings = {
            "HOPTOAD_HANDLER": "threadpool",
            "HOPTOAD_NOTIFICATION_URL": collector.url,
            "HOPTOAD_FLUSH_TIMEOUT": 20,
            **names,
        }
        command = ["-c", SETUP + program] if program else [str(file)]
        done = subprocess.run(
            [sys.executable, *command, *arguments],
            cwd=SITE,
            env={
                **os.environ,
                "PYTHONPATH": PYTHONPATH,
                "DJANGO_SETTINGS_MODULE": "shop.served",
                "SHOP_SETTINGS": repr({name: repr(value) for name, value in settings.items()}),
            },
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done, [check_v2(received.body) for received in collector.received]

    return run


def where(notice):
    return notice.findtext("request/component"), notice.findtext("request/action")


def test_a_command_that_fails_is_reported(run):
    done, [notice] = run(
        "broken", "--password=command-secret", "--token", "command-secret-2", "--page", "7", "x"
    )

    assert done.returncode == 1
    assert "ValueError: something broke in a command" in done.stderr
    assert where(notice) == ("management", "broken")
    assert notice.findtext("error/message") == "ValueError: something broke in a command"
    text = "".join(notice.itertext())
    assert "command-secret" not in text
    [shown] = notice.iterfind("request/params/var[@key='arguments']")
    assert [(var[0].get("key"), var[0].text) for var in shown if len(var)] == [
        ("password", "*" * 20),
        ("token", "*" * 20),
        ("page", "7"),
    ]


@pytest.mark.parametrize("how", ["CommandError", "SystemExit"])
def test_a_command_that_says_no_is_left_alone(run, how):
    done, notices = run("broken", "--how", how)

    assert done.returncode == 1
    assert notices == []


@pytest.mark.parametrize(
    ("file", "start"),
    [
        ("manage_prod.py", "execute_from_command_line(sys.argv)"),
        ("shopctl", "ManagementUtility(sys.argv).execute()"),
        ("nightly.py", 'execute_from_command_line(["anything", "broken", "--page", "7"])'),
        ("__main__.py", "Own(sys.argv).execute()"),
    ],
)
def test_a_command_is_named_whatever_the_program_is_called(run, tmp_path, file, start):
    program = tmp_path / file
    program.write_text(
        "import sys\nfrom django.core.management import ManagementUtility, execute_from_command_line\n"
        "class Own(ManagementUtility):\n    def execute(self):\n        super().execute()\n"
        f"{start}\n"
    )

    done, [notice] = run("broken", "--page", "7", file=program)

    assert done.returncode == 1
    assert where(notice) == ("management", "broken")
    [shown] = notice.iterfind("request/params/var[@key='arguments']")
    assert [(var[0].get("key"), var[0].text) for var in shown if len(var)] == [("page", "7")]


@pytest.mark.parametrize("file", ["manage_prod.py", "django-admin", "manage.py"])
@pytest.mark.parametrize("how", ["call_command('broken')", "raise ValueError('broke')"])
def test_a_script_that_only_sounds_like_manage_py_is_a_script(run, tmp_path, file, how):
    program = tmp_path / file
    program.write_text(
        f"import django\nfrom django.core.management import call_command\ndjango.setup()\n{how}\n"
    )

    _, [notice] = run("migrate", file=program)

    assert where(notice) == ("script", file)


def test_commands_can_be_left_out(run):
    done, notices = run("broken", HOPTOAD_HOOKS=["scripts", "threads"])

    assert "ValueError" in done.stderr
    assert notices == []


def test_a_script_that_fails_is_reported(run):
    done, [notice] = run(program="raise ValueError('something broke in a script')")

    assert "ValueError: something broke in a script" in done.stderr
    assert where(notice) == ("script", "-c")


@pytest.mark.parametrize("error", ["KeyboardInterrupt", "SystemExit"])
def test_a_script_that_is_ended_is_left_alone(run, error):
    _, notices = run(program=f"raise {error}")

    assert notices == []


def test_a_thread_that_fails_is_reported_and_the_hook_before_is_called(run):
    program = """
import threading
def work():
    raise ValueError("something broke in a thread")
def leave():
    raise SystemExit
for target in (work, leave):
    thread = threading.Thread(target=target, name="worker-7")
    thread.start(); thread.join()
"""
    done, [notice] = run(program=program)

    assert done.stderr.count("Exception in thread worker-7") == 1
    assert where(notice) == ("thread", None)
    assert "worker-7" in "".join(notice.itertext())


def test_what_cannot_be_raised_is_reported(run):
    program = """
class Broken:
    def __del__(self):
        raise ValueError("something broke at the end of an object")
Broken()
"""
    done, [notice] = run(program=program)

    assert "something broke at the end of an object" in done.stderr
    assert where(notice) == ("unraisable", None)


def test_a_task_that_nobody_awaits_is_reported(run):
    program = """
import asyncio, gc
async def work():
    raise ValueError("something broke in a task")
async def main():
    asyncio.get_running_loop().create_task(work())
    await asyncio.sleep(0.01)
    gc.collect()
asyncio.run(main())
"""
    _, [notice] = run(program=program)

    assert where(notice) == ("asyncio", None)
    assert notice.findtext("error/message") == "ValueError: something broke in a task"


NOBODY_AWAITS = """
import asyncio, gc, logging
logging.getLogger().addHandler(logging.StreamHandler())
class Broken(Exception): pass
async def work():
    raise Broken("a task")
def called():
    raise Broken("a callback")
async def main():
    loop = asyncio.get_running_loop()
    loop.create_task(work())
    loop.create_future().set_exception(Broken("a future"))
    loop.call_soon(called)
    for _ in range(3):
        await asyncio.sleep(0)
    gc.collect()
asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("logging", "is_said"),
    [
        ({"version": 1}, False),
        ({"version": 1, "disable_existing_loggers": True, "root": {"level": "ERROR"}}, False),
        ({"version": 1, "disable_existing_loggers": False}, True),
        ({"version": 1, "loggers": {"asyncio": {"level": "ERROR"}}}, True),
    ],
)
def test_what_nobody_awaits_is_reported_whatever_logging_says_and_logged_as_before(run, logging, is_said):
    done, notices = run(program=NOBODY_AWAITS, LOGGING=logging)

    assert sorted(notice.findtext("error/message") for notice in notices) == [
        "Broken: a callback",
        "Broken: a future",
        "Broken: a task",
    ]
    assert ("Broken: a task" in done.stderr) is is_said


def test_a_site_that_silences_asyncio_by_name_is_obeyed(run):
    done, notices = run(
        program=NOBODY_AWAITS, LOGGING={"version": 1, "loggers": {"asyncio": {"level": "CRITICAL"}}}
    )

    assert (notices, "Broken" in done.stderr) == ([], False)


def test_a_logger_that_was_switched_on_for_us_is_switched_off_again():
    logger = logging.getLogger("asyncio")
    logger.disabled = True
    try:
        hooks.install(["asyncio"])
        assert (logger.disabled, logger.propagate) == (False, False)

        hooks.remove()
        assert (logger.disabled, logger.propagate) == (True, True)
    finally:
        logger.disabled = False


def test_hooks_are_chained_and_removable():
    before = sys.excepthook
    called = []
    sys.excepthook = lambda *args: called.append(args)
    own = sys.excepthook
    try:
        hooks.install(["scripts"])
        assert sys.excepthook is not own
        sys.excepthook(SystemExit, SystemExit(), None)
        assert len(called) == 1

        hooks.remove()
        assert sys.excepthook is own
    finally:
        sys.excepthook = before


def test_a_hook_that_another_is_chained_to_passes_on(monkeypatch):
    called = []
    monkeypatch.setattr(sys, "excepthook", lambda *args: called.append(args))
    hooks.install(["scripts"])
    ours = sys.excepthook
    sys.excepthook = lambda *args: ours(*args)  # someone else's, on top

    hooks.remove()
    sys.excepthook(ValueError, ValueError("x"), None)

    assert len(called) == 1
    from hoptoad.testing import outbox

    assert outbox == []


def test_installing_again_replaces():
    before = sys.excepthook
    hooks.install(["scripts"])
    hooks.install(["scripts"])
    assert sys.excepthook.previous is before

    hooks.remove()
    assert sys.excepthook is before


def test_a_site_without_a_key_has_no_hooks(run):
    program = """
import sys
assert sys.excepthook is sys.__excepthook__
"""
    done, notices = run(program=program, HOPTOAD_SETTINGS={})

    assert (done.returncode, notices) == (0, [])


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ([], []),
        (["a", "b"], ["a", "b"]),
        (["--a=b", "-c", "d", "e"], [{"a": "b"}, {"c": "d"}, "e"]),
        (["--last"], [{"last": ""}]),
        (["--no-input", "--api-token", "S"], [{"no-input": ""}, {"api-token": "S"}]),
        (["--traceback", "--password=S", "shop"], [{"traceback": ""}, {"password": "S"}, "shop"]),
        (["-v", "-q", "--secret", "S"], [{"v": ""}, {"q": ""}, {"secret": "S"}]),
        (["--dry-run", "--", "--token", "S"], [{"dry-run": ""}, "--", {"token": "S"}]),
        (["--offset", "-5", "--ratio", "-.5"], [{"offset": "-5"}, {"ratio": "-.5"}]),
        (["--file", "-", "-"], [{"file": "-"}, "-"]),
        (["--key", "-----BEGIN PRIVATE KEY-----\nMIIE="], [{"key": "-----BEGIN PRIVATE KEY-----\nMIIE="}]),
        (["--password", "- a b=c", "d"], [{"password": "- a b=c"}, "d"]),
        (["--note=- a", "--x"], [{"note": "- a"}, {"x": ""}]),
    ],
)
def test_arguments_are_paired(given, shown):
    assert hooks.arguments(given) == shown


def test_a_flag_before_a_secret_option_does_not_uncover_its_value(run):
    done, [notice] = run(
        *("--no-input", "--api-token", "hunter2-Xyz99", "--page", "7"), program="raise ValueError('x')"
    )

    [shown] = notice.iterfind("request/params/var[@key='arguments']")
    assert done.returncode == 1
    assert [(var[0].get("key"), var[0].text) for var in shown if len(var)] == [
        ("no-input", None),
        ("api-token", "*" * 20),
        ("page", "7"),
    ]

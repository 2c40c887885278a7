"""The spool: what was written arrives, whatever happens to the process, the server or the disk."""

import collections
import contextlib
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
from io import StringIO

import collector as faults
import pytest
from collector import Reply
from django.core.management import CommandError, call_command
from places import PYTHONPATH, SITE, SUPPORT

from hoptoad import stats
from hoptoad.api import htv2
from hoptoad.delivery.answer import Answer, Verdict
from hoptoad.delivery.circuit_breaker import CircuitBreaker
from hoptoad.delivery.spool.directory import SpoolDirectory
from hoptoad.handlers import get_handler
from hoptoad.handlers.spool import SpoolNotifier
from hoptoad.notice import ErrorInfo, Notice
from hoptoad.testing import outbox

PAYLOAD = htv2.encode(Notice(id="1", error=ErrorInfo("ValueError", "ValueError: waiting")))


class Clock:
    now = 1_000_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def spool_dir(tmp_path):
    return tmp_path / "spool"


@pytest.fixture
def directory(spool_dir):
    directory = SpoolDirectory(spool_dir, fsync=False)
    directory.open()
    return directory


@pytest.fixture
def spooling(settings_for, spool_dir, collector):
    settings_for(
        HOPTOAD_HANDLER="spool",
        HOPTOAD_SPOOL_DIR=spool_dir,
        HOPTOAD_NOTIFICATION_URL=collector.url,
        HOPTOAD_TIMEOUT=2,
    )
    yield
    get_handler().close()


def test_what_fails_is_delivered_and_deleted(client, collector, spooling, directory):
    for _ in range(5):
        client.get("/boom/")

    assert get_handler().flush(20)
    assert len(collector.wait(5)) == 5
    assert directory.waiting() == []
    assert stats()["spooled"] == stats()["sent"] == 5
    assert len({received.connection for received in collector.received}) == 1


def test_a_server_that_is_down_loses_nothing_and_another_process_delivers(
    client, collector, spooling, directory, capsys
):
    collector.default = Reply(503, "in maintenance")
    for _ in range(5):
        client.get("/boom/")
    collector.wait()
    get_handler().close()
    assert len(directory.waiting()) == 5
    collector.default = Reply()

    out = StringIO()
    call_command("hoptoad_spool", "--send", stdout=out)

    assert "5 of 5 accepted" in out.getvalue()
    assert directory.waiting() == []
    assert stats()["dropped"] == 0


def test_leftovers_are_delivered_by_the_next_process_that_starts(collector, settings_for, directory):
    directory.write(PAYLOAD)
    settings_for(
        HOPTOAD_HANDLER="spool",
        HOPTOAD_SPOOL_DIR=directory.path,
        HOPTOAD_NOTIFICATION_URL=collector.url,
    )

    handler = get_handler()

    assert b"ValueError: waiting" in collector.wait()[0].body
    assert handler.flush(20)
    handler.close()


def test_a_refused_notice_is_kept_aside_with_the_servers_words(client, collector, spooling, directory):
    collector.default = Reply(422, "Your API key is unknown")

    client.get("/boom/")

    assert get_handler().flush(20)
    [kept] = directory.kept()
    assert "Your API key is unknown" in directory.answer(kept)
    assert stat.S_IMODE(kept.path.stat().st_mode) == 0o600
    out = StringIO()
    call_command("hoptoad_spool", stdout=out)
    assert (
        "ValueError: something broke  [refused for good (HTTP 422): Your API key is unknown]"
        in out.getvalue()
    )
    assert "0 waiting, 1 refused" in out.getvalue()


def test_a_refused_notice_that_the_fallback_has_is_not_counted_as_lost(
    client, collector, spooling, directory, settings_for
):
    collector.default = Reply(422, "Your API key is unknown")
    settings_for(HOPTOAD_SPOOL_KEEP_REFUSED=0, HOPTOAD_FALLBACK_HANDLER="memory")

    client.get("/boom/")

    assert get_handler().flush(20)
    assert [notice.error.message for notice in outbox] == ["ValueError: something broke"]
    assert (stats()["dropped"], directory.kept()) == (0, [])


def test_a_dead_server_costs_one_attempt_at_a_time(settings_for, directory):
    settings_for(HOPTOAD_HANDLER="spool", HOPTOAD_SPOOL_DIR=directory.path)
    attempts = []

    def unreachable(payload, timeout):
        attempts.append(payload)
        return Answer(verdict=Verdict.UNREACHABLE, url="", fault="refused")

    clock = Clock()
    spool = SpoolNotifier(send=unreachable, circuit=CircuitBreaker(clock=clock, jitter=lambda: 1.0))
    for _ in range(20):
        spool.enqueue(PAYLOAD, 1)
    assert spool.flush(0.3) is False
    spool.close()

    assert len(attempts) == 1
    assert len(directory.waiting()) == 20
    assert max(notice.attempts for notice in directory.waiting()) == 1


def test_a_full_spool_gives_the_newest_up(settings_for, directory):
    settings_for(HOPTOAD_HANDLER="spool", HOPTOAD_SPOOL_DIR=directory.path, HOPTOAD_SPOOL_MAX_MB=1)
    failed = []
    spool = SpoolNotifier(
        send=lambda *args: Answer(verdict=Verdict.UNREACHABLE, url="", fault="refused"),
        fall_back=lambda payload, timeout, why, answer: failed.append(why),
    )

    for _ in range(5):
        spool.enqueue(b"x" * 300_000, 1)

    spool.close()  # its thread renames what it has tried, and a listing may miss that
    assert len(directory.waiting()) == 3
    assert failed == ["the spool is full (HOPTOAD_SPOOL_MAX_MB = 1)"] * 2


@pytest.mark.parametrize("broken", ["no directory", "no rename", "no write"])
def test_without_a_working_disk_notices_go_to_threads_and_the_log_says_so(
    client, collector, settings_for, tmp_path, monkeypatch, caplog, broken
):
    spool_dir = tmp_path / "spool"
    if broken == "no directory":
        (tmp_path / "file").touch()
        spool_dir = tmp_path / "file" / "spool"

    def fail(*args, **kwargs):
        raise OSError(30, "Read-only file system")

    settings_for(
        HOPTOAD_HANDLER="spool",
        HOPTOAD_SPOOL_DIR=spool_dir,
        HOPTOAD_NOTIFICATION_URL=collector.url,
    )
    if broken == "no rename":
        monkeypatch.setattr("hoptoad.delivery.spool.directory.os.rename", fail)
    if broken == "no write":
        monkeypatch.setattr("hoptoad.delivery.spool.own_files.os.write", fail)

    for _ in range(3):
        client.get("/boom/")

    assert len(collector.wait(3)) == 3
    lines = [line for line in caplog.messages if "does not work" in line]
    assert len(lines) == 1
    assert lines[0].endswith(
        ". Is the disk full or read-only, or may this user not write to HOPTOAD_SPOOL_DIR?"
    )
    if broken != "no directory":
        assert {path.name for path in spool_dir.glob(".*")} <= {".lock", ".size"}
    get_handler().close()


@pytest.fixture
def tiny_disk(tmp_path):
    mount = tmp_path / "disk"
    mount.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(mount)]
    if not shutil.which("mount") or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("a small file system cannot be mounted here")
    yield mount
    subprocess.run(["umount", "-l", str(mount)], check=True)


def test_a_full_disk_loses_nothing(collector, settings_for, tiny_disk, caplog):
    settings_for(
        HOPTOAD_HANDLER="spool",
        HOPTOAD_SPOOL_DIR=tiny_disk / "spool",
        HOPTOAD_NOTIFICATION_URL=collector.url,
    )
    big = PAYLOAD.replace(b"waiting", b"x" * 80_000)  # larger than the disk, however fast it is emptied

    for _ in range(10):
        get_handler().enqueue(big, 5)

    assert len(collector.wait(10)) == 10
    assert "No space left on device" in caplog.text
    get_handler().close()


@pytest.mark.parametrize("status", [200, 422])
def test_what_waits_on_a_full_disk_is_delivered_once(collector, settings_for, tiny_disk, status):
    """Also where no byte can be written, a file can be deleted or renamed."""
    directory = SpoolDirectory(tiny_disk / "spool", fsync=False)
    directory.open()
    for number in range(5):
        directory.write(PAYLOAD.replace(b"waiting", b"number %d" % number))
    with contextlib.suppress(OSError), open(tiny_disk / "other", "wb", buffering=0) as other:
        while True:
            other.write(b"x" * 512)
    collector.default = Reply(status, "no such key")
    settings_for(
        HOPTOAD_HANDLER="spool",
        HOPTOAD_SPOOL_DIR=directory.path,
        HOPTOAD_NOTIFICATION_URL=collector.url,
    )

    assert get_handler().flush(20)
    get_handler().close()

    assert len(collector.received) == 5
    assert (len(directory.waiting()), len(directory.kept())) == (0, 0 if status == 200 else 5)


@pytest.mark.long
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_chaos_kills_lose_nothing_tear_nothing_and_repeat_only_what_was_in_flight(
    collector, directory, tmp_path, settings_for
):
    kills = 200
    written = tmp_path / "written"

    done = subprocess.run(
        [
            sys.executable,
            str(SUPPORT / "chaos.py"),
            collector.url,
            str(directory.path),
            str(written),
            str(kills),
        ],
        cwd=SITE,
        env={**os.environ, "PYTHONPATH": PYTHONPATH},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    settings_for(HOPTOAD_SPOOL_DIR=directory.path, HOPTOAD_NOTIFICATION_URL=collector.url)
    call_command("hoptoad_spool", "--send", stdout=StringIO())

    assert done.stderr == ""
    arrived = collections.Counter(
        identity.decode()
        for received in collector.received
        for identity in re.findall(rb"&lt;&lt;(\d+-\d+)&gt;&gt;", received.body)
    )
    promised = set(written.read_text().split())
    assert len(promised) > kills
    assert promised - set(arrived) == set()
    assert all(received.body.endswith(b"</notice>") for received in collector.received)
    repeated = sum(count - 1 for count in arrived.values())
    assert repeated <= kills + 4
    assert directory.waiting() == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [([], "0 waiting, 0 refused"), (["--send"], "0 of 0 accepted"), (["--purge"], "0 deleted")],
)
def test_the_command_on_an_empty_spool(settings_for, spool_dir, arguments, says):
    settings_for(HOPTOAD_SPOOL_DIR=spool_dir)
    out = StringIO()

    call_command("hoptoad_spool", *arguments, stdout=out)

    assert says in out.getvalue()


def test_the_command_lists_and_purges(settings_for, directory):
    settings_for(HOPTOAD_SPOOL_DIR=directory.path)
    directory.write(PAYLOAD)
    directory.write(b"not a notice")
    out = StringIO()

    call_command("hoptoad_spool", stdout=out)
    call_command("hoptoad_spool", "--purge", stdout=out)

    assert re.search(r"\d+ s +\d+ +0  ValueError: waiting\n", out.getvalue())
    assert "not well-formed" in out.getvalue()
    assert "2 deleted" in out.getvalue()
    assert directory.waiting() == []


def test_sending_by_command_stops_at_a_server_that_is_down(collector, settings_for, directory):
    collector.default = faults.reset
    settings_for(HOPTOAD_SPOOL_DIR=directory.path, HOPTOAD_NOTIFICATION_URL=collector.url)
    for _ in range(3):
        directory.write(PAYLOAD)

    with pytest.raises(CommandError, match="3 still wait. The connection broke"):
        call_command("hoptoad_spool", "--send", stdout=StringIO())

    assert len(collector.received) == 1


def test_the_command_without_a_directory_says_what_to_set():
    with pytest.raises(CommandError, match="HOPTOAD_SPOOL_DIR is not set"):
        call_command("hoptoad_spool")


@pytest.mark.long
def test_watching_delivers_what_others_write_until_it_is_interrupted(collector, directory):
    settings = {"HOPTOAD_SPOOL_DIR": str(directory.path), "HOPTOAD_NOTIFICATION_URL": collector.url}
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "django", "hoptoad_spool", "--watch"],
        cwd=SITE,
        env={
            **os.environ,
            "PYTHONPATH": PYTHONPATH,
            "DJANGO_SETTINGS_MODULE": "shop.served",
            "SHOP_SETTINGS": repr({name: repr(value) for name, value in settings.items()}),
        },
        stdout=subprocess.PIPE,
        text=True,
    )
    assert "Watching" in process.stdout.readline()
    directory.write(PAYLOAD)

    assert b"ValueError: waiting" in collector.wait()[0].body
    assert "1 of 1 accepted" in process.stdout.readline()
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=20)
    assert process.returncode == 0


def test_sending_on_a_terminal_shows_how_far_it_is(collector, settings_for, directory):
    class Terminal(StringIO):
        def isatty(self):
            return True

    settings_for(HOPTOAD_SPOOL_DIR=directory.path, HOPTOAD_NOTIFICATION_URL=collector.url)
    for _ in range(2):
        directory.write(PAYLOAD)
    out = Terminal()

    call_command("hoptoad_spool", "--send", stdout=out, no_color=True)

    assert "\r[###############...............] 1/2\r[##############################] 2/2\n" in out.getvalue()

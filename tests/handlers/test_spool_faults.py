"""What must not stop the spool: strange files, a failing disk, one bad notice, a fork, a jumping clock."""

import errno
import logging
import os
import queue
import subprocess
import sys
import threading
from io import StringIO

import pytest
from collector import Reply
from django.core.management import CommandError, call_command
from intruders import PAYLOAD, STRANGERS, as_root
from places import SITE

from hoptoad import stats
from hoptoad.api import htv2, v3
from hoptoad.conf.loading import get_settings
from hoptoad.delivery.answer import Answer, Verdict
from hoptoad.delivery.circuit_breaker import CircuitBreaker
from hoptoad.delivery.spool.directory import SpoolDirectory
from hoptoad.delivery.spool.lock import SpoolLock
from hoptoad.delivery.spool.size import SpoolSize
from hoptoad.handlers import get_handler, spool_delivery
from hoptoad.handlers.spool import SpoolNotifier
from hoptoad.notice import ErrorInfo, Notice
from hoptoad.runtime.safe_files import Untrusted

pytestmark = pytest.mark.long

DOCUMENT = htv2.encode(Notice(id="1", error=ErrorInfo("E", "E: waits")))
DAY = 24 * 3600
DEADLINE = 20  # seconds


def answer(verdict, **named):
    return Answer(verdict=verdict, url="http://errbit.test/", **named)


ACCEPTED = answer(Verdict.ACCEPTED, status=200)
REFUSED = answer(Verdict.REFUSED, status=422, text="no such key")
DOWN = answer(Verdict.UNREACHABLE, fault="refused", text="Connection refused")


class Server:
    """Answers as told; `asked` are the documents, in order."""

    def __init__(self):
        self.asked = []
        self.answers = {}
        self.default = ACCEPTED
        self.arrivals = queue.Queue()

    def __call__(self, payload, timeout):
        self.asked.append(payload)
        reply = self.answers.get(payload, self.default)
        self.arrivals.put(payload)
        if isinstance(reply, Exception):
            raise reply
        return reply

    def wait(self, count):
        return [self.arrivals.get(timeout=DEADLINE) for _ in range(count)]


@pytest.fixture
def spool_dir(tmp_path):
    return tmp_path / "spool"


@pytest.fixture
def directory(spool_dir):
    directory = SpoolDirectory(spool_dir, fsync=False)
    directory.open()
    return directory


@pytest.fixture
def quick(monkeypatch):
    """Pauses of no length, so that what is tried again is tried at once."""
    for name in (
        "hoptoad.delivery.spool.backlog.FIRST_PAUSE",
        "hoptoad.delivery.circuit_breaker.FIRST_PAUSE",
    ):
        monkeypatch.setattr(name, 0.01)


@pytest.fixture
def server():
    return Server()


@pytest.fixture
def spool(settings_for, spool_dir, server, request):
    settings_for(HOPTOAD_HANDLER="spool", HOPTOAD_SPOOL_DIR=spool_dir)

    def start(**named):
        spool = SpoolNotifier(**{"send": server, **named})
        request.addfinalizer(spool.close)
        return spool

    return start


@pytest.mark.parametrize(("plant", "why"), STRANGERS)
@pytest.mark.parametrize("api", ["v2", "v3"])
def test_a_strange_file_stops_nothing_and_is_logged_once(
    collector, settings_for, directory, caplog, plant, why, api
):
    plant(directory.path)
    encode, path = (htv2.encode, "") if api == "v2" else (v3.encode, "/api/v3/projects/1/notices")
    url = collector.url if api == "v2" else f"http://127.0.0.1:{collector.port}{path}"
    settings_for(
        HOPTOAD_HANDLER="spool",
        HOPTOAD_SPOOL_DIR=directory.path,
        HOPTOAD_API=api,
        HOPTOAD_PROJECT_ID="1",
        HOPTOAD_NOTIFICATION_URL=url,
    )

    for number in range(3):
        get_handler().enqueue(encode(Notice(id=str(number), error=ErrorInfo("E", f"E: {number}"))), 5)

    assert get_handler().flush(DEADLINE)
    get_handler().close()
    assert len(collector.wait(3)) == 3
    assert len([line for line in caplog.messages if "that are not sent: 1." in line]) == 1
    assert len(os.listdir(directory.path)) == 4  # the strange one, refused, .lock, .size


@pytest.mark.parametrize("error", [PermissionError(13, "Permission denied"), Untrusted("x is not ours")])
def test_a_notice_that_cannot_be_read_is_logged_once_and_stops_no_other(
    spool, server, directory, monkeypatch, caplog, error
):
    bad = directory.write(b"unreadable")
    read = SpoolDirectory.read

    def refuse(self, notice):
        if notice.key == bad.key:
            raise error
        return read(self, notice)

    monkeypatch.setattr(SpoolDirectory, "read", refuse)
    handler = spool()
    for number in range(3):
        handler.enqueue(b"%d" % number, 1)

    assert sorted(server.wait(3)) == [b"0", b"1", b"2"]
    handler.close()
    assert [notice.key for notice in directory.waiting()] == [bad.key]
    assert len([line for line in caplog.messages if "that are not sent: 1." in line]) == 1


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EROFS, errno.EMFILE])
@pytest.mark.parametrize(("reply", "step"), [(ACCEPTED, "take"), (REFUSED, "keep"), (ACCEPTED, "read")])
def test_a_failing_disk_makes_no_notice_be_sent_twice_and_keeps_none_waiting(
    spool, server, monkeypatch, quick, number, reply, step
):
    """Which once was posted again and again, and everything younger waited behind it."""
    server.answers[b"old"] = reply
    method = getattr(SpoolDirectory, step)
    failures = [number] * 3

    def fail(self, notice, *args):
        if notice.size == 3 and failures:
            raise OSError(failures.pop(), os.strerror(number))
        return method(self, notice, *args)

    monkeypatch.setattr(SpoolDirectory, step, fail)
    handler = spool()
    for payload in (b"old", b"young", b"youngest"):
        handler.enqueue(payload, 1)

    assert handler.flush(DEADLINE)
    assert failures == []
    assert sorted(server.asked) == [b"old", b"young", b"youngest"]


@pytest.mark.parametrize(
    "reply",
    [
        DOWN,
        answer(Verdict.LATER, status=503, delay=0.0),
        RuntimeError("a bug"),
        OSError(28, "of the sender's"),
    ],
)
def test_a_notice_that_always_fails_keeps_no_other_waiting(spool, server, directory, quick, reply):
    server.answers[b"poison"] = reply
    handler = spool()

    for payload in (b"poison", *(b"%d" % number for number in range(20))):
        handler.enqueue(payload, 1)

    while len(set(server.asked)) < 21:
        server.wait(1)
    handler.close()
    assert [directory.read(notice) for notice in directory.waiting()] == [b"poison"]
    assert len(server.asked) == len(set(server.asked)) + server.asked.count(b"poison") - 1


@pytest.mark.parametrize("reply", [None, 7, ValueError("a bug"), OSError(5, "of the sender's")])
def test_a_permit_is_given_back_whatever_the_sender_does(spool, server, quick, reply):
    circuit = CircuitBreaker(jitter=lambda: 0.0)
    circuit.answered(DOWN)
    server.answers[b"odd"] = reply
    handler = spool(circuit=circuit)
    handler.enqueue(b"odd", 1)
    server.wait(1)
    handler.enqueue(b"next", 1)

    while b"next" not in server.wait(1):
        pass


def test_whatever_goes_wrong_in_the_thread_it_goes_on(spool, server, monkeypatch, caplog):
    step = spool_delivery.SpoolDelivery.step
    failures = [ValueError("a bug")]
    monkeypatch.setattr("hoptoad.handlers.spool.LOOK_EVERY", 0.01)

    def fail(self):
        if failures:
            raise failures.pop()
        return step(self)

    monkeypatch.setattr(spool_delivery.SpoolDelivery, "step", fail)

    spool().enqueue(b"1", 1)

    assert server.wait(1) == [b"1"]
    assert "django-hoptoad itself failed" in caplog.text


# Directories that are not ours, and a disk that does nothing.


@pytest.mark.parametrize("how", ["a link", pytest.param("another user's", marks=as_root)])
def test_what_cannot_be_spooled_is_sent_from_memory_and_the_log_says_why(
    spool, server, spool_dir, tmp_path, caplog, how
):
    target = spool_dir if how == "another user's" else tmp_path / "target"
    target.mkdir(mode=0o755)
    if how == "a link":
        spool_dir.symlink_to(target)
    else:
        os.chown(target, 65534, 65534)
    handler = spool()

    for number in range(3):
        handler.enqueue(b"%d" % number, 1)

    assert sorted(server.wait(3)) == [b"0", b"1", b"2"]
    assert handler.flush(DEADLINE)
    assert os.listdir(target) == []
    assert os.stat(target).st_mode & 0o777 == 0o755
    [line] = [line for line in caplog.messages if "does not work" in line]
    assert ("is a symbolic link" if how == "a link" else "belongs to user 65534") in line


def test_the_command_says_that_a_directory_is_not_ours(settings_for, spool_dir, tmp_path):
    (tmp_path / "target").mkdir()
    spool_dir.symlink_to(tmp_path / "target")
    settings_for(HOPTOAD_SPOOL_DIR=spool_dir)

    with pytest.raises(CommandError, match="cannot be used: .* is a symbolic link"):
        call_command("hoptoad_spool")


# Old notices.


@pytest.mark.parametrize("age", [8 * DAY, 400 * DAY])
def test_an_old_notice_is_tried_once_and_arrives_where_the_server_is_up(spool, server, spool_dir, age):
    _written_before(spool_dir, age)

    assert spool().flush(DEADLINE)

    assert server.asked == [PAYLOAD]
    assert stats()["dropped"] == 0


@pytest.mark.parametrize("reply", [DOWN, answer(Verdict.LATER, status=503, delay=0.0)])
def test_an_old_notice_is_deleted_and_counted_after_it_has_failed_once_more(
    spool, server, spool_dir, directory, quick, caplog, reply
):
    server.default = reply
    _written_before(spool_dir, 8 * DAY)
    young = _written_before(spool_dir, 6 * DAY)

    handler = spool()
    server.wait(2)
    handler.close()

    assert stats()["dropped"] == 1
    assert [notice.key for notice in directory.waiting()] == [young.key]
    assert "older than HOPTOAD_SPOOL_MAX_AGE = 7 days" in caplog.text


@pytest.mark.parametrize("jump", [400 * DAY, -400 * DAY])
def test_a_clock_that_jumps_deletes_nothing(spool, server, directory, quick, monkeypatch, jump):
    server.default = DOWN
    handler = spool()
    kept = directory.write(PAYLOAD)
    directory.keep(kept, "refused")
    handler.enqueue(PAYLOAD, 1)
    server.wait(2)
    now = spool_delivery.time.time
    monkeypatch.setattr("time.time", lambda: now() + jump)

    server.wait(3)
    handler.close()

    assert (len(directory.waiting()), len(directory.kept())) == (1, 1)
    assert stats()["dropped"] == 0


def test_a_server_that_stays_down_costs_old_notices_no_attempt_each(
    spool, server, spool_dir, directory, quick, monkeypatch
):
    server.default = DOWN
    monkeypatch.setattr(spool_delivery, "_LONG_DOWN", 0.0)
    for _ in range(20):
        _written_before(spool_dir, 8 * DAY)
    _written_before(spool_dir, 6 * DAY)

    handler = spool()
    server.wait(3)
    handler.close()

    assert stats()["dropped"] == 20
    assert len(directory.waiting()) == 1


def test_refused_notices_are_deleted_after_their_days(spool, spool_dir, directory, settings_for, server):
    settings_for(HOPTOAD_SPOOL_KEEP_REFUSED=7)
    for days in (8, 6):
        directory.keep(_written_before(spool_dir, days * DAY), "refused")

    handler = spool()
    handler.enqueue(b"1", 1)
    assert handler.flush(DEADLINE)
    handler.close()

    assert len(directory.kept()) == 1
    assert len(list(directory.refused.iterdir())) == 2


def test_the_answer_to_a_notice_that_was_moved_back_is_deleted(spool, directory, server):
    for payload in (b"moved", b"kept"):
        directory.keep(directory.write(payload), "refused")
    moved, kept = directory.kept()
    moved.path.rename(directory.path / moved.path.name)

    handler = spool()
    assert handler.flush(DEADLINE)

    assert server.asked == [b"moved"]
    assert sorted(path.name for path in directory.refused.iterdir()) == [
        f"{kept.path.stem}.answer",
        kept.path.name,
    ]


def _written_before(spool_dir, seconds):
    import time

    now = time.time()
    return SpoolDirectory(spool_dir, fsync=False, clock=lambda: now - seconds).write(PAYLOAD)


# What an earlier version left.


def test_a_directory_of_an_earlier_version_is_taken_over(collector, settings_for, spool_dir):
    (spool_dir / "refused").mkdir(parents=True, mode=0o755)
    document = htv2.encode(Notice(id="1", error=ErrorInfo("E", "E: from before")))
    (spool_dir / "00000001700000000-0123abcd-12.notice").write_bytes(document)
    (spool_dir / ".00000001700000001-0123abcd-0.notice").write_bytes(b"torn")
    (spool_dir / "refused" / "00000001700000002-0123abcd-3.notice").write_bytes(document)
    (spool_dir / "refused" / "00000001700000002-0123abcd-3.answer").write_text("refused: no\x1bkey")
    settings_for(HOPTOAD_SPOOL_DIR=spool_dir, HOPTOAD_NOTIFICATION_URL=collector.url)
    out = StringIO()

    call_command("hoptoad_spool", stdout=out)
    call_command("hoptoad_spool", "--send", stdout=out)

    assert "E: from before  [refused: no\\x1bkey]" in out.getvalue()
    assert f"mv {spool_dir}/refused/*.notice {spool_dir}/" in out.getvalue()
    assert "1 of 1 accepted, 1 refused." in out.getvalue()
    assert b"from before" in collector.wait(1)[0].body


def test_what_was_refused_is_sent_again_where_it_is_moved_back(client, collector, settings_for, spool_dir):
    settings_for(HOPTOAD_HANDLER="spool", HOPTOAD_SPOOL_DIR=spool_dir, HOPTOAD_NOTIFICATION_URL=collector.url)
    collector.default = Reply(422, "Your API key is unknown")
    client.get("/boom/")
    assert get_handler().flush(DEADLINE)
    get_handler().close()
    collector.default = Reply()

    for path in (spool_dir / "refused").glob("*.notice"):
        path.rename(spool_dir / path.name)
    out = StringIO()
    call_command("hoptoad_spool", "--send", stdout=out)

    assert "1 of 1 accepted, 0 refused." in out.getvalue()
    assert len({received.body for received in collector.received}) == 1


# The log.


def test_one_line_says_that_the_server_is_back_and_how_many_were_delivered(spool, server, quick, caplog):
    server.default = DOWN
    handler = spool()
    for number in range(15):
        handler.enqueue(b"%d" % number, 1)
    server.wait(3)
    caplog.clear()
    server.default = ACCEPTED

    assert handler.flush(DEADLINE)
    handler.close()

    lines = [line for line in caplog.messages if "accepts notices again" in line]
    assert len(lines) == 1
    assert "15 delivered from the spool" in lines[0]
    assert "0 waiting" in lines[0]
    assert "DOWN" not in lines[0]


def test_the_last_line_of_a_process_says_how_many_wait(spool, server, caplog, quick):
    server.default = DOWN
    handler = spool()
    for number in range(7):
        handler.enqueue(b"%d" % number, 1)
    server.wait(2)

    handler.close()

    assert "This process ends. Another one sends the notices that wait" in caplog.messages[-1]
    assert caplog.messages[-1].endswith(": 7.")
    assert stats()["dropped"] == 0


def test_a_process_that_leaves_nothing_says_nothing(spool, server, caplog):
    handler = spool()
    handler.enqueue(b"1", 1)
    assert handler.flush(DEADLINE)

    handler.close()

    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


# Who delivers.


def test_the_process_that_delivers_gives_way_to_the_command(
    spool, server, collector, settings_for, directory
):
    settings_for(HOPTOAD_NOTIFICATION_URL=collector.url)
    server.default = DOWN
    handler = spool()
    for _ in range(3):
        handler.enqueue(DOCUMENT, 1)
    server.wait(1)  # from now on this process waits for its server
    out = StringIO()

    call_command("hoptoad_spool", "--send", stdout=out)

    assert "3 of 3 accepted, 0 refused." in out.getvalue()
    assert directory.waiting() == []


def test_the_command_says_who_delivers_and_does_not_give_way(settings_for, directory, monkeypatch):
    from hoptoad.management.commands import hoptoad_spool

    settings_for(HOPTOAD_SPOOL_DIR=directory.path)
    directory.write(PAYLOAD)
    monkeypatch.setattr(hoptoad_spool, "_PATIENCE", 0.0)
    lock = SpoolLock(directory.path)
    assert lock.acquire()

    for arguments in (["--send"], ["--purge"]):
        with pytest.raises(CommandError, match=rf"Process {os.getpid()} delivers from .*; waiting: 1[.]"):
            call_command("hoptoad_spool", *arguments)
    lock.release()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_child_forked_while_a_notice_is_sent_keeps_it_from_nobody(collector, settings_for, directory):
    """A child that inherited the lock once kept the notice from everyone for as long as it lived."""
    program = f"""
import os, sys, signal
sys.path.insert(0, {str(SITE)!r})
os.environ["DJANGO_SETTINGS_MODULE"] = "shop.settings"
import django
from django.conf import settings
settings.HOPTOAD_HANDLER, settings.HOPTOAD_SPOOL_DIR = "spool", {str(directory.path)!r}
django.setup()
import threading
from hoptoad.handlers.spool import SpoolNotifier
sending = threading.Event()
def send(payload, timeout):
    sending.set()
    threading.Event().wait()
spool = SpoolNotifier(send=send)
spool.enqueue({DOCUMENT!r}, 1)
assert sending.wait(20)
if not os.fork():
    print(os.getpid(), flush=True)
    threading.Event().wait()
signal.pause()
"""
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", program], stdout=subprocess.PIPE, text=True, cwd=SITE
    )
    child = int(process.stdout.readline())
    process.kill()
    process.wait()
    settings_for(HOPTOAD_SPOOL_DIR=directory.path, HOPTOAD_NOTIFICATION_URL=collector.url)
    out = StringIO()
    try:
        call_command("hoptoad_spool", "--send", stdout=out)
    finally:
        os.kill(child, 9)
        process.stdout.close()

    assert "1 of 1 accepted" in out.getvalue()


def test_without_posix_locks_the_spool_delivers_all_the_same(spool, server, monkeypatch):
    monkeypatch.setattr("hoptoad.delivery.spool.lock.fcntl", None)
    handler = spool()

    for number in range(3):
        handler.enqueue(b"%d" % number, 1)

    assert handler.flush(DEADLINE)
    assert sorted(server.asked) == [b"0", b"1", b"2"]


# How much the directory holds.


def test_a_directory_that_another_process_has_emptied_has_room_at_once(
    spool, server, directory, settings_for
):
    settings_for(HOPTOAD_SPOOL_MAX_MB=1)
    server.default = DOWN
    lost = []
    handler = spool(fall_back=lambda payload, timeout, why, answer: lost.append(why))
    for _ in range(5):
        handler.enqueue(b"x" * 300_000, 1)
    assert (len(lost), len(directory.waiting())) == (2, 3)

    call_command("hoptoad_spool", "--purge", stdout=StringIO())
    handler.enqueue(b"x" * 300_000, 1)

    assert (len(lost), len(directory.waiting())) == (2, 1)


def test_refused_notices_count_towards_the_size(spool, server, directory, settings_for):
    settings_for(HOPTOAD_SPOOL_MAX_MB=1)
    for _ in range(3):
        directory.keep(directory.write(b"x" * 300_000), "refused")
    lost = []
    handler = spool(fall_back=lambda payload, timeout, why, answer: lost.append(why))
    handler.enqueue(b"x", 1)
    assert handler.flush(DEADLINE)

    handler.enqueue(b"x" * 300_000, 1)

    assert lost == ["the spool is full (HOPTOAD_SPOOL_MAX_MB = 1)"]
    assert get_settings().spool_max_mb == 1


def test_threads_of_one_process_deliver_a_long_backlog_together(spool, server, directory, settings_for):
    settings_for(HOPTOAD_THREAD_COUNT=3)
    for number in range(160):
        directory.write(b"%d" % number)
    together = threading.Barrier(3, timeout=DEADLINE)
    sent = []

    def send(payload, timeout):
        if sent:  # the first goes alone: is the server up?
            together.wait()
        sent.append(payload)
        return ACCEPTED

    handler = spool(send=send)

    assert handler.flush(DEADLINE)
    assert sorted(sent) == sorted(b"%d" % number for number in range(160))


def test_room_that_killed_processes_have_reserved_is_given_back(
    spool, server, directory, settings_for, monkeypatch
):
    settings_for(HOPTOAD_SPOOL_MAX_MB=1)
    monkeypatch.setattr("hoptoad.delivery.spool.lock.SCAN_GAP", 0.0)
    lost = queue.Queue()
    assert (SpoolLock(directory.path).holder, SpoolSize(directory.path).kib()) == (0, 0)  # the files exist
    os.utime(directory.path, (1, 1))  # since long before nothing has come
    handler = spool(fall_back=lambda payload, timeout, why, answer: lost.put(why))
    assert SpoolSize(directory.path).reserve(1024 * 1024, 1024 * 1024)  # and then came kill -9

    handler.enqueue(b"1", 1)
    assert lost.get(timeout=DEADLINE) == "the spool is full (HOPTOAD_SPOOL_MAX_MB = 1)"
    for _ in range(DEADLINE * 10):
        handler.flush(0.1)  # lets the thread count again
        if not SpoolSize(directory.path).kib():
            break
    handler.enqueue(b"2", 1)

    assert server.wait(1) == [b"2"]


def test_a_directory_that_is_deleted_meanwhile_is_made_again(spool, server, spool_dir, tmp_path):
    handler = spool()
    handler.enqueue(b"1", 1)
    assert server.wait(1) == [b"1"]

    spool_dir.rename(tmp_path / "gone")
    handler.enqueue(b"2", 1)

    assert server.wait(1) == [b"2"]
    assert handler.flush(DEADLINE)
    assert os.listdir(spool_dir / "refused") == []


def test_two_handlers_of_one_process_deliver_each_notice_once(spool, server):
    first, second = spool(), spool()

    for number in range(40):
        (first, second)[number % 2].enqueue(b"%d" % number, 1)

    assert first.flush(DEADLINE)
    assert second.flush(DEADLINE)
    assert sorted(server.asked) == sorted(b"%d" % number for number in range(40))

"""The directory: complete files or none, nobody else's, and a lock that ends with its process."""

import os
import re
import stat
import subprocess
import sys

import pytest
from intruders import NAME, OLD, OTHER, PAYLOAD, STRANGERS, as_root, fifo, folder, roots, sparse, symlink
from places import SITE

from hoptoad.delivery.spool.backlog import Age, Backlog
from hoptoad.delivery.spool.directory import SpoolDirectory
from hoptoad.delivery.spool.lock import SCAN_GAP, SpoolLock
from hoptoad.delivery.spool.own_files import OpenFile
from hoptoad.delivery.spool.size import SpoolSize
from hoptoad.runtime.safe_files import Untrusted


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


def mode(path):
    return stat.S_IMODE(os.lstat(path).st_mode)


@pytest.mark.parametrize("fsync", [False, True])
def test_a_notice_is_on_the_disk_for_its_owner_only_when_write_returns(spool_dir, fsync):
    directory = SpoolDirectory(spool_dir, fsync=fsync)
    directory.open()

    notice = directory.write(PAYLOAD)

    assert notice.path.read_bytes() == PAYLOAD
    assert (mode(notice.path), mode(spool_dir)) == (0o600, 0o700)
    assert [found.path for found in directory.waiting()] == [notice.path]


def test_a_directory_that_others_could_read_is_closed_to_them(spool_dir):
    spool_dir.mkdir(mode=0o755)

    SpoolDirectory(spool_dir, fsync=False).open()

    assert mode(spool_dir) == 0o700


def test_the_parents_are_made_for_their_owner_only_whatever_the_umask(tmp_path):
    before = os.umask(0)
    try:
        SpoolDirectory(tmp_path / "a" / "b" / "spool", fsync=False).open()
    finally:
        os.umask(before)

    assert [mode(tmp_path / name) for name in ("a", "a/b", "a/b/spool", "a/b/spool/refused")] == [0o700] * 4


def test_a_directory_deleted_meanwhile_is_made_again(directory):
    directory.refused.rmdir()
    directory.path.rmdir()

    directory.write(PAYLOAD)

    assert len(directory.waiting()) == 1


def test_notices_wait_oldest_first_also_when_the_clock_goes_back(spool_dir):
    clock = Clock()
    directory = SpoolDirectory(spool_dir, fsync=False, clock=clock)
    directory.open()
    for number, now in enumerate([1000.0, 999.0, 1001.0]):
        clock.now = now
        directory.write(b"%d" % number)

    assert [directory.read(notice) for notice in directory.waiting()] == [b"1", b"0", b"2"]


def _symlinked(spool_dir, tmp_path):
    (tmp_path / "target").mkdir(mode=0o755)
    spool_dir.symlink_to(tmp_path / "target")


def _foreign(spool_dir, tmp_path):
    spool_dir.mkdir(mode=0o755)
    os.chown(spool_dir, OTHER, OTHER)


def _file(spool_dir, tmp_path):
    spool_dir.touch(mode=0o644)


def _symlinked_refused(spool_dir, tmp_path):
    (tmp_path / "target").mkdir(mode=0o755)
    spool_dir.mkdir()
    (spool_dir / "refused").symlink_to(tmp_path / "target")


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (_symlinked, "is a symbolic link: name the directory that it points to"),
        pytest.param(_foreign, f"belongs to user {OTHER}, and this process runs as user 0", marks=as_root),
        (_file, "is not a directory"),
        (_symlinked_refused, "is a symbolic link"),
    ],
)
def test_a_directory_that_is_not_ours_is_left_as_it_is_with_a_sentence(spool_dir, tmp_path, make, says):
    make(spool_dir, tmp_path)
    before = {path: mode(path) for path in tmp_path.rglob("*") if path.parent != spool_dir}
    before.pop(spool_dir, None) if make is _symlinked_refused else None

    with pytest.raises(Untrusted, match=says):
        SpoolDirectory(spool_dir, fsync=False).open()

    assert {path: mode(path) for path in before} == before


@pytest.mark.parametrize(("plant", "why"), STRANGERS)
def test_what_is_no_notice_of_ours_is_not_listed_as_one(directory, plant, why):
    directory.write(PAYLOAD)
    plant(directory.path)

    found = directory.scan()

    assert [directory.read(notice) for notice in found.notices] == [PAYLOAD]
    assert len(found.skipped) == 1
    assert re.search(why, *found.skipped.values())


@pytest.mark.parametrize("plant", [fifo, folder, symlink, sparse, pytest.param(roots, marks=as_root)])
def test_what_is_planted_after_the_scan_is_not_read_either(directory, plant):
    (directory.path / NAME).write_bytes(PAYLOAD)
    [notice] = directory.waiting()
    notice.path.unlink()
    plant(directory.path)

    with pytest.raises(OSError, match="regular file|symbolic links|bytes|belongs|directory"):
        directory.read(notice)


def test_files_of_other_kinds_are_left_alone_in_silence(directory):
    for name in ("README", ".hidden", ".torn-1-0.notice", "x.notice.bak"):
        (directory.path / name).write_text("not a notice")

    found = directory.scan()

    assert (found.notices, found.skipped) == ([], {})


def test_what_a_killed_process_has_left_half_written_is_deleted_after_an_hour(spool_dir):
    directory = SpoolDirectory(spool_dir, fsync=False)
    directory.open()
    torn, young = (spool_dir / f".{OLD}{number}.notice" for number in range(2))
    torn.touch()
    os.utime(torn, (1, 1))
    young.touch()

    directory.scan()

    assert (torn.exists(), young.exists()) == (False, True)


def test_the_servers_answer_is_written_for_the_owner_only_and_not_through_a_link(directory, tmp_path):
    notice = directory.write(PAYLOAD)
    target = tmp_path / "target"
    target.write_text("precious")
    (directory.refused / f"{notice.path.stem}.answer").symlink_to(target)
    before = os.umask(0)
    try:
        directory.keep(notice, "HTTP 422: no such key")
    finally:
        os.umask(before)

    [kept] = directory.kept()
    assert directory.answer(kept) == "HTTP 422: no such key"
    assert mode(directory.refused / f"{kept.path.stem}.answer") == 0o600
    assert target.read_text() == "precious"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("no\r\nsuch\tkey", "no such key"),
        ("\x1b[2J\x00red\u202etxt", r"\x1b[2J\x00red\u202etxt"),
        ("ключ не найден", "ключ не найден"),
        ("x" * 5000, "x" * 1993 + "… [cut]"),
    ],
)
def test_an_answer_is_shown_in_one_printable_line(directory, text, shown):
    notice = directory.write(PAYLOAD)

    directory.keep(notice, text)

    assert directory.answer(directory.kept()[0]) == shown


@pytest.mark.parametrize("plant", [fifo, folder, symlink])
def test_an_answer_that_is_no_regular_file_is_not_read(directory, plant, tmp_path):
    notice = directory.write(PAYLOAD)
    directory.keep(notice, "refused")
    beside = directory.refused / f"{notice.path.stem}.answer"
    beside.unlink()
    plant(tmp_path)
    (tmp_path / NAME).rename(beside)

    assert directory.answer(notice).startswith("no answer: ")


@pytest.mark.parametrize("plant", [fifo, folder, symlink, pytest.param(roots, marks=as_root)])
@pytest.mark.parametrize("name", [".lock", ".size"])
def test_what_has_the_name_of_our_own_files_is_renamed(directory, plant, name):
    plant(directory.path)
    (directory.path / NAME).rename(directory.path / name)

    file = OpenFile(directory.path / name)
    os.write(file.descriptor(), b"ours")

    assert (directory.path / name).read_bytes() == b"ours"
    assert len(list(directory.path.glob(f"{name}.*.moved"))) == 1


def test_the_lock_is_one_deliverers_at_a_time(directory):
    mine, theirs = SpoolLock(directory.path), SpoolLock(directory.path)

    assert (mine.acquire(), theirs.acquire()) == (True, False)
    mine.release()
    assert (mine.held, theirs.acquire()) == (False, True)
    assert theirs.holder == os.getpid()


IN_ANOTHER = """
import os, signal, sys
from pathlib import Path
from hoptoad.delivery.spool.lock import SpoolLock
lock = SpoolLock(Path({path!r}))
print(lock.acquire(), flush=True)
{then}
"""


def other_process(directory, then):
    program = IN_ANOTHER.format(path=str(directory.path), then=then)
    return subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, text=True, cwd=SITE
    )


def test_the_lock_is_one_processs_at_a_time_and_ends_with_it(directory):
    lock = SpoolLock(directory.path)

    assert other_process(directory, "os.kill(os.getpid(), signal.SIGKILL)").stdout == "True\n"
    assert lock.acquire()
    assert other_process(directory, "").stdout == "False\n"
    lock.release()
    assert other_process(directory, "").stdout == "True\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.parametrize("child_closes", [False, True])
def test_a_forked_child_neither_has_its_parents_lock_nor_ends_it(directory, child_closes):
    then = f"""
gate, go = os.pipe()
child = os.fork()
if not child:
    print(lock.held, flush=True)
    if {child_closes}:
        del lock
        os._exit(0)
    os.read(gate, 1)
    os._exit(0)
if {child_closes}:
    os.waitpid(child, 0)
    print(lock.held, flush=True)
else:
    lock.release()
sys.stdin.read()
os.write(go, b"x")
"""
    program = IN_ANOTHER.format(path=str(directory.path), then=then)
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=SITE,
    )
    said = [process.stdout.readline() for _ in range(3 if child_closes else 2)]
    with SpoolLock(directory.path).demanded(0 if child_closes else 20) as is_ours:
        pass
    process.communicate("", timeout=20)

    assert said == (["True\n", "False\n", "True\n"] if child_closes else ["True\n", "False\n"])
    assert is_ours is not child_closes


def test_a_lock_that_is_demanded_is_not_taken_by_others(directory):
    mine, theirs = SpoolLock(directory.path), SpoolLock(directory.path)

    with mine.demanded(0) as is_ours:
        assert is_ours
        mine.release()
        assert theirs.wanted()
        assert not theirs.acquire()
        assert other_process(directory, "").stdout == "False\n"

    assert theirs.acquire()


def test_a_lock_file_that_is_deleted_locks_nothing_any_more(directory):
    mine, theirs = SpoolLock(directory.path), SpoolLock(directory.path)
    mine.acquire()
    (directory.path / ".lock").unlink()

    assert theirs.acquire()
    assert not mine.held


def test_two_scans_of_a_directory_have_a_gap_whichever_process_makes_them(directory):
    now = [5_000_000_000]
    one, another = (SpoolLock(directory.path, clock=lambda: now[0]) for _ in range(2))
    assert one.scan_allowed_in() == 0.0

    one.scanned(1, empty=False)

    assert another.scan_allowed_in() == SCAN_GAP
    now[0] += 500_000_000
    assert another.scan_allowed_in() == 1.5
    now[0] += 1_500_000_000
    assert another.scan_allowed_in() == 0.0
    now[0] = 0  # the clock was set back
    assert another.scan_allowed_in() == 0.0


def test_a_directory_in_which_nothing_has_changed_since_it_was_empty_is_known_to_be(directory):
    now = [10_000_000_000]
    lock = SpoolLock(directory.path, clock=lambda: now[0])

    assert lock.scanned(9_000_000_000, empty=True) == 0  # too fresh: more may have come in that moment
    assert not lock.is_known_empty(9_000_000_000)
    now[0] += 5_000_000_000
    assert lock.scanned(9_000_000_000, empty=True) == 9_000_000_000
    assert lock.is_known_empty(9_000_000_000)
    assert not lock.is_known_empty(9_000_000_001)
    lock.scanned(9_000_000_000, empty=False)
    assert not lock.is_known_empty(9_000_000_000)


@pytest.mark.parametrize("content", [b"", b"\x00" * 64, b"-1 2 3\n", b"9" * 60 + b"\n", b"1 2 \xb2 \n"])
def test_a_lock_file_that_says_nonsense_says_nothing(directory, content):
    (directory.path / ".lock").write_bytes(content)
    lock = SpoolLock(directory.path)

    assert (lock.holder, lock.scan_allowed_in(), lock.is_known_empty(3)) == (0, 0.0, False)


def test_the_size_is_counted_over_all_that_write(directory):
    one, another = SpoolSize(directory.path), SpoolSize(directory.path)
    limit = 10 * 1024

    assert [one.reserve(3000, limit), another.reserve(3000, limit), one.reserve(3000, limit)] == [True] * 3
    assert another.reserve(3000, limit) is False
    one.free(3000)
    assert another.reserve(3000, limit) is True
    another.set(0)
    assert one.kib() == 0


def test_two_that_take_the_last_room_at_once_do_not_both_get_it(directory, monkeypatch):
    size = SpoolSize(directory.path)
    write = os.write

    def write_with_another(descriptor, content):
        return write(descriptor, content) + write(descriptor, b"x" * 8)

    monkeypatch.setattr("hoptoad.delivery.spool.size.os.write", write_with_another)

    assert size.reserve(5 * 1024, 10 * 1024) is False
    assert size.kib() == 8


def test_a_backlog_gives_each_notice_a_back_off_of_its_own(directory):
    clock = Clock()
    backlog = Backlog(clock)
    backlog.add([directory.write(b"%d" % number) for number in range(3)])
    first = backlog.next()
    backlog.later(first, own_fault=True)

    assert [directory.read(backlog.next().notice) for _ in range(2)] == [b"1", b"2"]
    assert (backlog.next(), backlog.due_in()) == (None, 1.0)
    pauses = []
    for _ in range(12):
        clock.now += backlog.due_in()
        backlog.later(backlog.next(), own_fault=True)
        pauses.append(backlog.due_in())
    assert pauses == [2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 300.0, 300.0, 300.0, 300.0]


def test_a_server_that_fails_for_all_makes_no_notice_wait_longer(directory):
    clock = Clock()
    backlog = Backlog(clock)
    backlog.add([directory.write(b"1")])

    for _ in range(10):
        clock.now += backlog.due_in()
        backlog.later(backlog.next(), own_fault=False)

    assert backlog.due_in() == 1.0


@pytest.mark.parametrize(
    ("wall", "steady", "age"),
    [(1000.0, 1000.0, 1500.0), (86_400.0 * 3650, 10.0, 510.0), (-400.0, 50.0, 100.0)],
    ids=["both go on", "the clock jumps ahead", "the clock jumps back"],
)
def test_a_clock_that_jumps_makes_no_notice_old(directory, wall, steady, age):
    clock, mono = Clock(), Clock()
    directory._clock = lambda: clock.now - 500
    notice = directory.write(PAYLOAD)
    old = Age(clock, mono)

    clock.now += wall
    mono.now += steady

    assert old.of(notice) == age


def test_an_answer_of_half_characters_is_kept_and_none_is_no_text(directory):
    one, other = directory.write(PAYLOAD), directory.write(PAYLOAD)
    directory.keep(one, "no \ud800 key")
    directory.keep(other, "x")
    (directory.refused / f"{other.path.stem}.answer").write_bytes(b"no \xff key")

    assert [directory.answer(notice) for notice in directory.kept()] == [
        "no ? key",
        "no \N{REPLACEMENT CHARACTER} key",
    ]

    (directory.refused / f"{one.path.stem}.answer").unlink()
    assert directory.answer(directory.kept()[0]) == ""


def test_a_directory_without_refused_notices_has_none(directory):
    directory.refused.rmdir()

    assert directory.kept() == []


def test_a_name_says_when_a_notice_was_written_and_how_often_it_was_tried(spool_dir):
    directory = SpoolDirectory(spool_dir, fsync=False, clock=lambda: 1_700_000_000.25)
    directory.open()

    written = directory.write(PAYLOAD)

    assert written.path.name.startswith("01700000000250000-")
    assert (written.written, written.size, written.attempts) == (1_700_000_000.25, len(PAYLOAD), 0)
    assert directory.waiting() == [written]
    tried = directory.tried(directory.tried(written))
    assert (tried.written, tried.attempts, tried.key) == (1_700_000_000.25, 2, written.key)
    assert directory.waiting() == [tried]


def test_notices_and_answers_are_counted_in_whole_kib(directory):
    first, second = directory.write(b"x" * 1_024), directory.write(b"x" * 1_025)
    assert directory.scan().kib == 3

    directory.keep(first, "x" * 9_000)
    assert (directory.scan().kib, directory.scan_refused().kib) == (2, 9)

    assert directory.purge(directory.kept()) == 1
    assert directory.purge([]) == 0
    assert directory.scan_refused().kib == 0
    directory.take(second)
    directory.take(second)
    assert directory.waiting() == []


def test_answers_of_notices_that_were_moved_back_are_deleted(directory):
    one, other = directory.write(PAYLOAD), directory.write(PAYLOAD)
    directory.keep(one, "a")
    directory.keep(other, "b")
    (directory.refused / one.path.name).rename(directory.path / one.path.name)

    directory.purge_answers(directory.scan_refused())

    assert [path.name for path in directory.refused.glob("*.answer")] == [f"{other.path.stem}.answer"]


def test_a_directory_that_was_never_changed_is_not_known_to_be_empty(directory):
    now = [10_000_000_000]
    lock = SpoolLock(directory.path, clock=lambda: now[0])

    assert not lock.is_known_empty(0)
    assert lock.scanned(now[0] - 2_000_000_000, empty=True) == 0
    assert not lock.is_known_empty(0)
    assert lock.scanned(now[0] - 2_000_000_001, empty=True) == now[0] - 2_000_000_001

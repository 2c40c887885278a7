"""Many processes on one spool directory: nothing lost, next to nothing doubled, and one that looks."""

import collections
import os
import queue
import re
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import collector as faults
import pytest
from collector import Reply
from places import PYTHONPATH, SITE, SUPPORT

from hoptoad.delivery.spool.directory import SpoolDirectory

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork"),
]


class Spoolers:
    """`processes` that write `each` notices and deliver; their counts when they have ended."""

    def __init__(self, collector, folder, processes, each, process):
        self._collector = collector
        self._folder = folder
        self._processes = processes
        self._each = each
        self._process = process
        self.spool = folder / "spool"

    def wait_until_written(self):
        assert [self._process.stdout.readline() for _ in range(self._processes)] == [
            "written\n"
        ] * self._processes

    def wait_until_accepted(self, server):
        """Every notice whose `enqueue` has returned."""
        promised = set((self._folder / "written").read_text().split())
        assert len(promised) == self._processes * self._each
        while server.accepted < len(promised):
            self._collector.arrivals.get(timeout=60)
        assert promised - set(self.arrived()) == set()

    def arrived(self):
        return collections.Counter(
            identity for received in self._collector.received for identity in _identities(received.body)
        )

    def end(self):
        self._process.communicate(timeout=60)

    def scans(self):
        found = self._folder / "scans"
        return found.stat().st_size if found.exists() else 0

    def processor(self):
        """The seconds of processor that the processes have used so far."""
        parent = self._process.pid
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        used = [
            Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[11:13] for child in children
        ]
        return sum(int(ticks) for both in used for ticks in both) / os.sysconf("SC_CLK_TCK")


def _identities(body):
    return [identity.decode() for identity in re.findall(rb"&lt;&lt;(\d+-\d+)&gt;&gt;", body)]


@pytest.fixture
def spoolers(collector, tmp_path):
    @contextmanager
    def start(processes, each):
        process = subprocess.Popen(
            [
                *(sys.executable, str(SUPPORT / "spoolers.py"), collector.url, str(tmp_path / "spool")),
                *(str(tmp_path), str(processes), str(each)),
            ],
            cwd=SITE,
            env={**os.environ, "PYTHONPATH": PYTHONPATH},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            yield Spoolers(collector, tmp_path, processes, each, process)
        finally:
            process.stdin.close()
            process.wait(timeout=60)
            process.stdout.close()

    return start


class Flapping:
    """A reply that breaks the connection `down` times, then answers `up` times, and so on."""

    def __init__(self, down, up):
        self.broken = self.accepted = 0
        self._down, self._up = down, up
        self._number = 0
        self._lock = threading.Lock()
        self.attempts = queue.Queue()

    def __call__(self, handler):
        with self._lock:
            is_down = self._number % (self._down + self._up) < self._down
            self._number += 1
            self.broken += is_down
            self.accepted += not is_down
        self.attempts.put(is_down)
        if is_down:
            faults.reset(handler)
        else:
            handler.answer(Reply())

    def mend(self):
        self._down, self._up = 0, 1


def doubled(many, flapping):
    return sum(many.arrived().values()) - flapping.broken - len(many.arrived())


def test_fifty_processes_wait_for_a_server_that_is_down_and_one_of_them_delivers(collector, spoolers):
    """Each once looked at the whole backlog: 4.5 scans a second, and seconds of processor."""
    collector.default = down = Flapping(1, 0)
    began = time.monotonic()
    with spoolers(50, 20) as many:
        many.wait_until_written()
        since, before = time.monotonic(), many.processor()
        for _ in range(2):
            down.attempts.get(timeout=60)
        used, took = many.processor() - before, time.monotonic() - since
        down.mend()
        many.wait_until_accepted(down)
        ran = time.monotonic() - began
        many.end()

    assert many.scans() <= 1 + ran  # one a second, all processes together
    assert used <= 0.2 + 0.05 * took
    assert down.broken <= 2 + 2 * ran  # one attempt at a time; the pauses begin at half a second
    assert doubled(many, down) <= 3
    assert SpoolDirectory(many.spool, fsync=False).waiting() == []


def test_a_server_that_flaps_gets_every_notice_of_fifty_processes_once(collector, spoolers):
    collector.default = flapping = Flapping(2, 300)
    with spoolers(50, 20) as many:
        many.wait_until_written()
        many.wait_until_accepted(flapping)
        many.end()

    assert doubled(many, flapping) <= 3
    assert SpoolDirectory(many.spool, fsync=False).waiting() == []


def test_many_processes_together_hold_no_more_than_the_directory_may(tmp_path):
    """HOPTOAD_SPOOL_MAX_MB once held for each process: eight of them wrote 5.4 MiB of 1."""
    program = f"""
import os
from hoptoad.delivery.spool.directory import SpoolDirectory
from hoptoad.delivery.spool.size import SpoolSize
directory = SpoolDirectory({str(tmp_path / "spool")!r}, fsync=False)
directory.open()
for _ in range(8):
    if not os.fork():
        size = SpoolSize(directory.path)
        for _ in range(300):
            if size.reserve(6000, 1024 * 1024):
                directory.write(b"x" * 6000)
        os._exit(0)
for _ in range(8):
    os.wait()
"""
    subprocess.run([sys.executable, "-c", program], check=True, cwd=SITE)

    written = SpoolDirectory(tmp_path / "spool", fsync=False).waiting()
    assert 900 * 1024 < sum(notice.size for notice in written) <= 1024 * 1024

"""What a spool directory costs that many processes share, while the server is down and when it is back.

usage: python benchmarks/spooling.py [NOTICES] [SECONDS]

For two and for fifty processes: NOTICES (5,000) are written to one directory while a server of this
process on 127.0.0.1 breaks every connection, and for SECONDS (20) more; then it answers. Counted are
the scans of the directory, the processor all processes used and the attempts in those seconds, the
seconds between the first and the last notice that arrived, and what was lost or came twice.
"""

import collections
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent / "tests"
sys.path[:0] = [str(TESTS / "site"), str(TESTS / "support")]


def run(processes, each, seconds):
    import collector as faults

    collector = faults.Collector()
    collector.default = faults.reset
    arrived = []

    def up(handler):
        arrived.append(time.perf_counter())
        handler.answer(faults.Reply())

    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(
            [
                *(
                    sys.executable,
                    str(TESTS / "support" / "spoolers.py"),
                    collector.url,
                    f"{folder}/spool",
                    folder,
                ),
                *(str(processes), str(each)),
            ],
            cwd=TESTS / "site",
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for _ in range(processes):
            process.stdout.readline()
        before = scans(folder), processor(process.pid), len(collector.received)
        time.sleep(seconds)
        after = scans(folder), processor(process.pid), len(collector.received)
        collector.default = up
        while len(arrived) < processes * each and process.poll() is None:
            time.sleep(0.1)
        process.communicate()
        written = set((Path(folder) / "written").read_text().split())
    times = collections.Counter(
        identity.decode()
        for received in collector.received[after[2] :]
        for identity in re.findall(rb"&lt;&lt;(\d+-\d+)&gt;&gt;", received.body)
    )
    collector.close()
    scanned, used, asked = (end - begin for begin, end in zip(before, after, strict=True))
    took = arrived[-1] - arrived[0]
    print(
        f"{processes:>9} {scanned / seconds:>7.2f}/s {used:>8.2f} s {asked:>8} {took:>8.1f} s"
        f" {len(written - set(times)):>5} {sum(times.values()) - len(times):>6}",
        flush=True,
    )


def scans(folder):
    found = Path(folder) / "scans"
    return found.stat().st_size if found.exists() else 0


def processor(parent):
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    used = [Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[11:13] for child in children]
    return sum(int(ticks) for both in used for ticks in both) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    notices, seconds = [*map(int, sys.argv[1:3]), *(5000, 20)[len(sys.argv) - 1 :]]
    print(f"{notices} notices, {seconds} s down, Python {sys.version.split()[0]}")
    print("processes     scans  processor attempts   draining  lost  twice")
    for processes in (2, 50):
        run(processes, notices // processes, seconds)

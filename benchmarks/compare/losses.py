"""What is lost while the server is down, and whether a process still ends while it hangs."""

import os
import signal
import sys
import tempfile
import time

import processes
from server import serving

_NOTICES = 10
_DOWN = 3  # seconds
_PATIENCE = 20  # seconds until what has not arrived counts as lost
_SOON = 10  # seconds
OF = {"lost": _NOTICES}
_SPOOL = "hoptoad spool"


def run(task):
    """In a process of its own: fails, says so, and goes on as told."""
    import documented
    from kinds import requested

    documented.start(task["name"], task["places"])
    for number in task["numbers"]:
        requested(f"/pay/{number}/")
    if task.get("killed"):
        os.kill(os.getpid(), signal.SIGKILL)
    print("failed", flush=True)
    sys.stdin.readline()


def ask(question, name):
    if question == "exit":
        return ("yes", []) if _ends(name) else ("no", [])
    if name == "django-hoptoad":
        lost = [_lost_of_a_while(name), _lost_of_a_killed_one(name), _lost_of_a_killed_one(_SPOOL)]
        return "{} / {} ({} with the spool)".format(*lost), []
    return f"{_lost_of_a_while(name)} / {_lost_of_a_killed_one(name)}", []


def _lost_of_a_while(name):
    """The process fails while nobody listens, and lives until the server is back."""
    with serving() as server, tempfile.TemporaryDirectory() as folder:
        server.down()
        with processes.process("losses", name, server, folder, numbers=_numbers()) as running:
            running.stdout.readline()
            time.sleep(_DOWN)
            server.up()
            server.wait(lambda texts: _lost(texts) == 0, _PATIENCE)
            running.communicate("\n", timeout=processes.LONGEST)
        return _lost(server.counts.texts)


def _lost_of_a_killed_one(name):
    """The process is killed with signal 9 while nobody listens; then server and process are started."""
    with serving() as server, tempfile.TemporaryDirectory() as folder:
        server.down()
        with processes.process("losses", name, server, folder, numbers=_numbers(), killed=True) as running:
            running.wait(processes.LONGEST)
        server.up()
        with processes.process("losses", name, server, folder, numbers=[99]) as running:
            running.stdout.readline()
            server.wait(lambda texts: _lost(texts) == 0, _PATIENCE)
            running.communicate("\n", timeout=processes.LONGEST)
        return _lost(server.counts.texts)


def _ends(name):
    with serving() as server, tempfile.TemporaryDirectory() as folder:
        server.hanging()
        with processes.process("losses", name, server, folder, numbers=_numbers()) as running:
            if name != "Django's mails":  # each failing request waits for the mail
                running.stdout.readline()
            began = time.monotonic()
            running.stdin.write("\n")
            running.stdin.flush()
            while running.poll() is None and time.monotonic() - began < _SOON:
                time.sleep(0.02)
            return running.poll() is not None


def _numbers():
    return list(range(_NOTICES))


def _lost(texts):
    """How many of the notices are in none of the texts."""
    arrived = b"\n".join(texts)
    return sum(f"payment-{number}-".encode() not in arrived for number in range(_NOTICES))

"""The inbox beside Bugsink, which comes from PyPI: notices that one client gets stored in a second.

usage: python benchmarks/inbox_beside.py [--quick]

Bugsink's quotas are raised, and it digests an event before it answers. Each event counts when it is in its
database, and each notice when it is in the inbox's. They run by turns.
"""

import argparse
import http.client
import json
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path
from statistics import median

TESTS = Path(__file__).resolve().parent.parent / "tests" / "support"


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="few notices, to see that it works")
    parser.add_argument("--send", nargs=3, metavar=("PORT", "KEY", "COUNT"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.send:
        port, key, count = arguments.send
        send(int(port), key, int(count))
        return
    for question, figure in beside(arguments.quick):
        print(f"{question:<58} {figure}", flush=True)


def beside(quick):
    """Stored per second by each, and the ratio."""
    sys.path.insert(0, str(TESTS))
    import bugsink
    from inbox import inbox

    events, notices = (10, 100) if quick else (100, 1000)
    rates = {"Bugsink": [], "inbox": []}
    with (
        tempfile.TemporaryDirectory() as folder,
        tempfile.TemporaryDirectory() as other,
        bugsink.running_bugsink(Path(other)) as server,
        inbox(folder) as (port, key, _, _),
    ):
        for _ in range(1 if quick else 3):
            rates["Bugsink"].append(digested(server, events))
            rates["inbox"].append(stored(folder, port, key, notices))
    theirs, ours = (median(found) for found in rates.values())
    yield (
        "stored per second, one client, inbox / Bugsink, goal 10 x",
        f"{ours:.0f} / {theirs:.1f} = {ours / theirs:.0f}",
    )


def digested(server, count):
    import bugsink

    before = server.events()
    port = server.url.split(":")[2].partition("/")[0]
    began = time.monotonic()
    subprocess.run([sys.executable, __file__, "--send", port, bugsink.KEY, str(count)], check=True)
    took = time.monotonic() - began
    assert server.events() == before + count, "an event was accepted and is not there"
    return count / took


def stored(folder, port, key, count):
    import contextlib
    import sqlite3

    from inbox import sent

    def total():
        with contextlib.closing(sqlite3.connect(f"{folder}/inbox.sqlite3")) as database:
            return database.execute("SELECT coalesce(sum(count), 0) FROM hoptoad_inbox_problem").fetchone()[0]

    before = total()
    took, _ = sent(port, key, 1, count)
    assert total() == before + count, "a notice was accepted and is not there"
    return count / took


def send(port, key, count):
    """Sends events, about as large as the inbox's notices, one after the other."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    headers = {
        "Content-Type": "application/x-sentry-envelope",
        "X-Sentry-Auth": f"Sentry sentry_version=7, sentry_client=benchmark/1, sentry_key={key}",
    }
    for number in range(count):
        connection.request("POST", "/api/1/envelope/", envelope(chr(97 + number % 26) * 3), headers)
        answer = connection.getresponse()
        said = answer.read()
        assert answer.status == 200, said


def envelope(problem):
    identity = uuid.uuid4().hex
    frames = [
        {"filename": f"shop/module{n % 9}.py", "function": f"function{n}", "lineno": n + 1, "in_app": True}
        for n in range(30)
    ]
    event = {
        "event_id": identity,
        "timestamp": time.time(),
        "platform": "python",
        "level": "error",
        "environment": "production",
        "server_name": "web1",
        "exception": {
            "values": [
                {
                    "type": f"Error{problem}",
                    "value": f"order {identity} failed",
                    "stacktrace": {"frames": frames},
                }
            ]
        },
        "request": {
            "url": "https://shop.example/checkout/",
            "headers": {f"Header-{n}": uuid.uuid4().hex for n in range(38)},
        },
    }
    lines = ({"event_id": identity}, {"type": "event"}, event)
    return "\n".join(map(json.dumps, lines)).encode()


if __name__ == "__main__":
    main()

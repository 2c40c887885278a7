"""Whether anything grows, and whether the counts are true, over many requests of which some fail.

usage: python benchmarks/soak.py [--requests N] [--failing N] [--server NAME] [HANDLER ...]

Each line is a fresh process with a handler and a server of this process on 127.0.0.1: healthy, hanging,
refusing, or flapping (ten answers of 200, then ten of 503). What grew is the difference between a
tenth of the way and the end: memory, file descriptors, threads. "counts" compares what `hoptoad.stats()`
says with what the server has answered, and each notice with what became of it. The exit status is 1
where a count is wrong. The celery handler publishes to a real Redis while the server is healthy, and has
no broker otherwise; the mail handler mails to nowhere.
"""

import argparse
import collections
import contextlib
import gc
import importlib
import itertools
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent / "tests"
sys.path[:0] = [str(TESTS / "site"), str(TESTS / "support")]
HANDLERS = ("threadpool", "blocking", "spool", "celery", "tasks", "mail")
SERVERS = ("healthy", "hanging", "refusing", "flapping")
NO_BROKER = "redis://127.0.0.1:9/0"
THREADS = 4


def soak(requests, failing):
    """In the child: asks the site, and prints what grew and what was counted."""
    import django

    django.setup()
    from django.core.handlers.wsgi import WSGIHandler
    from django.test import RequestFactory

    import hoptoad
    from hoptoad.handlers import get_handler

    if os.environ["SHOP_BROKER"]:
        importlib.import_module("shop.celery")
    site = WSGIHandler()
    pages = {False: RequestFactory().get("/").environ, True: RequestFactory().get("/boom/?page=2").environ}
    every = max(requests // failing, 1)
    began = time.monotonic()
    early = None
    for number in range(requests):
        site(dict(pages[number % every == 0]), lambda *args: None)
        if number == requests // 10:
            early = _used()
    took = time.monotonic() - began
    hoptoad.flush(float(os.environ["SOAK_FLUSH"]))
    late = _used()
    close = getattr(get_handler(), "close", lambda timeout: None)
    close(0.0)
    grown = [after - before for before, after in zip(early, late, strict=True)]
    print(json.dumps({"took": took, "grown": grown, "stats": hoptoad.stats()}), flush=True)


def _used():
    """Resident memory in MiB, open file descriptors, threads."""
    gc.collect()
    with open("/proc/self/statm") as file:
        resident = int(file.read().split()[1]) * resource.getpagesize() / 2**20
    return resident, len(os.listdir("/proc/self/fd")), threading.active_count()


class Server:
    """A collector that keeps nothing but the number of its answers by status."""

    def __init__(self, name):
        import collector

        self.answers = collections.Counter()
        self._collector = collector.Collector()
        self._collector.received = collections.deque(maxlen=0)
        self._collector.arrivals = _Nowhere()
        self.url = self._collector.url
        self.answer_by(name)

    def answer_by(self, name):
        import collector

        numbers = itertools.count()
        replies = {
            "healthy": lambda number: collector.Reply(),
            "refusing": lambda number: collector.Reply(422, "Your API key is unknown"),
            "flapping": lambda number: collector.Reply(
                *((503, "busy", {"Retry-After": "0"}) if number // 10 % 2 else (200,))
            ),
        }

        def reply(handler):
            found = replies[name](next(numbers))
            self.answers[found.status] += 1
            handler.answer(found)

        self._collector.default = collector.hang if name == "hanging" else reply

    def close(self):
        self._collector.close()


class _Nowhere:
    def put(self, item):
        pass


def run(handler, name, server, arguments, broker, spool):
    from delivery import environment_for

    settings = {
        "HOPTOAD_NOTIFICATION_URL": server.url,
        "HOPTOAD_HANDLER": handler,
        "HOPTOAD_STORM_LIMIT": 0,
        "HOPTOAD_TIMEOUT": 0.5,
        "HOPTOAD_THREAD_COUNT": THREADS,
        "HOPTOAD_SPOOL_DIR": spool if handler == "spool" else "",
        "HOPTOAD_SPOOL_MAX_MB": 1000,
        **_elsewhere(),
    }
    environment = {
        **environment_for(settings),
        "SHOP_BROKER": broker,
        "SOAK_FLUSH": "0.5" if name == "hanging" else "60",
    }
    command = [sys.executable, __file__, "--soak", str(arguments.requests), str(arguments.failing)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def _elsewhere():
    """Settings of Django's: mail that goes nowhere, tasks that run at once."""
    import django

    mail = "django.core.mail.backends.dummy.EmailBackend"
    package = "django.tasks" if django.VERSION >= (6, 0) else "django_tasks"
    mails = (
        {"MAILERS": {"default": {"BACKEND": mail}}} if django.VERSION >= (6, 1) else {"EMAIL_BACKEND": mail}
    )
    return {**mails, "TASKS": {"default": {"BACKEND": f"{package}.backends.immediate.ImmediateBackend"}}}


def wrong_counts(handler, stats, answers, left_in_spool):
    """What does not add up, in words."""
    if stats["sent"] + left_in_spool != answers[200]:
        yield f"sent {stats['sent']} + spooled {left_in_spool}, but the server accepted {answers[200]}"
    if stats["refused"] != answers[422]:
        yield f"refused {stats['refused']}, but the server refused {answers[422]}"
    settled = stats["sent"] + stats["dropped"] + left_in_spool + stats["mailed"]
    if handler == "spool":
        settled += stats["refused"]  # kept aside
    if handler == "celery":
        settled += stats["published"]
    unknown = stats["captured"] - settled
    if not 0 <= unknown <= THREADS:
        yield f"{stats['captured']} captured, but {settled} settled"


def send_the_rest(spool, server):
    """What another process finds in the spool and delivers."""
    from delivery import environment_for

    server.answer_by("healthy")
    before = server.answers[200]
    settings = {"HOPTOAD_SPOOL_DIR": spool, "HOPTOAD_NOTIFICATION_URL": server.url}
    subprocess.run(
        [sys.executable, "-m", "django", "hoptoad_spool", "--send"],
        env=environment_for(settings),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    return server.answers[200] - before


def main(arguments):
    print(f"{arguments.requests} requests, {arguments.failing} of them fail; Python {sys.version.split()[0]}")
    print(
        f"{'handler':<11} {'server':<9} {'time':>7} {'memory':>10} {'files':>6} {'threads':>8}"
        f" {'sent':>6} {'refused':>8} {'dropped':>8} {'published':>10} {'mailed':>7} {'in spool':>9}  counts"
    )
    is_wrong = False
    for handler in arguments.handlers or HANDLERS:
        for name in arguments.server or SERVERS:
            is_wrong |= _line(handler, name, arguments)
    return int(is_wrong)


def _line(handler, name, arguments):
    with (
        contextlib.closing(Server(name)) as server,
        tempfile.TemporaryDirectory() as folder,
        _broker(handler, name, folder) as broker,
    ):
        spool = str(Path(folder) / "spool")
        figures = run(handler, name, server, arguments, broker, spool)
        left = send_the_rest(spool, server) if handler == "spool" else 0
    stats, (memory, files, threads) = figures["stats"], figures["grown"]
    wrong = list(wrong_counts(handler, stats, server.answers, left))
    print(
        f"{handler:<11} {name:<9} {figures['took']:>5.1f} s {memory:>6.1f} MiB {files:>6} {threads:>8}"
        f" {stats['sent']:>6} {stats['refused']:>8} {stats['dropped']:>8} {stats['published']:>10}"
        f" {stats['mailed']:>7} {left:>9}  {'; '.join(wrong) or 'equal'}",
        flush=True,
    )
    return bool(wrong)


@contextlib.contextmanager
def _broker(handler, name, folder):
    if handler == "celery" and name == "healthy" and shutil.which("redis-server"):
        from brokers import redis

        with redis(folder) as url:
            yield url
    else:
        yield NO_BROKER if handler == "celery" else ""


def _arguments():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("handlers", metavar="HANDLER", nargs="*", help=", ".join(HANDLERS))
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--failing", type=int, help="a tenth of the requests without it")
    parser.add_argument("--server", action="append", choices=SERVERS, help="all without it")
    arguments = parser.parse_args()
    if unknown := set(arguments.handlers) - set(HANDLERS):
        parser.error(f"no such handler: {', '.join(sorted(unknown))}")
    arguments.failing = arguments.failing or max(arguments.requests // 10, 1)
    return arguments


if __name__ == "__main__":
    if sys.argv[1:2] == ["--soak"]:
        soak(int(sys.argv[2]), int(sys.argv[3]))
    else:
        sys.exit(main(_arguments()))

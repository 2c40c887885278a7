"""What a failing request pays while the server is healthy, down, hanging or refusing.

usage: python benchmarks/delivery.py [ERRORS] [HANDLER ...]

Each line is a fresh process that fails ERRORS times (10,000) at full speed, without storm control and
with a queue for all of them, against a counting server of this process on 127.0.0.1. The ratios are
to the healthy server of the same run: median and 99th percentile of a failing request's time, memory
grown while failing, seconds that the end of the process took beyond the last request.
"""

import json
import os
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent / "tests"
sys.path[:0] = [str(TESTS / "site"), str(TESTS / "support")]
FLUSH_TIMEOUT = 2.0


def fail(errors):
    """In the child: fails, and prints what it cost."""
    import django

    django.setup()
    from django.core.handlers.wsgi import WSGIHandler
    from django.test import RequestFactory

    handler = WSGIHandler()
    environ = RequestFactory().get("/boom/?page=2").environ
    for _ in range(20):  # threads started, requests imported
        handler(dict(environ), lambda *args: None)
    before = _resident()
    times = []
    for _ in range(errors):
        start = time.perf_counter()
        handler(dict(environ), lambda *args: None)
        times.append(time.perf_counter() - start)
    from hoptoad import stats

    print(
        json.dumps(
            {
                "median": statistics.median(times) * 1e6,
                "p99": statistics.quantiles(times, n=100)[98] * 1e6,
                "grown": (_resident() - before) / 1024,
                "stats": stats(),
            }
        ),
        flush=True,
    )


def _resident():
    """Resident memory in KiB."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 1024


def environment_for(settings):
    return {
        **os.environ,
        "PYTHONPATH": str(TESTS / "site"),
        "DJANGO_SETTINGS_MODULE": "shop.served",
        "SHOP_SETTINGS": repr({key: repr(value) for key, value in settings.items()}),
    }


def run(handler, name, url, errors, spool):
    settings = {
        "HOPTOAD_NOTIFICATION_URL": url,
        "HOPTOAD_HANDLER": handler,
        "HOPTOAD_STORM_LIMIT": 0,
        "HOPTOAD_QUEUE_SIZE": errors + 20,
        "HOPTOAD_FLUSH_TIMEOUT": 60.0 if name == "healthy" else FLUSH_TIMEOUT,
        "HOPTOAD_SPOOL_DIR": spool,
        "HOPTOAD_SPOOL_MAX_MB": 1000,
    }
    environment = environment_for(settings)
    command = [sys.executable, __file__, "--fail", str(errors)]
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    figures = json.loads(process.stdout.readline())
    ended = time.perf_counter()
    process.wait()
    return {**figures, "exit": time.perf_counter() - ended}


def main(errors, handlers):
    import collector as server

    with socket.socket() as closed, tempfile.TemporaryDirectory() as folder:
        closed.bind(("127.0.0.1", 0))
        print(f"{errors} errors, Python {sys.version.split()[0]}")
        print(
            f"{'handler':<11} {'server':<9} {'median':>9} {'ratio':>6} {'p99':>9} {'ratio':>6}"
            f" {'memory':>9} {'exit':>7} {'arrived':>8} {'connections':>11}"
        )
        for handler in handlers:
            healthy = None
            for name in ("healthy", "down", "hanging", "refusing"):
                collector = server.Collector()
                collector.default = {
                    "hanging": server.hang,
                    "refusing": server.Reply(422, "Your API key is unknown"),
                }.get(name, server.Reply())
                url = collector.url
                if name == "down":
                    url = f"http://127.0.0.1:{closed.getsockname()[1]}/"
                figures = run(handler, name, url, errors, str(Path(folder) / f"{handler}-{name}"))
                healthy = healthy or figures
                print(
                    f"{handler:<11} {name:<9} {figures['median']:>6.0f} µs"
                    f" {figures['median'] / healthy['median']:>6.2f} {figures['p99']:>6.0f} µs"
                    f" {figures['p99'] / healthy['p99']:>6.2f} {figures['grown']:>5.1f} MiB"
                    f" {figures['exit']:>5.2f} s {len(collector.received):>8} {collector.connections:>11}",
                    flush=True,
                )
                if handler == "spool" and name == "down":
                    send(str(Path(folder) / "spool-down"), collector)
                collector.close()


def send(spool, collector):
    """Delivers from another process what was written while the server was down."""
    settings = {"HOPTOAD_SPOOL_DIR": spool, "HOPTOAD_NOTIFICATION_URL": collector.url}
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "django", "hoptoad_spool", "--send"],
        env=environment_for(settings),
        stdout=subprocess.DEVNULL,
        check=True,
    )
    took = time.perf_counter() - start
    print(f"{'':<11} returned: {len(collector.received)} delivered by another process in {took:.1f} s")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--fail"]:
        fail(int(sys.argv[2]))
    else:
        arguments = sys.argv[1:]
        count = int(arguments.pop(0)) if arguments and arguments[0].isdigit() else 10_000
        main(count, arguments or ["threadpool", "spool"])

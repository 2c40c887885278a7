"""How long the inbox's pages take where 1,000,000 notices in 5,000 problems were received.

usage: python benchmarks/inbox_pages.py [--quick]

The inbox is one that runs alone, once on SQLite and once on a PostgreSQL of its own. Each page is asked for
by a superuser, without a server between.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent / "tests" / "support"
VENDORS = ("SQLite", "PostgreSQL")
PROBLEMS, NOTICES = 5_000, 200


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="few notices, to see that it works")
    parser.add_argument("--measure", nargs=2, metavar=("FOLDER", "URL"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(list(measured(*arguments.measure, quick=arguments.quick))))
        return
    for question, figure in pages(arguments.quick):
        print(f"{question:<58} {figure}", flush=True)


def pages(quick):
    """For each database: the slowest pages, the most queries, and what uses no index."""
    for vendor in VENDORS:
        found = in_a_process(vendor, quick)
        rows = sorted(found[1:], key=lambda row: -row["ms"])
        yield f"{vendor}: notices kept of those received, seconds to fill it", found[0]
        for row in rows[:3]:
            place = row["address"].removeprefix("/admin/hoptoad_inbox/")
            yield (
                f"{vendor}, goal 200 ms: {place}",
                f"{row['ms']:.0f}, of a processor {row['processor']:.0f} ms",
            )
        yield f"{vendor}: most queries of a page, goal 12", max(row["queries"] for row in rows)
        scanning = [row["address"].removeprefix("/admin/hoptoad_inbox/") for row in rows if row["scans"]]
        yield f"{vendor}: pages that look at all problems", ", ".join(scanning) or "none"


def in_a_process(vendor, quick):
    sys.path.insert(0, str(TESTS))
    import databases

    command = [sys.executable, __file__, *(["--quick"] if quick else []), "--measure"]
    with tempfile.TemporaryDirectory() as folder:
        if vendor == "SQLite":
            return json.loads(subprocess.run([*command, folder, ""], stdout=-1, check=True).stdout)
        with databases.postgresql() as found:
            url = f"postgresql://{found['USER']}@{found['HOST']}:{found['PORT']}/{found['NAME']}"
            return json.loads(subprocess.run([*command, folder, url], stdout=-1, check=True).stdout)


def measured(folder, url, *, quick):
    """Fills an inbox, and yields what it holds, and then a row for each page."""
    client, app = _opened(Path(folder), url)
    import crowd
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from hoptoad.inbox.models import Notice, Problem

    began = time.monotonic()
    problems, notices = (500, 20) if quick else (PROBLEMS, NOTICES)
    crowd.crowd(app, problems, notices)
    if connection.vendor == "postgresql":  # its autovacuum does so some time later
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
    took = time.monotonic() - began
    yield f"{Notice.objects.count():,} of {Problem.objects.count() * notices:,}, {took:.0f} s"
    for address in crowd.ADDRESSES + crowd.SEARCHES:
        with CaptureQueriesContext(connection) as queries:
            assert client.get(address).status_code in (200, 302), address
        asked = [query["sql"] for query in queries]
        times = []
        used = time.process_time()
        for _ in range(7):
            began = time.perf_counter()
            client.get(address)
            times.append((time.perf_counter() - began) * 1000)
        yield {
            "address": address,
            "ms": statistics.median(times),
            "processor": (time.process_time() - used) / 7 * 1000,
            "queries": len(asked),
            "scans": any(crowd.without_index(connection, sql) for sql in asked if sql.startswith("SELECT")),
        }


def _opened(folder, url):
    """A superuser's browser, and the app of an empty inbox."""
    sys.path.insert(0, str(TESTS))
    import django
    from django.conf import settings

    from hoptoad.inbox.alone import site

    settings.configure(**site.settings(folder, url, ["testserver"], behind_proxy=False))
    django.setup()
    from django.contrib.auth import get_user_model
    from django.core.management import call_command
    from django.test import Client

    from hoptoad.inbox.models import App

    call_command("migrate", verbosity=0)
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("boss"))
    return client, App.objects.create(name="shop")


if __name__ == "__main__":
    main()

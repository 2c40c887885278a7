"""How many functions a received notice calls, in Python and in C, and milliseconds of a processor.

usage: python benchmarks/inbox_calls.py [--functions N]

The number of calls hardly depends on the machine or on what else runs there. The parts are run one after
the other in one thread, on SQLite, as in an inbox that runs alone; the web server is left out.
"""

import argparse
import io
import sys
import tempfile
import time
import uuid
from functools import partial
from pathlib import Path

from calls import calls_of

COUNT = 100


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--functions", type=int, default=0, metavar="N", help="show the N most called of each"
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for name, run, made in parts(Path(folder)):
            for turn in range(30):
                run(made(turn))
            given = [made(turn) for turn in range(COUNT)]
            counted = calls_of(partial(list, map(run, given)))
            print(f"{name:<40} {counted.total() / COUNT:6,.0f} calls, {milliseconds(run, made):.2f} ms")
            for function, number in counted.most_common(arguments.functions):
                print(f"    {number / COUNT:6.1f}  {function}")


def milliseconds(run, made):
    """The least of five rounds."""
    rounds = []
    for _ in range(5):
        given = [made(turn) for turn in range(COUNT)]
        began = time.thread_time()
        for one in given:
            run(one)
        rounds.append((time.thread_time() - began) / COUNT * 1000)
    return min(rounds)


def parts(folder):
    """Names, functions, and what makes their argument."""
    key = _opened(folder)
    import inbox
    from django.core.wsgi import get_wsgi_application
    from django.db import connection
    from django.utils.timezone import now

    from hoptoad.inbox.arrivals import arrival
    from hoptoad.inbox.own_connection import new_connection, used
    from hoptoad.inbox.store import Flood, store

    text = inbox.document(key)

    def document(turn):
        found = text.replace("@@ID@@", uuid.uuid4().hex).replace("@@PROBLEM@@", chr(97 + turn % 26) * 3)
        return found.encode()

    flood = Flood()
    with used(new_connection(connection.alias)):
        yield "read, grouped and compressed", lambda one: arrival(1, one, now()), document
        yield (
            "stored alone",
            lambda one: store([one], connection.alias, flood),
            lambda turn: arrival(1, document(turn), now()),
        )
    application = get_wsgi_application()
    yield (
        "answered, but for the writer's thread",
        lambda environ: b"".join(application(environ, lambda status, headers: None)),
        lambda turn: _environ(document(turn)),
    )


def _environ(body):
    return {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/notifier_api/v2/notices",
        "SCRIPT_NAME": "",
        "QUERY_STRING": "",
        "CONTENT_LENGTH": str(len(body)),
        "CONTENT_TYPE": "text/xml",
        "HTTP_HOST": "127.0.0.1:8000",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8000",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.url_scheme": "http",
    }


def _opened(folder):
    """The key of the app of an empty inbox."""
    import django
    from django.conf import settings

    from hoptoad.inbox.alone import site

    settings.configure(**site.settings(folder, "", [], behind_proxy=False))
    django.setup()
    from django.core.management import call_command

    from hoptoad.inbox.models import App

    call_command("migrate", verbosity=0)
    return App.objects.create(name="shop").key


if __name__ == "__main__":
    main()

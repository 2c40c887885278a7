"""A process with threads that store notices: `python inbox_writers.py SETTINGS THREADS BATCHES`.

The settings are those of the database, in JSON. With BATCHES 0 each line of its input starts a writer, which
prints its process id, stores until it is killed, and prints each id once it is committed; then "killed" follows.
"""

import itertools
import json
import os
import sys
import threading
import uuid

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")


def main(settings, threads, batches):
    from django.conf import settings as django_settings

    django_settings.DATABASES = {**django_settings.DATABASES, "inbox": json.loads(settings)}
    import django

    django.setup()
    if batches:
        return write(threads, batches)
    for _ in sys.stdin:
        pid = os.fork()
        if pid == 0:
            print(os.getpid(), flush=True)
            write(threads, batches)
        os.waitpid(pid, 0)
        print("killed", flush=True)
    return 0


def write(threads, batches):
    failures = []
    workers = [threading.Thread(target=work, args=(number, batches, failures)) for number in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return 1 if failures else 0


def work(number, batches, failures):
    from hoptoad.inbox.own_connection import new_connection, used
    from hoptoad.inbox.store import Flood
    from hoptoad.inbox.writer import store_patiently

    connection, flood = new_connection("inbox"), Flood()
    try:
        with used(connection):
            for batch in range(batches) if batches else itertools.count():
                arrivals = [arrival(batch + turn) for turn in range(5)]
                store_patiently(arrivals, "inbox", flood)
                if not batches:
                    sys.stdout.write("".join(f"{one.client_id}\n" for one in arrivals))
                    sys.stdout.flush()
    except BaseException as error:
        failures.append(error)
        raise
    finally:
        connection.close()


def arrival(turn):
    from django.utils.timezone import now

    from hoptoad.api import htv2
    from hoptoad.inbox.arrivals import arrival as read
    from hoptoad.notice import ErrorInfo, Notice

    error = ErrorInfo(f"E{turn % 7}", "no")
    return read(1, htv2.encode(Notice(id=uuid.uuid4().hex, error=error)), now())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))

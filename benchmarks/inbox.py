"""What the inbox takes, and what it costs a site: `python benchmarks/inbox.py [QUESTION ...] [--quick]`.

The questions are received, memory, start, bytes, handler, writes, pages and beside, which is Bugsink. Clients
are processes that keep their connection, and count a notice when it is answered, after COMMIT.
"""

import argparse
import contextlib
import http.client
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from pathlib import Path
from statistics import median

import inbox_beside
import inbox_pages

HERE = Path(__file__).resolve().parent
PROBLEMS = 50
MB = 1024 * 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("questions", nargs="*", metavar="QUESTION", help=", ".join(QUESTIONS))
    parser.add_argument("--quick", action="store_true", help="few notices, to see that it works")
    parser.add_argument("--task", help=argparse.SUPPRESS)
    arguments, rest = parser.parse_known_args()
    if arguments.task:
        TASKS[arguments.task](*arguments.questions, *rest)
        return
    print(f"Python {sys.version.split()[0]}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n")
    for name in arguments.questions or QUESTIONS:
        for question, figure in QUESTIONS[name](arguments.quick):
            print(f"{question:<58} {figure}", flush=True)


@contextlib.contextmanager
def inbox(folder):
    """A running inbox: its port, its key, its process, and the seconds until it had a page."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "hoptoad", "inbox", "--bind", f"127.0.0.1:{port}", "--data", folder]
    began = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd="/")
    said = ""
    while "    }" not in said:
        said += process.stdout.readline()
    urllib.request.urlopen(f"http://127.0.0.1:{port}/admin/login/").read()
    took = time.monotonic() - began
    try:
        yield port, re.search(r'API_KEY": "(\w+)"', said)[1], process, took
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def document(key):
    """A notice of about 5 kB, with marks for its id and its problem."""
    frames = "".join(
        f'<line number="{n}" file="[PROJECT_ROOT]/shop/module{n % 9}.py" method="function{n}"/>'
        for n in range(30)
    )
    variables = "".join(f'<var key="HTTP_HEADER_{n}">{uuid.uuid4().hex}</var>' for n in range(38))
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><notice version="2.4"><api-key>{key}</api-key><notifier>'
        "<name>benchmark</name><version>1</version><url>x</url></notifier><error>"
        "<class>Error@@PROBLEM@@</class><message>Error@@PROBLEM@@: order @@ID@@ failed</message>"
        f"<backtrace>{frames}</backtrace></error><request><url>https://shop.example/checkout/</url>"
        '<component>shop</component><cgi-data><var key="HOPTOAD_NOTICE_ID">'
        f"@@ID@@</var>{variables}</cgi-data></request><server-environment><environment-name>production"
        "</environment-name><hostname>web1</hostname></server-environment></notice>"
    )


def client(port, key, count):
    """Sends `count` notices one after the other; prints the seconds of each answer."""
    connection = http.client.HTTPConnection("127.0.0.1", int(port))
    text = document(key)
    for number in range(int(count)):
        body = text.replace("@@ID@@", uuid.uuid4().hex).replace(
            "@@PROBLEM@@", chr(97 + number % PROBLEMS % 26) * 3
        )
        began = time.perf_counter()
        connection.request("POST", "/notifier_api/v2/notices", body.encode(), {"Content-Type": "text/xml"})
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200, answer.status
        print(time.perf_counter() - began)


def sent(port, key, clients, count):
    """Seconds for all, and those of each answer."""
    command = [sys.executable, __file__, "--task", "client", str(port), key, str(count)]
    began = time.monotonic()
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(clients)]
    answers = [float(line) for process in running for line in process.communicate()[0].split()]
    assert len(answers) == clients * count
    return time.monotonic() - began, sorted(answers)


def received(quick):
    count = 200 if quick else 2000
    for clients, goal in ((1, "150"), (4, "250, p99 250 ms")):
        with tempfile.TemporaryDirectory() as folder, inbox(folder) as (port, key, process, _):
            sent(port, key, 1, 50)  # the problems are known, as most of a site's are
            before = processor(process.pid)
            took, answers = sent(port, key, clients, count)
            each = (processor(process.pid) - before) / len(answers) * 1000
            with contextlib.closing(sqlite3.connect(f"{folder}/inbox.sqlite3")) as database:
                [[stored]] = database.execute("SELECT sum(count) FROM hoptoad_inbox_problem")
            assert stored == 50 + clients * count, stored
            p99 = answers[int(len(answers) * 0.99)] * 1000
            figure = f"{len(answers) / took:.0f}, p99 {p99:.0f} ms, {each:.1f} ms of a processor each"
            yield f"received per second, {clients} client(s), goal {goal}", figure


def memory(quick):
    count = 200 if quick else 5000
    with tempfile.TemporaryDirectory() as folder, inbox(folder) as (port, key, process, _):
        yield "memory of the process alone, idle, goal 120 MB", f"{resident(process.pid):.0f} MB"
        sent(port, key, 4, count)
        yield f"the same after {4 * count:,} notices, goal 200 MB", f"{resident(process.pid):.0f} MB"


def start(quick):
    times = []
    for _ in range(1 if quick else 5):
        with tempfile.TemporaryDirectory() as folder, inbox(folder) as (_, _, _, took):
            times.append(took)
    yield "seconds to the first page, goal 6", f"{median(times):.1f}"


def kept_bytes(quick):
    with tempfile.TemporaryDirectory() as folder, inbox(folder) as (port, key, _, _):
        sent(port, key, 4, 100 if quick else 1000)
        database = sqlite3.connect(f"{folder}/inbox.sqlite3")
        size = len(document(key))
        database.execute("VACUUM")
        [[pages]] = database.execute("PRAGMA page_count")
        [[kept]] = database.execute("SELECT count(*) FROM hoptoad_inbox_notice")
        [[documents]] = database.execute("SELECT sum(length(document)) FROM hoptoad_inbox_notice")
        rows = "SELECT sum(pgsize) FROM dbstat WHERE name LIKE 'hoptoad_inbox_notice%'"
        try:
            [[notices]] = database.execute(rows)
        except sqlite3.OperationalError:  # compiled without dbstat
            notices = pages * 4096
        database.close()
        figure = f"{notices / kept:.0f}, of it the document {documents / kept:.0f}, of {size} received"
        yield "bytes on disk for a kept notice of 5 kB, goal 2,500", figure


def handler(quick):
    """Own thread of a failing request, with each handler in turn."""
    count = 40 if quick else 400
    times = {"threadpool": [], "inbox": []}
    for _ in range(1 if quick else 5):
        for name, found in times.items():
            with tempfile.TemporaryDirectory() as folder:
                command = [sys.executable, __file__, "--task", "failing", name, folder, str(count)]
                found.append(
                    float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
                )
    pool, ours = (median(found) * 1000 for found in times.values())
    yield (
        "own thread of a failing request, inbox / threadpool, goal 1.2",
        f"{ours:.2f} / {pool:.2f} ms = {ours / pool:.2f}",
    )


@contextlib.contextmanager
def accepting():
    """The URL of a server that accepts every notice, in this process."""
    import threading
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

    class Server(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


def failing(name, folder, count):
    """Prints the median seconds that a failing request takes with a handler."""
    with accepting() as url:
        website = _site(name, f"{folder}/site.sqlite3", url)
        print(median(_failing(website, int(count))))
        import hoptoad

        assert hoptoad.flush(120), "not delivered"


def _failing(website, count):
    from django.core.handlers.wsgi import WSGIHandler

    handler = WSGIHandler()
    for _ in range(20):
        website.fail(handler)
    times = []
    for _ in range(count):
        time.sleep(0.01)
        began = time.perf_counter()
        website.fail(handler)
        times.append(time.perf_counter() - began)
    return times


def writes(quick):
    """The site's own writes: alone, while 1,000 failures are sent elsewhere, and while they are stored."""
    count = 100 if quick else 1000
    found = {}
    for name in ("alone", "sent to a server", "shared file", "own file"):
        with tempfile.TemporaryDirectory() as folder, accepting() as url:
            command = [sys.executable, __file__, "--task", "writing", name, folder, str(count), url]
            found[name] = (
                float(subprocess.run(command, capture_output=True, text=True, check=True).stdout) * 1000
            )
    for name, goal in (("sent to a server", "none"), ("shared file", "2"), ("own file", "1")):
        figure = f"{found[name]:.1f} / {found['alone']:.1f} ms = {found[name] / found['alone']:.1f}"
        yield f"p99 of the site's writes, failures {name}, goal {goal} x", figure


def writing(name, folder, count, url):
    """Prints the 99th percentile of the site's own writes, in seconds."""
    import threading

    inbox_file = f"{folder}/{'inbox' if name == 'own file' else 'site'}.sqlite3"
    handler = "threadpool" if name == "sent to a server" else "inbox"
    website = _site(handler, f"{folder}/site.sqlite3", url, inbox_file)
    from django.contrib.sessions.backends.db import SessionStore
    from django.core.handlers.wsgi import WSGIHandler

    def fail():
        handler = WSGIHandler()
        for _ in range(int(count) if name != "alone" else 0):
            website.fail(handler)

    failures = threading.Thread(target=fail)
    failures.start()
    times = []
    began = time.monotonic()
    while failures.is_alive() or time.monotonic() - began < 3:
        start = time.perf_counter()
        SessionStore().create()
        times.append(time.perf_counter() - start)
        time.sleep(0.002)
    failures.join()
    print(sorted(times)[int(len(times) * 0.99)])
    import hoptoad

    assert hoptoad.flush(120), "not stored"


def _site(handler, file, url, inbox_file=""):
    """A site whose failing page reports by `handler`, its tables made."""
    sys.path.insert(0, str(HERE))
    import website

    options = {"timeout": 20, "transaction_mode": "IMMEDIATE"}
    options["init_command"] = "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL"
    database = {"ENGINE": "django.db.backends.sqlite3", "OPTIONS": options}
    own = inbox_file not in ("", file)
    website.configure(
        {
            "INSTALLED_APPS": [
                "django.contrib.contenttypes",
                "django.contrib.sessions",
                "hoptoad",
                "hoptoad.inbox",
            ],
            "MIDDLEWARE": ["hoptoad.middleware.HoptoadNotifierMiddleware"],
            "DATABASES": {
                "default": {**database, "NAME": file},
                **({"errors": {**database, "NAME": inbox_file}} if own else {}),
            },
            "DATABASE_ROUTERS": ["hoptoad.inbox.router.InboxRouter"],
            "HOPTOAD_SETTINGS": {
                "HOPTOAD_API_KEY": "k" * 32,
                "HOPTOAD_HANDLER": handler,
                "HOPTOAD_NOTIFICATION_URL": url,
                "HOPTOAD_STORM_LIMIT": 0,
                "HOPTOAD_QUEUE_SIZE": 5000,
                **({"HOPTOAD_INBOX_DATABASE": "errors"} if own else {}),
            },
        }
    )
    from django.core.management import call_command

    for alias in ("default", "errors")[: 2 if own else 1]:
        call_command("migrate", database=alias, verbosity=0)
    return website


def processor(pid):
    """Seconds of processors that a process has used, on Linux."""
    used = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return sum(map(int, used)) / os.sysconf("SC_CLK_TCK")


def resident(pid):
    """Resident memory in MB, on Linux."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / MB


QUESTIONS = {
    "received": received,
    "memory": memory,
    "start": start,
    "bytes": kept_bytes,
    "handler": handler,
    "writes": writes,
    "pages": inbox_pages.pages,
    "beside": inbox_beside.beside,
}
TASKS = {"client": client, "failing": failing, "writing": writing}

if __name__ == "__main__":
    main()

"""Run by test_spool_many: many processes that write to one spool directory.

usage: spoolers.py URL SPOOL_DIRECTORY OUTPUT PROCESSES EACH. Each process writes EACH notices, says so
with a line on the standard output, and goes on delivering until the standard input is closed. In the
directory OUTPUT, `written` then has the number of each notice whose `enqueue` returned, `scans` a byte
for each scan of the directory.
"""

import os
import sys

url, spool, output, processes, each = *sys.argv[1:4], int(sys.argv[4]), int(sys.argv[5])
os.environ["DJANGO_SETTINGS_MODULE"] = "shop.settings"

import django  # noqa: E402
from django.conf import settings  # noqa: E402

settings.HOPTOAD_NOTIFICATION_URL = url
settings.HOPTOAD_HANDLER = "spool"
settings.HOPTOAD_SPOOL_DIR = spool
settings.HOPTOAD_SPOOL_MAX_MB = 1000
settings.HOPTOAD_TIMEOUT = 10
django.setup()

from hoptoad.api import htv2  # noqa: E402
from hoptoad.delivery import connection  # noqa: E402, F401 - imported once, before there are processes
from hoptoad.handlers import get_handler  # noqa: E402
from hoptoad.notice import ErrorInfo, Notice  # noqa: E402


def appender(name):
    descriptor = os.open(f"{output}/{name}", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    return lambda text: os.write(descriptor, text.encode())


def count_scans(count):
    def hook(event, arguments):
        if event in ("os.scandir", "os.listdir") and str(arguments[0]).rstrip("/") == spool:
            count("x")

    sys.addaudithook(hook)


def work():
    promise = appender("written")
    count_scans(appender("scans"))
    for number in range(each):
        identity = f"{os.getpid()}-{number}"
        payload = htv2.encode(Notice(id=identity, error=ErrorInfo("E", f"E: <<{identity}>>" + "x" * 2000)))
        get_handler().enqueue(payload, 10)
        promise(f"{identity}\n")
    os.write(1, b"written\n")
    os.read(0, 1)
    get_handler().close()
    os._exit(0)


children = []
for _ in range(processes):
    child = os.fork()
    if not child:
        work()
    children.append(child)
os.close(0)
for child in children:
    os.waitpid(child, 0)

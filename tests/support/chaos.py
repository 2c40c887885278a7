"""Run by test_spool: four processes on one spool directory, killed at random, over and over.

usage: chaos.py URL SPOOL_DIRECTORY WRITTEN_FILE KILLS. Each number in WRITTEN_FILE, a line each, is
of a notice whose `enqueue` had returned.
"""

import os
import random
import signal
import sys
import time

url, spool, written, kills = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
os.environ["DJANGO_SETTINGS_MODULE"] = "shop.settings"

import django  # noqa: E402
from django.conf import settings  # noqa: E402

settings.HOPTOAD_NOTIFICATION_URL = url
settings.HOPTOAD_HANDLER = "spool"
settings.HOPTOAD_SPOOL_DIR = spool
django.setup()

from hoptoad.api import htv2  # noqa: E402
from hoptoad.delivery import connection  # noqa: E402, F401 - imported once, before there are processes
from hoptoad.handlers import get_handler  # noqa: E402
from hoptoad.notice import ErrorInfo, Notice  # noqa: E402


def work():
    log = os.open(written, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    for number in range(1_000_000):
        identity = f"{os.getpid()}-{number}"
        payload = htv2.encode(Notice(id=identity, error=ErrorInfo("E", f"E: <<{identity}>>" + "x" * 2000)))
        get_handler().enqueue(payload, 5)
        os.write(log, f"{identity}\n".encode())
        time.sleep(0.02)


def start():
    child = os.fork()
    if not child:
        work()
    return child


children = [start() for _ in range(4)]
for _ in range(kills):
    time.sleep(random.uniform(0, 0.03))
    victim = children.pop(random.randrange(4))
    os.kill(victim, signal.SIGKILL)
    os.waitpid(victim, 0)
    children.append(start())
for child in children:
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)

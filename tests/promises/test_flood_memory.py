"""Memory under a flood: what is held to tell failures apart is bounded. Measured in a fresh process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from places import SITE

pytestmark = pytest.mark.long


START = """
import gc, os
import django
from django.test import RequestFactory, override_settings
django.setup()
override_settings(
    HOPTOAD_HANDLER="nowhere.Nowhere", HOPTOAD_STORM_LIMIT=1, HOPTOAD_NOTIFY_404=True,
    ALLOWED_HOSTS=["*"], HOPTOAD_PROJECT_ROOT=".",
).enable()
import logging
from types import SimpleNamespace
from hoptoad.reporting import reporter
from hoptoad.reporting.pipeline import pipeline
from hoptoad.log import HoptoadHandler

make = RequestFactory()

def grown(repeat, times):
    for number in range(200):
        repeat(number)
    pipeline.start_over()
    gc.collect()
    before = held()
    for number in range(times):
        repeat(number)
    gc.collect()
    print(held() - before)

def held():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")

def missing(path, referrer):
    reporter.report_status(make.get(path, headers={"Referer": referrer}), 404)

def log(logger, message):
    handler.handle(logging.LogRecord(logger, 40, "/srv/a.py", 7, message, (), None, "f"))

def failure(kind, route, text="x"):
    request = make.get("/")
    request.resolver_match = SimpleNamespace(
        route=route, func=failure, args=(), kwargs={}, url_name="", namespaces=[], view_name="")
    try:
        raise kind(text)
    except kind as error:
        reporter.report_exception(request, error)
"""
# More than what any bound lets in, so that more of them would add nothing.
KINDS = {
    "routes": ("failure(ValueError, f'route {number}/', 'x' * 4000)", 1_500),
    "routes that fail again": ("failure(ValueError, f'route {number // 2}/', 'x' * 4000)", 1_500),
    "classes made at run time": ("failure(type(f'K{number}' + 'k' * 1000, (Exception,), {}), 'a/')", 1_500),
    "messages": ("failure(ValueError, 'a/', f'{number}' * 100_000)", 500),
    "missing pages": (
        "missing(f'/{number // 2}/' + 'p' * 2000, f'https://x.test/{number}' + 'r' * 4000)",
        5_000,
    ),
    "referrers": ("missing('/a/', f'https://x.test/{number}' + 'r' * 4000)", 2_000),
    "records of one logger": ("log('shop', f'{number}' + 'x' * 1_000_000)", 600),
    "records of many loggers": ("log(f'shop.{number}', f'{number}' + 'x' * 10_000)", 1_300),
}
MANY = 8 * 1024 * 1024  # bytes


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the memory of a process is read there")
@pytest.mark.parametrize("kind", KINDS)
def test_a_flood_does_not_fill_the_memory(kind):
    body, times = KINDS[kind]
    program = (
        f"{START}\nhandler = HoptoadHandler()\ndef repeat(number):\n    {body}\ngrown(repeat, {times})\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=SITE,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "shop.settings"},
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )

    assert int(done.stdout) < MANY

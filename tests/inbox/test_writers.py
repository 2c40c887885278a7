"""Many writers at once, and writers that are killed: counts stay exact."""

import contextlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
from django.db.models import Sum
from places import SITE

from hoptoad.inbox.models import App, Hour, Notice, Problem, Receipt

PROGRAM = Path(__file__).parent.parent / "support" / "inbox_writers.py"


def process(settings, threads, batches):
    return subprocess.Popen(
        [sys.executable, str(PROGRAM), json.dumps(settings), str(threads), str(batches)],
        cwd=SITE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def the_app(database):
    return App.objects.using(database).create(pk=1, name="shop")


def test_16_writers_in_4_processes_count_exactly(the_app, database, database_settings):
    processes = [process(database_settings, 4, 8) for _ in range(4)]
    ended = [(running.communicate(timeout=120), running.returncode) for running in processes]

    assert [(code, said) for (_, said), code in ended] == [(0, "")] * 4
    problems = Problem.objects.using(database)
    assert problems.count() == 7
    assert problems.aggregate(Sum("count"))["count__sum"] == 16 * 8 * 5
    assert Hour.objects.using(database).aggregate(Sum("count"))["count__sum"] == 16 * 8 * 5
    assert Receipt.objects.using(database).count() == 16 * 8 * 5


@pytest.mark.long
def test_what_was_committed_before_a_kill_is_there_once(the_app, database, database_settings):
    told = []
    for _ in range(25):  # on each of two databases, two threads at a time: 100 writers are killed
        with running(database_settings) as writer:
            told += [writer.stdout.readline().strip() for _ in range(20)]
            writer.kill()
            told += [line.strip() for line in writer.stdout.read().split("\n") if len(line) == 32]

    counted = set(Receipt.objects.using(database).values_list("client_id", flat=True))
    assert len(told) == len(set(told))
    assert set(told) <= counted
    assert Problem.objects.using(database).aggregate(Sum("count"))["count__sum"] == len(counted)
    assert Notice.objects.using(database).count() <= 7 * 160


@contextlib.contextmanager
def running(settings):
    writer = process(settings, 2, 0)
    try:
        yield writer
    finally:
        writer.kill()
        writer.communicate()

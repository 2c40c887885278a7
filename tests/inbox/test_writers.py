"""Many writers at once, and writers that are killed: counts stay exact."""

import contextlib
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading
import uuid
from pathlib import Path

import pytest
from alone import alone
from django.db import connections
from django.db.models import Sum
from places import SITE

from hoptoad.api import htv2
from hoptoad.inbox.models import App, Hour, Notice, Problem, Receipt
from hoptoad.notice import ErrorInfo
from hoptoad.notice import Notice as Content

KILLS = {"sqlite": 70, "postgresql": 30}
PROGRAM = Path(__file__).parent.parent / "support" / "inbox_writers.py"


def process(settings, threads, batches):
    return subprocess.Popen(
        [sys.executable, str(PROGRAM), json.dumps(settings), str(threads), str(batches)],
        cwd=SITE,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def the_app(database):
    return App.objects.using(database).create(pk=1, name="shop")


@pytest.mark.long
def test_16_writers_in_4_processes_count_exactly(the_app, database, database_settings):
    processes = [process(database_settings, 4, 4) for _ in range(4)]
    ended = [(running.communicate(timeout=120), running.returncode) for running in processes]

    assert [(code, said) for (_, said), code in ended] == [(0, "")] * 4
    problems = Problem.objects.using(database)
    assert problems.count() == 7
    assert problems.aggregate(Sum("count"))["count__sum"] == 16 * 4 * 5
    assert Hour.objects.using(database).aggregate(Sum("count"))["count__sum"] == 16 * 4 * 5
    assert Receipt.objects.using(database).count() == 16 * 4 * 5


@pytest.mark.long
def test_what_was_committed_before_a_kill_is_there_once(the_app, database, database_settings):
    told = []
    with running(database_settings) as writers:
        for _ in range(KILLS[connections[database].vendor]):
            writers.stdin.write("\n")
            writers.stdin.flush()
            writer = int(writers.stdout.readline())
            told += [writers.stdout.readline().strip() for _ in range(5)]
            os.kill(writer, signal.SIGKILL)
            told += [line.strip() for line in iter(writers.stdout.readline, "killed\n")]

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


@pytest.mark.long
def test_a_notice_that_was_answered_before_a_kill_is_stored_once(tmp_path):
    answered = set()
    for _ in range(3):
        with alone(tmp_path / "data") as inbox:
            senders = [threading.Thread(target=send, args=(inbox, answered)) for _ in range(4)]
            for sender in senders:
                sender.start()
            enough = len(answered) + 40
            while len(answered) < enough:
                senders[0].join(0.01)
            inbox.process.kill()
            for sender in senders:
                sender.join()

    with alone(tmp_path / "data") as inbox:
        before = inbox.rows("SELECT sum(count) FROM hoptoad_inbox_problem")
        counted = {identity for (identity,) in inbox.rows("SELECT client_id FROM hoptoad_inbox_receipt")}
        for identity in answered:
            assert post(inbox, identity) == 200
        after = inbox.rows("SELECT sum(count) FROM hoptoad_inbox_problem")

    assert answered <= counted
    assert before == after == [(len(counted),)]


def send(inbox, answered):
    """Sends until the server is gone; adds the ids that it has answered."""
    while True:
        identity = uuid.uuid4().hex
        try:
            assert post(inbox, identity) == 200
        except (OSError, http.client.HTTPException):
            return
        answered.add(identity)


def post(inbox, identity):
    document = htv2.encode(Content(id=identity, error=ErrorInfo("KeyError", "no")))
    document = re.sub(b"<api-key>.*</api-key>", f"<api-key>{inbox.key}</api-key>".encode(), document)
    return inbox.request("POST", "/notifier_api/v2/notices", document)[0]

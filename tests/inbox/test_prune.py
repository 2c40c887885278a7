"""What is too old goes, and the rest stays."""

import io
import threading
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import connections
from django.utils.timezone import now

from hoptoad.api import htv2
from hoptoad.inbox import prune
from hoptoad.inbox.arrivals import arrival
from hoptoad.inbox.models import Deploy, Fingerprint, Hour, Notice, Problem, Receipt
from hoptoad.inbox.store import Flood, store
from hoptoad.notice import ErrorInfo
from hoptoad.notice import Notice as Content


@pytest.fixture
def stored(app, database):
    """An old problem, one old and new, and a new one."""
    old, new = now() - timedelta(days=100), now()
    for kind, moment in (("Old", old), ("Both", old), ("Both", new), ("New", new)):
        store(
            [arrival(app.pk, htv2.encode(Content(id="", error=ErrorInfo(kind, "no"))), moment)],
            database,
            Flood(),
        )
    Deploy.objects.using(database).create(app=app, version="1", at=old)


def test_what_is_older_than_the_age_goes(stored, database):
    assert sum(prune.prune(database, now(), 90)) == 6

    assert sorted(Problem.objects.using(database).values_list("class_name", flat=True)) == ["Both", "New"]
    assert sorted(Problem.objects.using(database).values_list("count", flat=True)) == [1, 2]
    assert [model.objects.using(database).count() for model in (Notice, Hour, Deploy, Fingerprint)] == [
        2,
        2,
        0,
        2,
    ]


def test_no_age_keeps_all(stored, database):
    assert sum(prune.prune(database, now(), 0)) == 0


def test_the_command_says_what_it_does(stored, database):
    out = io.StringIO()
    call_command("hoptoad_inbox_prune", "--dry-run", stdout=out)
    call_command("hoptoad_inbox_prune", stdout=out)
    call_command("hoptoad_inbox_prune", stdout=out)

    assert out.getvalue().splitlines() == [
        "Would be removed: notices 2, hourly counts 2, deploys 1, problems 1.",
        "Removed: notices 2, hourly counts 2, deploys 1, problems 1.",
        "Nothing was removed: nothing is older than 90 days.",
    ]


def test_another_age_is_given_in_days(stored, database, settings_for):
    settings_for(HOPTOAD_INBOX_MAX_AGE=0)
    out = io.StringIO()
    call_command("hoptoad_inbox_prune", stdout=out)
    call_command("hoptoad_inbox_prune", "--days", "101", stdout=out)
    call_command("hoptoad_inbox_prune", "--days", "99.5", stdout=out)

    assert out.getvalue().splitlines() == [
        "Nothing was removed: HOPTOAD_INBOX_MAX_AGE is 0, which keeps everything. --days gives an age.",
        "Nothing was removed: nothing is older than 101 days.",
        "Removed: notices 2, hourly counts 2, deploys 1, problems 1.",
    ]
    with pytest.raises(CommandError, match="--days must be greater than 0"):
        call_command("hoptoad_inbox_prune", "--days", "0")


def test_a_database_without_the_tables_is_said_in_a_sentence(app, sqlite):
    with connections[sqlite].cursor() as cursor:
        cursor.execute("ALTER TABLE hoptoad_inbox_receipt RENAME TO receipts_elsewhere")

    with pytest.raises(CommandError, match="The database '.*' of the inbox: no such table"):
        call_command("hoptoad_inbox_prune")


def test_a_terminal_sees_a_bar(stored, database):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    out = Terminal()
    call_command("hoptoad_inbox_prune", stdout=out, no_color=True)

    assert f"[{'#' * 13:40}] 2 of 6\r" in out.getvalue()
    assert f"[{'#' * 40}] 6 of 6\n" in out.getvalue()


def test_of_many_receipts_the_latest_stay(stored, database, monkeypatch):
    monkeypatch.setattr(prune, "MAX_RECEIPTS", 2)

    sum(prune.prune(database, now(), 0))

    assert Receipt.objects.using(database).count() == 2


def test_a_transaction_removes_no_more_than_so_many(stored, database, monkeypatch):
    monkeypatch.setattr(prune, "ROWS", 1)

    assert list(prune.prune(database, now(), 90)) == [1] * 6


def hourly(database, monkeypatch):
    """Prunes as a process does once an hour, and waits for the thread that does it."""
    monkeypatch.setattr(prune, "_due_at", [0.0])
    prune.prune_when_due(database)
    for thread in threading.enumerate():
        if thread.name == "hoptoad-inbox-prune":
            thread.join(30)


def test_a_process_that_stores_notices_prunes(stored, database, monkeypatch, settings_for):
    settings_for(HOPTOAD_INBOX_MAX_AGE=90)

    hourly(database, monkeypatch)

    assert sorted(Problem.objects.using(database).values_list("class_name", flat=True)) == ["Both", "New"]


def test_what_fails_while_pruning_is_logged_without_its_text(
    stored, database, monkeypatch, settings_for, caplog
):
    def fail(using):
        raise ConnectionRefusedError("smtp://user:frog-prince@mail.example")

    settings_for(HOPTOAD_INBOX_MAX_AGE=90)
    monkeypatch.setattr(prune.alerts, "send_withheld", fail)

    hourly(database, monkeypatch)

    assert "The inbox could not remove what is too old: ConnectionRefusedError" in caplog.text
    assert "frog-prince" not in caplog.text

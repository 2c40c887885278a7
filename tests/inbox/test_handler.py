"""The handler "inbox": a site's own failures, whatever its database does."""

import sqlite3
import subprocess
import sys

import databases
import pytest
from django.core import mail
from django.core.management import CommandError, call_command
from django.db import DataError, connections, transaction
from django.db.backends.signals import connection_created

import hoptoad
from hoptoad.handlers import registry
from hoptoad.inbox import handler
from hoptoad.inbox.models import App, Notice, Problem, Receipt
from hoptoad.testing import outbox

WAIT = 20  # seconds


@pytest.fixture
def inbox(settings_for):
    """The handler of the site, whose first pause after a failure is over at once."""
    settings_for(HOPTOAD_HANDLER="inbox", HOPTOAD_API_KEY="", HOPTOAD_TIMEOUT=0.2)
    handler._outage[0] = False
    yield
    registry.close_handlers()


@pytest.fixture
def key_less(settings_for):
    settings_for(HOPTOAD_SETTINGS={})


@pytest.fixture
def shop(inbox, key_less, client):
    return client


def flushed():
    return hoptoad.flush(WAIT)


def test_two_lines_in_the_settings_bring_failures_into_the_database(database, shop):
    answer = shop.get("/boom/")

    assert answer.status_code == 500
    assert flushed()
    problem = Problem.objects.using(database).get()
    assert (problem.class_name, problem.count) == ("ValueError", 1)
    assert problem.place.endswith("shop/views.py in boom")
    assert problem.app.is_site


def test_the_key_names_the_app(database, inbox, settings_for, client):
    App.objects.using(database).create(name="other")
    shop = App.objects.using(database).create(name="shop", key="s" * 32)
    settings_for(HOPTOAD_SETTINGS={"HOPTOAD_API_KEY": "s" * 32})

    client.get("/boom/")

    assert flushed()
    assert Problem.objects.using(database).get().app == shop


def test_a_transaction_that_rolls_back_keeps_the_notice(database, shop, view):
    @view
    def failing(request):
        with transaction.atomic(using=database):
            App.objects.using(database).count()
            raise RuntimeError

    shop.get("/exception/")

    assert flushed()
    assert Notice.objects.using(database).count() == 1


@pytest.mark.long
def test_the_callers_transaction_is_not_used_where_no_thread_may_run(postgresql, shop):
    with transaction.atomic(using=postgresql):
        assert App.objects.using(postgresql).count() == 0
        handler.send(_payload(), 5)
        transaction.set_rollback(True, using=postgresql)

    assert Notice.objects.using(postgresql).count() == 1


@pytest.mark.long
def test_notices_wait_for_a_database_without_tables(tmp_path, sqlite, shop, caplog):
    _replaced(sqlite, tmp_path / "empty.sqlite3")

    assert shop.get("/boom/").status_code == 500
    assert not hoptoad.flush(0.5)
    call_command("migrate", database=sqlite, verbosity=0)

    assert flushed()
    assert Problem.objects.using(sqlite).get().count == 1
    assert "manage.py migrate hoptoad_inbox" in caplog.text
    assert "stores notices again" in caplog.text


@pytest.mark.long
def test_notices_wait_for_a_locked_file(sqlite, sqlite_settings, shop):
    other = sqlite3.connect(sqlite_settings["NAME"], isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    connections[sqlite].settings_dict["OPTIONS"] = {"timeout": 0.1}

    assert shop.get("/boom/").status_code == 500
    waits = not hoptoad.flush(1)
    other.execute("ROLLBACK")
    other.close()

    assert waits
    assert flushed()
    assert Problem.objects.using(sqlite).get().count == 1


@pytest.fixture
def inserts(sqlite):
    """The values of each INSERT of receipts; one with "poison" fails."""
    found = []

    def watch(execute, sql, params, many, context):
        if sql.startswith("INSERT") and "receipt" in sql:
            found.append([value for value in params if isinstance(value, str)])
            if "poison" in params:
                raise DataError("poison")
        return execute(sql, params, many, context)

    def connected(connection, **kwargs):
        connection.execute_wrappers.append(watch)

    connection_created.connect(connected)
    yield found
    connection_created.disconnect(connected)


@pytest.fixture
def locked(sqlite, sqlite_settings, settings_for):
    """The file is locked until it is called."""
    settings_for(HOPTOAD_RETRIES=1)
    other = sqlite3.connect(sqlite_settings["NAME"], isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    connections[sqlite].settings_dict["OPTIONS"] = {"timeout": 0.1}
    yield lambda: other.execute("ROLLBACK")
    other.close()


def test_failures_that_wait_are_stored_in_one_transaction(inbox, locked, inserts, sqlite):
    notifier = handler.InboxNotifier()
    for _ in range(20):
        notifier.enqueue(_payload(), 0.1)

    locked()

    assert notifier.flush(WAIT)
    assert Problem.objects.using(sqlite).get().count == 20
    assert len(inserts) <= 2  # the first may have been tried alone
    assert notifier.close()


def test_one_that_cannot_be_stored_harms_none_that_waits_with_it(inbox, locked, inserts, sqlite, caplog):
    notifier = handler.InboxNotifier()
    for payload in (_payload("a"), b"none", _payload("poison"), _payload("b"), _payload("c")):
        notifier.enqueue(payload, 0.1)

    locked()

    assert notifier.flush(WAIT)
    assert set(Receipt.objects.using(sqlite).values_list("client_id", flat=True)) == {"a", "b", "c"}
    assert ["poison"] in inserts
    assert notifier.close()


def test_a_database_that_is_down_costs_the_site_nothing_and_the_fallback_gets_the_notice(
    sqlite, shop, settings_for, tmp_path
):
    settings_for(HOPTOAD_RETRIES=0, HOPTOAD_FALLBACK_HANDLER="memory")
    _replaced(sqlite, tmp_path / "no" / "such" / "folder.sqlite3")

    assert shop.get("/boom/").status_code == 500
    assert flushed()

    assert [notice.error.class_name for notice in outbox] == ["ValueError"]


def test_what_cannot_be_stored_is_counted(sqlite, shop, settings_for, tmp_path):
    settings_for(HOPTOAD_RETRIES=0)
    _replaced(sqlite, tmp_path / "no" / "such" / "folder.sqlite3")

    shop.get("/boom/")

    assert flushed()
    assert hoptoad.stats()["dropped"] == 1


def test_a_document_that_is_none_is_refused_with_the_reason(sqlite, shop):
    answer = handler.send(b"sentry envelope", 5)

    assert answer.verdict.value == "refused for good"
    assert "HOPTOAD_API v2 and v3" in answer.text


def test_many_failures_are_counted_exactly(database, shop, settings_for):
    settings_for(HOPTOAD_STORM_LIMIT=0)
    for _ in range(30):
        shop.get("/boom/")

    assert flushed()
    assert Problem.objects.using(database).get().count == 30


def test_a_new_problem_is_mailed_before_the_handler_is_done(database, shop):
    App.objects.using(database).create(name="site", is_site=True, mail_to="a@x.test")

    shop.get("/boom/")

    assert flushed()
    assert "New: ValueError" in mail.outbox[0].subject


def test_the_sites_own_connection_is_not_touched(database, shop):
    before = connections[database]

    handler.send(_payload(), 5)

    assert connections[database] is before


def _payload(identity=""):
    from hoptoad.api import htv2
    from hoptoad.notice import ErrorInfo
    from hoptoad.notice import Notice as Content

    return htv2.encode(Content(id=identity, error=ErrorInfo("E", "no")))


def _replaced(alias, path):
    """Lets every new connection of the alias go to another file."""
    connections[alias].close()
    connections.settings[alias].update(databases.sqlite(path), OPTIONS={})


@pytest.mark.parametrize("use_tz", [True, False])
def test_a_script_that_fails_stores_its_failure_before_it_ends(sqlite, sqlite_settings, tmp_path, use_tz):
    program = f"""
import os, django
from django.conf import settings
settings.configure(
    INSTALLED_APPS=["hoptoad", "hoptoad.inbox"], USE_TZ={use_tz}, BASE_DIR={str(tmp_path)!r},
    DATABASES={{"default": {sqlite_settings!r}}}, HOPTOAD_SETTINGS={{"HOPTOAD_HANDLER": "inbox"}},
)
django.setup()
import hoptoad
try:
    raise KeyError("frog")
except KeyError as error:
    hoptoad.notify(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert Problem.objects.using(sqlite).get().class_name == "KeyError"


def test_the_command_names_the_inbox_and_no_server(database, shop, capsys):
    call_command("hoptoad_test", no_color=True)

    said = capsys.readouterr().out.splitlines()
    assert said[:3] == ["To       the inbox of this site", "Handler  inbox", "Answer   accepted"]
    assert said[4:] == ["See      Errors, Problems in the admin", "The notice was accepted."]


def test_the_command_says_what_to_do_without_tables(tmp_path, sqlite, shop):
    _replaced(sqlite, tmp_path / "empty.sqlite3")

    with pytest.raises(CommandError, match=r"manage\.py migrate"):
        call_command("hoptoad_test", no_color=True)


def test_a_deployment_needs_a_key(shop):
    with pytest.raises(CommandError, match="HOPTOAD_API_KEY is not set"):
        call_command("hoptoad_deploy")

"""What `manage.py check` says of the inbox."""

import subprocess
import sys

import databases
import pytest
from django.core.checks import run_checks
from django.db import connections


def said(**options):
    options = options or {"tags": ["hoptoad_inbox"]}
    return {
        message.id: message for message in run_checks(**options) if str(message.id).startswith("hoptoad.")
    }


@pytest.fixture
def talking(settings_for):
    settings_for(SILENCED_SYSTEM_CHECKS=[])


def test_without_the_admin_there_are_no_pages(talking):
    assert "INSTALLED_APPS +=" in said()["hoptoad.W013"].hint


def test_an_alias_that_is_none_is_an_error(settings_for):
    settings_for(HOPTOAD_INBOX_DATABASE="nowhere")

    assert "'nowhere'" in said()["hoptoad.E009"].msg


def test_an_alias_needs_the_router(sqlite, settings_for):
    before = said()
    settings_for(DATABASE_ROUTERS=["hoptoad.inbox.router.InboxRouter"])

    assert "InboxRouter" in before["hoptoad.E010"].hint
    assert "hoptoad.E010" not in said()


def test_a_file_that_the_site_writes_too_is_a_warning(monkeypatch, tmp_path):
    monkeypatch.setitem(connections.settings, "default", databases.sqlite(tmp_path / "site.sqlite3"))

    assert 'DATABASES["errors"]' in said()["hoptoad.W015"].hint


def test_no_address_is_judged_or_told_where_notices_go_into_the_inbox(settings_for):
    settings_for(HOPTOAD_SETTINGS={"HOPTOAD_HANDLER": "inbox", "HOPTOAD_USE_SSL": False})
    found = said(tags=["hoptoad"], include_deployment_checks=True)

    assert found["hoptoad.I001"].msg == "Failures are stored in the inbox of this site"
    assert "hoptoad.W005" not in found


def test_missing_tables_are_a_warning(sqlite, tmp_path):
    before = said(tags=["database"], databases=[sqlite])
    connections[sqlite].close()
    connections.settings[sqlite].update(databases.sqlite(tmp_path / "empty.sqlite3"), OPTIONS={})
    connections[sqlite].close()

    assert before == {}
    assert (
        "migrate hoptoad_inbox --database inbox"
        in said(tags=["database"], databases=[sqlite])["hoptoad.W014"].hint
    )


@pytest.mark.long
def test_migrate_warns_of_no_table_that_it_makes(tmp_path):
    program = f"""
import sys
from django.conf import settings
from django.core.management import execute_from_command_line
settings.configure(
    INSTALLED_APPS=["hoptoad", "hoptoad.inbox"], BASE_DIR={str(tmp_path)!r},
    DATABASES={{"default": {databases.sqlite(tmp_path / "new.sqlite3")!r}}},
    HOPTOAD_SETTINGS={{"HOPTOAD_HANDLER": "inbox"}},
)
execute_from_command_line(sys.argv)
"""
    warned, migrated = (
        subprocess.run(
            [sys.executable, "-c", program, *command], capture_output=True, text=True, timeout=60, check=True
        )
        for command in (["check", "--database", "default"], ["migrate"])
    )

    assert "hoptoad.W014" in warned.stderr
    assert "hoptoad.W014" not in migrated.stderr + migrated.stdout
    assert "Applying hoptoad_inbox.0001" in migrated.stdout

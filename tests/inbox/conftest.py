"""A database of the inbox, on SQLite and on PostgreSQL, with its tables and without rows."""

import shutil

import databases
import pytest
from brokers import missing
from django.core.management import call_command
from django.db import connections
from django.test import override_settings

from hoptoad.inbox import ingest, writer

ALIAS = "inbox"


def _configured(settings):
    """Makes the settings those of the alias, for every thread that connects from now on."""
    if ALIAS in connections.settings:
        connections[ALIAS].close()
        del connections[ALIAS]
    connections.settings[ALIAS] = settings
    connections.settings = connections.configure_settings(connections.settings)


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory, django_db_blocker):
    path = tmp_path_factory.mktemp("inbox") / "migrated.sqlite3"
    with django_db_blocker.unblock():
        _configured({**databases.sqlite(path), "OPTIONS": {}})
        call_command("migrate", database=ALIAS, verbosity=0)
        connections[ALIAS].close()
    return path


@pytest.fixture(scope="session")
def cluster(django_db_blocker):
    if databases.programs() is None:
        missing("PostgreSQL")
    with databases.postgresql() as settings:
        with django_db_blocker.unblock():
            _configured(settings)
            call_command("migrate", database=ALIAS, verbosity=0)
            connections[ALIAS].close()
        yield settings


@pytest.fixture
def sqlite_settings(migrated_file, tmp_path):
    path = tmp_path / "inbox.sqlite3"
    shutil.copy(migrated_file, path)
    return databases.sqlite(path)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.long)])
def database_settings(request):
    return request.getfixturevalue("sqlite_settings" if request.param == "sqlite" else "cluster")


@pytest.fixture
def database(database_settings, django_db_blocker):
    """The alias of an empty inbox."""
    yield from _opened(database_settings, django_db_blocker)


@pytest.fixture
def sqlite(sqlite_settings, django_db_blocker):
    """As `database`, on SQLite only: for what does not depend on the database."""
    yield from _opened(sqlite_settings, django_db_blocker)


@pytest.fixture
def postgresql(cluster, django_db_blocker):
    """As `database`, on PostgreSQL only."""
    yield from _opened(cluster, django_db_blocker)


def _opened(settings, blocker):
    with blocker.unblock(), override_settings(HOPTOAD_INBOX_DATABASE=ALIAS):
        _configured(settings)
        yield ALIAS
        writer.close_all()
        ingest.start_over()
        if connections[ALIAS].vendor == "postgresql":
            call_command("flush", database=ALIAS, verbosity=0, interactive=False)
        connections[ALIAS].close()


@pytest.fixture
def app(request):
    """An app in the database of the test."""
    from hoptoad.inbox.models import App

    name = (
        "sqlite"
        if "sqlite" in request.fixturenames and "database" not in request.fixturenames
        else "database"
    )
    return App.objects.using(request.getfixturevalue(name)).create(name="shop", key="k" * 32)

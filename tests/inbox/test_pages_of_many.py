"""The pages with thousands of problems: their queries use indexes, on SQLite and on PostgreSQL."""

import office
import pytest
from crowd import ADDRESSES, SEARCHES, crowd, without_index
from django.db import connections
from django.test.utils import CaptureQueriesContext

from hoptoad.inbox.models import App, Notice, Problem


@pytest.fixture
def many(database):
    """2,000 problems with 20,000 notices."""
    with office.opened(DATABASE_ROUTERS=["everything.Everything"]):
        crowd(App.objects.create(name="shop"), 2_000, 10, using=database, hours=10)
        assert (Problem.objects.count(), Notice.objects.count()) == (2_000, 20_000)
        yield connections[database]


@pytest.fixture
def client(many):
    return office.signed_in(office.person("boss", is_superuser=True))


def queries_of(connection, client, address):
    """The queries of a page, at most twelve."""
    with CaptureQueriesContext(connection) as queries:
        assert client.get(address).status_code in (200, 302)
    assert len(queries) <= 12, address
    return [query["sql"] for query in queries if query["sql"].startswith("SELECT")]


def analyze(connection):
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


@pytest.mark.long
def test_every_query_uses_an_index_and_no_page_takes_more_than_twelve(many, client):
    pages = {address: queries_of(many, client, address) for address in ADDRESSES + SEARCHES}

    if many.vendor == "sqlite":  # which does not analyze by itself
        require_indexes(many, pages)
    analyze(many)
    require_indexes(many, pages)


def require_indexes(connection, pages):
    for address, queries in pages.items():
        for sql in queries:
            allowed = {"problem"} if address in SEARCHES else set()
            assert without_index(connection, sql) <= allowed, (address, sql)

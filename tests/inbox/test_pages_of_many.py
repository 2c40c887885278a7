"""The pages with thousands of problems: their queries use indexes, on SQLite and on PostgreSQL."""

import json
import re
from datetime import timedelta

import office
import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now
from seeded import content, frame, receive

from hoptoad.inbox.models import App, Deploy, Fingerprint, Hour, Notice, Problem, Receipt, hour_of

PROBLEMS = 2_000
LIST = "/admin/hoptoad_inbox/problem/"
TABLES = "problem|notice|hour|receipt|fingerprint|deploy"
ADDRESSES = [
    LIST,
    f"{LIST}?state=all&o=3",
    f"{LIST}?state=resolved&o=-3&p=2",
    f"{LIST}?app=1&state=open",
    f"{LIST}?environment=staging&state=all",
    f"{LIST}?seen=24&q=frog",
    f"{LIST}?q={'a' * 32}",
    f"{LIST}notice/{'a' * 32}/",
    f"{LIST}1/change/",
    f"{LIST}1/notices/7/",
    f"{LIST}1/text/",
]


@pytest.fixture
def many(database):
    """2,000 problems, one of them with a year of notices."""
    with office.opened(DATABASE_ROUTERS=["everything.Everything"]):
        yield database


def crowd(app):
    moment = now()
    first = receive(app, content("KeyError", "'frog'", frame("shop/views.py", 78, "checkout")))
    problems = [
        Problem(
            app=app,
            environment=("production", "staging")[number % 2],
            class_name=f"Error{number}",
            message="m",
            place="shop/views.py in pay",
            state=("open", "resolved", "ignored")[number % 3],
            first_seen=moment,
            last_seen=moment - timedelta(minutes=number),
            last_version=f"1.{number % 9}",
            count=number,
        )
        for number in range(PROBLEMS)
    ]
    Problem.objects.bulk_create(problems)
    hours = [hour_of(moment) - timedelta(hours=back) for back in range(400)]
    Hour.objects.bulk_create(
        [Hour(problem=first, hour=hour, count=1) for hour in hours[1:]]
        + [Hour(problem=problem, hour=hour, count=1) for problem in problems for hour in hours[:5]]
    )
    kept = {"received": moment, "kind": "v3", "document": Notice.objects.get().document}
    Notice.objects.bulk_create(
        Notice(problem=problem, number=number, client_id=f"{problem.pk:028x}{number:04}", **kept)
        for problem in [first, *problems]
        for number in range(2, 8)
    )
    rows = list(enumerate(problems))
    Receipt.objects.bulk_create(
        Receipt(app=app, client_id=f"{number:032x}", problem=found) for number, found in rows
    )
    Fingerprint.objects.bulk_create(
        Fingerprint(app=app, problem=found, digest=f"{number:032x}", text="a | b") for number, found in rows
    )
    Deploy.objects.bulk_create(
        Deploy(app=app, environment=environment, version=f"1.{number}", at=moment - timedelta(days=number))
        for number in range(1_000)
        for environment in ("production", "staging")
    )


def without_index(connection, sql):
    """The lines of a query's plan that go over a whole table of the inbox."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
            plan = [row[3] for row in cursor.fetchall()]
            return [
                line
                for line in plan
                if re.match(rf"SCAN hoptoad_inbox_({TABLES})", line) and "INDEX" not in line
            ]
        cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}")
        found = json.dumps(cursor.fetchone()[0])
    return re.findall(rf'"Seq Scan", [^}}]*"hoptoad_inbox_(?:{TABLES})"', found)


@pytest.mark.long
def test_every_query_uses_an_index_and_no_page_takes_more_than_twelve(many):
    connection = connections[many]
    crowd(App.objects.create(name="shop"))
    client = office.signed_in(office.person("boss", is_superuser=True))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")

    for address in ADDRESSES:
        with CaptureQueriesContext(connection) as queries:
            assert client.get(address).status_code in (200, 302)
        assert len(queries) <= 12, address
        for sql in [query["sql"] for query in queries if query["sql"].startswith("SELECT")]:
            if (
                "COUNT(*)" not in sql or "LIMIT 10000" not in sql
            ):  # PostgreSQL counts a small table as a whole
                assert not without_index(connection, sql), (address, sql)

"""An inbox with thousands of problems, filled by a few statements, and the pages that show them."""

import json
import re
import zlib
from datetime import timedelta

from django.db import connections
from django.utils.timezone import now

from hoptoad.api import v3
from hoptoad.inbox import retention
from hoptoad.inbox.models import Deploy, Fingerprint, Problem, hour_of
from hoptoad.notice import ErrorInfo, Frame, Notice, RequestInfo, Server

LIST = "/admin/hoptoad_inbox/problem/"
NOTICE_ID = "1000001007"  # of notice 7 of the first problem
ADDRESSES = [
    LIST,
    f"{LIST}?p=3",
    f"{LIST}?state=all&o=3",
    f"{LIST}?state=resolved&o=-3&p=2",
    f"{LIST}?state=back",
    f"{LIST}?app=1&state=open",
    f"{LIST}?environment=staging&state=all",
    f"{LIST}?seen=24&q=frog",
    f"{LIST}?q={NOTICE_ID}",
    f"{LIST}notice/{NOTICE_ID}/",
    f"{LIST}1/change/",
    f"{LIST}1/notices/7/",
    f"{LIST}1/text/",
    "/admin/hoptoad_inbox/app/",
    "/admin/hoptoad_inbox/app/1/change/",
]
# No index finds words within a text, or versions: all problems may be looked at, but nothing else.
SEARCHES = [f"{LIST}?q=Error1999&state=all", f"{LIST}?q=toad", f"{LIST}?version=1.4"]
_TABLES = "problem|notice|hour|receipt|fingerprint|deploy"
_NOTICES = """
    INSERT INTO hoptoad_inbox_notice
        (problem_id, number, received, host, "user", url, agent, version, client_id, kind, document)
    SELECT id, %s, %s, 'web1', 'user' || id, 'https://shop.test/', 'Firefox', last_version,
        CAST(id * 1000 + 1000000000 + %s AS varchar(64)), 'v3', %s
    FROM hoptoad_inbox_problem
"""
_HOURS = """
    INSERT INTO hoptoad_inbox_hour (problem_id, hour, count) SELECT id, %s, %s FROM hoptoad_inbox_problem
"""
_RECEIPTS = """
    INSERT INTO hoptoad_inbox_receipt (app_id, client_id, problem_id)
    SELECT p.app_id, n.client_id, n.problem_id
    FROM hoptoad_inbox_notice n JOIN hoptoad_inbox_problem p ON p.id = n.problem_id
    WHERE n.number > %s OR n.number = 7
"""


def crowd(app, problems, notices, *, using="default", hours=40):
    """Fills an empty inbox with `problems`, each of which has received `notices` in the last hours."""
    moment = now()
    made = Problem.objects.using(using).bulk_create(
        _problem(app, n, notices, moment) for n in range(problems)
    )
    keys = (Fingerprint(app=app, problem=one, digest=f"{n:032x}", text="a | b") for n, one in enumerate(made))
    Fingerprint.objects.using(using).bulk_create(keys)
    Deploy.objects.using(using).bulk_create(
        Deploy(app=app, environment=environment, version=f"1.{number}", at=moment - timedelta(days=number))
        for number in range(500)
        for environment in ("production", "staging")
    )
    adapted = connections[using].ops.adapt_datetimefield_value
    kept = [number for number in range(1, notices + 1) if retention.is_kept(number, notices)]
    with connections[using].cursor() as cursor:
        for number in kept:  # as they come in: those of one problem lie far apart
            received = adapted(moment - timedelta(hours=hours * (notices - number) / notices))
            cursor.execute(_NOTICES, (number, received, number, _document()))
        for back in range(hours):
            hour = adapted(hour_of(moment) - timedelta(hours=back))
            cursor.execute(_HOURS, (hour, notices // hours))
        cursor.execute(_RECEIPTS, (max(notices - 100_000 // problems, 0),))


def without_index(connection, sql):
    """The tables of the inbox that a query goes over as a whole."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
            plan = [row[3] for row in cursor.fetchall() if "INDEX" not in row[3]]
            found = re.findall(rf"^SCAN hoptoad_inbox_({_TABLES})", "\n".join(plan), re.MULTILINE)
        else:
            cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}")
            plan = json.dumps(cursor.fetchone()[0])
            found = re.findall(rf'"Seq Scan", [^}}]*"hoptoad_inbox_({_TABLES})"', plan)
    # The number of pages: PostgreSQL counts a small table as a whole.
    return set(found) - ({"problem"} if "LIMIT 10000" in sql else set())


def _problem(app, number, notices, moment):
    back = number % 3 == 0 and number % 5 == 0
    return Problem(
        app=app,
        environment=("production", "staging")[number % 2],
        class_name=f"Error{number}",
        message="the frog is not there",
        place=f"shop/views{number % 50}.py in pay",
        state=("open", "resolved", "ignored")[number % 3],
        resolved_at=moment - timedelta(days=2) if back else None,
        regressed_at=moment - timedelta(days=1) if back else None,
        regressed_in="1.4" if back else "",
        first_seen=moment - timedelta(days=9),
        last_seen=moment - timedelta(minutes=number),
        last_version=f"1.{number % 9}",
        count=notices + number % 1000,
    )


def _document():
    """A notice of about 5 kB, compressed as they are kept."""
    frames = tuple(
        Frame(f"[PROJECT_ROOT]/shop/module{n % 9}.py", n + 1, f"function{n}", source=((n + 1, "    call()"),))
        for n in range(30)
    )
    headers = {f"HTTP_HEADER_{n}": f"{n * 7919 % 1000003:032x}" for n in range(38)}
    content = Notice(
        id="",
        error=ErrorInfo("KeyError", "the frog is not there", frames),
        request=RequestInfo(url="https://shop.test/", cgi_data=headers),
        server=Server(environment_name="production"),
    )
    return zlib.compress(v3.encode(content))

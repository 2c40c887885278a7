"""The statements that store notices. They are written by hand, because every notice needs all of them.

The ORM builds a statement anew whenever it runs it, which takes several times as long as the database's work.
Names stand in brackets, and are quoted as the database wants it.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from operator import attrgetter
from typing import Any

from django.db import connections
from django.db.models import DateTimeField, Value

from hoptoad.inbox.models import SCHEME, Problem

Row = Mapping[str, Any]  # values by names of columns

# The columns of a problem that are read to count a notice, in the order of its fields.
_READ = (
    "id app_id environment state resolved_in ignored_until ignored_until_count regressed_at regressed_in "
    "last_seen first_version last_version count"
).split()
_COLUMNS = ", ".join(f"p.[{name}]" for name in _READ)
_TIMES = tuple(map(_READ.index, ("ignored_until", "regressed_at", "last_seen")))
_TIME = Value(None, DateTimeField())
# The columns that a notice changes.
_CHANGED = (
    "class_name message place component action severity state regressed_at regressed_in ignored_until "
    "ignored_until_count last_seen first_version last_version count"
).split()
_CHANGES = ", ".join(f"[{name}] = %s" for name in _CHANGED)
_changed = attrgetter(*_CHANGED, "id")

_FIND = (
    "SELECT {columns}, f.[digest] FROM [hoptoad_inbox_fingerprint] f "
    "JOIN [hoptoad_inbox_problem] p ON p.[id] = f.[problem_id] "
    "WHERE f.[scheme] = %s AND f.[app_id] IN ({apps}) AND f.[digest] IN ({digests}) ORDER BY p.[id]"
)
_SAVE = "UPDATE [hoptoad_inbox_problem] SET {changes} WHERE [id] = %s"
_COUNT = "UPDATE [hoptoad_inbox_hour] SET [count] = [count] + %s WHERE [problem_id] = %s AND [hour] = %s"
_DELETE = "DELETE FROM [hoptoad_inbox_notice] WHERE [problem_id] = %s AND [number] = %s"
_INSERT = "INSERT INTO [{table}] ({columns}) VALUES ({marks})"


class Statements:
    """Runs them in the transaction that is open on the connection of an alias."""

    def __init__(self, using: str) -> None:
        self._using = using
        self._connection = connections[using]

    def problems(self, apps: Collection[int], digests: Collection[str]) -> "Iterator[tuple[str, Problem]]":
        """The problems with these fingerprints, locked, each with its digest."""
        sql = _FIND.format(columns=_COLUMNS, apps=_marks(len(apps)), digests=_marks(len(digests)))
        if self._connection.features.has_select_for_update:
            sql = f"{sql} {self._connection.ops.for_update_sql()}"
        with self._connection.cursor() as cursor:
            cursor.execute(self._quoted(sql), (SCHEME, *apps, *digests))
            for *values, digest in cursor.fetchall():
                yield digest, self._problem(values)

    def save(self, problems: Iterable[Problem]) -> None:
        """Saves what notices have changed."""
        self._run(_SAVE.format(changes=_CHANGES), [_changed(problem) for problem in problems])

    def count(self, hours: "Mapping[tuple[int, datetime], int]") -> None:
        """Adds to the rows of hours. Those of a problem change only while its row is locked."""
        for (problem, hour), count in hours.items():
            if not self._run(_COUNT, [(count, problem, hour)]):
                self._insert("hoptoad_inbox_hour", [{"problem_id": problem, "hour": hour, "count": count}])

    def keep(self, notices: Sequence[Row]) -> None:
        """Adds notices."""
        self._insert("hoptoad_inbox_notice", notices)

    def delete(self, numbers: "Sequence[tuple[int, int]]") -> None:
        """Deletes notices, each given by its problem and its number."""
        self._run(_DELETE, numbers)

    def receive(self, receipts: Sequence[Row]) -> None:
        """Adds receipts. Raises IntegrityError where one is there."""
        self._insert("hoptoad_inbox_receipt", receipts)

    def _problem(self, values: list[Any]) -> Problem:
        for convert in self._connection.ops.get_db_converters(_TIME):
            for index in _TIMES:
                values[index] = convert(values[index], _TIME, self._connection)
        return Problem.from_db(self._using, _READ, values)

    def _insert(self, table: str, rows: Sequence[Row]) -> None:
        if rows:
            columns = ", ".join(f"[{name}]" for name in rows[0])
            sql = _INSERT.format(table=table, columns=columns, marks=_marks(len(rows[0])))
            self._run(sql, [tuple(row.values()) for row in rows])

    def _run(self, sql: str, rows: Sequence[Sequence[Any]]) -> int:
        """Runs a statement for each of the rows. Returns how many rows of the database it has changed."""
        if not rows:
            return 0
        adapted = self._connection.ops.adapt_datetimefield_value
        values = [[adapted(value) if type(value) is datetime else value for value in row] for row in rows]
        with self._connection.cursor() as cursor:
            cursor.executemany(self._quoted(sql), values)
            return int(cursor.rowcount)

    def _quoted(self, sql: str) -> str:
        return _quoted(sql, self._connection.ops.quote_name("x")[0])


def _marks(count: int) -> str:
    return ", ".join(["%s"] * count)


@lru_cache(maxsize=100)  # the length of lists differs
def _quoted(sql: str, quote: str) -> str:
    return re.sub(r"[][]", quote, sql)

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
_DELETE = "DELETE FROM [hoptoad_inbox_notice] WHERE [problem_id] = %s AND [number] IN ({numbers})"
_INSERT = "INSERT INTO [{table}] ({columns}) VALUES {rows}"
_MOST_ROWS = 50  # of an INSERT; SQLite before 3.32 takes 999 values


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
        for problem in problems:
            self._run(_SAVE.format(changes=_CHANGES), _changed(problem))

    def count(self, hours: "Mapping[tuple[int, datetime], int]") -> None:
        """Adds to the rows of hours. Those of a problem change only while its row is locked."""
        for (problem, hour), count in hours.items():
            if not self._run(_COUNT, (count, problem, hour)):
                self._insert("hoptoad_inbox_hour", [{"problem_id": problem, "hour": hour, "count": count}])

    def keep(self, notices: Sequence[Row]) -> None:
        """Adds notices."""
        self._insert("hoptoad_inbox_notice", notices)

    def delete(self, problem: int, numbers: Sequence[int]) -> None:
        """Deletes notices of a problem."""
        if numbers:
            self._run(_DELETE.format(numbers=_marks(len(numbers))), (problem, *numbers))

    def receive(self, receipts: Sequence[Row]) -> None:
        """Adds receipts. Raises IntegrityError where one is there."""
        self._insert("hoptoad_inbox_receipt", receipts)

    def _problem(self, values: list[Any]) -> Problem:
        for convert in self._connection.ops.get_db_converters(_TIME):
            for index in _TIMES:
                values[index] = convert(values[index], _TIME, self._connection)
        return Problem.from_db(self._using, _READ, values)

    def _insert(self, table: str, rows: Sequence[Row]) -> None:
        """One statement for many rows: for each statement SQLite's lock may wait for another thread."""
        for start in range(0, len(rows), _MOST_ROWS):
            some = rows[start : start + _MOST_ROWS]
            columns = ", ".join(f"[{name}]" for name in some[0])
            marks = ", ".join([f"({_marks(len(some[0]))})"] * len(some))
            sql = _INSERT.format(table=table, columns=columns, rows=marks)
            self._run(sql, [value for row in some for value in row.values()])

    def _run(self, sql: str, values: Sequence[Any]) -> int:
        """Runs a statement. Returns how many rows it has changed."""
        adapted = self._connection.ops.adapt_datetimefield_value
        with self._connection.cursor() as cursor:
            cursor.execute(
                self._quoted(sql),
                [adapted(value) if type(value) is datetime else value for value in values],
            )
            return int(cursor.rowcount)

    def _quoted(self, sql: str) -> str:
        return _quoted(sql, self._connection.ops.quote_name("x")[0])


def _marks(count: int) -> str:
    return ", ".join(["%s"] * count)


@lru_cache(maxsize=100)  # the length of lists differs
def _quoted(sql: str, quote: str) -> str:
    return re.sub(r"[][]", quote, sql)

"""`manage.py hoptoad_inbox_prune`: removes from the inbox what is too old."""

from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import Error
from django.utils.timezone import now

from hoptoad.inbox import options
from hoptoad.inbox.models import Deploy, Hour, Notice, Problem, Receipt
from hoptoad.inbox.prune import outdated, remove

_NAMES = {
    Notice: "notices",
    Hour: "hourly counts",
    Deploy: "deploys",
    Problem: "problems",
    Receipt: "ids of notices",
}
_WIDTH = 40


class Command(BaseCommand):
    help = "Removes notices, hourly counts, deploys and problems that are older than HOPTOAD_INBOX_MAX_AGE."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--days", type=float, help="another age than HOPTOAD_INBOX_MAX_AGE, in days")
        parser.add_argument("--dry-run", action="store_true", help="only count what would be removed")

    def handle(self, *args: Any, **given: Any) -> None:
        if given["days"] is not None and given["days"] <= 0:
            raise CommandError("--days must be greater than 0.")
        max_age = options.max_age() if given["days"] is None else given["days"]
        using = options.database()
        try:
            self._prune(using, max_age, is_dry=given["dry_run"])
        except Error as error:
            raise CommandError(f"The database {using!r} of the inbox: {error}") from error

    def _prune(self, using: str, max_age: float, *, is_dry: bool) -> None:
        kinds = outdated(using, now(), max_age)
        counts = {_NAMES[rows.model]: rows.count() for rows in kinds}
        total = sum(counts.values())
        if not total:
            self.stdout.write(_nothing(max_age))
        elif is_dry:
            self.stdout.write(f"Would be removed: {_listed(counts)}.")
        else:
            removed: dict[str, int] = {}
            for rows in kinds:
                name = _NAMES[rows.model]
                for number in remove(rows):
                    removed[name] = removed.get(name, 0) + number
                    self._show(sum(removed.values()), total)
            self.stdout.write(self.style.SUCCESS(f"Removed: {_listed(removed)}."))

    def _show(self, done: int, total: int) -> None:
        """A bar, on a terminal."""
        if self.stdout.isatty():
            total = max(done, total)  # more may have grown old meanwhile
            bar = "#" * (_WIDTH * done // total)
            end = "\n" if done == total else ""
            self.stdout.write(f"\r[{bar:{_WIDTH}}] {done:,} of {total:,}", ending=end)
            self.stdout.flush()


def _nothing(max_age: float) -> str:
    if not max_age:
        return "Nothing was removed: HOPTOAD_INBOX_MAX_AGE is 0, which keeps everything. --days gives an age."
    return f"Nothing was removed: nothing is older than {max_age:g} days."


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {number:,}" for name, number in counts.items() if number)

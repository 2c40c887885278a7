"""`manage.py hoptoad_inbox_prune`: removes from the inbox what is too old."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils.timezone import now

from hoptoad.inbox import options
from hoptoad.inbox.prune import outdated, prune

_WIDTH = 40


class Command(BaseCommand):
    help = "Removes notices, counts, deploys and problems that are older than HOPTOAD_INBOX_MAX_AGE."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--days", type=float, help="another age, in days")
        parser.add_argument("--dry-run", action="store_true", help="only count what would be removed")

    def handle(self, *args: Any, **given: Any) -> None:
        using, moment = options.database(), now()
        max_age = options.max_age() if given["days"] is None else given["days"]
        total = sum(rows.count() for rows in outdated(using, moment, max_age))
        if given["dry_run"]:
            self.stdout.write(f"{total:,} rows would be removed.")
            return
        done = 0
        for removed in prune(using, moment, max_age):
            done += removed
            self._show(done, max(total, done))
        self.stdout.write(self.style.SUCCESS(f"{done:,} rows were removed."))

    def _show(self, done: int, total: int) -> None:
        """A bar, on a terminal."""
        if self.stdout.isatty():
            bar = "#" * (_WIDTH * done // total)
            self.stdout.write(
                f"\r[{bar:{_WIDTH}}] {done:,} of {total:,}", ending="\n" if done == total else ""
            )
            self.stdout.flush()

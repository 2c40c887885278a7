"""`manage.py hoptoad_spool`: what waits on the disk, and getting it delivered."""

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from hoptoad import messages
from hoptoad.answers import Verdict, advice
from hoptoad.api.choice import report
from hoptoad.api.parsers import parse
from hoptoad.conf import get_settings
from hoptoad.errors import ConfigurationError, ParseError
from hoptoad.handlers.base import give_up
from hoptoad.handlers.spool import LOOK_EVERY, deliver, directory_of
from hoptoad.spooldir import SpoolDirectory, Waiting

_BAR = 30  # characters


class Command(BaseCommand):
    help = "Lists the notices that wait in HOPTOAD_SPOOL_DIR and those a server has refused."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--send", action="store_true", help="send what waits, then end")
        what.add_argument("--watch", action="store_true", help="send what waits, and go on looking")
        what.add_argument("--purge", action="store_true", help="delete what waits and what was refused")

    def handle(self, *args: Any, **options: Any) -> None:
        directory = _directory()
        if options["purge"]:
            self._purge(directory)
        elif options["watch"]:
            self._watch(directory)
        elif options["send"]:
            self._send(directory)
        else:
            self._list(directory)

    def _list(self, directory: SpoolDirectory) -> None:
        waiting, refused = directory.waiting(), directory.kept()
        self.stdout.write(f"{'Age':>8} {'Size':>9} {'Tried':>5}  Error")
        for notice in waiting:
            self.stdout.write(_row(notice, _error(notice)))
        for notice in refused:
            self.stdout.write(_row(notice, f"{_error(notice)}  [{messages.quoted(directory.words(notice))}]"))
        self.stdout.write(f"{len(waiting)} waiting, {len(refused)} refused, in {directory.path}")

    def _send(self, directory: SpoolDirectory) -> None:
        waiting = directory.waiting()
        taken = 0
        for number, notice in enumerate(waiting, 1):
            answer = deliver(directory, notice, get_settings(), send=report, give_up=give_up)
            taken += answer is not None and answer.verdict is Verdict.ACCEPTED
            self._progress(number, len(waiting))
            if answer is not None and answer.verdict in (Verdict.LATER, Verdict.UNREACHABLE):
                self.stdout.write("")
                raise CommandError(f"{len(waiting) - taken} still wait. {advice(answer)}")
        self.stdout.write(f"{taken} of {len(waiting)} accepted, {len(directory.kept())} refused.")

    def _watch(self, directory: SpoolDirectory) -> None:
        self.stdout.write(f"Watching {directory.path}. Ctrl+C ends it.")
        while True:
            try:
                if directory.waiting():
                    self._send(directory)
                time.sleep(LOOK_EVERY)
            except CommandError as error:
                self.stderr.write(str(error))
                time.sleep(12 * LOOK_EVERY)
            except KeyboardInterrupt:
                return

    def _purge(self, directory: SpoolDirectory) -> None:
        notices = [*directory.waiting(), *directory.kept()]
        for notice in notices:
            directory.purge(notice)
        self.stdout.write(f"{len(notices)} deleted.")

    def _progress(self, number: int, total: int) -> None:
        if self.stdout.isatty():
            done = _BAR * number // total
            end = "\n" if number == total else ""
            self.stdout.write(f"\r[{'#' * done}{'.' * (_BAR - done)}] {number}/{total}", ending=end)
            self.stdout.flush()


def _directory() -> SpoolDirectory:
    try:
        settings = get_settings()
    except ConfigurationError as error:
        raise CommandError(str(error)) from error
    if not settings.spool_dir:
        raise CommandError(
            'HOPTOAD_SPOOL_DIR is not set. For example: HOPTOAD_SPOOL_DIR = "/var/spool/shop-errors"'
        )
    directory = directory_of(settings)
    try:
        directory.open()
    except OSError as error:
        raise CommandError(f"HOPTOAD_SPOOL_DIR cannot be used: {error}") from error
    return directory


def _row(notice: Waiting, error: str) -> str:
    age = max(time.time() - notice.written, 0)
    return f"{_age(age):>8} {notice.size:>9,} {notice.attempts:>5}  {error}"


def _age(seconds: float) -> str:
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.0f} s"


def _error(notice: Waiting) -> str:
    try:
        message = parse(notice.path.read_bytes()).error.message
    except (OSError, ParseError) as error:
        message = f"[{error}]"
    return messages.quoted(message, 100)

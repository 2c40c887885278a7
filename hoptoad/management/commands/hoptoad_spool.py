"""`manage.py hoptoad_spool`: lists, sends or deletes the notices in the spool directory."""

import contextlib
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from hoptoad.api.parsers import parse
from hoptoad.api.registry import report
from hoptoad.conf.loading import get_settings
from hoptoad.delivery.answer import Answer, Verdict, advice
from hoptoad.delivery.spool.directory import SpoolDirectory, Waiting, spool_of
from hoptoad.delivery.spool.lock import SpoolLock
from hoptoad.delivery.spool.scan import LOOK_EVERY
from hoptoad.delivery.spool.size import SpoolSize
from hoptoad.errors import ConfigurationError, ParseError
from hoptoad.handlers.fallback import fall_back
from hoptoad.handlers.spool_attempt import SendingFailed, attempt, put_away
from hoptoad.runtime import messages
from hoptoad.runtime.safe_files import Untrusted

_BAR = 30  # characters
_PATIENCE = 10.0  # seconds to wait for the process that delivers


class Command(BaseCommand):
    help = "Lists the notices that wait in HOPTOAD_SPOOL_DIR and those that the server refused."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--send", action="store_true", help="send the waiting notices, then exit")
        what.add_argument("--watch", action="store_true", help="send the waiting notices, and keep watching")
        what.add_argument("--purge", action="store_true", help="delete the waiting and the refused notices")

    def handle(self, *args: Any, **options: Any) -> None:
        directory = _directory()
        try:
            if options["purge"]:
                with self._alone(directory):
                    self._purge(directory)
            elif options["watch"]:
                self._watch(directory)
            elif options["send"]:
                with self._alone(directory):
                    self._send(directory)
            else:
                self._list(directory)
        except OSError as error:
            raise CommandError(f"The spool {directory.path} does not work: {error}") from error

    def _list(self, directory: SpoolDirectory) -> None:
        found, refused = directory.scan(), directory.scan_refused()
        self.stdout.write(f"{'Age':>8} {'Size':>9} {'Tried':>5}  Error")
        for notice in found.notices:
            self.stdout.write(_row(notice, _error(directory, notice)))
        for notice in refused.notices:
            said = messages.safe_line(directory.answer(notice))
            self.stdout.write(_row(notice, f"{_error(directory, notice)}  [{said}]"))
        for name, why in {**found.skipped, **refused.skipped}.items():
            self.stdout.write(f"Not sent: {messages.safe_line(name, 100)} {why}.")
        self.stdout.write(
            f"{len(found.notices)} waiting, {len(refused.notices)} refused, in {directory.path}"
        )
        if refused.notices:
            self.stdout.write(
                f"To send refused notices again: mv {directory.refused}/*.notice {directory.path}/"
            )

    @contextlib.contextmanager
    def _alone(self, directory: SpoolDirectory) -> Iterator[None]:
        """Holds the directory's lock during the block. Asks the process that delivers to pause."""
        lock = SpoolLock(directory.path)
        with lock.demanded(_PATIENCE) as is_ours:
            if not is_ours:
                raise CommandError(
                    f"Process {lock.holder} delivers from {directory.path} and did not give way within "
                    f"{_PATIENCE:g} seconds; waiting: {len(directory.waiting())}. It may be stopped, or "
                    "its server may hang. Try again, or end that process: nothing is lost."
                )
            yield

    def _send(self, directory: SpoolDirectory) -> None:
        found = directory.scan()
        sent = refused = unread = 0
        for number, notice in enumerate(found.notices, 1):
            answer = self._deliver(directory, notice)
            unread += answer is None
            sent += answer is not None and answer.verdict is Verdict.ACCEPTED
            refused += answer is not None and answer.verdict is Verdict.REFUSED
            self._progress(number, len(found.notices))
            if answer is not None and answer.verdict in (Verdict.LATER, Verdict.UNREACHABLE):
                self.stdout.write("")
                left = len(found.notices) - sent - refused
                raise CommandError(f"{sent} accepted, {refused} refused, {left} still wait. {advice(answer)}")
        _recount(directory)
        kept = len(directory.kept())
        self.stdout.write(f"{sent} of {len(found.notices)} accepted, {kept} refused.")
        if unread or found.skipped:
            self.stdout.write(f"{unread + len(found.skipped)} files are not sent: hoptoad_spool lists them.")

    def _deliver(self, directory: SpoolDirectory, notice: Waiting) -> Answer | None:
        """The answer, or None if the notice cannot be read."""
        try:
            answer = attempt(directory, notice, send=report, fall_back=fall_back)
        except (Untrusted, PermissionError, FileNotFoundError) as error:
            self.stderr.write(f"Not sent: {error}")
            return None
        except SendingFailed as error:
            raise CommandError(f"{error}: {error.__cause__}") from error
        if answer.verdict in (Verdict.ACCEPTED, Verdict.REFUSED):
            put_away(directory, notice, answer)
        else:
            directory.tried(notice)
        return answer

    def _watch(self, directory: SpoolDirectory) -> None:
        self.stdout.write(f"Watching {directory.path}. Ctrl+C stops it.")
        lock = SpoolLock(directory.path)
        with contextlib.suppress(KeyboardInterrupt):
            while True:
                time.sleep(self._look(directory, lock))

    def _look(self, directory: SpoolDirectory, lock: SpoolLock) -> float:
        """Sends the waiting notices, unless another process does. Returns the seconds until the next look."""
        try:
            changed = directory.changed()
            if lock.acquire() and not lock.is_known_empty(changed):
                waits = bool(directory.waiting())
                lock.scanned(changed, empty=not waits)
                if waits:
                    self._send(directory)
        except CommandError as error:
            self.stderr.write(str(error))
            return 12 * LOOK_EVERY
        finally:
            lock.release()
        return LOOK_EVERY

    def _purge(self, directory: SpoolDirectory) -> None:
        count = directory.purge([*directory.waiting(), *directory.kept()])
        _recount(directory)
        self.stdout.write(f"{count} deleted.")

    def _progress(self, number: int, total: int) -> None:
        if self.stdout.isatty():
            done = _BAR * number // total
            end = "\n" if number == total else ""
            self.stdout.write(f"\r[{'#' * done}{'.' * (_BAR - done)}] {number}/{total}", ending=end)
            self.stdout.flush()


def _directory() -> SpoolDirectory:
    try:
        directory = spool_of(get_settings())
    except ConfigurationError as error:
        raise CommandError(str(error)) from error
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


def _recount(directory: SpoolDirectory) -> None:
    SpoolSize(directory.path).set(directory.scan().kib + directory.scan_refused().kib)


def _error(directory: SpoolDirectory, notice: Waiting) -> str:
    try:
        message = parse(directory.read(notice)).error.message
    except (OSError, ParseError) as error:
        return f"[{messages.safe_line(error, 200)}]"
    return messages.safe_line(message, 100)

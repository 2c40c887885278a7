"""The log lines about a spool: each once, and the recovery of the server with its numbers."""

import errno
from pathlib import Path

import pytest

from hoptoad.delivery.spool.report import SpoolReport
from hoptoad.runtime.safe_files import Untrusted


@pytest.fixture
def report():
    return SpoolReport(Path("/var/spool/shop"))


@pytest.fixture
def lines(caplog):
    return lambda: [record.getMessage() for record in caplog.records]


def test_a_disk_that_fails_is_logged_once_a_minute_with_a_hint(report, lines):
    for _ in range(3):
        report.disk_failed(OSError(errno.ENOSPC, "No space left"))

    [line] = lines()
    assert line.endswith(
        "No space left. Is the disk full or read-only, or may this user not write to HOPTOAD_SPOOL_DIR?"
    )


def test_a_directory_of_someone_else_is_left_as_it_is(report, lines):
    report.disk_failed(Untrusted("/var/spool/shop is a symbolic link"))

    [line] = lines()
    assert line.endswith("notices are kept in memory meanwhile: /var/spool/shop is a symbolic link")


def test_each_file_that_is_not_sent_is_logged_once_by_name(report, lines):
    report.skipped({})
    report.skipped({"b": "is no notice", "a": "is a pipe"})
    report.skipped({"b": "is no notice", "a": "is a pipe"})
    report.skipped({"b": "is no notice", "c" * 101: "is a folder"})

    said = "Files in the spool /var/spool/shop that are not sent: 2."
    what_next = "manage.py hoptoad_spool lists them."
    assert lines() == [
        f"{said} The first, 'a', is a pipe. {what_next}",
        f"{said} The first, '{'c' * 100}', is a folder. {what_next}",
    ]


def test_the_names_of_very_many_files_are_forgotten(report, lines):
    for number in range(1_001):
        report.skipped({f"{number}": "x"})
    report.skipped({"0": "x"})
    assert len(lines()) == 1_001

    report.skipped({"new": "x"})  # with which the others are forgotten
    report.skipped({"0": "x"})
    report.skipped({"0": "x"})
    assert len(lines()) == 1_003


@pytest.mark.parametrize("accepted", [0, 1, 3])
def test_the_recovery_says_how_many_were_delivered_since(report, lines, accepted):
    report.answered(is_up=True, accepted=True)
    report.recovery(5)
    report.answered(is_up=False, accepted=False)
    report.recovery(5)
    assert lines() == []

    report.answered(is_up=True, accepted=False)
    for _ in range(accepted):
        report.answered(is_up=True, accepted=True)
    report.answered(is_up=False, accepted=False)
    report.recovery(5)
    assert lines() == []

    report.answered(is_up=True, accepted=False)
    for _ in range(2):
        report.recovery(5)
    [line] = lines()
    assert f"{accepted} delivered from the spool /var/spool/shop" in line
    assert "5" in line

    report.answered(is_up=False, accepted=False)
    report.answered(is_up=True, accepted=True)
    report.recovery(0)
    assert len(lines()) == 1  # not twice in a minute

"""The notices of a spool that wait, each with its own back-off."""

from pathlib import Path

import pytest
from clocks import Clock

from hoptoad.delivery.spool.backlog import Age, Backlog
from hoptoad.delivery.spool.directory import Waiting


@pytest.fixture
def backlog(clock):
    return Backlog(clock)


def waiting(key, written=0.0):
    return Waiting(Path(f"{key}-0"), written=written, size=1, attempts=0)


def keys(backlog):
    """Those that may be tried now, taken out."""
    found = []
    while (entry := backlog.next()) is not None:
        found.append(entry.notice.key)
    return found


def test_the_oldest_comes_first_and_each_once(backlog):
    backlog.add([waiting("2"), waiting("1")])
    backlog.add([waiting("1"), waiting("3")])

    assert len(backlog) == backlog.due() == 3
    assert backlog.due_in() == 0.0
    assert keys(backlog) == ["1", "2", "3"]
    assert (len(backlog), backlog.due(), backlog.due_in()) == (3, 0, 300.0)


def test_what_was_not_tried_may_be_tried_at_once(backlog):
    backlog.add([waiting("1")])

    backlog.again(backlog.next())

    assert keys(backlog) == ["1"]


def test_what_is_done_is_forgotten(backlog):
    backlog.add([waiting("1"), waiting("2")])
    entry = backlog.next()
    backlog.again(entry)

    backlog.done(entry)
    backlog.done(entry)

    assert len(backlog) == 1
    assert keys(backlog) == ["2"]


@pytest.mark.parametrize(
    ("own_fault", "pauses"), [(True, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]), (False, [1] * 11)]
)
def test_what_failed_waits_longer_each_time_by_its_own_fault(backlog, clock, own_fault, pauses):
    backlog.add([waiting("1")])
    waited = []
    for _ in pauses:
        backlog.later(backlog.next(), own_fault=own_fault)
        assert (backlog.next(), backlog.due()) == (None, 0)
        waited.append(backlog.due_in())
        clock.now += waited[-1]
        assert backlog.due() == 1

    assert waited == pauses


def test_the_due_time_is_never_in_the_past(backlog, clock):
    backlog.add([waiting("1")])
    backlog.later(backlog.next(), own_fault=True)
    clock.now += 100

    assert backlog.due_in() == 0.0


def test_those_that_are_older_are_taken_out(backlog, clock):
    steady = Clock()
    age = Age(clock, steady)
    backlog.add([waiting("1", written=900.0), waiting("2", written=901.0), waiting("3", written=902.0)])

    assert [notice.key for notice in backlog.take_older(98.5, age)] == ["1", "2"]
    assert len(backlog) == 1
    assert backlog.take_older(98.0, age) == []
    steady.now += 1
    clock.now += 1
    assert [notice.key for notice in backlog.take_older(98.0, age)] == ["3"]


def test_a_clock_that_jumps_makes_nothing_old(clock):
    steady = Clock()
    age = Age(clock, steady)

    clock.now += 5_000
    assert age.of(waiting("1", written=990.0)) == 10.0
    steady.now += 7
    assert age.of(waiting("1", written=990.0)) == 17.0
    clock.now = 995.0
    assert age.of(waiting("1", written=990.0)) == 5.0

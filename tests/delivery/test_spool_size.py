"""The size of a spool directory, which all its processes share."""

import pytest

from hoptoad.delivery.spool.size import SpoolSize

KIB = 1024


@pytest.fixture
def size(tmp_path):
    return SpoolSize(tmp_path)


@pytest.mark.parametrize(("length", "kib"), [(1, 1), (KIB - 1, 1), (KIB, 1), (KIB + 1, 2), (10 * KIB, 10)])
def test_a_notice_takes_whole_kib(size, length, kib):
    assert size.reserve(length, 100 * KIB)
    assert size.kib() == kib

    size.free(length)
    assert size.kib() == 0


def test_so_much_fits_and_no_more(size):
    assert size.reserve(3 * KIB, 4 * KIB + 1_023)
    assert not size.reserve(KIB + 1, 4 * KIB + 1_023)
    assert size.kib() == 3
    assert size.reserve(KIB, 4 * KIB + 1_023)
    assert not size.reserve(1, 4 * KIB + 1_023)
    assert size.kib() == 4


def test_another_process_sees_it(size, tmp_path):
    assert size.reserve(3 * KIB, 4 * KIB)

    other = SpoolSize(tmp_path)
    assert other.kib() == 3
    assert not other.reserve(2 * KIB, 4 * KIB)


def test_what_is_freed_soon_is_freed_at_once_when_there_is_much_of_it(size):
    size.set(200)
    for _ in range(49):
        size.free_soon(2 * KIB)
    assert size.kib() == 200

    size.free_soon(2 * KIB)
    assert size.kib() == 100

    size.free_soon(3 * KIB)
    size.free_now()
    assert size.kib() == 97
    size.free_now()
    assert size.kib() == 97


def test_no_less_than_nothing_is_left(size):
    size.set(2)
    size.free(5 * KIB)

    assert size.kib() == 0

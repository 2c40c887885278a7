"""Which notices are kept: the first, the latest, and the others evenly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoptoad.inbox.retention import is_kept, outdated


def test_the_first_10_and_the_latest_50_are_kept():
    kept = [number for number in range(1, 10_001) if is_kept(number, 10_000)]

    assert kept[:10] == list(range(1, 11))
    assert kept[-50:] == list(range(9951, 10_001))
    assert len(kept) <= 160


@pytest.mark.long
@given(st.lists(st.integers(1, 400), min_size=1, max_size=12))
def test_what_remains_after_any_batches_is_what_is_kept(batches):
    kept, count = set(), 0

    for size in batches:
        gone = outdated(count, count + size)
        kept = (kept - set(gone)) | {
            n for n in range(count + 1, count + size + 1) if is_kept(n, count + size)
        }
        count += size

    assert kept == {number for number in range(1, count + 1) if is_kept(number, count)}


def test_one_notice_more_removes_one_and_a_doubling_at_most_50():
    removed = [len(outdated(count, count + 1)) for count in range(1, 20_000)]

    assert max(removed) <= 51
    assert sum(number > 1 for number in removed) <= 10

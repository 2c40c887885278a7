"""Which notices of a problem are kept: the first 10, the latest 50, and of the others some 100, evenly.

>>> [number for number in range(1, 1001) if is_kept(number, 1000)][8:14]
[9, 10, 16, 32, 48, 64]
"""

FIRST = 10
LATEST = 50
_BETWEEN = 100
PER_MINUTE = 20  # kept of one problem; of more in a minute only the counters move


def is_kept(number: int, count: int) -> bool:
    """Whether notice `number` is kept where the problem has `count`."""
    return number <= FIRST or number > count - LATEST or number % _step(count) == 0


def outdated(before: int, after: int) -> list[int]:
    """The numbers of kept notices that a problem loses when its count grows."""
    fell_behind = range(max(before - LATEST, FIRST) + 1, min(after - LATEST, before) + 1)
    numbers = set(fell_behind)
    if _step(before) != _step(after):
        numbers.update(range(_step(before), before + 1, _step(before)))
    return sorted(number for number in numbers if not is_kept(number, after))


def _step(count: int) -> int:
    """The smallest power of two that divides `count` into at most 100 steps."""
    step = 1
    while count // step > _BETWEEN:
        step *= 2
    return step

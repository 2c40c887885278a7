"""How fast the processor is just now: others on the machine, or on its host, may slow it down."""

import time

TOLERANCE = 1.07  # to the fastest that was seen
_FEWEST = 10
_PATIENCE = 4  # times the wanted duration, while the processor is slowed


def pace():
    """Nanoseconds of this thread that a small loop takes; the less, the faster."""
    start = time.thread_time_ns()
    total = 0
    for number in range(4_000):
        total += number
    return time.thread_time_ns() - start


def times(block, fastest, seconds, *, fewest=50):
    """Samples of calls of `block`, for about so many seconds: the slowest pace around each, and its
    nanoseconds. Goes on for longer while fewer than `fewest` were undisturbed.
    """
    samples, good = [], 0
    start = time.perf_counter()
    before = pace()
    while True:
        began = time.perf_counter_ns()
        block()
        took = time.perf_counter_ns() - began
        after = pace()
        slowest = max(before, after)
        samples.append((slowest, took))
        good += slowest <= fastest * TOLERANCE
        before = after
        passed = time.perf_counter() - start
        if passed >= seconds and (good >= fewest or passed >= _PATIENCE * seconds):
            return samples


def undisturbed(samples, fastest):
    """The figures of the samples during which the processor was fast.

    Where these are too few, those of the quarter during which it was fastest.
    """
    found = [figure for slowest, figure in samples if slowest <= fastest * TOLERANCE]
    if len(found) >= _FEWEST:
        return found
    return [figure for _, figure in sorted(samples)[: max(_FEWEST, len(samples) // 4)]]


def best_pace(samples):
    """The pace that just enough of the samples had: above the tolerance all were disturbed."""
    return sorted(slowest for slowest, _ in samples)[:_FEWEST][-1]

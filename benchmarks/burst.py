"""How fast a heap of errors is delivered."""

import time

from bench import arrived, figures
from tables import ratio, spread, table, whole

_MANY, _FEW = 2_000, 300
_SLOW = 100  # notices in a second, below which fewer are sent
_LONGEST = 150  # seconds


def measure(task):
    """Notices in a second, from the first error until the last notice has arrived."""
    import subjects
    import website
    from control import Control
    from django.core.handlers.wsgi import WSGIHandler

    subjects.start(task["name"], task["places"])
    control = Control(task["places"]["control"])
    handler = WSGIHandler()
    website.warm_up(handler, control, arrives=True)
    sent = task.get("sent") or _how_many(handler, control, quick=task["quick"])
    control.reset()
    made, seconds, counts = _deliver(handler, control, sent)
    return {"made": made, "seconds": seconds, "speed": counts["notices"] / seconds, "sent": sent, **counts}


def _how_many(handler, control, *, quick):
    trial = 50
    _, seconds, _ = _deliver(handler, control, trial)
    many, few = (200, 30) if quick else (_MANY, _FEW)
    return few if trial / seconds < _SLOW else many


def _deliver(handler, control, errors):
    import website

    start = time.perf_counter()
    for _ in range(errors):
        website.fail(handler)
    made = time.perf_counter() - start
    counts = control.wait(errors, max(_LONGEST - made, 1))
    return made, time.perf_counter() - start, counts


def report(bench):
    """One table."""
    names = [name for name in bench.subjects if name not in ("bare", "does nothing")]
    results = bench.rounds("burst", names, 3, options=_as_many_as_before)
    speeds = {name: figures(found, "speed") for name, found in results.items()}
    rows = []
    for name, found in results.items():
        how_many, valid = arrived(found)
        ratios = [ratio(speeds[name], speeds.get(other)) for other in ("pybrake", "hoptoad")]
        rows.append(
            [
                name,
                spread(speeds[name], whole),
                *(ratios if valid else ["not valid"] * 2),
                spread(figures(found, "made")),
                spread(figures(found, "seconds")),
                spread(figures(found, "connections"), whole),
                how_many,
            ]
        )
    yield "**A burst of errors**"
    yield (
        f"{_MANY:,} of these failing requests, as fast as one thread can make them, after 20 to warm up; "
        f"{_FEW} for a subject that delivers fewer than {_SLOW} notices in a second.\n"
        "Made: seconds until the last request was answered.\n"
        f"Delivered: seconds until the last notice had arrived, for which {_LONGEST} s are waited at the "
        "most.\n"
        "Connections: those by which notices came."
    )
    ratios = ["to pybrake", "to hoptoad"]
    headings = ["Subject", "notices a second", *ratios, "made, s", "delivered, s", "connections", "arrived"]
    yield table(headings, rows)


def _as_many_as_before(name, so_far):
    return {"sent": (figures(so_far, "sent") or [None])[0]}

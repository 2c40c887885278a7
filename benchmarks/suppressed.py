"""What a failing request pays whose notice is not wanted."""

import statistics
import time

from bench import added, figures
from pace import best_pace, times, undisturbed
from tables import spread, table

_SETTINGS = {
    "HOPTOAD_STORM_LIMIT = 1": {"HOPTOAD_STORM_LIMIT": 1},
    'HOPTOAD_IGNORE_EXCEPTIONS = ["ValueError"]': {"HOPTOAD_IGNORE_EXCEPTIONS": ["ValueError"]},
    'HOPTOAD_IGNORE_AGENTS = ["Firefox"]': {"HOPTOAD_IGNORE_AGENTS": ["Firefox"]},
}


def measure(task):
    """Microseconds of a failing request."""
    import subjects
    import website
    from control import Control
    from django.core.handlers.wsgi import WSGIHandler

    more = _SETTINGS.get(task["name"])
    settings = {} if more is None else subjects.hoptoad(task["places"], **more)
    subjects.start("bare", task["places"], **settings)
    handler = WSGIHandler()
    website.warm_up(handler, Control(task["places"]["control"]), arrives=False)
    time.sleep(0.2)  # the first notice of a storm is on its way
    fewest, seconds = (50, 0.2) if task["quick"] else (500, 1.5)
    samples = times(lambda: website.fail(handler), task["fastest"], seconds, fewest=fewest)
    if more is not None:
        _check(more)
    found = undisturbed(samples, task["fastest"])
    return {"wall": statistics.median(found) / 1000, "requests": len(samples), "pace": best_pace(samples)}


def _check(settings):
    import hoptoad

    captured, limit = hoptoad.stats()["captured"], settings.get("HOPTOAD_STORM_LIMIT", 0)
    if captured != limit:
        raise RuntimeError(f"{captured} notices were captured, and {limit} expected")


def report(bench):
    """One table."""
    results = bench.rounds("suppressed", ["bare", *_SETTINGS], 3, tries=3)
    fewest = min((one["requests"] for found in results.values() for one in found if one), default=0)
    bare = results.pop("bare")
    rows = [[f"``{name}``", spread(added(found, bare, "wall"))] for name, found in results.items()]
    yield "**A failing request that is not reported**"
    yield (
        f"The same failing request {fewest:,} times or more, at full speed, with django-hoptoad and one "
        "setting that keeps it from being reported, all but the first of the storm.\n"
        "Microseconds that the median request takes longer than the bare site's of the same round, which "
        f"takes {spread(figures(bare, 'wall'))} µs."
    )
    yield table(["Suppressed by", "added, µs"], rows)

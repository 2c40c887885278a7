"""What a failing request pays, and what its notice costs until it is delivered."""

import statistics
import time

from bench import added, arrived, figures
from tables import ratio, spread, table

_EVERY = 0.01  # seconds


def measure(task):
    """Milliseconds of the request's own thread, and of the processors for one notice."""
    import subjects
    import website
    from control import Control
    from django.core.handlers.wsgi import WSGIHandler

    subjects.start(task["name"], task["places"])
    reports = subjects.SUBJECTS[task["name"]].reports
    control = Control(task["places"]["control"])
    handler = WSGIHandler()
    website.warm_up(handler, control, arrives=reports)
    requests = 30 if task["quick"] else 200
    times = []
    began = time.process_time()
    for _ in range(requests):
        start = time.perf_counter()
        website.fail(handler)
        times.append(time.perf_counter() - start)
        time.sleep(_EVERY)
    counts = control.wait(requests, 60) if reports else control.ask()
    time.sleep(0.05)  # the last answers are read
    # All of it: leaving out slow moments would leave out those in which a subject's own threads deliver.
    processor = time.process_time() - began
    return {
        "wall": statistics.median(times) * 1000,
        "processor": processor / requests * 1000,
        "requests": requests,
        "sent": requests if reports else 0,
        **counts,
    }


def report(bench):
    """One table."""
    names = [name for name in bench.subjects if name != "does nothing"]
    results = bench.rounds("failing", names, 3)
    bare = results.pop("bare")
    walls = {name: added(found, bare, "wall") for name, found in results.items()}
    processors = {name: added(found, bare, "processor") for name, found in results.items()}
    rows = []
    for name, found in results.items():
        how_many, valid = arrived(found)
        sizes = [one["bytes"] / one["notices"] / 1000 for one in found if one and one["notices"]]
        ratios = [*_ratios(walls, name), *_ratios(processors, name)] if valid else ["not valid"] * 4
        wall, processor = spread(walls[name]), spread(processors[name])
        rows.append([name, wall, *ratios[:2], processor, *ratios[2:], spread(sizes), how_many])
    requests = max(figures(bare, "requests"), default=0)
    yield "**A failing request**"
    yield (
        f"{requests} requests, one every 10 ms, after 20 to warm up: a form of ten fields is posted, and a "
        "``ValueError`` raised thirty frames deep.\n"
        "Own thread: the median of the requests, in milliseconds.\n"
        "Processor: milliseconds of all threads of the process, from the first request until the last notice "
        "has arrived, for one notice.\n"
        f"Both less the bare site's of the same round: {spread(figures(bare, 'wall'))} ms, and "
        f"{spread(figures(bare, 'processor'))} ms.\n"
        "Size: a notice on the wire, in kilobytes; an event of Sentry's is compressed, also ours.\n"
        "What a notice holds differs: Sentry and Rollbar send the variables of every frame; Sentry, Bugsnag, "
        "Honeybadger and pybrake lines of source; pybrake neither form nor headers, Bugsnag no headers; "
        "django-hoptoad as it comes neither variables nor source."
    )
    ratios = ["to pybrake", "to hoptoad"]
    headings = ["Subject", "own thread, ms", *ratios, "processor, ms", *ratios, "size, kB", "arrived"]
    yield table(headings, rows)


def _ratios(values, name):
    return [ratio(values[name], values.get(other)) for other in ("pybrake", "hoptoad")]

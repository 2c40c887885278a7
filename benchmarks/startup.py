"""What a subject adds to the start of a process."""

import sys
import time


def measure(task):
    """Milliseconds and MiB until the first healthy request has been answered."""
    start = time.perf_counter()
    import subjects

    subjects.start(task["name"], task["places"])
    import website
    from django.core.handlers.wsgi import WSGIHandler

    handler = WSGIHandler()
    website.respond(handler, website.healthy_environ())
    took = time.perf_counter() - start
    memory = resident()
    requests = "requests" in sys.modules
    from control import Control

    control = Control(task["places"]["control"])
    control.reset()
    reports = subjects.SUBJECTS[task["name"]].reports
    website.fail(handler)
    notices = control.wait(1, 20)["notices"] if reports else 0
    return {
        "took": took * 1000,
        "memory": memory,
        "requests": requests,
        "sent": int(reports),
        "notices": notices,
    }


def resident():
    """Resident memory in MiB, where the system is Linux; otherwise not a number."""
    import resource

    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * resource.getpagesize() / 2**20
    except OSError:
        return float("nan")


def report(bench):
    """One table."""
    # Late: what these import would count for no subject.
    from statistics import median

    from bench import arrived, figures
    from tables import NONE, number, table

    names = [name for name in bench.subjects if name != "does nothing"]
    for name in names:
        bench.run("startup", name)  # compiles what is imported
    results = bench.rounds("startup", names, 12)
    bare = results.pop("bare")
    rows = []
    for name, found in results.items():
        how_many, valid = arrived(found)
        if not valid:
            rows.append([name, f"not valid: {how_many}", *[NONE] * 3])
            continue
        differences = [
            number(take(figures(found, key)) - take(figures(bare, key)))
            for key, take in (("took", min), ("took", median), ("memory", median))
        ]
        rows.append([name, *differences, "yes" if any(figures(found, "requests")) else "no"])
    yield "**Starting up**"
    took, memory = figures(bare, "took"), figures(bare, "memory")
    yield (
        "A fresh interpreter, from the settings and ``django.setup()`` until the first healthy request has "
        "been answered, with everything compiled.\n"
        f"Milliseconds more than the bare site: the fastest of {len(took)} processes each, as this is too "
        "short to tell when it was disturbed, and the medians; the bare site's are "
        f"{number(min(took))} and {number(median(took))} ms.\n"
        f"Resident MiB more than the bare site's {number(median(memory))}.\n"
        "Each of these processes then fails once, and its notice has to arrive."
    )
    headings = ["Subject", "fastest, added ms", "median, added ms", "added MiB", "imports requests"]
    yield table(headings, rows)

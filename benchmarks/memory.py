"""What notices take that wait for a server which does not answer."""

import time

from bench import figures
from tables import spread, table

_NAMES = ("hoptoad", "hoptoad v3")


def measure(task):
    """MiB grown by so many waiting notices, and the bytes of one."""
    import gc

    import subjects
    import website
    from control import Control
    from django.core.handlers.wsgi import WSGIHandler
    from startup import resident

    import hoptoad

    places = task["places"]
    delivered = not task["hangs"]
    at = places if delivered else {**places, "http": places["hanging"]}
    subjects.start(task["name"], at)
    control = Control(places["control"])
    before = control.reset()["hanging"]
    handler = WSGIHandler()
    notices = 100 if task["quick"] else 1_000
    for _ in range(20):
        website.fail(handler)
    if delivered:
        counts = control.wait(20, 20)
        return {"bytes": counts["bytes"] / counts["notices"]}
    deadline = time.monotonic() + 10
    while control.ask()["hanging"] == before and time.monotonic() < deadline:
        time.sleep(0.01)  # until what sends is imported
    time.sleep(0.5)
    gc.collect()
    empty = resident()
    for _ in range(notices):
        website.fail(handler)
    gc.collect()
    stats = hoptoad.stats()
    if stats["sent"] or stats["dropped"] or stats["queued"] != notices + 20:
        raise RuntimeError(f"not all of them wait: {stats}")
    return {"grown": resident() - empty, "notices": notices}


def report(bench):
    """One table."""
    hanging = bench.rounds("memory", _NAMES, 3, options=lambda name, so_far: {"hangs": True})
    rows = []
    for name in _NAMES:
        sized = bench.run("memory", name, hangs=False)
        size = f"{sized['bytes']:,.0f}" if sized else "a run failed"
        rows.append([name, spread(figures(hanging[name], "grown")), size])
    waiting = max(figures(hanging["hoptoad"], "notices"), default=0)
    yield "**Notices that wait**"
    yield (
        f"{waiting:,} of these failing requests while the server takes connections and never answers: "
        "resident MiB that the process has grown by, and the bytes of one such notice on the wire."
    )
    yield table(["Subject", "grown, MiB", "bytes of a notice"], rows)

"""How many functions a failing request calls because of django-hoptoad, in Python and in C.

usage: python benchmarks/calls.py [--functions N]

The number hardly depends on the machine or on what else runs there, so that it shows small changes.
Counted are the request's own thread, less what the bare site calls there, and the worker's thread until
the document is encoded.
"""

import argparse
import json
import logging
import subprocess
import sys
from collections import Counter
from pathlib import Path

import website

_BARE = "bare site"
_DETAILS = {"HOPTOAD_LOCAL_VARIABLES": True, "HOPTOAD_SOURCE_CONTEXT": 3}
_SITES = {_BARE: None, "as it comes": {}, "variables and source of all frames": _DETAILS}
_ROOT = Path(__file__).resolve().parent.parent
_WARM_UP = 20


REPORTS = []


class Kept:
    """A handler that keeps what a thread pool would take."""

    takes_reports = True

    def enqueue(self, payload, timeout):
        raise TypeError("a report was expected, and a document came")

    def submit(self, report):
        REPORTS.append(report)


def main():
    parser = argparse.ArgumentParser(
        prog="python benchmarks/calls.py", description=__doc__.partition("\n")[0]
    )
    parser.add_argument(
        "--functions", type=int, default=0, metavar="N", help="show the N most called of each"
    )
    parser.add_argument("--site", choices=_SITES, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.site:
        print(json.dumps(_counted(_SITES[arguments.site])))
        return
    counts = {site: _in_a_process(site) for site in _SITES}
    bare = Counter(counts.pop(_BARE)["request"])
    for site, count in counts.items():
        request, worker = Counter(count["request"]) - bare, Counter(count["worker"])
        # What the bare site calls more often is subtracted as well.
        own = sum(count["request"].values()) - bare.total()
        print(f"{site}: {own:,} in the request's thread, {own + worker.total():,} in all")
        for thread, functions in (("request", request), ("worker", worker)):
            for function, calls in functions.most_common(arguments.functions):
                print(f"    {thread} {calls:6,}  {function}")


def _in_a_process(site):
    command = [sys.executable, __file__, "--site", site]
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)


def _counted(settings):
    """The calls of each function in both threads; `settings` None stands for the bare site."""
    from django.core.handlers.wsgi import WSGIHandler

    _configure(settings)
    handler = WSGIHandler()
    for _ in range(_WARM_UP):
        website.fail(handler)
    for report in REPORTS:
        report.payload()
    REPORTS.clear()
    request = calls_of(lambda: website.fail(handler))
    if len(REPORTS) != (settings is not None):
        raise RuntimeError("the failing request was not reported")
    return {"request": request, "worker": calls_of(lambda: [report.payload() for report in REPORTS])}


def _configure(settings):
    sys.modules["calls"] = sys.modules[__name__]  # for the path of the handler
    hoptoad = {
        "INSTALLED_APPS": ["hoptoad"],
        "MIDDLEWARE": ["hoptoad.middleware.HoptoadNotifierMiddleware"],
        "HOPTOAD_SETTINGS": {
            "HOPTOAD_API_KEY": "0123456789abcdef0123456789abcdef",
            "HOPTOAD_STORM_LIMIT": 100_000,
            "HOPTOAD_HANDLER": "calls.Kept",
            **(settings or {}),
        },
    }
    website.configure({} if settings is None else hoptoad)
    logging.disable(logging.CRITICAL)


def calls_of(run):
    """The functions that `run` calls, each by its file and name, with the number of its calls."""
    found = Counter()

    def called(frame, event, function):
        if event == "call":
            found[f"{_short(frame.f_code.co_filename)} {frame.f_code.co_name}"] += 1
        elif event == "c_call":
            place = f"{_short(frame.f_code.co_filename)} {frame.f_code.co_name}"
            found[f"{place}: {function.__qualname__}"] += 1

    sys.setprofile(called)
    try:
        run()
    finally:
        sys.setprofile(None)
    return found


def _short(file):
    return file.removeprefix(f"{_ROOT}/").rpartition("site-packages/")[2]


if __name__ == "__main__":
    main()

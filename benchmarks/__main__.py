"""What django-hoptoad costs, and what its peers do: tables in reStructuredText.

usage: python benchmarks [QUESTION ...] [--repeat N] [--quick]

The questions are healthy, failing, burst, suppressed, growth, startup and memory; all of them without an
argument. The peers are measured where they are installed:
pip install -e ".[benchmarks]".
"""

import importlib
import json
import os
import sys

from pace import TOLERANCE, pace

QUESTIONS = ("healthy", "failing", "burst", "suppressed", "growth", "startup", "memory")


def main():
    import argparse
    import tempfile

    from bench import Bench
    from control import counting_server

    parser = argparse.ArgumentParser(prog="python benchmarks", description=__doc__.partition("\n")[0])
    parser.add_argument("questions", metavar="QUESTION", nargs="*", help=", ".join(QUESTIONS))
    parser.add_argument("--repeat", type=int, default=0, help="processes for each figure")
    parser.add_argument("--quick", action="store_true", help="few requests, to see that it works")
    arguments = parser.parse_args()
    if unknown := set(arguments.questions) - set(QUESTIONS):
        parser.error(f"no such question: {', '.join(sorted(unknown))}; there are {', '.join(QUESTIONS)}")
    sys.stdout.reconfigure(encoding="utf-8")
    found, missing = _installed()
    with counting_server() as ports, tempfile.TemporaryDirectory() as bytecode:
        bench = Bench(found, ports, bytecode, arguments.quick, arguments.repeat)
        _print(_preamble(bench, missing))
        for question in arguments.questions or QUESTIONS:
            _print(importlib.import_module(question).report(bench))


def _print(paragraphs):
    for paragraph in paragraphs:
        print(paragraph, end="\n\n", flush=True)


def _installed():
    """The subjects that can be measured, and those that cannot, with what is missing."""
    from importlib import metadata

    from subjects import SUBJECTS

    found, missing = [], {}
    for name, subject in SUBJECTS.items():
        try:
            if subject.package:
                metadata.version(subject.package)
            found.append(name)
        except metadata.PackageNotFoundError:
            missing[name] = subject.package
    return found, missing


def _preamble(bench, missing):
    import platform
    from datetime import datetime, timezone

    import django
    from subjects import SUBJECTS
    from tables import table

    today = datetime.now(tz=timezone.utc).date()
    yield (
        f"Measured on {today.day} {today:%B %Y} with Python {platform.python_version()} and Django "
        f"{django.get_version()}, on {platform.system()}, {platform.machine()}, {os.cpu_count()} cores."
    )
    if bench.quick:
        yield "**A quick run: it shows that everything works, and its figures mean nothing.**"
    yield (
        "Each figure is the median of several fresh processes, with the lowest and the highest in brackets; "
        "the subjects take turns. Columns that begin with “to” are ratios of medians.\n"
        "Everything is delivered by plain HTTP, or SMTP, to a server on 127.0.0.1 that only counts, in a "
        "process of its own; where not every notice arrived, no ratio is given.\n"
        "The pace of the processor is watched with a small loop before and after what is timed, and what ran "
        f"while others slowed it by more than {TOLERANCE - 1:.0%} is left out; where too little "
        "remains, the quarter counts that ran while it was fastest. Failing requests, bursts and starts are "
        "timed as they are."
    )
    rows = [[name, _version(name), SUBJECTS[name].switches] for name in bench.subjects]
    yield table(["Subject", "version", "as its documentation says, with"], rows)
    for name, package in missing.items():
        yield f"Left out: {name}, because {package} is not installed."


def _version(name):
    from importlib import metadata

    import django
    from subjects import SUBJECTS

    import hoptoad

    package = SUBJECTS[name].package
    if name.startswith("hoptoad"):
        return hoptoad.__version__
    return metadata.version(package) if package not in ("", "aiosmtpd") else django.get_version()


def run_task(task):
    """In a process of its own: measures, and prints the figures as JSON in the last line."""
    question = importlib.import_module(task["question"])
    before = [pace() for _ in range(5)]
    result = question.measure(task)
    after = [pace() for _ in range(5)]
    paces = {"pace": max(min(before), min(after)), "fastest": min(before + after)}
    print("\n" + json.dumps({**paces, **result}), flush=True)
    # At once: some subjects hold up the end of the process, which is not what was asked here.
    os._exit(0)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--task"]:
        run_task(json.loads(sys.argv[2]))
    else:
        main()

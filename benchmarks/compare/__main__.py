"""What the README compares: django-hoptoad and its peers, by what can be observed.

usage: python benchmarks/compare [QUESTION ...] [--subject NAME ...] [--write]

The questions are failures, secrets, facts, lost, cost, account and exit; all of them without an argument.
The table goes to stdout, the details of its cells to stderr. Each subject runs as its own documentation
says, in processes of its own, with a server on 127.0.0.1. They are installed by
pip install -e ".[benchmarks,celery]".
"""

import importlib
import json
import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

# Each row of the table by its question: the module that answers it, and what it says.
ROWS = {
    "failures": ("kinds", "kinds of failure reported, and once, of {of}"),
    "secrets": ("planted", "planted secrets that leave the process, of {of}"),
    "facts": ("planted", "useful facts that arrive, of {of}"),
    "lost": ("losses", "notices lost, of {of}: server away for 3 s / process killed meanwhile"),
    "cost": ("costs", "calls of functions for a healthy request / for a failing one"),
    "account": ("account", "failures can be read without an account"),
    "exit": ("losses", "the process ends within 10 s while the server hangs"),
}


def main():
    import argparse

    from documented import NAMES, heading

    parser = argparse.ArgumentParser(prog="python benchmarks/compare", description=__doc__.partition("\n")[0])
    parser.add_argument("questions", metavar="QUESTION", nargs="*", help=", ".join(ROWS))
    parser.add_argument("--subject", action="append", choices=list(NAMES), help="only this one")
    parser.add_argument("--write", action="store_true", help="write the table into docs and README, too")
    arguments = parser.parse_args()
    if unknown := set(arguments.questions) - set(ROWS):
        parser.error(f"no such question: {', '.join(sorted(unknown))}; there are {', '.join(ROWS)}")
    names = arguments.subject or list(NAMES)
    rows = {
        question: [introduced(question), *(cell(question, name) for name in names)]
        for question in arguments.questions or ROWS
    }
    head = ["", *map(heading, names)]
    text = "\n\n".join([preamble(), listed([head, *rows.values()]), *explained()]) + "\n"
    print(text)
    if arguments.write:
        (ROOT / "docs" / "comparison.txt").write_text(text, encoding="utf-8")
        write_into_readme(listed([head, *(row for question, row in rows.items() if question != "exit")]))


def write_into_readme(table):
    """In the place of the table that is there."""
    readme = ROOT / "README.rst"
    text = readme.read_text(encoding="utf-8")
    text = re.sub(r"\.\. list-table::\n(?:(?:   .*)?\n)+", lambda found: f"{table}\n\n", text)
    readme.write_text(text, encoding="utf-8")


def introduced(question):
    """What stands in front of a row."""
    return f"``{question}``: " + ROWS[question][1].format(of=size(question))


def size(question):
    """Of how many a cell counts."""
    return getattr(importlib.import_module(ROWS[question][0]), "OF", {}).get(question, "")


def cell(question, name):
    print(f"{question}: {name}", file=sys.stderr, flush=True)
    text, details = importlib.import_module(ROWS[question][0]).ask(question, name)
    for detail in details:
        print(f"    {detail}", file=sys.stderr, flush=True)
    return text


def preamble():
    import platform
    from datetime import datetime, timezone

    import django

    today = datetime.now(tz=timezone.utc).date()
    return (
        f"Observed on {today.day} {today:%B %Y} with Python {platform.python_version()} and Django "
        f"{django.get_version()}."
    )


def listed(rows):
    """A table in reStructuredText, a cell a line."""
    lines = [".. list-table::", "   :header-rows: 1", "   :stub-columns: 1", ""]
    for row in rows:
        lines += [f"   {'*' if not number else ' '} - {text}".rstrip() for number, text in enumerate(row)]
    return "\n".join(lines)


def explained():
    """What was counted, so that a reader can judge it."""
    from kinds import KINDS
    from planted import FACTS, SECRETS

    yield f"The kinds of failure: {', '.join(KINDS)}."
    yield f"The secrets: {', '.join(SECRETS)}."
    yield f"The facts: {', '.join(FACTS)}."


if __name__ == "__main__":
    if sys.argv[1:2] == ["--task"]:
        task = json.loads(sys.argv[2])
        importlib.import_module(task["module"]).run(task)
    else:
        main()

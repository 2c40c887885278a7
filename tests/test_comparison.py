"""The comparison: the README shows what the command wrote, and the command still observes it of this library."""

import re
import subprocess
import sys
from pathlib import Path

import django
import pytest

ROOT = Path(__file__).parent.parent
OURS = "django-hoptoad"


def rows(text):
    """The cells of the first table, by what stands in front of them."""
    _, _, table = text.partition(".. list-table::")
    for row in re.findall(r"^   \* -(.*(?:\n     - .+)+)", table, re.MULTILINE):
        name, *cells = (cell.strip() for cell in row.split("\n     - "))
        yield name, cells


README = dict(rows((ROOT / "README.rst").read_text()))
WRITTEN = dict(rows((ROOT / "docs" / "comparison.txt").read_text()))


def test_the_readme_has_the_cells_that_the_command_wrote():
    assert len(README) >= 6
    assert README.items() <= WRITTEN.items()


def test_every_row_names_its_question():
    commands = (ROOT / "benchmarks" / "compare" / "__main__.py").read_text()
    questions = [re.match(r"``(\w+)``: ", name)[1] for name in WRITTEN if name]

    assert re.findall(r'^    "(\w+)": \("', commands, re.MULTILINE) == questions


def is_alike(cell, other):
    """Whether the cells are the same, but for a tenth of a number of calls, which change a little with Django."""
    number = re.compile(r"\d[\d,]*")
    values, others = (
        [int(found.replace(",", "")) for found in number.findall(text)] for text in (cell, other)
    )
    return number.sub("", cell) == number.sub("", other) and all(
        abs(one - two) <= (two // 10 if two >= 100 else 0) for one, two in zip(values, others, strict=True)
    )


@pytest.mark.long
@pytest.mark.skipif(django.VERSION < (6, 0), reason="Django has tasks from 6.0 on")
def test_the_command_observes_of_this_library_what_the_readme_says():
    pytest.importorskip("celery", reason="celery is not installed")

    done = subprocess.run(
        [sys.executable, ROOT / "benchmarks" / "compare", "--subject", OURS],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    observed = dict(rows(done.stdout))
    assert list(observed) == list(WRITTEN)
    assert {
        name: (cell, WRITTEN[name][0])
        for name, [cell] in observed.items()
        if not is_alike(cell, WRITTEN[name][0])
    } == {}, done.stderr

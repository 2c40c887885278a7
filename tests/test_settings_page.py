"""The pages on settings agree with the table of settings: their limits, their choices, their defaults."""

import re
from pathlib import Path

import pytest

from hoptoad.conf.settings import APIS, HANDLERS, HOOKS, ROWS
from hoptoad.conf.validators import Malformed

DOCS = Path(__file__).parent.parent / "docs"
TYPES = dict(
    re.findall(r"^(HOPTOAD_\w+)\n~+\n:Type: (.+)$", (DOCS / "settings.rst").read_text(), re.MULTILINE)
)
RANGES = {
    name: [int(limit.replace(",", "")) for limit in found.groups()]
    for name, text in TYPES.items()
    if (found := re.search(r"from ([\d,]+) to ([\d,]+)", text)) and not text.startswith("list")
}


@pytest.mark.parametrize("name", RANGES)
def test_the_limits_of_a_setting_are_the_documented_ones(name):
    read = ROWS[name].metadata["read"]
    least, most = RANGES[name]

    assert (read(least), read(most)) == (least, most)
    for beyond in (least - 1, most + 1):
        with pytest.raises(Malformed):
            read(beyond)


def test_the_numbers_all_have_limits():
    assert len(RANGES) >= 15
    assert {name for name, text in TYPES.items() if "number" in text} - RANGES.keys() == {
        "HOPTOAD_PROJECT_ID",
        "HOPTOAD_TIMEOUT",  # above 0
    }


@pytest.mark.parametrize(
    ("name", "choices"), [("HOPTOAD_HANDLER", HANDLERS), ("HOPTOAD_HOOKS", HOOKS), ("HOPTOAD_API", APIS)]
)
def test_the_choices_of_a_setting_are_the_documented_ones(name, choices):
    assert re.findall(r'``"(\w+)"``', TYPES[name]) == list(choices)


def test_the_defaults_beside_those_of_sentrys_client_are_in_force():
    page = (DOCS / "from-sentry-sdk.rst").read_text()
    rows = re.findall(r"^   \* - .+\n     - (.*HOPTOAD_.*)\n     - (.+)$", page, re.MULTILINE)
    numbers = {
        tuple(re.findall(r"HOPTOAD_\w+", names)): [int(n.replace(",", "")) for n in found]
        for names, default in rows
        if (found := re.findall(r"\b\d[\d,]*\d\b|\b\d\b", default))
    }

    assert len(numbers) >= 4
    assert numbers == {names: [ROWS[name].default for name in names] for names in numbers}

"""What the documentation says of the code is true."""

import os
import re
import textwrap
from importlib.metadata import version
from pathlib import Path

import pytest

import hoptoad
from hoptoad.conf import settings
from hoptoad.redaction import names

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
SETTINGS = (DOCS / "settings.rst").read_text()


def test_every_setting_is_documented_once_with_its_default():
    entries = re.findall(
        r"^(HOPTOAD_\w+)\n~+\n:Type: .+\n:Default: ``(.+)``\n:Since: .+\n\n\S", SETTINGS, re.MULTILINE
    )
    defaults = {
        "HOPTOAD_" + name.upper(): repr(field.default)
        for name, field in settings.Settings.__dataclass_fields__.items()
        if field.metadata
    }

    documented = {name: default.replace('"', "'") for name, default in entries}

    assert documented == defaults
    assert len(entries) == len(defaults)


def test_every_check_is_documented():
    source = "".join(path.read_text() for path in Path(hoptoad.__file__).parent.rglob("*.py"))
    issued = set(re.findall(r"hoptoad\.[EWI]\d{3}", source))

    table = set(
        re.findall(r"^``(hoptoad\.[EWI]\d{3})``", (DOCS / "troubleshooting.rst").read_text(), re.MULTILINE)
    )

    assert table == issued


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.rst")), ids=lambda page: page.name)
def test_pages_name_only_settings_that_exist(page):
    known = set(hoptoad.get_hoptoad_settings()) | {"HOPTOAD_SETTINGS", "HOPTOAD_MAX_", "HOPTOAD_"}
    known |= {"HOPTOAD_NOTICES_LOST", "HOPTOAD_NOTICE_ID", "HOPTOAD_URL"}  # of cgi-data
    known |= {"HOPTOAD_GENERATED_CASES"}  # for the tests

    assert set(re.findall(r"HOPTOAD_\w*", page.read_text())) <= known


@pytest.mark.parametrize(
    "code",
    [
        block
        for page in [*sorted(DOCS.glob("*.rst")), ROOT / "README.rst"]
        for block in re.findall(r"code-block:: python\n\n((?:(?: {4,}.*)?\n)+)", page.read_text())
    ],
)
def test_examples_compile(code):
    compile(textwrap.dedent(code), "<docs>", "exec")


@pytest.mark.parametrize("page", [ROOT / "README.rst", DOCS / "quickstart.rst"], ids=lambda page: page.name)
def test_the_quick_start_names_the_environment(page):
    [example] = re.findall(
        r"^    HOPTOAD_SETTINGS = \{.*?^    \}", page.read_text(), re.MULTILINE | re.DOTALL
    )

    assert '"HOPTOAD_ENV_NAME": "production"' in example


def test_what_is_added_to_the_headers_of_a_request_is_documented():
    source = (Path(hoptoad.__file__).parent / "capture" / "request.py").read_text()
    added = set(re.findall(r'shown\["([A-Z_]+)"\] =', source))

    documented = (DOCS / "notice.rst").read_text()

    assert "INTERNAL_IP" in added
    assert {name for name in added if f"``{name}``" not in documented} == set()


def test_the_words_that_are_masked_are_the_documented_ones():
    text = (DOCS / "notice.rst").read_text().replace("\n  ", " ")
    [fragments] = re.findall(r"anywhere in a name: ``([a-z ]+)``", text)
    [words] = re.findall(r"a word of a name [^:]+: ``([a-z ]+)``", text)

    assert set(fragments.split()) == set(names._FRAGMENTS.split("|"))
    assert set(words.split()) == {word.replace("cookies?", "cookie") for word in names._WORDS.split("|")}


def test_the_version_is_written_in_one_place():
    places = [ROOT / "setup.py", *DOCS.glob("*.py"), *Path(hoptoad.__file__).parent.rglob("*.py")]

    naming = [path for path in places if f'"{hoptoad.__version__}"' in path.read_text()]

    assert version("django-hoptoad") == hoptoad.__version__
    assert [path.parent.name for path in naming] == ["hoptoad"]


@pytest.mark.skipif("HOPTOAD_TESTS_INSTALLED" not in os.environ, reason="not run by tox")
def test_the_installed_package_is_what_is_tested():
    assert "site-packages" in hoptoad.__file__


@pytest.mark.parametrize(
    ("page", "count"),
    [
        ("delivery.rst", 36),
        ("privacy.rst", 15),
        ("security.rst", 61),
        ("from-error-mails.rst", 17),
        ("which-server.rst", 4),
        ("doors.rst", 32),
        ("exceptional.rst", 26),
        ("performance.rst", 15),
    ],
)
def test_what_is_promised_is_backed_by_tests_that_exist(page, count):
    named = set(re.findall(r"``(test_\w+)``", (DOCS / page).read_text()))
    tests = "".join(path.read_text() for path in Path(__file__).parent.rglob("test_*.py"))

    assert len(named) >= count
    assert {name for name in named if f"def {name}(" not in tests} == set()

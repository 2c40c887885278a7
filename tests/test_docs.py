"""The documentation is true: its tables, log lines, names and links are compared with the code."""

import ast
import os
import pkgutil
import re
import runpy
import subprocess
import sys
import textwrap
import xml.etree.ElementTree as ET
from importlib.metadata import version
from pathlib import Path

import pytest
from imports_of import modules

import hoptoad
from hoptoad.api import htv2
from hoptoad.conf import settings
from hoptoad.delivery.answer import Verdict, judge
from hoptoad.delivery.stats import NAMES
from hoptoad.notice import ErrorInfo, Notice, RequestInfo, User
from hoptoad.redaction import names, patterns

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
        for page in [*sorted(DOCS.glob("*.rst")), *sorted(ROOT.glob("*.rst"))]
        for block in re.findall(r"code-block:: python\n\n((?:(?: {4,}.*)?\n)+)", page.read_text())
    ],
)
def test_examples_compile(code):
    compile(textwrap.dedent(code), "<docs>", "exec")


def without_session():
    """The function that the page on privacy shows."""
    [code] = re.findall(r"code-block:: python\n\n((?:(?: {4,}.*)?\n)+)", (DOCS / "privacy.rst").read_text())
    defined = {}
    exec(textwrap.dedent(code), defined)
    return defined["without_session"]


def test_the_function_of_the_page_on_privacy_removes_the_session():
    notice = Notice(id="1", error=ErrorInfo("E", "e"), request=RequestInfo(session={"basket": "3"}))

    assert without_session()(notice).request.session == {}


def settings_in_samples():
    """Each setting with its value, from the text and the Python samples."""
    for page in [*sorted(DOCS.glob("*.rst")), ROOT / "README.rst"]:
        text = page.read_text()
        yield from re.findall(r"``(HOPTOAD_\w+) = ([^`]+)``", text)
        yield from re.findall(r'^ +"(HOPTOAD_\w+)": (.+),$', text, re.MULTILINE)
        yield from re.findall(r"^    (HOPTOAD_\w+) = ([^{\n]+)$", text, re.MULTILINE)


@pytest.mark.parametrize(("name", "value"), sorted(set(settings_in_samples())))
def test_settings_in_samples_are_accepted(name, value, monkeypatch):
    monkeypatch.setattr("shop.reporting.without_session", without_session(), raising=False)

    settings.ROWS[name].metadata["read"](ast.literal_eval(value))


@pytest.mark.parametrize("page", [ROOT / "README.rst", DOCS / "quickstart.rst"], ids=lambda page: page.name)
def test_the_quick_start_names_the_environment(page):
    [example] = re.findall(
        r"^    HOPTOAD_SETTINGS = \{.*?^    \}", page.read_text(), re.MULTILINE | re.DOTALL
    )

    assert '"HOPTOAD_ENV_NAME": "production"' in example


def test_what_is_added_to_the_headers_of_a_request_is_documented():
    source = (Path(hoptoad.__file__).parent / "capture" / "visitor.py").read_text()
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


TROUBLESHOOTING = (DOCS / "troubleshooting.rst").read_text()
LOG_CALLS = {"debug", "info", "warning", "error", "exception", "log", "log_exception"}


def log_lines():
    """Every line that the package logs, with "…" for each value."""
    trees = [tree for _, tree in modules()]
    constants = {
        target.id: node.value
        for tree in trees
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in (node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)):
        if getattr(node.func, "attr", getattr(node.func, "id", "")) in LOG_CALLS:
            given = [constants.get(getattr(argument, "id", ""), argument) for argument in node.args]
            texts = [item.value for item in given if isinstance(getattr(item, "value", None), str)]
            lines = [re.sub(r"%[a-z]", "…", text) for text in texts[:1] if " " in text]
            is_log = ast.unparse(node.func).startswith(("logger.", "log_exception"))
            yield from lines or ([f"not read: {ast.unparse(node)}"] if is_log else [])


# What they are given, and is read where they are called.
FORWARDED = {"not read: logger.error(message, *args, exc_info=True, stacklevel=2)"}
FORWARDED |= {"not read: logger.error(f'{message} (Its traceback could not be logged.)', *args)"}


def quoted_lines():
    _, _, text = TROUBLESHOOTING.partition("\nLines in the log\n")
    terms = re.findall(r'^"[^"]+"(?:, "[^"]+")*$', text, re.MULTILINE)
    return {quoted for term in terms for quoted in re.findall(r'"([^"]+)"', term)}


def is_quoted(line, quoted):
    return line == quoted or (quoted.endswith(" …") and line.startswith(quoted[:-2]))


def test_every_line_of_the_log_is_documented():
    lines, quoted = set(log_lines()) - FORWARDED, quoted_lines()

    assert len(lines) > 30
    assert {line for line in lines if not any(is_quoted(line, known) for known in quoted)} == set()


def test_every_documented_line_of_the_log_is_in_the_code():
    lines = set(log_lines())

    assert {
        quoted for quoted in quoted_lines() if not any(is_quoted(line, quoted) for line in lines)
    } == set()


def test_the_parts_of_log_lines_that_are_explained_are_in_the_code():
    _, _, text = TROUBLESHOOTING.partition("\nLines in the log\n")
    text, _, _ = text.partition("\nWhat is not seen\n")
    parts = set(re.findall(r'"([a-z][^"]+)"', text)) - {"spool", "mail"}
    strings = [
        node.value
        for _, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]

    assert {verdict.value for verdict in Verdict} - {"accepted"} <= parts
    assert {part for part in parts - quoted_lines() if not is_in(strings, part)} == set()


def is_in(strings, part):
    """Whether the code has the part; an f-string has it in pieces, with a value for each "…"."""
    return all(any(piece in text for text in strings) for piece in part.split("…"))


def reasons():
    """Every reason for which a notice is counted as lost, with "…" for each value."""
    for name, tree in modules():
        if name.startswith(("handlers.", "delivery.")) and name != "handlers.registry":
            for node in ast.walk(tree):
                yield from filter(None, map(rendered, reasons_in(node)))


def reasons_in(node):
    if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2].lstrip("_") in LOSING:
        return node.args
    if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "why":
        return [node.value]
    return [node.body[-1].value] if getattr(node, "name", "") == "_too_short" else []


LOSING = {"drop", "fall_back", "to_fallback"}


def rendered(node):
    """The text of a literal or an f-string; empty for another expression."""
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    texts = [part.value if isinstance(part, ast.Constant) else "…" for part in parts]
    return "" if texts == ["…"] or not all(isinstance(text, str) for text in texts) else "".join(texts)


def test_every_reason_for_a_lost_notice_is_documented():
    _, _, text = TROUBLESHOOTING.partition('"… notices lost, … since this process began: …"')
    text, _, _ = " ".join(text.split()).partition("were being sent")
    quoted = set(re.findall(r'"([^"]+)"', text))

    assert len(set(reasons())) > 8
    assert {why for why in reasons() if not any(is_quoted(why, known) for known in quoted)} == set()


def test_the_counters_are_documented():
    counters = re.findall(r"^``([a-z]+)``  ", (DOCS / "delivery.rst").read_text(), re.MULTILINE)

    assert counters == list(NAMES)


def test_the_rooms_are_documented_with_what_they_may_import():
    held = runpy.run_path(str(ROOT / "tests" / "test_architecture.py"))["MAY_IMPORT"]
    rows = re.findall(
        r"^   \* - (``.+``)\n     - .+\n     - (?:``(.+)``|\\-)$",
        (DOCS / "design.rst").read_text(),
        re.MULTILINE,
    )

    documented = {room: set(used.split()) for rooms, used in rows for room in re.findall(r"``(\w+)``", rooms)}

    assert documented == held


def test_the_public_names_exist():
    table = (DOCS / "reference.rst").read_text()
    named = set(re.findall(r"``(hoptoad\.[\w.]+)``", table))

    assert len(named) > 25
    for name in named:
        pkgutil.resolve_name(name)


def test_the_commands_are_documented():
    commands = Path(hoptoad.__file__).parent.rglob("management/commands/hoptoad_*.py")
    page = (DOCS / "reference.rst").read_text()

    documented = re.findall(r"^``manage.py (\w+)``", page, re.MULTILINE)

    assert set(documented) == {path.stem for path in commands}


def test_the_programs_are_documented():
    asked = subprocess.run([sys.executable, "-m", "hoptoad", "--help"], capture_output=True, text=True)
    programs = re.search(r"\{([\w,]+)\}", asked.stdout)[1].split(",")

    documented = re.findall(
        r"^``python -m hoptoad (\w+)``", (DOCS / "reference.rst").read_text(), re.MULTILINE
    )

    assert sorted(documented) == sorted(programs)


@pytest.mark.parametrize(
    "page", [*sorted(DOCS.glob("*.rst")), *sorted(ROOT.glob("*.rst"))], ids=lambda page: page.name
)
def test_links_into_the_repository_lead_to_files(page):
    linked = re.findall(rf"{hoptoad.URL}/(?:blob|tree)/main/([^>]+)>", page.read_text())
    named = re.findall(r"``((?:docs|tests|hoptoad|benchmarks)/[\w/.-]+)``", page.read_text())

    made_up = {"hoptoad/handlers/carrier.py", "hoptoad/api/frog.py", "hoptoad/integrations/lanterns.py"}
    assert {path for path in {*linked, *named} - made_up if not (ROOT / path).exists()} == set()


def test_the_elements_of_a_notice_are_documented():
    data = {"frog": "green"}
    request = RequestInfo(action="get", params=data, session=data, cgi_data=data)
    notice = Notice(id="1", error=ErrorInfo("E", "e"), request=request, user=User(id="7"), framework="Django")
    document = ET.fromstring(htv2.encode(notice))
    written = {element.tag for element in document} - {"error", "request"}
    written |= {f"{part}/{element.tag}" for part in ("error", "request") for element in document.find(part)}

    [table] = re.findall(
        r"^Element +Content\n=+ +=+\n(.*?)\n=+ +=+$",
        (DOCS / "notice.rst").read_text(),
        re.MULTILINE | re.DOTALL,
    )

    assert set(re.findall(r"^``([a-z/-]+)``", table, re.MULTILINE)) == written


def test_every_handler_is_documented():
    terms = re.findall(
        r"^(``[a-z]+``(?:, ``[a-z]+``)*)\n    \S", (DOCS / "handlers.rst").read_text(), re.MULTILINE
    )

    assert {name for term in terms for name in re.findall(r"\w+", term)} == set(settings.HANDLERS)


def test_every_hook_is_documented():
    documented = re.findall(r"``HOPTOAD_HOOKS`` without ``(\w+)``", (DOCS / "integrations.rst").read_text())

    assert documented == list(settings.HOOKS)


def test_every_built_in_pattern_is_documented():
    _, _, rule = (DOCS / "privacy.rst").read_text().partition("**Patterns.**")

    documented = re.findall(r"``([a-z_]+)``", rule.partition("HOPTOAD_PATTERNS")[0])

    assert documented == list(patterns.names())


@pytest.mark.parametrize("verdict", ["ACCEPTED", "REFUSED", "LATER"])
def test_statuses_have_the_documented_verdict(verdict):
    [row] = re.findall(rf"^``{verdict}`` +(.+?)  ", (DOCS / "handlers.rst").read_text(), re.MULTILINE)

    statuses = [int(status) for status in re.findall(r"\b\d{3}\b", row.partition(" and a 200")[0])]

    assert statuses
    assert {judge("", status, {}, "").verdict.name for status in statuses} == {verdict}


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
        ("delivery.rst", 29),
        ("processes.rst", 7),
        ("testing.rst", 3),
        ("privacy.rst", 15),
        ("security.rst", 61),
        ("from-error-mails.rst", 17),
        ("which-server.rst", 5),
        ("integrations.rst", 32),
        ("exceptional.rst", 26),
        ("performance.rst", 15),
    ],
)
def test_what_is_promised_is_backed_by_tests_that_exist(page, count):
    named = set(re.findall(r"``(test_\w+)``", (DOCS / page).read_text()))
    tests = "".join(path.read_text() for path in Path(__file__).parent.rglob("test_*.py"))

    assert len(named) >= count
    assert {name for name in named if f"def {name}(" not in tests} == set()

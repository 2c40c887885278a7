"""Imports point down, never up or in a ring."""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import hoptoad

PACKAGE = Path(hoptoad.__file__).parent

# From the top. A module may import from its own row only where named so, else from rows below.
LAYERS = [
    ["__main__"],
    ["demo.run"],
    ["demo.site", "demo.receiver"],
    ["demo.pages"],
    ["exceptional"],
    ["exceptional.handlers", "exceptional.apps"],
    ["exceptional.middleware", "exceptional.urls", "exceptional.shortcuts"],
    ["exceptional.rendering"],
    ["exceptional.responses"],
    ["pytest_plugin"],
    ["apps", "testing"],
    [
        "checks",
        "management.commands.hoptoad_deploy",
        "management.commands.hoptoad_preview",
        "management.commands.hoptoad_spool",
        "management.commands.hoptoad_test",
    ],
    ["hooks"],
    ["integrations.celery", "integrations.tasks", "integrations.asgi", "integrations.wsgi"],
    ["log", "warmup"],
    ["doors"],
    ["position"],
    ["middleware"],
    ["refusals"],
    ["reporter"],
    ["pipeline"],
    ["storm", "digest"],
    ["handlers"],
    ["handlers.celery", "handlers.tasks"],
    ["handlers.brokered"],
    ["handlers.mail", "handlers.spool"],
    ["handlers.spoolworker"],
    ["handlers.threaded", "handlers.blocking", "handlers.memory", "handlers.spooled"],
    ["handlers.base"],
    ["api.choice"],
    ["api.htv2", "api.v3"],
    ["transport", "capture", "preview"],
    ["connection", "httprequest", "errorinfo", "settled"],
    ["variables", "integrations.drf"],
    ["contextvalues"],
    ["once", "fingerprint"],
    ["reporterfilter", "reporterclass", "before"],
    ["spoolscan"],
    ["backlog"],
    ["letter", "conf", "failures", "signals", "tally", "circuit"],
    ["problems"],
    ["api.parsers"],
    ["api.environment"],
    [
        "api",
        "api.frametext",
        "api.keys",
        "api.fitting",
        "demo",
        "shapes",
        "answers",
        "filters",
        "throttle",
        "spooldir",
        "spoollock",
        "spoolreport",
        "spoolsize",
        "scrub",
        "ownsecrets",
        "integrations",
        "logtext",
        "paths",
        "viewname",
    ],
    ["scrubtext"],
    ["budget", "names"],
    ["cleaned"],
    [
        "context_processors",
        "revision",
        "sources",
        "brokenlinks",
        "pairs",
        "addresses",
        "guard",
        "later",
        "ownfiles",
    ],
    ["messages"],
    ["masked"],
    ["shortened"],
    ["disguises", "recognisers"],
    ["notice", "errors", "text", "scope", "errorchain"],
    ["lazily", "delivering", "marks", "threads", "sqlguard", "safefile"],
    [""],
    ["imports"],
]
LEVEL = {name: len(LAYERS) - row for row, names in enumerate(LAYERS) for name in names}
# The package's own functions, late.
ALLOWED_UPWARDS = {("", "conf"), ("", "tally"), ("", "doors"), ("", "warmup")}
ONE_IMPORTER = {
    "requests": "connection",
    "urllib3": "connection",
    "xml.parsers": "api.parsers",
    # One that sends by them, and one that hears of their failures.
    "celery": ["handlers.celery", "integrations.celery"],
    "django.tasks": ["handlers.tasks", "integrations.tasks"],
    "django_tasks": ["handlers.tasks", "integrations.tasks"],
    "pytest": "pytest_plugin",
}


def modules():
    for path in sorted(PACKAGE.rglob("*.py")):
        name = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
        name = name.removesuffix("__init__").removesuffix(".")
        if not name.startswith("management") or "hoptoad_" in name:
            yield name, ast.parse(path.read_text())


def imported(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "absolute imports only"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield whole if is_module(whole) else node.module
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "when_needed":
            if isinstance(node.args[0], ast.Constant):
                yield node.args[0].value


def is_module(dotted):
    if not dotted.startswith("hoptoad."):
        return False
    path = PACKAGE.joinpath(*dotted.split(".")[1:])
    return path.with_suffix(".py").exists() or (path / "__init__.py").exists()


def own(dotted):
    return dotted.removeprefix("hoptoad").removeprefix(".")


def edges():
    for name, tree in modules():
        for dotted in imported(tree):
            if dotted == "hoptoad" or dotted.startswith("hoptoad."):
                yield name, own(dotted)


def test_every_module_has_its_place():
    assert {name for name, _ in modules()} == set(LEVEL)


def test_imports_point_down():
    upwards = {(name, used) for name, used in edges() if LEVEL[name] <= LEVEL[used]}

    assert upwards == ALLOWED_UPWARDS


def test_exceptional_is_an_island():
    shores = {
        (name, used)
        for name, used in edges()
        if name.startswith("exceptional") != used.startswith("exceptional")
    }

    assert shores == set()


def test_there_is_no_ring():
    graph = {}
    for name, used in set(edges()) - ALLOWED_UPWARDS:
        graph.setdefault(name, set()).add(used)

    TopologicalSorter(graph).prepare()


def test_only_those_who_read_a_request_know_what_one_is():
    knowing = {
        name
        for name, tree in modules()
        if not name.startswith(("demo", "exceptional")) and "django.http" in set(imported(tree))
    }

    # api.htv2 for generate_payload((request, status)) of 2010; reporter, pipeline and once pass it on.
    assert knowing == {
        *(
            "middleware",
            "reporter",
            "pipeline",
            "once",
            "scope",
            "capture",
            "httprequest",
            "notice",
            "api.htv2",
        ),
        *("reporterfilter", "reporterclass"),  # Django's own hooks are given one
        *("doors", "log", "refusals", "context_processors"),
        *("integrations.asgi", "integrations.wsgi", "integrations.drf"),
        "management.commands.hoptoad_preview",  # makes one up
    }


@pytest.mark.parametrize("package", ONE_IMPORTER)
def test_such_packages_have_a_single_importer(package):
    importers = {
        name
        for name, tree in modules()
        if any(used == package or used.startswith(package + ".") for used in imported(tree))
    }

    allowed = ONE_IMPORTER[package]
    assert importers == set([allowed] if isinstance(allowed, str) else allowed)


def test_what_is_logged_goes_through_the_one_place_that_masks_it():
    makers = {
        name
        for name, tree in modules()
        if not name.startswith(("exceptional", "demo"))
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr == "getLogger" and "__name__" in ast.unparse(tree)
    }

    # Others' loggers: hooks puts handlers on them, contextvalues and connection look at their records.
    assert makers <= {"messages", "hooks", "contextvalues", "connection", "refusals"}


def test_a_site_that_starts_does_not_import_requests():
    program = """
import os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "shop.settings"
import django
django.setup()
from django.core.wsgi import get_wsgi_application
get_wsgi_application()
assert "hoptoad.middleware" in sys.modules
assert not {"requests", "urllib3"} & set(sys.modules), "imported"
"""
    subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(__file__).parent / "site")

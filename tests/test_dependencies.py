"""Who may know of a foreign package, of a request and of the log."""

import ast
import subprocess
import sys

import pytest
from imports_of import edges, imported, modules
from places import SITE

ONE_IMPORTER = {
    "requests": {"delivery.connection"},
    "urllib3": {"delivery.connection"},
    "xml.parsers": {"api.bounded"},
    # One that sends by them, and one that hears of their failures.
    "celery": {"handlers.celery", "integrations.celery"},
    "django.tasks": {"handlers.tasks", "integrations.tasks"},
    "django_tasks": {"handlers.tasks", "integrations.tasks"},
    "waitress": {"inbox.alone.run"},
    "pytest": {"integrations.pytest_plugin"},
}


def test_what_sends_does_not_know_what_a_request_is():
    knowing = {name for name, tree in modules() if "django.http" in set(imported(tree))}

    # api.htv2 for generate_payload((request, status)) of 2010.
    sending = {
        name for name in knowing if name.startswith(("api", "handlers", "delivery", "redaction", "conf"))
    }
    assert sending == {"api.htv2"}


def test_only_the_handler_of_the_inbox_knows_how_a_site_reports():
    # To mask what other clients have not masked, it also needs names, a limit and the settings.
    allowed = {"api.parsers", "api.cgi_data", "redaction.names", "redaction.cutting", "conf.loading"}
    allowed |= {"notice", "errors", "runtime.lifecycle"}

    used = {(name, used) for name, used in edges() if name.startswith("inbox") and used}
    used = {used for name, used in used if name != "inbox.handler" and not used.startswith("inbox")}
    assert used <= allowed


@pytest.mark.long
@pytest.mark.parametrize("package", ONE_IMPORTER)
def test_such_packages_have_a_single_importer(package):
    importers = {
        name
        for name, tree in modules()
        if any(used == package or used.startswith(package + ".") for used in imported(tree))
    }

    assert importers == ONE_IMPORTER[package]


def test_what_is_logged_goes_through_the_one_place_that_masks_it():
    makers = {
        name
        for name, tree in modules()
        if not name.startswith(("exceptional", "demo"))
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr == "getLogger" and "__name__" in ast.unparse(tree)
    }

    # An island, whose lines hold no text of a notice.
    makers -= {"inbox.alerts", "inbox.prune", "inbox.writer"}
    # Others' loggers: hooks puts handlers on them, the others look at their records.
    assert makers <= {
        "runtime.messages",
        "hooks",
        "capture.context",
        "delivery.connection",
        "reporting.refusals",
    }


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
    subprocess.run([sys.executable, "-c", program], check=True, cwd=SITE)

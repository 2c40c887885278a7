"""Notices as letters: as a handler, and where the server is gone for good."""

import importlib
import sys

import pytest
from collector import Reply
from django.core import mail

from hoptoad.delivery.stats import stats
from hoptoad.handlers import get_handler
from hoptoad.handlers.fallback import get_fallback_handler

PEOPLE = {"ADMINS": ["admin@shop.example"], "MANAGERS": ["manager@shop.example"]}


@pytest.fixture(autouse=True)
def people(settings_for):
    import django

    as_pairs = {name: [("A person", people[0])] for name, people in PEOPLE.items()}
    settings_for(**(PEOPLE if django.VERSION >= (6, 0) else as_pairs), SERVER_EMAIL="site@shop.example")


def test_an_error_is_mailed_to_the_admins(client, settings_for, db):
    settings_for(HOPTOAD_HANDLER="mail", HOPTOAD_ENV_NAME="production")

    client.post("/form/?page=2", {"password": "open-sesame"})

    assert get_handler().flush(20)
    [letter] = mail.outbox
    assert letter.to == ["admin@shop.example"]
    assert letter.from_email == "site@shop.example"
    assert letter.subject == "[Django] ERROR (EXTERNAL IP): Internal Server Error: /form/"
    assert "Site:      production\n" in letter.body
    assert "Where:     shop.views#form\n" in letter.body
    assert "  [PROJECT_ROOT]/site/shop/views.py:" in letter.body
    assert "  password = ********************\n" in letter.body
    assert "open-sesame" not in letter.body


@pytest.mark.parametrize(
    "version",
    [
        {},
        {"HOPTOAD_API": "v3", "HOPTOAD_PROJECT_ID": 7},
        {"HOPTOAD_API": "sentry", "HOPTOAD_NOTIFICATION_URL": "http://127.0.0.1/api/1/envelope/"},
    ],
)
def test_variables_causes_and_notes_are_mailed_once(client, settings_for, view, version):
    settings_for(HOPTOAD_HANDLER="mail", HOPTOAD_LOCAL_VARIABLES=True, HOPTOAD_SOURCE_CONTEXT=1, **version)

    @view
    def fail(request):
        colour = "-".join(["green", "frog"])
        error = KeyError("a cause")
        error.__notes__ = [" ".join(["while", "it rained"])]
        raise ValueError(len(colour)) from error

    client.get("/exception/")

    assert get_handler().flush(20)
    [letter] = mail.outbox
    assert letter.body.count("green-frog") == 1
    assert letter.body.count("raise ValueError(len(colour)) from error") == 1
    assert letter.body.count("KeyError: 'a cause'") == 1
    assert letter.body.count("while it rained") == 1


def test_a_missing_page_is_mailed_to_the_managers(client, settings_for):
    settings_for(HOPTOAD_HANDLER="mail", HOPTOAD_NOTIFY_404=True)

    client.get("/nowhere/")

    assert get_handler().flush(20)
    assert mail.outbox[0].to == ["manager@shop.example"]


def test_a_subject_is_one_line(client, settings_for, view):
    settings_for(HOPTOAD_HANDLER="mail")

    @view
    def fail(request):
        raise ValueError("first\r\nBcc: everyone@example.com" + "x" * 5000)

    client.get("/exception/")

    assert get_handler().flush(20)
    [letter] = mail.outbox
    assert "\n" not in letter.subject
    assert len(letter.subject) < 220


def test_what_the_server_refuses_is_mailed_by_the_fallback(client, collector, settings_for):
    collector.default = Reply(422, "Your API key is unknown")
    settings_for(
        HOPTOAD_HANDLER="threadpool",
        HOPTOAD_FALLBACK_HANDLER="mail",
        HOPTOAD_NOTIFICATION_URL=collector.url,
    )

    client.get("/boom/")

    assert get_handler().flush(20)
    assert get_fallback_handler().flush(20)
    assert "ValueError: something broke" in mail.outbox[0].body


def test_a_mail_server_that_fails_costs_the_notice_and_is_counted(client, settings_for, caplog):
    settings_for(HOPTOAD_HANDLER="mail", SERVER_EMAIL="site\n@shop.example")

    assert client.get("/boom/").status_code == 500

    assert get_handler().flush(20)
    assert stats.counts()["dropped"] == 1
    assert "notices lost" in caplog.text
    assert "BadHeaderError" in caplog.text or "ValueError" in caplog.text
    assert "django-hoptoad itself failed" not in caplog.text


def document(version, named):
    """A notice that somebody else has made, with the class of a reporter in its environment."""
    from hoptoad.api import htv2, v3
    from hoptoad.api.sentry import wire
    from hoptoad.notice import ErrorInfo, Notice, RequestInfo

    request = RequestInfo(
        url="http://shop.example/", cgi_data={"EXCEPTION_REPORTER": named, "REQUEST_METHOD": "GET"}
    )
    return {"v2": htv2, "v3": v3, "sentry": wire}[version].encode(
        Notice(id="7", error=ErrorInfo("ValueError", "ValueError: x"), request=request)
    )


@pytest.mark.parametrize("version", ["v2", "v3", "sentry"])
@pytest.mark.parametrize("is_loaded", [False, True])
@pytest.mark.parametrize("named", ["Reporter", "function", "nothing.there", "calls"])
def test_what_a_document_names_is_neither_imported_nor_called(settings_for, version, is_loaded, named):
    settings_for(HOPTOAD_HANDLER="mail", HOPTOAD_MAIL_HTML=True)
    sys.modules.pop("shop.planted", None)
    if is_loaded:
        importlib.import_module("shop.planted")

    get_handler().enqueue(document(version, f"shop.planted.{named}"), 5)

    assert get_handler().flush(20)
    [(page, _)] = mail.outbox[0].alternatives
    assert "<h1>ValueError" in page  # Django's own
    assert ("shop.planted" in sys.modules) is is_loaded
    assert not (is_loaded and sys.modules["shop.planted"].calls)


def test_letters_are_counted(client, settings_for):
    from hoptoad import stats

    settings_for(HOPTOAD_HANDLER="mail")

    client.get("/boom/")

    assert get_handler().flush(20)
    assert (stats()["mailed"], stats()["sent"], stats()["dropped"]) == (1, 0, 0)


@pytest.mark.parametrize(("path", "setting"), [("/boom/", "ADMINS"), ("/nowhere/", "MANAGERS")])
def test_mail_to_nobody_is_counted_and_the_log_names_the_setting(client, settings_for, caplog, path, setting):
    settings_for(HOPTOAD_HANDLER="mail", HOPTOAD_NOTIFY_404=True, **{setting: []})

    client.get(path)

    assert get_handler().flush(20)
    assert stats.counts()["dropped"] == 1
    assert stats.counts()["mailed"] == 0
    assert f"{setting} is empty" in caplog.text


def test_mail_needs_no_key(client, settings_for):
    settings_for(HOPTOAD_HANDLER="mail", HOPTOAD_SETTINGS={})

    client.get("/boom/")

    assert get_handler().flush(20)
    assert len(mail.outbox) == 1

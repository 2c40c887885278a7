"""What a site's exception reporter adds to a notice, and the page it makes of one."""

import django
import pytest
from django.core import mail
from django.test import RequestFactory

from hoptoad.handlers import get_handler
from hoptoad.redaction.cutting import MASK
from hoptoad.testing import outbox

PEOPLE = ["admin@shop.example"] if django.VERSION >= (6, 0) else [("An admin", "admin@shop.example")]


@pytest.fixture
def by_mail(settings_for):
    settings_for(
        HOPTOAD_HANDLER="mail",
        HOPTOAD_MAIL_HTML=True,
        HOPTOAD_LOCAL_VARIABLES=True,
        HOPTOAD_SOURCE_CONTEXT=2,
        ADMINS=PEOPLE,
        MANAGERS=PEOPLE,
    )


def letter(client, path="/form/", data=None, **kwargs):
    client.post(path, data or {"password": "open-sesame", "colour": "green"}, **kwargs)
    assert get_handler().flush(20)
    return mail.outbox[-1]


def page_of(letter):
    [(page, kind)] = letter.alternatives
    assert kind == "text/html"
    return page


def test_what_a_sites_reporter_adds_travels_along(client, settings_for):
    settings_for(DEFAULT_EXCEPTION_REPORTER="shop.reporting.Reporter")

    client.get("/boom/", headers={"X-Tenant": "frogs"})

    assert outbox[0].extra == {"tenant": "frogs", "shop": {"api_key": MASK, "colour": "green"}}


def test_the_class_of_a_request_comes_first(client, settings_for, view):
    from shop.reporting import Reporter

    @view
    def fail(request):
        request.exception_reporter_class = Reporter
        raise ValueError("x")

    client.get("/exception/")

    assert outbox[0].extra["tenant"] == "none"


def test_a_reporter_that_fails_costs_only_its_additions(client, settings_for, view, caplog):
    from shop.reporting import Reporter

    class Failing(Reporter):
        def get_traceback_data(self):
            raise RuntimeError("the reporter failed")

    @view
    def fail(request):
        request.exception_reporter_class = Failing
        raise ValueError("x")

    client.get("/exception/?page=2")

    assert outbox[0].extra == {}
    assert outbox[0].request.params == {"page": "2"}
    assert "Could not read the exception reporter" in caplog.text


def test_a_reporter_finds_nothing_to_evaluate():
    from django.utils.functional import SimpleLazyObject
    from shop.reporting import Reporter

    from hoptoad.capture import build
    from hoptoad.conf.loading import get_settings

    request = RequestFactory().get("/")
    request.user = SimpleLazyObject(lambda: pytest.fail("evaluated"))
    request.exception_reporter_class = Reporter

    notice = build.notice(build.incident(request, exception=ValueError("x")), get_settings())

    assert notice.extra["tenant"] == "none"


def test_the_mail_has_djangos_page_with_what_the_notice_holds(client, by_mail, db):
    page = page_of(letter(client, "/form/?page=2", headers={"User-Agent": "<b>browser</b>"}))

    assert "<h1>ValueError" in page
    assert "something broke with a form" in page
    assert "[PROJECT_ROOT]/site/shop/views.py" in page
    assert 'raise ValueError("something broke with a form")'.replace('"', "&quot;") in page
    assert "shop.views.form" in page
    assert "colour" in page
    assert MASK in page
    assert "open-sesame" not in page
    assert "<b>browser" not in page
    assert "SECRET_KEY" not in page


def test_the_page_is_that_of_the_sites_reporter(client, by_mail, settings_for, db):
    settings_for(DEFAULT_EXCEPTION_REPORTER="shop.reporting.Page")

    assert page_of(letter(client, headers={"X-Tenant": "frogs"})) == "<h1>ValueError for frogs</h1>"


def test_the_page_is_that_of_the_requests_reporter(client, by_mail, view):
    from shop.reporting import Page

    @view
    def fail(request):
        request.exception_reporter_class = Page
        raise ValueError("x")

    assert page_of(letter(client, "/exception/")) == "<h1>ValueError for none</h1>"


def test_a_page_that_fails_leaves_the_text(client, by_mail, settings_for, caplog, db):
    settings_for(DEFAULT_EXCEPTION_REPORTER="shop.reporting.Nowhere")

    sent = letter(client)

    assert sent.alternatives == []
    assert "something broke with a form" in sent.body
    assert "the mail goes as plain text" in caplog.text


def test_without_the_setting_there_is_no_page(client, by_mail, settings_for, db):
    settings_for(HOPTOAD_MAIL_HTML=False)

    assert letter(client).alternatives == []


@pytest.mark.parametrize(
    ("path", "subject", "extra"),
    [
        ("/boom/", "ERROR (EXTERNAL IP): Internal Server Error: /boom/", {}),
        ("/boom/", "ERROR (internal IP): Internal Server Error: /boom/", {"INTERNAL_IPS": ["127.0.0.1"]}),
        ("/status/503/", "ERROR (EXTERNAL IP): Service Unavailable: /status/503/", {}),
        ("/status/403/", "WARNING (EXTERNAL IP): Forbidden: /status/403/", {"HOPTOAD_NOTIFY_403": True}),
        ("/nowhere/", "Broken INTERNAL link on testserver", {"HOPTOAD_NOTIFY_404": True}),
    ],
)
def test_subjects_are_worded_as_django_words_them(client, by_mail, settings_for, path, subject, extra):
    settings_for(EMAIL_SUBJECT_PREFIX="[Shop] ", **extra)

    sent = letter(client, path, headers={"Referer": "http://testserver/page"})

    assert sent.subject == f"[Shop] {subject}"


def test_line_ends_in_a_subject_are_written_out(client, by_mail):
    sent = letter(client, "/boom/%0D%0ABcc: everyone@x.test/")

    assert sent.subject.endswith(r"/boom/\r\nBcc: everyone@x.test/")


def test_the_same_subject_as_admin_email_handler(client, by_mail, settings_for, view, caplog):
    """Side by side with Django's own, for the same failure."""

    @view
    def fail(request):
        raise ValueError("x\ny")

    caplog.set_level("ERROR", logger="django.request")  # the test site has it silent

    letter(client, "/exception/")

    ours, djangos = (sent.subject for sent in mail.outbox)
    assert ours == djangos

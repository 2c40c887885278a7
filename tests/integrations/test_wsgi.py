"""Failures of a WSGI application outside Django."""

import contextlib
import http.client
import subprocess
import threading

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.test import RequestFactory
from rules import check_v2
from servers import running

from hoptoad.integrations.wsgi import HoptoadWSGI
from hoptoad.redaction.cutting import MASK
from hoptoad.testing import outbox

pytestmark = pytest.mark.django_db  # Django looks at its connections when a request starts
NOTIFIER = "hoptoad.middleware.HoptoadNotifierMiddleware"


@pytest.fixture
def environ():
    return RequestFactory().get("/?token=wsgi-secret").environ


def answered(status, headers, exc_info=None):
    pass


def test_a_middleware_that_returns_none_is_reported(settings_for, environ):
    settings_for(MIDDLEWARE=[NOTIFIER, "shop.middleware.returns_none"])

    with pytest.raises(AttributeError):
        HoptoadWSGI(WSGIHandler())(environ, answered)

    [notice] = outbox
    assert (notice.request.component, notice.request.action) == ("wsgi", "http")
    assert notice.request.params == {"token": MASK}
    assert "NoneType" in notice.error.message


def test_a_request_that_cannot_be_made_is_reported(environ, caplog):
    del environ["wsgi.input"]
    environ["REQUEST_METHOD"] = None

    with pytest.raises((KeyError, AttributeError)) as raised:
        HoptoadWSGI(WSGIHandler())(environ, answered)

    [notice] = outbox
    assert notice.error.class_name == type(raised.value).__name__
    assert notice.extra["wsgi"] == {"path": "/"}
    assert not [
        record for record in caplog.records if record.name.startswith("hoptoad") and record.levelno > 10
    ]


@pytest.mark.parametrize("error", [LookupError("x"), SystemExit(1)])
def test_what_stands_in_front_of_django_is_reported(environ, error):
    def application(environ, start_response):
        raise error

    with pytest.raises(type(error)) as raised:
        HoptoadWSGI(application)(environ, answered)

    assert raised.value is error
    assert [notice.error.class_name for notice in outbox] == [type(error).__name__]


@pytest.mark.parametrize("error", [KeyboardInterrupt, GeneratorExit])
def test_the_end_of_the_process_is_no_failure(environ, error):
    def application(environ, start_response):
        raise error

    with pytest.raises(error):
        HoptoadWSGI(application)(environ, answered)

    assert outbox == []


def test_what_the_middleware_has_seen_is_not_reported_again(settings_for, environ):
    settings_for(ROOT_URLCONF="shop.broken_handler_urls")
    environ["PATH_INFO"] = "/boom/"

    with pytest.raises(LookupError):
        HoptoadWSGI(WSGIHandler())(environ, answered)

    assert [notice.error.class_name for notice in outbox] == ["ValueError", "LookupError"]


def test_an_answer_passes_as_it_is(environ):
    answer = object()

    assert HoptoadWSGI(lambda environ, start_response: answer)(environ, answered) is answer
    assert outbox == []


@pytest.mark.long
def test_a_request_that_gunicorn_ends_because_it_takes_too_long_is_reported(collector):
    """By SIGABRT, which here the test sends: gunicorn lets SIGKILL follow within a second."""
    command = ("gunicorn", "shop.wrapped", "--bind", "127.0.0.1:{port}")
    with running(*command, HOPTOAD_HANDLER="blocking", HOPTOAD_NOTIFICATION_URL=collector.url) as site:
        visitor = threading.Thread(target=visit, args=(site,))
        visitor.start()
        collector.wait(1)
        subprocess.run(["pkill", "-ABRT", "-P", str(site.process.pid)], check=True)
        [received] = collector.wait(1)
        visitor.join()

    notice = check_v2(received.body)
    assert notice.findtext("error/class") == "SystemExit"
    assert "endless" in [line.get("method") for line in notice.iterfind("error/backtrace/line")]


def visit(site):
    with contextlib.suppress(OSError, http.client.HTTPException):  # answered, or hung up on
        site.get("/endless/")

"""A raised HTTP status is an answer only where something answers it."""

import asyncio
import contextlib
import logging
import threading

import pytest
from django.conf import settings
from django.test import AsyncClient, Client

import hoptoad
from hoptoad import hooks
from hoptoad.exceptional import HttpConflict, HttpGone, HttpLocked, HttpRedirect, HttpServiceUnavailable
from hoptoad.log import HoptoadHandler
from hoptoad.testing import outbox

ANSWERING = "hoptoad.exceptional.middleware.ExceptionalMiddleware"


@pytest.fixture
def log_handler():
    handler = HoptoadHandler(level=logging.ERROR)
    logging.getLogger().addHandler(handler)
    yield
    logging.getLogger().removeHandler(handler)


def get(server, path="/exception/"):
    if server == "WSGI":
        return Client(raise_request_exception=False).get(path)
    return asyncio.run(AsyncClient(raise_request_exception=False).get(path))


RAISED = [HttpConflict("busy"), HttpGone("gone"), HttpLocked("no"), HttpRedirect("/")]


@pytest.mark.parametrize("server", ["WSGI", "ASGI"])
@pytest.mark.parametrize("raised", RAISED, ids=lambda error: type(error).__name__)
def test_without_the_middleware_it_is_a_failure(settings_for, view, log_handler, server, raised):
    settings_for(MIDDLEWARE=[path for path in settings.MIDDLEWARE if path != ANSWERING])

    @view
    def fail(request):
        raise raised

    for path in ("/exception/", "/exception/async/"):
        outbox.clear()
        assert get(server, path).status_code == 500
        [notice] = outbox
        assert notice.error.class_name.endswith(type(raised).__name__)
        assert notice.request.url == f"http://testserver{path}"


@pytest.mark.parametrize("server", ["WSGI", "ASGI"])
@pytest.mark.parametrize("raised", RAISED, ids=lambda error: type(error).__name__)
def test_with_the_middleware_it_is_none(settings_for, view, log_handler, server, raised):
    settings_for(MIDDLEWARE=[*[path for path in settings.MIDDLEWARE if path != ANSWERING], ANSWERING])

    @view
    @hoptoad.watch
    def fail(request):
        raise raised

    assert get(server).status_code == raised.http_code
    assert not outbox


@pytest.mark.parametrize("server", ["WSGI", "ASGI"])
def test_a_handler_of_the_urls_answers_it_as_well(settings_for, view, server):
    settings_for(
        MIDDLEWARE=[path for path in settings.MIDDLEWARE if path != ANSWERING],
        ROOT_URLCONF="shop.answering_urls",
    )

    @view
    def fail(request):
        raise HttpConflict("busy")

    assert get(server).status_code == 409
    assert not outbox


def test_statuses_of_a_server_are_failures_either_way(settings_for, view):
    settings_for(MIDDLEWARE=[*[path for path in settings.MIDDLEWARE if path != ANSWERING], ANSWERING])

    @view
    def fail(request):
        raise HttpServiceUnavailable("later")

    assert get("WSGI").status_code == 503
    assert len(outbox) == 1


def test_in_threads_nothing_answers_it():
    hooks.install(["threads"])
    before = threading.excepthook.previous
    threading.excepthook.previous = lambda args: None

    def fail():
        raise HttpConflict("busy")

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    threading.excepthook.previous = before

    assert outbox[0].error.message == "HttpConflict: busy"


def test_outside_of_requests_nothing_answers_it():
    with contextlib.suppress(HttpConflict), hoptoad.watch():
        raise HttpConflict("busy")

    assert outbox[0].error.message == "HttpConflict: busy"


def test_a_class_of_the_site_is_still_ignored_everywhere(view):
    class Expected(Exception):
        hoptoad_ignore = True

    @view
    def fail(request):
        raise Expected

    assert get("WSGI").status_code == 500
    hoptoad.notify(Expected())
    assert not outbox


def test_a_status_that_another_layer_turns_into_another_answer_is_a_failure(settings_for, view):
    settings_for(
        MIDDLEWARE=[path for path in settings.MIDDLEWARE if path != ANSWERING],
        ROOT_URLCONF="shop.plain_answering_urls",
    )

    @view
    def fail(request):
        raise HttpConflict("busy")

    assert get("WSGI").status_code == 502
    assert len(outbox) == 1

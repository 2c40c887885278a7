"""A raised HTTP status is a failure only where nothing answers it."""

import asyncio
import contextlib
import logging
import threading

import pytest
from django.conf import settings
from django.dispatch import Signal
from django.http import HttpResponse, StreamingHttpResponse
from django.test import AsyncClient, Client, RequestFactory

import hoptoad
from hoptoad import hooks
from hoptoad.exceptional import HttpConflict, HttpGone, HttpLocked, HttpRedirect, HttpServiceUnavailable
from hoptoad.integrations.asgi import HoptoadASGI
from hoptoad.integrations.wsgi import HoptoadWSGI
from hoptoad.log import HoptoadHandler
from hoptoad.middleware import HoptoadNotifierMiddleware
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


def by_log(error):
    logging.getLogger("shop").error("it failed", exc_info=error)


def by_receiver(error):
    signal = Signal()

    def receiver(**kwargs):
        raise error

    signal.connect(receiver)
    signal.send_robust(None)


def by_watch(error):
    with hoptoad.watch(reraise=False):
        raise error


SWALLOWED = {"notify": hoptoad.notify, "log": by_log, "receiver": by_receiver, "watch": by_watch}


@pytest.mark.parametrize("status", [200, 302, 404, 500])
@pytest.mark.parametrize("how", SWALLOWED)
@pytest.mark.parametrize("server", ["WSGI", "ASGI"])
def test_one_that_is_caught_and_reported_is_answered_by_nothing(view, log_handler, server, how, status):
    @view
    def fail(request):
        try:
            raise HttpConflict("busy")
        except HttpConflict as error:
            SWALLOWED[how](error)
        return HttpResponse(status=status)

    for path in ("/exception/", "/exception/async/"):
        outbox.clear()
        assert get(server, path + "?order=7").status_code == status
        [notice] = outbox
        assert notice.error.message == "HttpConflict: busy"
        assert notice.request.params["order"] == "7"


@pytest.mark.parametrize("how", SWALLOWED)
@pytest.mark.parametrize("server", ["WSGI", "ASGI"])
def test_one_that_the_view_answers_by_its_own_status_is_no_failure(view, log_handler, server, how):
    @view
    def fail(request):
        SWALLOWED[how](HttpConflict("busy"))
        return HttpResponse(status=409)

    assert get(server).status_code == 409
    assert not outbox


class Odd:
    """An answer of a class that knows neither status nor streaming."""


@pytest.mark.parametrize("is_async", [False, True])
def test_an_odd_answer_passes_and_a_raised_status_is_reported(is_async):
    answer = Odd()

    def respond(request):
        hoptoad.notify(HttpGone("the last frog is sold"))
        return answer

    async def respond_async(request):
        return respond(request)

    middleware = HoptoadNotifierMiddleware(respond_async if is_async else respond)
    response = middleware(RequestFactory().get("/"))

    assert (asyncio.run(response) if is_async else response) is answer
    assert len(outbox) == 1


def test_each_of_several_is_judged_by_the_answer(view):
    @view
    def fail(request):
        for error in (HttpConflict("busy"), HttpGone("gone"), HttpLocked("no")):
            hoptoad.notify(error)
        return HttpResponse(status=410)

    get("WSGI")

    assert [notice.error.message for notice in outbox] == ["HttpConflict: busy", "HttpLocked: no"]


@pytest.mark.parametrize("server", ["WSGI", "ASGI"])
def test_it_has_the_values_of_where_it_was_caught(view, server):
    @view
    def fail(request):
        with hoptoad.context(step="pay"):
            hoptoad.notify(HttpConflict("busy"))
        return HttpResponse("ok")

    get(server)

    assert outbox[0].extra["step"] == "pay"


def test_nothing_answers_what_a_stream_raises(client, view):
    @view
    def begin(request):
        def lines():
            yield b"first"
            hoptoad.notify(HttpGone("gone"))
            raise HttpConflict("busy")

        return StreamingHttpResponse(lines())

    with contextlib.suppress(HttpConflict):
        client.get("/exception/").getvalue()

    assert [notice.error.message for notice in outbox] == ["HttpGone: gone", "HttpConflict: busy"]


@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize("is_caught", [True, False])
def test_nothing_answers_it_outside_of_django_under_asgi(kind, is_caught):
    async def application(scope, receive, send):
        try:
            raise HttpConflict("busy")
        except HttpConflict:
            if not is_caught:
                raise
            hoptoad.notify()

    scope = {"type": kind, "path": "/ws/", "method": "GET", "headers": [(b"host", b"testserver")]}
    with contextlib.suppress(HttpConflict):
        asyncio.run(HoptoadASGI(application)(scope, None, None))

    assert [notice.error.message for notice in outbox] == ["HttpConflict: busy"]


def test_nothing_answers_it_outside_of_django_under_wsgi():
    def application(environ, start_response):
        raise HttpConflict("busy")

    with contextlib.suppress(HttpConflict):
        HoptoadWSGI(application)(RequestFactory().get("/exception/").environ, None)

    assert [notice.error.message for notice in outbox] == ["HttpConflict: busy"]

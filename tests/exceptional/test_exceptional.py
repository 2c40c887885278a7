"""HTTP statuses raised as exceptions."""

import json
import logging
import os
import subprocess
import sys
import types
from datetime import datetime, timedelta, timezone
from http import HTTPStatus

import pytest
from django import urls
from django.contrib.auth import get_user_model
from django.core.exceptions import BadRequest, PermissionDenied
from django.core.signals import got_request_exception
from django.http import Http404, HttpResponse
from django.test import AsyncClient, Client, RequestFactory
from django.utils.translation import gettext_lazy
from places import SITE

from hoptoad import exceptional
from hoptoad.exceptional import responses, shortcuts
from hoptoad.exceptional.middleware import set_renderer
from hoptoad.exceptional.responses import (
    BY_CODE,
    HttpConflict,
    HttpForbidden,
    HttpMethodNotAllowed,
    HttpNotFound,
    HttpProxyAuthenticationRequired,
    HttpRedirect,
    HttpRequestedRangeNotSatisfiable,
    HttpRequestEntityTooLarge,
    HttpServerError,
    HttpServiceUnavailable,
    HttpTooManyRequests,
    HttpUnauthorized,
    HttpUpgradeRequired,
    RareHttpResponse,
    by_code,
)
from hoptoad.testing import outbox

OURS = "hoptoad.middleware.HoptoadNotifierMiddleware"
RARE = "hoptoad.exceptional.middleware.ExceptionalMiddleware"
# Those of the original, whose names must stay.
ORIGINAL = """HttpBadRequest HttpForbidden HttpNotFound HttpMethodNotAllowed HttpNotAcceptable HttpRequestTimeout
HttpConflict HttpGone HttpLengthRequired HttpPreconditionFailed HttpRequestEntityTooLarge HttpRequestURITooLong
HttpUnsupportedMediaType HttpRequestedRangeNotSatisfiable HttpExpectationFailed HttpServerError HttpNotImplemented
HttpBadGateway HttpServiceUnavailable HttpGatewayTimeout HttpVersionNotSupported""".split()


@pytest.fixture
def rare(settings_for):
    settings_for(ROOT_URLCONF="shop.rare", MIDDLEWARE=[OURS, RARE], HOPTOAD_DIGEST_404=0)


@pytest.fixture
def client():
    return Client(raise_request_exception=False)


def templates(tmp_path, settings_for, **files):
    folder = tmp_path / "http_responses"
    folder.mkdir()
    for name, text in files.items():
        (folder / f"{name.strip('_')}.html").write_text(text)
    settings_for(
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "DIRS": [tmp_path]}]
    )


def test_every_status_that_python_knows_has_a_class():
    known = {status.value for status in HTTPStatus if status.value >= 400}

    assert known <= set(BY_CODE)
    assert set(exceptional.__all__) == {
        kind.__name__ for kind in (*BY_CODE.values(), HttpRedirect, RareHttpResponse)
    }


@pytest.mark.parametrize("name", ORIGINAL)
def test_the_names_of_the_original_are_kept(name):
    assert issubclass(getattr(responses, name), RareHttpResponse)


@pytest.mark.parametrize("code", sorted(BY_CODE))
def test_each_status_is_answered(client, rare, code):
    response = client.get(f"/status/{code}/")

    assert response.status_code == code
    text = response.content.decode()
    assert f"<h1>{BY_CODE[code]().http_message.replace(chr(39), '&#x27;')}</h1>" in text
    assert "a frog&#x27;s message" in text


@pytest.mark.parametrize("code", sorted(BY_CODE))
async def test_each_status_is_answered_in_async_too(rare, code):
    response = await AsyncClient(raise_request_exception=False).get(f"/status/async/{code}/")

    assert response.status_code == code
    assert "a frog&#x27;s message" in response.content.decode()


def test_headers_belong_to_the_instance():
    first = HttpConflict(headers={"X-Frog": "green"})

    assert first.headers == {"X-Frog": "green"}
    assert HttpConflict().headers == {}
    assert "headers" not in RareHttpResponse.__dict__


@pytest.mark.parametrize(
    ("exception", "headers"),
    [
        (HttpMethodNotAllowed(allow=["GET", "POST"]), {"Allow": "GET, POST"}),
        (HttpUnauthorized(), {"WWW-Authenticate": "Bearer"}),
        (HttpUnauthorized(challenge='Basic realm="pond"'), {"WWW-Authenticate": 'Basic realm="pond"'}),
        (HttpProxyAuthenticationRequired(challenge="Basic"), {"Proxy-Authenticate": "Basic"}),
        (HttpUpgradeRequired(upgrade="TLS/1.3"), {"Upgrade": "TLS/1.3"}),
        (HttpRequestedRangeNotSatisfiable(length=7), {"Content-Range": "bytes */7"}),
        (HttpTooManyRequests(retry_after=60), {"Retry-After": "60"}),
        (HttpRequestEntityTooLarge(retry_after=0), {"Retry-After": "0"}),
        (
            HttpServiceUnavailable(
                retry_after=datetime(2026, 11, 21, 12, 0, tzinfo=timezone(timedelta(hours=1)))
            ),
            {"Retry-After": "Sat, 21 Nov 2026 11:00:00 GMT"},
        ),
        (HttpRedirect("/a/"), {"Location": "/a/"}),
        (HttpRedirect("https://x.test/ü"), {"Location": "https://x.test/%C3%BC"}),
    ],
)
def test_headers_that_a_status_needs(exception, headers):
    assert exception.headers == headers


@pytest.mark.parametrize(
    ("details", "code"),
    [
        ({}, 302),
        ({"permanent": True}, 301),
        ({"preserve_request": True}, 307),
        ({"permanent": True, "preserve_request": True}, 308),
        ({"code": 303}, 303),
    ],
)
def test_redirects(details, code):
    assert HttpRedirect("/a/", **details).http_code == code


class Unknown(RareHttpResponse):
    http_code = 299


class Textual(RareHttpResponse):
    http_code = "404"


@pytest.mark.parametrize(
    ("build", "why"),
    [
        (lambda: RareHttpResponse(), "http_code is 0: expected a status from 300 to 599"),
        (Unknown, "Unknown.http_code is 299"),
        (Textual, "Textual.http_code is '404'"),
        (lambda: by_code(499), "499 is not a status"),
        (lambda: HttpConflict(headers={"X-A": "a\r\nSet-Cookie: b"}), "a header's value is one line"),
        (lambda: HttpConflict(headers={"X A": "a"}), "'X A' is not the name of a header"),
        (lambda: HttpMethodNotAllowed(allow=["GET\n"]), "a header's value is one line"),
        (lambda: HttpRedirect("javascript:alert(1)"), "must not lead to"),
        (lambda: HttpRedirect("/a/", code=304), "A redirect's code is 304"),
        (lambda: HttpRedirect("/a/", code=301, permanent=True), "either a code, or permanent"),
        (lambda: HttpTooManyRequests(retry_after=-1), "expected whole seconds"),
        (lambda: HttpTooManyRequests(retry_after="soon"), "expected whole seconds"),
        (lambda: HttpTooManyRequests(retry_after=datetime(2026, 1, 1)), "a time needs its time zone"),
    ],
)
def test_what_cannot_be_answered_is_said_at_construction(build, why):
    with pytest.raises(ValueError, match=why.replace("(", r"\(").replace("'", "'")):
        build()


BREAKING = "\r\n\0\x01\x08\x0b\x0c\x1b\x1c\x1d\x1e\x1f\x7f\x80\x85\x9b\u2028\u2029"


@pytest.mark.parametrize("character", BREAKING, ids=ascii)
@pytest.mark.parametrize(
    "build",
    [
        lambda value: HttpConflict(headers={"X-A": value}),
        lambda value: HttpConflict().set_header("X-A", value),
        lambda value: HttpMethodNotAllowed(allow=["GET", value]),
        lambda value: HttpUnauthorized(challenge=value),
    ],
)
def test_a_header_has_no_control_characters_and_no_line_ends_of_any_kind(build, character):
    with pytest.raises(ValueError, match="a header's value is one line"):
        build(f"a{character}b")


@pytest.mark.parametrize("value", ["", "a b", "a\tb", 'Basic realm="Frösche"', "\xa0", "\u043a", 7])
def test_any_other_value_of_a_header_is_taken(value):
    error = HttpConflict(headers={"X-A": value})

    assert error.headers == {"X-A": str(value)}


def test_a_redirect_is_answered_with_debug_on_too(client, rare, settings_for):
    settings_for(DEBUG=True)

    response = client.get("/redirect/")

    assert response.status_code == 301
    assert response["Location"] == "/elsewhere/?q=%C3%BC"


def test_other_statuses_are_djangos_while_debug_is_on(client, rare, settings_for):
    settings_for(DEBUG=True, EXCEPTIONAL_INVASION=True)

    assert client.get("/status/409/").status_code == 500
    assert b"HttpConflict" in client.get("/status/409/").content
    assert b"Page not found" in client.get("/django/404/").content


def test_the_answer_can_be_augmented(client, rare):
    response = client.get("/augmented/")

    assert response.status_code == 409
    assert response.cookies["seen"].value == "1"
    assert response["X-Frog"] == "green"


def test_augmenting_that_fails_costs_only_itself(client, rare, caplog):
    assert client.get("/broken-augment/").status_code == 409
    assert "augment_response failed" in caplog.text


@pytest.mark.parametrize(
    ("files", "page"),
    [
        ({"_409": "own {{ http_code }}", "_4xx": "hundred", "default": "default"}, "own 409"),
        ({"_4xx": "hundred {{ http_message }}", "default": "default"}, "hundred Conflict"),
        ({"default": "default {{ http_response_exception.message }}"}, "default a frog&#x27;s message"),
    ],
)
def test_the_nearest_template_is_taken(client, rare, settings_for, tmp_path, files, page):
    templates(tmp_path, settings_for, **files)

    assert client.get("/status/409/").content.decode() == page


def test_without_any_template_the_page_is_ours(client, rare, settings_for):
    settings_for(TEMPLATES=[])

    assert b"<h1>Conflict</h1>" in client.get("/status/409/").content


@pytest.mark.parametrize("text", ["{% broken %}", "{{ x|nofilter }}", "{% include 'nowhere.html' %}"])
def test_a_template_that_fails_leaves_a_plain_page(client, rare, settings_for, tmp_path, caplog, text):
    templates(tmp_path, settings_for, _409=text)

    response = client.get("/status/409/")

    assert response.status_code == 409
    assert "<h1>409 Conflict</h1>" in response.content.decode()
    assert "could not be rendered" in caplog.text


@pytest.mark.parametrize(
    "accept", ["application/json", "application/problem+json", "text/html;q=0.5, application/json"]
)
def test_who_prefers_json_gets_problem_details(client, rare, accept):
    response = client.get("/status/409/", headers={"Accept": accept})

    assert response["Content-Type"] == "application/problem+json"
    assert json.loads(response.content) == {
        "type": "about:blank",
        "title": "Conflict",
        "status": 409,
        "detail": "a frog's message",
    }


def test_what_broke_is_not_told_to_whoever_asks(client, rare, settings_for):
    settings_for(EXCEPTIONAL_INVASION=True)

    page = client.get("/django/500/")
    problem = client.get("/django/500/", headers={"Accept": "application/json"})

    assert page.status_code == problem.status_code == 500
    assert b"missing" not in page.content + problem.content


def test_a_lazy_message_is_translated_when_it_is_shown(client, rare):
    assert str(HttpConflict(gettext_lazy("Conflict")).message) == "Conflict"


def test_head_requests_have_no_body(client, rare):
    response = client.head("/status/409/")

    assert (response.status_code, response.content) == (409, b"")


def test_a_response_that_has_begun_goes_on_to_fail(client, rare):
    with pytest.raises(responses.HttpGone):
        list(client.get("/stream/").streaming_content)


def own_renderer(request, template_name, context):
    return HttpResponse(f"{template_name} {context['http_code']}")


@pytest.fixture
def renderer():
    yield set_renderer
    set_renderer(None)


def test_a_renderer_can_be_set(client, rare, renderer):
    renderer(own_renderer)

    assert client.get("/status/409/").content == b"http_responses/default.html 409"


def test_a_renderer_can_be_named(client, rare, settings_for):
    settings_for(EXCEPTIONAL_RENDERER=f"{__name__}.own_renderer")

    assert client.get("/status/409/").content == b"http_responses/default.html 409"


def test_a_renderer_that_fails_leaves_a_plain_page(client, rare, settings_for):
    settings_for(EXCEPTIONAL_RENDERER="shop.nowhere.render")

    response = client.get("/status/409/")

    assert (response.status_code, b"<h1>409 Conflict</h1>" in response.content) == (409, True)


def test_render_can_be_overridden(client, rare, settings_for):
    settings_for(MIDDLEWARE=["shop.middleware_rare.Own"])

    assert b"rendered by the shop" in client.get("/status/409/").content


INVADED = [("404", 404), ("403", 403), ("400", 400), ("suspicious", 400), ("500", 500)]


@pytest.mark.parametrize(("name", "code"), INVADED)
def test_invasion_answers_djangos_own_exceptions(client, rare, settings_for, tmp_path, name, code):
    templates(
        tmp_path,
        settings_for,
        default="{{ http_code }} {{ http_response_exception.original }}{{ http_response_exception.message }}",
    )
    settings_for(EXCEPTIONAL_INVASION=True)

    response = client.get(f"/django/{name}/")

    assert response.status_code == code
    assert response.content.decode().startswith(str(code))


@pytest.mark.parametrize(("name", "code"), INVADED)
def test_without_invasion_django_answers_them(client, rare, settings_for, name, code):
    settings_for(ROOT_URLCONF="shop.urls", MIDDLEWARE=[RARE])

    response = client.get("/raise/404/" if code == 404 else "/boom/")

    assert b"<h1>Not Found</h1>" in response.content or response.status_code == 500
    assert b"color-scheme" not in response.content


def test_the_original_exception_is_kept_with_its_traceback(client, rare, settings_for, renderer):
    seen = []
    settings_for(EXCEPTIONAL_INVASION=True)
    renderer(lambda request, name, context: seen.append(context["http_response_exception"]) or HttpResponse())

    client.get("/django/500/")

    [exception] = seen
    assert isinstance(exception, HttpServerError)
    assert isinstance(exception.__cause__, KeyError)
    assert exception.__cause__.__traceback__ is not None


def test_suspicious_requests_are_logged_as_django_logs_them(client, rare, settings_for, caplog):
    settings_for(EXCEPTIONAL_INVASION=True)

    client.get("/django/suspicious/")

    assert [record.name for record in caplog.records][0] == "django.security.SuspiciousOperation"


def test_failures_are_logged_with_their_exception(client, rare, settings_for, caplog):
    settings_for(EXCEPTIONAL_INVASION=True)
    caplog.set_level(logging.ERROR, logger="django.request")

    client.get("/django/500/")

    [record] = [record for record in caplog.records if record.name == "django.request"]
    assert record.getMessage() == "Internal Server Error: /django/500/"
    assert isinstance(record.exc_info[1], KeyError)


@pytest.mark.parametrize("code", [404, 403, 400, 409, 503])
def test_statuses_raised_in_a_middleware_are_answered_by_the_handlers(client, rare, settings_for, code):
    settings_for(MIDDLEWARE=[OURS, RARE, "shop.middleware_rare.RaisesIn"])

    response = client.get("/", headers={"X-Raise": str(code)})

    assert response.status_code == code
    assert b"from a middleware" in response.content
    assert len(outbox) == (code >= 500)


@pytest.mark.parametrize("code", [400, 403, 404, 500])
def test_the_handlers_have_their_names_of_2010(client, settings_for, monkeypatch, code):
    def fail(request):
        raise {400: BadRequest, 403: PermissionDenied, 404: Http404, 500: ValueError}[code]

    urlconf = types.ModuleType("urls_of_2010")
    urlconf.urlpatterns = [urls.path("fail/", fail)]
    setattr(urlconf, f"handler{code}", f"hoptoad.exceptional.handler{code}")
    monkeypatch.setitem(sys.modules, "urls_of_2010", urlconf)
    settings_for(ROOT_URLCONF="urls_of_2010")

    response = client.get("/fail/")

    assert response.status_code == code
    assert f"<h1>{HTTPStatus(code).phrase}</h1>".encode() in response.content


def test_everything_of_the_original_is_found_in_the_package():
    from hoptoad.exceptional import handler404, handler500, responses, set_renderer, urls

    assert handler404(RequestFactory().get("/")).status_code == 404
    assert handler500(RequestFactory().get("/")).status_code == 500
    assert responses.HttpConflict is exceptional.HttpConflict
    assert urls.urlpatterns
    assert callable(set_renderer)


def test_the_package_can_be_imported_before_there_are_settings():
    program = "import hoptoad.exceptional as e; e.handler400, e.handler403, e.handler404, e.handler500"
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    subprocess.run([sys.executable, "-c", program], check=True, env=environment)


def test_unknown_urls_are_answered_by_the_handler(client, rare):
    response = client.get("/nowhere/")

    assert response.status_code == 404
    assert b"<h1>Not Found</h1>" in response.content


@pytest.mark.parametrize("order", [[OURS, RARE], [RARE, OURS]], ids=["notifier first", "notifier last"])
def test_answers_are_no_errors_and_failures_are_reported_once(client, rare, settings_for, order):
    settings_for(MIDDLEWARE=order, EXCEPTIONAL_INVASION=True)
    for path in (
        "/status/409/",
        "/status/429/",
        "/redirect/",
        "/django/404/",
        "/django/403/",
        "/django/400/",
    ):
        client.get(path)
    assert outbox == []

    client.get("/status/503/")
    client.get("/django/500/")

    assert [notice.error.message for notice in outbox] == [
        "HttpServiceUnavailable: a frog's message",
        "KeyError: 'missing'",
    ]
    assert outbox[1].error.frames[0].function == "django"
    assert outbox[1].request.component == "shop.rare"


@pytest.mark.parametrize("order", [[OURS, RARE], [RARE, OURS]], ids=["notifier first", "notifier last"])
async def test_the_same_in_async(rare, settings_for, order):
    settings_for(MIDDLEWARE=order)
    client = AsyncClient(raise_request_exception=False)

    await client.get("/status/async/409/")
    assert outbox == []
    await client.get("/status/async/503/")

    assert [notice.error.message for notice in outbox] == ["HttpServiceUnavailable: a frog's message"]


def test_403_and_404_are_reported_as_the_notifiers_settings_say(client, rare, settings_for):
    settings_for(HOPTOAD_NOTIFY_404=True, HOPTOAD_NOTIFY_403=True, MIDDLEWARE=[OURS, RARE])

    client.get("/status/404/")
    client.get("/status/403/")
    client.get("/status/409/")

    assert [notice.error.class_name for notice in outbox] == ["Http404", "Http403"]


def test_whoever_listens_to_django_hears_of_failures_and_a_listener_that_fails_changes_nothing(client, rare):
    heard = []

    def listen(sender, request, **kwargs):
        heard.append((sender, type(sys.exc_info()[1]).__name__))
        raise RuntimeError("a listener failed")

    got_request_exception.connect(listen)
    try:
        assert client.get("/status/503/").status_code == 503
        assert client.get("/status/409/").status_code == 409
    finally:
        got_request_exception.disconnect(listen)

    assert heard == [(None, "HttpServiceUnavailable")]


def test_any_class_may_say_that_it_is_no_failure(client, view):
    class Expected(Exception):
        hoptoad_ignore = True

    @view
    def fail(request):
        raise Expected

    assert client.get("/exception/").status_code == 500
    assert outbox == []


def test_pages_to_look_at_ones_templates(client, rare):
    page = client.get("/statuses/").content.decode()
    assert page.count("<a href=") == len(BY_CODE)
    for code in BY_CODE:
        assert client.get(f"/statuses/{code}/").status_code == code
    assert client.get("/statuses/299/").status_code == 404


@pytest.mark.django_db
def test_objects_or_a_status_of_ones_choice():
    users = get_user_model()
    freda = users.objects.create(username="freda")

    for source in (users, users.objects, users.objects.all()):
        assert shortcuts.get_object_or_403(source, username="freda") == freda
        assert shortcuts.get_list_or_403(source, username="freda") == [freda]
        with pytest.raises(HttpForbidden) as raised:
            shortcuts.get_object_or_403(source, username="nobody")
        assert isinstance(raised.value.__cause__, users.DoesNotExist)
        with pytest.raises(HttpForbidden):
            shortcuts.get_list_or_403(source, username="nobody")
    with pytest.raises(HttpConflict):
        shortcuts.or_raise(users, HttpConflict("there is none"), pk=0)
    with pytest.raises(TypeError, match="is neither a model"):
        shortcuts.or_raise(7, HttpConflict, pk=0)
    users.objects.create(username="frida")
    with pytest.raises(users.MultipleObjectsReturned):
        shortcuts.get_object_or_403(users, username__startswith="fr")


@pytest.mark.django_db(transaction=True)
async def test_their_async_twins():
    users = get_user_model()
    freda = await users.objects.acreate(username="freda")

    assert await shortcuts.aget_object_or_403(users, username="freda") == freda
    assert await shortcuts.aget_list_or_403(users, username="freda") == [freda]
    with pytest.raises(HttpForbidden):
        await shortcuts.aget_object_or_403(users, pk=0)
    with pytest.raises(HttpForbidden):
        await shortcuts.aget_list_or_403(users, pk=0)
    with pytest.raises(HttpConflict):
        await shortcuts.aor_raise(users, HttpConflict, pk=0)


def test_they_are_djangos_exceptions_as_well():
    assert issubclass(HttpNotFound, Http404)
    assert str(HttpNotFound("no frog")) == "no frog"
    assert HttpConflict("a", 2).args == ("a", 2)
    assert HttpConflict().args == ()


def test_it_needs_django_only():
    program = """
import os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "shop.settings"
import hoptoad.exceptional, hoptoad.exceptional.middleware, hoptoad.exceptional.handlers
import hoptoad.exceptional.shortcuts, hoptoad.exceptional.urls
others = {name for name in sys.modules if name.startswith("hoptoad.") and not name.startswith("hoptoad.exceptional")}
assert not others, others
"""
    subprocess.run([sys.executable, "-c", program], check=True, cwd=SITE, timeout=60)

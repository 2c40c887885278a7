"""What the middleware reports, and that it reports it once."""

import io
import re
import weakref

import pytest
from django.core.exceptions import MiddlewareNotUsed
from django.http import FileResponse, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.test import Client, RequestFactory

from hoptoad.errors import ConfigurationError
from hoptoad.middleware import HoptoadNotifierMiddleware


def message(notice):
    return notice.findtext("error/message")


def where(notice):
    return notice.findtext("request/component"), notice.findtext("request/action")


def test_a_crash_in_a_view_arrives_at_the_server(client, reported):
    response = client.get("/boom/")

    notice = reported.one()
    assert response.status_code == 500
    assert notice.findtext("error/class") == "ValueError"
    assert message(notice) == "ValueError: something broke"
    assert where(notice) == ("shop.views", "boom")
    assert notice.findtext("request/url") == "http://testserver/boom/"
    assert notice.findtext("api-key") == "0123456789abcdef0123456789abcdef"
    line = notice.find("error/backtrace/line")
    assert (line.get("file"), line.get("method")) == ("[PROJECT_ROOT]/site/shop/views.py", "boom")


def test_a_healthy_request_sends_nothing(client, reported):
    assert client.get("/").content == b"home"

    assert len(reported) == 0


@pytest.mark.parametrize(
    ("path", "method", "component", "action"),
    [
        ("/boom/class/7/", "get", "shop.views.Boom", "get"),
        ("/boom/class/7/", "post", "shop.views.Boom", "post"),
        ("/boom/decorated/", "get", "shop.views", "decorated"),
        ("/boom/partial/", "get", "shop.views", "boom_with"),
        ("/boom/callable/", "get", "shop.views.Callable", "__call__"),
        ("/boom/viewset/", "get", "shop.views.OrderViewSet", "list"),
        ("/boom/viewset/", "post", "shop.views.OrderViewSet", "create"),
        ("/boom/async/", "get", "shop.views", "boom_async"),
    ],
)
def test_the_view_is_named_by_its_place_in_the_project(client, reported, path, method, component, action):
    getattr(client, method)(path)

    assert where(reported.one()) == (component, action)


@pytest.mark.parametrize(
    "moment",
    ["Outer before", "Outer after", "Inner before", "Inner after", "Inner in process_view of"],
)
def test_a_crash_in_any_middleware_is_reported_once(client, reported, moment):
    response = client.get("/", headers={"X-Fail": moment})

    assert response.status_code == 500
    assert reported.classes() == ["RuntimeError"]


@pytest.mark.parametrize("moment", ["Outer after", "Inner after"])
def test_two_failures_of_one_request_are_two_notices(client, reported, moment):
    client.get("/boom/", headers={"X-Fail": moment})

    assert reported.classes() == ["ValueError", "RuntimeError"]


def test_an_exception_that_other_middleware_answers_properly_is_not_reported(client, reported):
    response = client.get("/boom/", headers={"X-Answer": "409"})

    assert response.status_code == 409
    assert len(reported) == 0


def test_an_exception_that_other_middleware_answers_with_503_is_reported_by_its_status(client, reported):
    client.get("/boom/", headers={"X-Answer": "503"})

    assert message(reported.one()) == "Http503: Service Unavailable at /boom/"


def test_a_crash_while_rendering_a_template_is_reported(client, reported):
    client.get("/template/")

    assert reported.classes() == ["django.template.exceptions.TemplateSyntaxError"]


def test_a_crash_half_way_through_a_stream_is_reported(client, reported):
    with pytest.raises(ValueError, match="half-way"):
        b"".join(client.get("/stream/").streaming_content)

    assert message(reported.one()) == "ValueError: something broke half-way"
    assert where(reported.one()) == ("shop.views", "stream")


def test_a_file_is_left_for_the_server_to_send():
    response = FileResponse(io.BytesIO(b"content"))
    middleware = HoptoadNotifierMiddleware(lambda request: response)

    assert middleware(RequestFactory().get("/")).file_to_stream is not None


def test_a_failing_handler500_is_one_notice_for_the_failure_and_one_for_the_handler(
    client, reported, settings_for
):
    settings_for(ROOT_URLCONF="shop.broken_handler_urls")

    with pytest.raises(LookupError):
        client.get("/boom/")

    assert reported.classes() == ["ValueError", "LookupError"]


def test_a_failing_handler404_is_one_notice_besides_that_of_handler500(client, reported, settings_for):
    settings_for(ROOT_URLCONF="shop.broken_handler_urls")

    with pytest.raises(LookupError):
        client.get("/nowhere/")

    assert reported.classes() == ["LookupError", "LookupError"]


def test_a_broken_url_configuration_is_one_notice_though_the_handler_is_looked_for_in_it(
    client, reported, settings_for
):
    settings_for(ROOT_URLCONF="shop.broken_urls")

    with pytest.raises(RuntimeError):
        client.get("/")

    assert reported.classes() == ["RuntimeError"]
    assert where(list(reported)[0]) == ("unknown", None)


def test_a_handler500_that_fails_with_a_long_chain_is_one_notice_too(
    client, reported, settings_for, monkeypatch
):
    from shop import broken_handler_urls

    def handler500(request):
        error = None
        for number in range(100):
            try:
                raise KeyError(number) from error
            except KeyError as caught:
                error = caught
        raise error

    monkeypatch.setattr(broken_handler_urls, "handler500", handler500)
    settings_for(ROOT_URLCONF="shop.broken_handler_urls")

    with pytest.raises(KeyError):
        client.get("/boom/")

    assert reported.classes() == ["ValueError", "KeyError"]


def test_an_odd_response_is_answered_as_it_is(client, reported, view):
    class Bare(HttpResponseBase):
        content = b"bare"

        def __iter__(self):
            return iter([self.content])

    class Stubborn(StreamingHttpResponse):
        @property
        def streaming_content(self):
            return iter([b"stubborn"])

        @streaming_content.setter
        def streaming_content(self, value):
            if "_iterator" in self.__dict__:
                raise RuntimeError("set once")
            self._iterator = value
            self.is_async = False

    middleware = HoptoadNotifierMiddleware(lambda request: Bare())
    assert type(middleware(RequestFactory().get("/"))) is Bare

    middleware = HoptoadNotifierMiddleware(lambda request: Stubborn([b""]))
    assert list(middleware(RequestFactory().get("/")).streaming_content) == [b"stubborn"]


async def test_a_status_nobody_wants_needs_no_thread(async_client, reported, monkeypatch):
    def no_thread(*args, **kwargs):
        raise AssertionError("a thread was asked for")

    monkeypatch.setattr("hoptoad.middleware.sync_to_async", no_thread)

    async def answer(request):
        return HttpResponse(status=404)

    response = await HoptoadNotifierMiddleware(answer)(RequestFactory().get("/"))

    assert response.status_code == 404


async def test_a_loop_without_threads_answers_all_the_same(reported, monkeypatch, caplog):
    def no_thread(*args, **kwargs):
        raise RuntimeError("cannot schedule new futures after shutdown")

    monkeypatch.setattr("hoptoad.middleware.sync_to_async", lambda *args, **kwargs: no_thread)

    async def answer(request):
        return HttpResponse(status=503)

    response = await HoptoadNotifierMiddleware(answer)(RequestFactory().get("/"))

    assert response.status_code == 503
    assert "no thread could be started" in caplog.text


def test_one_exception_object_raised_for_two_requests_is_reported_twice(client, reported, view):
    same = ValueError("always the same object")

    @view
    def fail(request):
        raise same

    client.get("/exception/")
    client.get("/exception/")

    assert len(reported) == 2


def test_the_middleware_twice_in_the_list_reports_once(client, reported, settings_for, settings):
    settings_for(MIDDLEWARE=[settings.MIDDLEWARE[0], *settings.MIDDLEWARE])

    client.get("/boom/")
    client.get("/status/503/")

    assert len(reported) == 2


@pytest.mark.parametrize("path", ["/nowhere/", "/raise/404/", "/status/404/"])
def test_a_404_is_reported_once_and_only_where_asked_for(client, reported, settings_for, path):
    client.get(path)
    assert len(reported) == 0

    settings_for(HOPTOAD_NOTIFY_404=True)
    client.get(path)
    assert reported.one().findtext("error/class") == "Http404"


def test_a_404_without_a_view_tells_its_path_and_one_with_a_view_its_route(client, reported, settings_for):
    settings_for(HOPTOAD_NOTIFY_404=True)

    client.get("/nowhere/?page=2")
    client.get("/status/404/")

    assert [message(notice) for notice in reported] == [
        "Http404: Page not found at /nowhere/",
        "Http404: Page not found at /status/<int:code>/",
    ]
    assert [where(notice) for notice in reported] == [("unknown", None), ("shop.views", "status")]


def test_a_404_that_a_fallback_serves_after_all_is_not_reported(client, reported, settings_for):
    settings_for(HOPTOAD_NOTIFY_404=True)

    assert client.get("/flatpage/").status_code == 200

    assert len(reported) == 0


@pytest.mark.parametrize("path", ["/raise/403/", "/status/403/"])
def test_a_403_is_reported_once_and_only_where_asked_for(client, reported, settings_for, path):
    client.get(path)
    assert len(reported) == 0

    settings_for(HOPTOAD_NOTIFY_403=True)
    client.get(path)
    assert reported.one().findtext("error/class") == "Http403"


@pytest.mark.parametrize("code", [500, 501, 503, 599])
def test_a_returned_5xx_is_reported(client, reported, code):
    client.get(f"/status/{code}/")

    assert reported.one().findtext("error/class") == f"Http{code}"


def test_notify_500_off_silences_crashes_and_returned_5xx(client, reported, settings_for):
    settings_for(HOPTOAD_NOTIFY_500=False)

    client.get("/boom/")
    client.get("/status/503/")

    assert len(reported) == 0


def test_further_statuses_are_reported_where_named(client, reported, settings_for):
    settings_for(HOPTOAD_NOTIFY_STATUSES=[400, 418])

    for path in ("/status/418/", "/raise/400/", "/status/410/"):
        client.get(path)

    assert reported.classes() == ["Http418", "Http400"]


def test_an_unknown_host_can_be_reported_without_asking_django_for_it(client, reported, settings_for):
    settings_for(
        HOPTOAD_NOTIFY_STATUSES=[400],
        MIDDLEWARE=[
            "hoptoad.middleware.HoptoadNotifierMiddleware",
            "django.middleware.common.CommonMiddleware",
        ],
    )

    client.get("/", headers={"Host": "evil.example"})

    assert reported.one().findtext("request/url") == "http://evil.example/"


def test_debug_is_silent_unless_asked_for(client, reported, settings_for):
    settings_for(DEBUG=True)
    client.get("/boom/")
    assert len(reported) == 0

    settings_for(HOPTOAD_NOTIFY_WHILE_DEBUG=True)
    client.get("/boom/")
    assert len(reported) == 1


@pytest.mark.parametrize("path", ["/boom/", "/nowhere/"])
def test_ignored_agents_are_ignored_for_crashes_and_for_statuses(client, reported, settings_for, path):
    settings_for(HOPTOAD_NOTIFY_404=True, HOPTOAD_IGNORE_AGENTS=["(?i)bot", "^$"])

    client.get(path, headers={"User-Agent": "Googlebot/2.1"})
    client.get(path)
    assert len(reported) == 0

    client.get(path, headers={"User-Agent": "Firefox"})
    assert len(reported) == 1


def test_ignorable_404_urls_are_djangos_own(client, reported, settings_for):
    settings_for(HOPTOAD_NOTIFY_404=True, IGNORABLE_404_URLS=[re.compile(r"\.php"), re.compile("^/fav")])

    client.get("/favicon.ico")
    client.get("/x/?file=index.php")
    client.get("/status/500/?file=index.php")

    assert reported.classes() == ["Http500"]


@pytest.mark.parametrize("name", ["RequestAborted", "UnreadablePostError", "BrokenPipeError"])
def test_a_client_that_goes_away_is_not_reported(client, reported, view, name):
    from django.core.exceptions import RequestAborted
    from django.http import UnreadablePostError

    known = {"RequestAborted": RequestAborted, "UnreadablePostError": UnreadablePostError}

    @view
    def leave(request):
        raise known.get(name, BrokenPipeError)("client gone")

    assert client.get("/exception/").status_code == 500
    assert len(reported) == 0


def test_ignored_exceptions_include_subclasses_and_replace_the_default(client, reported, settings_for, view):
    settings_for(HOPTOAD_IGNORE_EXCEPTIONS=["LookupError", RuntimeError])
    raised = iter([KeyError("x"), RecursionError("deep"), BrokenPipeError("not ignored now")])

    @view
    def fail(request):
        raise next(raised)

    for _ in range(3):
        client.get("/exception/")

    assert reported.classes() == ["BrokenPipeError"]


@pytest.mark.parametrize("key", ["", "  ", None])
def test_without_a_key_the_middleware_is_not_used_and_says_so(settings_for, caplog, key):
    settings_for(HOPTOAD_SETTINGS={} if key is None else {"HOPTOAD_API_KEY": key})

    with pytest.raises(MiddlewareNotUsed):
        HoptoadNotifierMiddleware(lambda request: None)

    assert caplog.messages == ["HOPTOAD_API_KEY is not set: nothing is reported."]


def test_a_malformed_setting_stops_the_start(settings_for):
    settings_for(HOPTOAD_TIMEOUT="soon")

    with pytest.raises(ConfigurationError, match="HOPTOAD_TIMEOUT is 'soon'"):
        Client().get("/")


def test_the_middleware_goes_with_the_handler_it_belongs_to():
    middleware = HoptoadNotifierMiddleware(lambda request: None)
    gone = weakref.ref(middleware)

    del middleware

    assert gone() is None


async def test_async_views_are_reported_once_from_the_async_stack(async_client, reported):
    await async_client.get("/boom/async/")
    await async_client.get("/boom/")
    await async_client.get("/status/503/")

    assert reported.classes() == ["ValueError", "ValueError", "Http503"]


@pytest.mark.parametrize("moment", ["Outer before", "Outer after", "Inner before", "Inner after"])
async def test_a_crash_in_async_middleware_is_reported_once(async_client, reported, moment):
    await async_client.get("/slow/", headers={"X-Fail": moment})

    assert reported.classes() == ["RuntimeError"]


async def test_a_crash_half_way_through_an_async_stream_is_reported(async_client, reported):
    response = await async_client.get("/stream/async/")

    with pytest.raises(ValueError, match="half-way"):
        [part async for part in response.streaming_content]

    assert message(reported.one()) == "ValueError: something broke half-way, awaited"


async def test_a_failing_handler500_under_asgi_is_two_notices(async_client, reported, settings_for):
    settings_for(ROOT_URLCONF="shop.broken_handler_urls")

    with pytest.raises(LookupError):
        await async_client.get("/boom/async/")

    assert reported.classes() == ["ValueError", "LookupError"]

"""Django's own privacy contract, always in force."""

import copy
import functools
import re

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.http import HttpResponse
from django.test import RequestFactory
from django.urls import ResolverMatch
from django.utils.datastructures import MultiValueDict
from django.utils.decorators import method_decorator
from django.utils.functional import SimpleLazyObject
from django.views.debug import SafeExceptionReporterFilter
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.generic import View

from hoptoad.capture import build
from hoptoad.conf.loading import get_settings
from hoptoad.redaction.cutting import MASK
from hoptoad.testing import outbox

SUBSTITUTE = "<hidden by the shop>"


def noticed(request, error=None):
    return build.notice(build.incident(request, exception=error or ValueError("x")), get_settings())


def raised(function, *args):
    try:
        function(*args)
    except Exception as error:
        return error


@pytest.mark.parametrize("debug", [False, True])
def test_marked_parameters_are_hidden_with_debug_on_too(client, settings_for, view, debug):
    settings_for(DEBUG=debug, HOPTOAD_NOTIFY_WHILE_DEBUG=True)

    @view
    @sensitive_post_parameters("nickname")
    def fail(request):
        raise ValueError(request.POST["nickname"])

    client.post("/exception/", {"nickname": "frog-prince", "colour": "green"})

    assert outbox[0].request.params == {"nickname": MASK, "colour": "green"}
    assert outbox[0].error.message == f"ValueError: {MASK}"


def test_all_parameters_can_be_marked(client, view):
    @view
    @sensitive_post_parameters()
    def fail(request):
        raise ValueError(str(dict(request.POST)))

    client.post("/exception/", {"nickname": "frog-prince", "colour": "green-ish"})

    assert outbox[0].request.params == {"nickname": MASK, "colour": MASK}
    assert "green-ish" not in repr(outbox[0])


def test_marks_hold_for_json_at_any_depth(client, view):
    @view
    @sensitive_post_parameters("nickname")
    def fail(request):
        raise ValueError(len(request.body))

    client.post(
        "/exception/", '{"a": [{"nickname": "frog-prince", "b": 1}]}', content_type="application/json"
    )

    assert outbox[0].request.params == {"a": ({"nickname": MASK, "b": "1"},)}


def test_where_all_is_marked_json_is_hidden_whole(client, view):
    @view
    @sensitive_post_parameters()
    def fail(request):
        raise ValueError(request.body.decode())

    client.post("/exception/", '{"colour": {"deep": "green-ish"}}', content_type="application/json")

    assert outbox[0].request.params == {"colour": MASK}
    assert "green-ish" not in repr(outbox[0])


def plain(request):
    return HttpResponse()


async def awaited(request):
    return HttpResponse()


@method_decorator(sensitive_post_parameters("nickname"), name="dispatch")
class OfClass(View):
    def post(self, request):
        return HttpResponse()


class OfMethod(View):
    @method_decorator([never_cache, sensitive_post_parameters("nickname")])
    def post(self, request):
        return HttpResponse()


class Unhashable:
    __hash__ = None

    def __call__(self, request):
        return HttpResponse()


marked = sensitive_post_parameters("nickname")


@pytest.mark.parametrize(
    "view",
    [
        marked(plain),
        never_cache(marked(never_cache(plain))),
        marked(awaited),
        functools.partial(marked(plain)),
        OfClass.as_view(),
        never_cache(OfMethod.as_view()),
    ],
    ids=["function", "under decorators", "async", "partial", "class", "method"],
)
def test_marks_hold_before_the_view_has_run(view):
    """As where a middleware fails after the URL was resolved."""
    request = RequestFactory().post("/", {"nickname": "frog-prince", "colour": "green"})
    dict(request.POST)
    request.resolver_match = ResolverMatch(view, (), {})

    assert noticed(request).request.params == {"nickname": MASK, "colour": "green"}


def test_a_view_that_cannot_be_hashed_is_looked_at_too():
    request = RequestFactory().post("/", {"nickname": "frog"})
    dict(request.POST)
    request.resolver_match = ResolverMatch(Unhashable(), (), {})

    assert noticed(request).request.params == {"nickname": "frog"}


def test_marks_of_a_middleware_that_fails_first(client, reported, settings_for):
    client.post("/marked/", {"nickname": "frog-prince"}, headers={"X-Fail": "Inner in process_view of"})

    assert b"frog-prince" not in reported.bytes


@pytest.mark.parametrize("where", ["setting", "request"])
def test_a_sites_own_filter_decides(client, settings_for, view, where):
    from shop.reporting import Filter

    if where == "setting":
        settings_for(DEFAULT_EXCEPTION_REPORTER_FILTER="shop.reporting.Filter")

    @view
    def fail(request):
        if where == "request":
            request.exception_reporter_filter = Filter()
        raise ValueError(request.POST["colour"])

    client.post(
        "/exception/",
        {"colour": "green-ish"},
        headers={"X-Dropped": "dropped-value", "X-Api-Version": "7", "Cookie": "dropped=1; kept=2"},
    )

    [notice] = outbox
    assert notice.request.params == {"colour": SUBSTITUTE, "shown": "as the filter says"}
    assert "HTTP_X_DROPPED" not in notice.request.cgi_data
    assert notice.request.cgi_data["HTTP_X_API_VERSION"] == SUBSTITUTE
    assert notice.request.cgi_data["HTTP_COOKIE"] == f"kept={MASK}"
    assert notice.error.message == f"ValueError: {MASK}"


def test_a_filter_that_fails_hides_all_it_was_asked_about(client, settings_for, view, caplog):
    settings_for(
        DEFAULT_EXCEPTION_REPORTER_FILTER="shop.reporting.FailingFilter",
        HOPTOAD_LOCAL_VARIABLES=True,
        DEBUG_PROPAGATE_EXCEPTIONS=False,
    )

    @view
    def fail(request):
        local = "local-value"
        raise ValueError(f"{request.POST['colour']} {local}")

    client.post("/exception/?q=query-value", {"colour": "green-ish"}, headers={"X-Tenant": "tenant-value"})

    [notice] = outbox
    for hidden in ("green-ish", "local-value", "tenant-value", "query-value"):
        assert hidden not in repr(notice)
    assert notice.request.params["[body]"].startswith("[hidden")
    assert notice.error.frames[0].variables["[variables]"].startswith("[hidden")
    assert "The exception reporter filter failed in get_safe_request_meta" in caplog.text


def test_a_filter_that_cannot_be_found_hides_everything(client, settings_for, view, caplog):
    settings_for(DEFAULT_EXCEPTION_REPORTER_FILTER="shop.reporting.Nowhere")

    @view
    def fail(request):
        raise ValueError(request.POST["colour"])

    client.post("/exception/", {"colour": "green-ish"}, headers={"X-Tenant": "tenant-value"})

    assert "green-ish" not in repr(outbox[0])
    assert "tenant-value" not in repr(outbox[0])


def test_a_site_may_change_what_djangos_own_filter_hides_at_any_time(monkeypatch):
    request = RequestFactory().get("/", headers={"accept": "text/plain, x-frog"})
    assert noticed(request).request.cgi_data["HTTP_ACCEPT"] == "text/plain, x-frog"

    monkeypatch.setattr(SafeExceptionReporterFilter, "hidden_settings", re.compile("ACCEPT"))

    assert noticed(request).request.cgi_data["HTTP_ACCEPT"] == SafeExceptionReporterFilter.cleansed_substitute


@pytest.mark.parametrize("hidden", [["ACCEPT"], "ACCEPT", None])
def test_what_is_no_pattern_hides_all_headers(monkeypatch, caplog, hidden):
    monkeypatch.setattr(SafeExceptionReporterFilter, "hidden_settings", hidden)

    told = noticed(RequestFactory().get("/?page=frog", headers={"accept": "text/x-frog"})).request

    assert "frog" not in str(told.cgi_data) + told.url
    assert "get_safe_request_meta" in caplog.text


def hidden(*args):
    return {"note": "###"}


@pytest.mark.parametrize("method", ["get_post_parameters", "get_safe_request_meta", "cleanse_setting"])
@pytest.mark.parametrize("of_class", [False, True])
def test_djangos_own_filter_with_a_method_of_the_sites_is_the_sites(monkeypatch, method, of_class):
    request = RequestFactory().post("/", {"note": "frog-prince"}, headers={"note": "frog-header"})
    assert request.POST
    noticed(request)  # what is remembered of Django's own must not be believed afterwards
    own = SafeExceptionReporterFilter()
    monkeypatch.setattr(
        SafeExceptionReporterFilter if of_class else own,
        method,
        lambda *args: "###" if method == "cleanse_setting" else hidden(),
    )
    request.exception_reporter_filter = own

    told = noticed(request).request

    assert ("frog-prince" in str(told.params)) == (method != "get_post_parameters")
    assert ("frog-header" in str(told.cgi_data)) == (method == "get_post_parameters")


def test_an_empty_substitute_hides_as_well(monkeypatch):
    monkeypatch.setattr(SafeExceptionReporterFilter, "cleansed_substitute", "")

    told = noticed(RequestFactory().get("/", headers={"passage": "frog-prince"})).request

    assert told.cgi_data["HTTP_PASSAGE"] == ""


@pytest.mark.parametrize("cookies", ["Frog0Prince0Frog; lang=en", 'prefs="a;Frog0Prince0Frog"; lang=en'])
def test_what_is_no_name_of_a_cookie_is_not_shown_as_one(cookies):
    told = noticed(RequestFactory().get("/", HTTP_COOKIE=cookies)).request

    assert "Frog" not in str(told.cgi_data)
    assert f"lang={MASK}" in told.cgi_data["HTTP_COOKIE"]


def test_a_reporter_is_not_shown_the_process_environment_and_changes_nothing(settings_for):
    settings_for(DEFAULT_EXCEPTION_REPORTER="reporters.Changing")
    request = RequestFactory().get("/")
    request.META["PLAIN_ENVIRONMENT"] = "frog-prince"

    told = noticed(request)

    assert "frog" not in str(told)
    assert "CHANGED" not in request.META


def test_the_filter_is_shown_a_copy_it_may_change(client, settings_for, view):
    from shop.reporting import Filter

    class Greedy(Filter):
        def get_safe_request_meta(self, request):
            request.touched = True
            request.COOKIES, request.GET  # noqa: B018 - evaluated, on the copy
            return super().get_safe_request_meta(request)

    seen = []

    @view
    def fail(request):
        request.exception_reporter_filter = Greedy()
        seen.append((request, dict(request.__dict__)))
        raise ValueError("x")

    client.get("/exception/?a=1")

    [(request, before)] = seen
    assert len(outbox) == 1
    assert set(request.__dict__) - set(before) <= {
        "_hoptoad_seen",
        "hoptoad_notice_id",
        "csrf_processing_done",  # by Django, for its own page
    }


def test_a_body_that_nobody_has_read_is_not_read_for_the_filter(client, view):
    class Reader(SafeExceptionReporterFilter):
        def get_safe_request_meta(self, request):
            return {**super().get_safe_request_meta(request), "HTTP_X_POST": str(dict(request.POST))}

    @view
    def fail(request):
        request.exception_reporter_filter = Reader()
        try:
            raise ValueError("x")
        except ValueError as error:
            build.notice(build.incident(request, exception=error), get_settings())
        raise ValueError(request.POST["colour"])

    client.post("/exception/", {"colour": "green"})

    assert outbox[0].error.message == "ValueError: green"


@pytest.mark.django_db
def test_a_filter_must_not_run_sql():
    from shop.reporting import Filter

    class Curious(Filter):
        def get_safe_request_meta(self, request):
            get_user_model().objects.count()

    request = RequestFactory().get("/", headers={"X-Tenant": "tenant-value"})
    request.exception_reporter_filter = Curious()

    queries = []
    connection.ensure_connection()
    connection.connection.set_trace_callback(queries.append)
    notice = noticed(request)
    connection.connection.set_trace_callback(None)

    assert queries == []
    assert "tenant-value" not in repr(notice)


@sensitive_variables("code")
def check(code, colour):
    raise ValueError(f"odd {code} {colour}")


@sensitive_variables()
def check_all(code, colour):
    raise ValueError(f"odd {code} {colour}")


@never_cache
def under_another(request, code):
    check(code, "green-ish")


@sensitive_variables("code")
async def check_async(code, colour):
    raise ValueError(f"odd {code} {colour}")


@pytest.mark.parametrize("debug", [False, True])
@pytest.mark.parametrize("variables", [False, True])
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: check("code-1234", "green-ish"), f"ValueError: odd {MASK} green-ish"),
        (lambda: check_all("code-1234", "green-ish"), f"ValueError: odd {MASK} {MASK}"),
        (lambda: under_another(RequestFactory().get("/"), "code-1234"), f"ValueError: odd {MASK} green-ish"),
        (lambda: check_async("code-1234", "green-ish").send(None), f"ValueError: odd {MASK} green-ish"),
    ],
    ids=["named", "all", "under another decorator", "async"],
)
def test_marked_variables_are_hidden_in_frames_and_in_messages(settings_for, call, message, variables, debug):
    settings_for(HOPTOAD_LOCAL_VARIABLES=variables, DEBUG=debug)

    notice = noticed(RequestFactory().get("/"), raised(call))

    assert notice.error.message == message
    assert "code-1234" not in repr(notice)


def test_what_would_be_evaluated_is_only_named(settings_for):
    settings_for(HOPTOAD_LOCAL_VARIABLES=True)
    evaluated = []

    class Liar:
        @property
        def __class__(self):
            evaluated.append("a property")
            return str

    class Nosy:
        def __getattribute__(self, name):
            evaluated.append(name)
            return object.__getattribute__(self, name)

        def __repr__(self):
            evaluated.append("repr")

    def fail():
        lazy = SimpleLazyObject(lambda: evaluated.append("lazy"))
        liar, nosy, users = Liar(), Nosy(), get_user_model().objects.all()
        fields = MultiValueDict({"password": ["multi-secret"], "a": ["b"]})
        raise ValueError("x", lazy, liar, nosy, users, fields)

    [frame, *_] = noticed(RequestFactory().get("/"), raised(fail)).error.frames

    assert evaluated == []
    assert frame.variables["lazy"] == "<django.utils.functional.SimpleLazyObject object>"
    assert frame.variables["users"] == "<django.db.models.query.QuerySet object>"
    assert frame.variables["nosy"].endswith(".Nosy object>")
    assert frame.variables["fields"] == {"password": MASK, "a": ("b",)}


def test_neither_request_nor_session_is_changed(client, settings_for, view):
    settings_for(
        HOPTOAD_LOCAL_VARIABLES=True, SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies"
    )
    seen = []

    @view
    def fail(request):
        request.session["cart"] = {"token": "session-secret", "items": [{"pin": "1234"}]}
        dict(request.POST)
        memory = {name: value for name, value in request.__dict__.items() if not name.startswith("_")}
        meta = {name: value for name, value in request.META.items() if isinstance(value, str)}
        seen.append((request, set(memory), copy.deepcopy(meta), copy.deepcopy(dict(request.session))))
        raise ValueError("x")

    client.post("/exception/", {"password": "form-secret"})

    [(request, memory, meta, session)] = seen
    assert {name for name in request.__dict__ if not name.startswith("_")} <= memory | {
        "hoptoad_notice_id",
        "csrf_processing_done",  # by Django, for its own page
    }
    assert {name: value for name, value in request.META.items() if isinstance(value, str)} == meta
    assert dict(request.session) == session
    assert request.POST["password"] == "form-secret"

"""The exception behind a 404, 403 or 400: its message and frames are in the notice of the answer."""

import copy
import gc
import json
import logging
import weakref

import pytest
from asgiref.sync import sync_to_async
from collector import Reply
from django.core.exceptions import BadRequest, DisallowedRedirect, PermissionDenied, SuspiciousOperation
from django.http import Http404, HttpResponse
from django.urls import path, re_path
from django.views.decorators.debug import sensitive_variables

from hoptoad.testing import outbox

ALL = {"HOPTOAD_NOTIFY_STATUSES": [400, 403, 404]}
AT = "at /exception/"


class CardRefused(PermissionDenied):
    def __str__(self):
        return f"the {self.args[0]} was refused"


REFUSALS = [
    (
        Http404("No Order matches the given query."),
        404,
        f"Http404: Page not found {AT}: No Order matches the given query.",
    ),
    (Http404(), 404, f"Http404: Page not found {AT}"),
    (PermissionDenied("staff only"), 403, f"Http403: Forbidden {AT}: staff only"),
    (CardRefused("card"), 403, f"Http403: Forbidden {AT}: the card was refused"),
    (SuspiciousOperation("odd"), 400, f"Http400: Bad Request {AT}: odd"),
    (DisallowedRedirect("unsafe scheme"), 400, f"Http400: Bad Request {AT}: unsafe scheme"),
    (BadRequest("no such page"), 400, f"Http400: Bad Request {AT}: no such page"),
]


def refuse(error):
    def refusing(request):
        raise copy.copy(error)  # a fresh one: the lines of one that was raised before would come with it

    return refusing


@pytest.mark.parametrize(("error", "status", "message"), REFUSALS)
def test_the_message_holds_the_reason_and_the_lines_are_those_of_the_exception(
    client, reported, settings_for, view, error, status, message
):
    settings_for(**ALL)
    view(refuse(error))

    assert client.get("/exception/").status_code == status

    notice = reported.one()
    assert notice.findtext("error/class") == f"Http{status}"
    assert notice.findtext("error/message") == message
    lines = [(line.get("file"), line.get("method")) for line in notice.iter("line")]
    assert [file for file, _ in lines] == [
        "[PROJECT_ROOT]/reporting/test_refusals.py",
        "[PROJECT_ROOT]/site/shop/views.py",
    ]


@pytest.mark.parametrize(("error", "status", "message"), REFUSALS[:5])
async def test_under_asgi_they_are_the_same(
    client, async_client, reported, settings_for, view, error, status, message
):
    settings_for(**ALL, HOPTOAD_DIGEST_404=0)
    view(refuse(error))

    await async_client.get("/exception/")
    await sync_to_async(client.get)("/exception/")

    asgi, wsgi = [
        (notice.findtext("error/message"), [line.attrib for line in notice.iter("line")])
        for notice in reported
    ]
    assert asgi == wsgi
    assert asgi[0] == message


async def test_an_async_view_has_a_reason_too(async_client, settings_for):
    settings_for(**ALL, ROOT_URLCONF=__name__)

    await async_client.get("/waiting/")

    assert outbox[0].error.message == "Http403: Forbidden at /waiting/: not yet"


def test_version_3_tells_the_exception_as_the_cause(client, collector, settings_for, view):
    collector.default = Reply(201, '{"id":"1"}')
    url = f"http://127.0.0.1:{collector.port}/api/v3/projects/7/notices"
    settings_for(**ALL, HOPTOAD_API="v3", HOPTOAD_HANDLER="blocking", HOPTOAD_NOTIFICATION_URL=url)
    view(refuse(PermissionDenied("order 17 is not yours")))

    client.get("/exception/")

    main, cause = json.loads(collector.received[0].body)["errors"]
    assert main["message"] == f"Http403: Forbidden {AT}: order … is not yours"
    assert cause["message"] == "PermissionDenied: order 17 is not yours"
    assert main["backtrace"] == cause["backtrace"]


def order(request, slug):
    raise Http404(f"no order {slug} of 'bob' under /home/bob (see bob@example.com): 17 tried")


async def waiting(request):
    raise PermissionDenied("not yet")


def product(request, slug):
    raise PermissionDenied(f"{slug} is sold out")


urlpatterns = [
    re_path("^products/([a-z]+)/$", product),
    path("orders/<slug>/", order),
    path("waiting/", waiting),
]


def test_what_differs_from_one_request_to_the_next_is_kept_out_of_the_message(client, settings_for):
    settings_for(**ALL, ROOT_URLCONF=__name__)

    client.get("/orders/red-shoes/")
    client.get("/orders/blue-socks/")

    assert {notice.error.message for notice in outbox} == {
        "Http404: Page not found at /orders/<slug>/: no order <slug> of … under … (see … … tried"
    }
    assert [notice.request.cgi_data["EXCEPTION_CAUSE"].partition(" at ")[0] for notice in outbox] == [
        f"Http404: no order {slug} of 'bob' under /home/bob (see bob@example.com): 17 tried"
        for slug in ("red-shoes", "blue-socks")
    ]


def test_an_unnamed_argument_of_the_route_is_kept_out_too(client, settings_for):
    settings_for(**ALL, ROOT_URLCONF=__name__)

    client.get("/products/shoes/")

    assert outbox[0].error.message == "Http403: Forbidden at /^products/([a-z]+)/$: … is sold out"


def test_an_answer_without_an_exception_has_no_reason(client, settings_for):
    settings_for(**ALL)

    client.get("/nowhere/")
    client.get("/status/403/")

    assert [notice.error.message for notice in outbox] == [
        "Http404: Page not found at /nowhere/",
        "Http403: Forbidden at /status/<int:code>/",
    ]
    assert {notice.error.frames[0].file for notice in outbox} == {"unknown"}


def test_a_crash_has_none_either(client, view):
    view(refuse(ValueError("broken")))

    client.get("/exception/")

    assert outbox[0].error.message == "ValueError: broken"


def guarding(get_response):
    def middleware(request):
        raise PermissionDenied("not from here")

    return middleware


@pytest.fixture
def logged(request):
    """Django's own level: the test site lets only critical records through."""
    logger = logging.getLogger("django.request")
    level = logger.level
    logger.setLevel(logging.WARNING)
    yield
    logger.setLevel(level)


@pytest.mark.parametrize(
    ("middleware", "headers", "message"),
    [
        (f"{__name__}.guarding", {}, "Http403: Forbidden at /exception/: not from here"),
        (
            "django.middleware.common.CommonMiddleware",
            {"host": "evil.example"},
            "Http400: Bad Request at /exception/: Invalid HTTP_HOST header: …. You may need to add … to ALLOWED_HOSTS.",
        ),
    ],
)
def test_a_middleware_that_refuses_has_a_reason_where_django_logs_it(
    client, settings_for, settings, logged, middleware, headers, message
):
    settings_for(**ALL, MIDDLEWARE=[settings.MIDDLEWARE[0], middleware])

    client.get("/exception/", headers=headers)

    assert outbox[0].error.message == message


class Answers:
    """A middleware that answers what a view refused."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        response = self.get_response(request)
        return HttpResponse("found elsewhere") if response.status_code == 404 else response


def test_what_is_answered_after_all_is_not_reported(client, settings_for, view, settings):
    settings_for(**ALL, MIDDLEWARE=[settings.MIDDLEWARE[0], f"{__name__}.Answers"])
    view(refuse(Http404("no such order")))

    assert client.get("/exception/").status_code == 200
    assert outbox == []


@pytest.mark.parametrize(
    "names",
    [{}, {"HOPTOAD_NOTIFY_404": True, "IGNORABLE_404_URLS": ["^/exception/"]}, {"HOPTOAD_NOTIFY_403": True}],
)
def test_a_refusal_that_nobody_wants_is_not_looked_at(client, settings_for, view, names):
    seen = []
    settings_for(**names)

    class Watched(Http404):
        def __str__(self):
            seen.append("asked")
            return "no such order"

    view(refuse(Watched()))
    client.get("/exception/")

    assert (seen, outbox) == ([], [])


def test_secrets_in_a_reason_are_masked(client, reported, settings_for, view):
    settings_for(**ALL)

    @sensitive_variables("phrase")
    def marked(request):
        phrase = "correct horse 7 battery"
        raise PermissionDenied(f"{phrase} is no phrase, password=tr0ub4dor, and not {request.GET['token']}")

    view(marked)
    client.get("/exception/", {"token": "8311-abcd-38265"})

    for secret in (b"correct", b"battery", b"tr0ub4dor", b"38265"):
        assert secret not in reported.bytes
    assert b"is no phrase" in reported.bytes


def test_the_exception_is_not_kept(client, settings_for, view):
    settings_for(**ALL)
    kept = []

    def refusing(request):
        error = Http404("no such order")
        kept.append(weakref.ref(error))
        raise error

    view(refusing)
    gc.collect()
    gc.disable()
    try:
        response = client.get("/exception/")
        assert not {name for name in vars(response.wsgi_request) if name == "_hoptoad_reason"}
    finally:
        gc.enable()
    del response
    gc.collect()
    assert kept[0]() is None


def test_an_exception_that_cannot_be_read_costs_only_its_text(client, settings_for, view, caplog):
    settings_for(**ALL)

    class Broken(PermissionDenied):
        def __str__(self):
            raise SystemExit

    view(refuse(Broken()))

    assert client.get("/exception/").status_code == 403
    assert outbox[0].error.message.startswith(f"Http403: Forbidden {AT}: [its text could not be read")
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []

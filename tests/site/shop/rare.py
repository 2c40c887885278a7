"""Views that raise statuses."""

from django.core.exceptions import BadRequest, PermissionDenied, SuspiciousOperation
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.urls import include, path

from hoptoad.exceptional.responses import (
    HttpConflict,
    HttpGone,
    HttpRedirect,
    HttpServiceUnavailable,
    by_code,
)

RAISED = {
    "404": Http404("no such frog"),
    "403": PermissionDenied("not yours"),
    "400": BadRequest("bad"),
    "suspicious": SuspiciousOperation("odd"),
    "500": None,
}


def status(request, code):
    raise by_code(code)("a frog's message")


async def status_async(request, code):
    raise by_code(code)("a frog's message")


def django(request, name):
    if RAISED[name] is None:
        return {}["missing"]
    raise RAISED[name]


def redirect(request):
    raise HttpRedirect("/elsewhere/?q=ü", permanent=True)


class CookieConflict(HttpConflict):
    def augment_response(self, response):
        response.set_cookie("seen", "1")


def augmented(request):
    raise CookieConflict("again", headers={"X-Frog": "green"})


class BrokenConflict(HttpConflict):
    def augment_response(self, response):
        raise RuntimeError("the change failed")


def broken_augment(request):
    raise BrokenConflict("again")


def down(request):
    raise HttpServiceUnavailable("soon", retry_after=120)


def stream(request):
    def body():
        yield b"half"
        raise HttpGone("gone half-way")

    return StreamingHttpResponse(body())


def fine(request):
    return HttpResponse("fine")


handler400 = "hoptoad.exceptional.handlers.handler400"
handler403 = "hoptoad.exceptional.handlers.handler403"
handler404 = "hoptoad.exceptional.handlers.handler404"
handler500 = "hoptoad.exceptional.handlers.handler500"

urlpatterns = [
    path("", fine),
    path("status/<int:code>/", status),
    path("status/async/<int:code>/", status_async),
    path("django/<name>/", django),
    path("redirect/", redirect),
    path("augmented/", augmented),
    path("broken-augment/", broken_augment),
    path("down/", down),
    path("stream/", stream),
    path("statuses/", include("hoptoad.exceptional.urls")),
]

"""A small Django site. Each of its pages fails in another way."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

from django.core.exceptions import PermissionDenied
from django.core.management.utils import get_random_secret_key
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import path
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.views.decorators.csrf import csrf_exempt
from django.views.generic import View

# They must never arrive at the receiver.
SECRETS = ("correct-horse-battery", "4111111111111111", "tok-3f9a7c", "staple-9921")


MIDDLEWARE = ["hoptoad.middleware.HoptoadNotifierMiddleware", f"{__name__}.failing_middleware"]


def settings(hoptoad: dict[str, Any]) -> dict[str, Any]:
    """The settings of this site. `hoptoad` says where the notices go."""
    return {
        "DEBUG": False,
        "SECRET_KEY": get_random_secret_key(),
        "ALLOWED_HOSTS": ["127.0.0.1"],
        "ROOT_URLCONF": __name__,
        "MIDDLEWARE": MIDDLEWARE,
        "LOGGING": {
            "version": 1,
            "disable_existing_loggers": False,
            "handlers": {"none": {"class": "logging.NullHandler"}},
            "loggers": {"django": {"handlers": ["none"], "propagate": False}},
        },
        "BASE_DIR": Path(__file__).parent,
        "USE_TZ": True,
        "HOPTOAD_SETTINGS": {
            "HOPTOAD_ENV_NAME": "demo",
            "HOPTOAD_NOTIFY_404": True,
            "HOPTOAD_NOTIFY_403": True,
            **hoptoad,
        },
    }


def failing_middleware(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    def middleware(request: HttpRequest) -> HttpResponse:
        if request.path == "/middleware/":
            raise RuntimeError("a middleware fell over")
        return get_response(request)

    return middleware


def plain(request: HttpRequest) -> NoReturn:
    raise ValueError("the frog is not a prince")


class Order(View):
    def get(self, request: HttpRequest, pk: int) -> NoReturn:
        raise LookupError(f"order {pk} has no customer")


async def awaited(request: HttpRequest) -> NoReturn:
    raise TimeoutError("the pond did not answer")


def chained(request: HttpRequest) -> NoReturn:
    pond = {"frog": 1}
    try:
        raise ValueError(f"{pond['toad']} is not green")
    except KeyError as error:
        raise RuntimeError("the amphibian could not be looked up") from error


@csrf_exempt
def checkout(request: HttpRequest) -> NoReturn:
    raise ValueError(f"the payment of {request.POST['customer']} failed")


@csrf_exempt
def api(request: HttpRequest) -> NoReturn:
    raise TypeError(f"{len(request.body)} bytes of JSON, and none of them right")


def search(request: HttpRequest) -> NoReturn:
    raise ConnectionError(f"no answer from https://search.example/?{request.META['QUERY_STRING']}")


def characters(request: HttpRequest) -> NoReturn:
    raise ValueError("\U0001f438 says \x00 \x1b[31mred\x1b[0m \ud800 and \u202eright to left\u202c")


def forbidden(request: HttpRequest) -> NoReturn:
    raise PermissionDenied


def maintenance(request: HttpRequest) -> HttpResponse:
    return HttpResponse("back soon", status=503)


def stream(request: HttpRequest) -> StreamingHttpResponse:
    def rows() -> Iterator[bytes]:
        yield b"frog,green\n"
        raise OSError("the disk with the toads is gone")

    return StreamingHttpResponse(rows())


def links() -> SafeString:
    """A link or a button for each request, as items of a list."""
    plain = format_html_join(
        "", '<li><a href="{0}">{0}</a> {1}</li>', [(r.path, r.what) for r in REQUESTS if not r.data]
    )
    forms = format_html_join(
        "",
        '<li><form method="post" action="{0}">{1}<button>POST {0}</button> {2}</form></li>',
        [(r.path, _hidden(r.data), r.what) for r in REQUESTS if isinstance(r.data, dict)],
    )
    return format_html("{}{}", plain, forms)


def _hidden(data: dict[str, Any]) -> SafeString:
    return format_html_join("", '<input type="hidden" name="{}" value="{}">', list(data.items()))


class DemoRequest:
    """A request of the demo. A dictionary as `data` is sent as a form, bytes as JSON."""

    def __init__(self, path: str, what: str, data: "dict[str, str] | bytes | None" = None) -> None:
        self.path = path
        self.what = what
        self.data = data


REQUESTS = (
    DemoRequest("/plain/", "a view fails"),
    DemoRequest("/orders/7/", "a class-based view fails"),
    DemoRequest("/async/", "an async view fails"),
    DemoRequest("/chained/", "an exception caused by another"),
    DemoRequest(
        "/checkout/",
        "a form with a password and a card number",
        {"customer": "Freda", "password": SECRETS[0], "card_number": SECRETS[1]},
    ),
    DemoRequest(
        "/api/",
        "JSON with secrets deep inside",
        b'{"user": {"name": "Freda", "tokens": ["tok-3f9a7c"]}, "items": [{"pin": "staple-9921"}]}',
    ),
    DemoRequest(f"/search/?q=frog&access_token={SECRETS[2]}", "a secret in the address"),
    DemoRequest("/characters/", "emoji and control characters"),
    DemoRequest("/nowhere/", "404"),
    DemoRequest("/forbidden/", "403"),
    DemoRequest("/maintenance/", "503, returned without an exception"),
    DemoRequest("/middleware/", "a middleware fails"),
    DemoRequest("/stream/", "a stream fails half-way"),
)

urlpatterns = [
    path("plain/", plain),
    path("orders/<int:pk>/", Order.as_view()),
    path("async/", awaited),
    path("chained/", chained),
    path("checkout/", checkout),
    path("api/", api),
    path("search/", search),
    path("characters/", characters),
    path("forbidden/", forbidden),
    path("maintenance/", maintenance),
    path("stream/", stream),
]

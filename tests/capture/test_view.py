"""Where in the project a request was answered."""

import functools
import types

import pytest
from django.http import HttpResponse
from django.urls import path
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.generic import TemplateView, View

from hoptoad.capture.view import component_and_action
from hoptoad.testing import outbox


def show(page, request=None):
    raise ValueError("something broke in a page")


class Pages:
    """What Python 3.14 makes of `home = functools.partial(show)` in a class."""

    def home(self, request):
        raise ValueError("something broke at home")


class Callable:
    def __call__(self, *args):
        raise ValueError("something broke in an object")


class Refusing:
    def __getattr__(self, name):
        raise RuntimeError(name)

    def __call__(self, request):
        raise ValueError("something broke in an object that says nothing of itself")


HERE = __name__


@pytest.mark.parametrize(
    ("view", "named"),
    [
        (types.MethodType(functools.partial(show), Pages()), (f"{HERE}.Pages", "show")),
        (
            types.MethodType(functools.partial(functools.partial(show, 1), 2), Pages()),
            (f"{HERE}.Pages", "show"),
        ),
        (functools.partial(types.MethodType(functools.partial(show), Pages())), (f"{HERE}.Pages", "show")),
        (types.MethodType(Callable(), Pages()), (f"{HERE}.Pages", "__call__")),
        (types.MethodType(functools.partial(Callable()), Pages()), (f"{HERE}.Pages", "__call__")),
        (types.MethodType(types.MethodType(show, 1), Pages()), (f"{HERE}.Pages", "show")),
        (functools.partialmethod(show).__get__(Pages()), (f"{HERE}.Pages", "show")),
        (Pages().home, (f"{HERE}.Pages", "home")),
        (functools.partial(show), (HERE, "show")),
        (Callable(), (f"{HERE}.Callable", "__call__")),
        (None, ("unknown", "")),
    ],
)
def test_whatever_can_be_called_has_a_name(view, named, caplog):
    assert component_and_action(view, "GET") == named
    assert caplog.text == ""


urlpatterns = [
    path("page/", types.MethodType(functools.partial(show), Pages())),
]


def test_an_object_that_refuses_to_be_read_is_named_by_its_class(caplog):
    assert component_and_action(Refusing(), "GET") == (f"{HERE}.Refusing", "__call__")
    assert caplog.text == ""


def test_a_bound_partial_is_a_page_like_any(client, settings_for, caplog):
    settings_for(ROOT_URLCONF=__name__)

    client.get("/page/")

    assert (outbox[0].request.component, outbox[0].request.action) == (f"{HERE}.Pages", "show")
    assert "hoptoad" not in caplog.text


class OnlyDispatch(View):
    def dispatch(self, request, *args, **kwargs):
        raise ValueError("something broke in dispatch")


class AlsoDecorated(OnlyDispatch):
    @method_decorator(never_cache)
    def dispatch(self, request, *args, **kwargs):
        return super().dispatch(request, *args, **kwargs)


class Logged(View):
    def dispatch(self, request, *args, **kwargs):
        return super().dispatch(request, *args, **kwargs)

    def get(self, request):
        return HttpResponse()


class Nothing(View):
    pass


@pytest.mark.parametrize(
    ("kind", "verb", "action"),
    [
        (OnlyDispatch, "GET", "dispatch"),
        (OnlyDispatch, "POST", "dispatch"),
        (OnlyDispatch, "OPTIONS", "dispatch"),
        (OnlyDispatch, "INVENTED", "dispatch"),
        (AlsoDecorated, "HEAD", "dispatch"),
        (Logged, "GET", "get"),
        (Logged, "HEAD", "get"),
        (Logged, "OPTIONS", "options"),
        (Logged, "POST", "http_method_not_allowed"),
        (Nothing, "GET", "http_method_not_allowed"),
        (TemplateView, "POST", "http_method_not_allowed"),
    ],
)
def test_a_class_is_named_with_the_method_that_answers(kind, verb, action):
    assert component_and_action(kind.as_view(), verb) == (f"{kind.__module__}.{kind.__name__}", action)


def test_functions_of_django_rest_framework_are_named_each():
    decorators = pytest.importorskip("rest_framework.decorators")

    @decorators.api_view(["GET", "POST"])
    def orders(request): ...

    @csrf_exempt
    @decorators.api_view()
    @decorators.permission_classes([])
    def invoices(request): ...

    class WrappedAPIView(View):
        def get(self, request): ...

    assert component_and_action(orders, "POST") == (__name__, "orders")
    assert component_and_action(invoices, "GET") == (__name__, "invoices")
    assert component_and_action(functools.partial(orders, page=1), "PUT") == (__name__, "orders")
    assert component_and_action(WrappedAPIView.as_view(), "GET")[1] == "get"


NINJA = [
    ("get", "/api/orders/7", "order_detail"),
    ("patch", "/api/orders/7", "order_change"),
    ("get", "/api/slow/", "slow"),
    ("post", "/api/slow/", "beside_slow"),
    ("delete", "/api/inner/items/", "items_clear"),
]


@pytest.fixture
def ninja(settings_for):
    pytest.importorskip("ninja", reason="django-ninja is not installed")
    settings_for(ROOT_URLCONF="shop.ninja_urls")


@pytest.mark.parametrize(("verb", "page", "action"), NINJA)
def test_an_endpoint_of_django_ninja_is_its_own_function(client, reported, ninja, verb, page, action):
    getattr(client, verb)(page)

    notice = reported.one()
    assert notice.findtext("request/component") == "shop.ninja_urls"
    assert notice.findtext("request/action") == action


@pytest.mark.parametrize(("verb", "page", "action"), NINJA)
async def test_under_asgi_too(async_client, reported, ninja, verb, page, action):
    await getattr(async_client, verb)(page)

    assert reported.one().findtext("request/action") == action


def test_a_verb_that_no_endpoint_answers(client, settings_for, ninja):
    settings_for(HOPTOAD_NOTIFY_STATUSES=[405])

    client.post("/api/orders/7")

    assert (outbox[0].request.component, outbox[0].request.action) == (
        "shop.ninja_urls",
        "http_method_not_allowed",
    )

"""The arguments of a route, named and unnamed, are in the parameters."""

import pytest
from django.urls import include, path, re_path
from rules import as_errbit_keeps

from hoptoad.redaction.cutting import MASK
from hoptoad.testing import outbox


def fail(request, *args, **kwargs):
    raise ValueError("something broke")


async def fail_async(request, *args, **kwargs):
    raise ValueError("something broke while awaited")


urlpatterns = [
    re_path(r"^orders/(\d+)/([\w-]+)/$", fail),
    re_path(r"^async/(\d+)/([\w-]+)/$", fail_async),
    re_path(r"^one/([^/]+)/$", fail),
    re_path(r"^maybe/(\d+)/(?:page-(\d+)/)?$", fail),
    re_path(r"^more/(\d+)/$", fail, {"template": "order.html"}),
    re_path(r"^login/password=(\w+)/$", fail),
    re_path(r"^named/(?P<pk>\d+)/$", fail),
    re_path(r"^in/(\d+)/", include([re_path(r"^it/(\w+)/$", fail)])),
    path("plain/", fail),
]


@pytest.fixture(autouse=True)
def routes(settings_for):
    settings_for(ROOT_URLCONF=__name__)


@pytest.mark.parametrize(
    ("url", "params"),
    [
        ("/orders/7/tea-pot/", {"[route]": ("7", "tea-pot")}),
        ("/one/frog/", {"[route]": "frog"}),
        ("/one/fröhlich%20so/", {"[route]": "fröhlich so"}),
        ("/maybe/7/", {"[route]": ("7", "None")}),
        ("/more/7/", {"[route]": "7", "template": "order.html"}),
        ("/in/7/it/frog/?page=2", {"[route]": ("7", "frog"), "page": "2"}),
        ("/named/7/", {"pk": "7"}),
        ("/plain/?page=2", {"page": "2"}),
    ],
)
def test_unnamed_arguments_of_a_route_are_told(client, url, params):
    client.get(url)

    assert outbox[0].request.params == params


async def test_those_of_an_asynchronous_view_too(async_client):
    await async_client.get("/async/7/tea-pot/")

    assert outbox[0].request.params == {"[route]": ("7", "tea-pot")}


def test_they_arrive_at_a_server(client, reported):
    client.get("/orders/7/tea-pot/")

    assert as_errbit_keeps(reported.one().find("request/params")) == {"[route]": {"0": "7", "1": "tea-pot"}}


@pytest.mark.parametrize(
    "url",
    [
        "/login/password=hunter/",
        "/login/password=1234/",
        "/one/eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abcdefghijk/",
    ],
)
def test_what_is_masked_in_the_address_is_masked_among_them(client, url):
    client.get(url)

    [notice] = outbox
    assert notice.request.params == {"[route]": MASK}
    assert MASK in notice.request.url


def test_a_protected_value_is_masked_among_them(client):
    client.get("/orders/7/geheim-4711-x/?password=geheim-4711-x")

    assert outbox[0].request.params == {"[route]": ("7", MASK), "password": MASK}

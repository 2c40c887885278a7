"""What is said of the request."""

import io
import os

import pytest
from django.contrib.auth import get_user_model
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import models
from django.test import RequestFactory
from django.test.utils import isolate_apps
from django.utils.datastructures import MultiValueDict
from django.utils.functional import SimpleLazyObject
from rules import variables

from hoptoad.capture import build
from hoptoad.capture.data import DataReader
from hoptoad.capture.reporter_filter import ReporterFilter
from hoptoad.capture.request import RequestReader
from hoptoad.conf.loading import get_settings
from hoptoad.redaction.cutting import MASK, Room
from hoptoad.redaction.names import Names


def read(request):
    room = Room(values=2000, chars=200_000, text=2048, depth=20)
    reader = DataReader(Names(get_settings().protected_params), {})
    return RequestReader(request, ReporterFilter(request, get_settings()), reader, room, get_settings())


def test_get_keeps_repeated_keys_and_joins_the_form_and_the_route(client, reported):
    client.post("/form/?a=1&a=2&b=get", {"b": "post", "c": "3"})

    assert variables(reported.one(), "params") == {
        "a": {"0": "1", "1": "2"},
        "b": {"0": "get", "1": "post"},
        "c": "3",
    }


def test_arguments_of_the_route_are_parameters(client, reported):
    client.get("/boom/class/7/?page=2")

    assert variables(reported.one(), "params") == {"pk": "7", "page": "2"}


def test_a_form_nobody_read_is_not_read_now(client, reported):
    client.post("/boom/", {"b": "post"})

    assert variables(reported.one(), "params") == {"[body]": "[not loaded]"}


def test_json_that_was_read_is_reported_nested_and_masked(client, reported):
    client.post(
        "/json/",
        {"order": [{"id": 7, "card_number": "4111111111111111"}], "Password": "abc", "x": None},
        content_type="application/json",
    )

    assert variables(reported.one(), "params") == {
        "order": {"0": {"id": "7", "card_number": MASK}},
        "Password": MASK,
        "x": "None",
    }


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b"[1, 2]", {"[json]": ("1", "2")}),
        (b"{", {"[json]": "[malformed: 1 bytes]"}),
        (b"[" * 50_000, {"[json]": "[malformed: 50000 bytes]"}),
        (b'"' + b"x" * 70_000 + b'"', {"[json]": "[not parsed: 70002 bytes]"}),
        (b"\xff\xfe\x00", {"[json]": "[malformed: 3 bytes]"}),
    ],
)
def test_odd_json_is_named(body, shown):
    request = RequestFactory().post("/", body, content_type="application/json")
    request.body  # noqa: B018 - somebody has read it

    assert read(request).info().params == shown


def test_a_body_of_another_type_is_named_by_its_size():
    request = RequestFactory().post("/", b"<secret/>", content_type="text/xml")
    request.body  # noqa: B018

    assert read(request).info().params == {"[body]": "[not parsed: 9 bytes]"}


def test_uploads_are_named_with_their_size(client, reported):
    client.post("/form/", {"paper": SimpleUploadedFile("thesis.pdf", b"12345")})

    assert variables(reported.one(), "params") == {"paper": "[file] thesis.pdf (5 bytes)"}


def test_a_broken_upload_stays_the_answer_django_gives_it(client, reported, settings_for):
    settings_for(HOPTOAD_NOTIFY_STATUSES=[400])

    response = client.generic("POST", "/form/?a=1", b"--x", content_type="multipart/form-data; boundary=")

    assert response.status_code == 400
    assert variables(reported.one(), "params") == {"a": "1"}


def test_a_body_that_breaks_off_is_a_failure_with_the_rest_of_its_request(client, reported, view):
    class Broken(io.RawIOBase):
        def read(self, *args):
            raise OSError("connection reset while reading")

    @view
    def fail(request):
        request._stream = Broken()
        try:
            request.POST  # noqa: B018
        except OSError:
            raise ValueError("the form could not be read") from None

    client.post("/exception/?a=1", {"b": "2"})

    assert variables(reported.one(), "params")["a"] == "1"


def test_the_session_is_reported_where_it_was_loaded(client, reported, db):
    client.get("/session/")

    assert variables(reported.one(), "session") == {"basket": {"items": {"0": "1", "1": "2"}, "token": MASK}}


def test_the_session_is_named_where_it_was_not_loaded(client, reported):
    client.get("/boom/")

    assert variables(reported.one(), "session") == {"[session]": "[not loaded]"}


def test_a_site_without_sessions_and_users_is_fine(client, reported, settings_for, settings):
    settings_for(MIDDLEWARE=settings.MIDDLEWARE[:1])

    client.get("/boom/")

    assert reported.one().find("request/session") is None
    assert reported.one().find("current-user") is None


def sign_in(client):
    user = get_user_model().objects.create_user(
        "frog", "frog@pond.example", "pw", first_name="Freda", last_name="Frog"
    )
    client.force_login(user)
    return str(user.pk)


@pytest.mark.parametrize(
    ("wanted", "shown"),
    [
        ("id", ["id"]),
        (None, None),
        ("full", ["id", "Freda Frog", "frog@pond.example", "frog"]),
    ],
)
def test_the_user_is_told_as_far_as_wanted(client, reported, settings_for, db, wanted, shown):
    settings_for(HOPTOAD_SEND_USER=wanted)
    pk = sign_in(client)

    client.get("/user/")

    user = reported.one().find("current-user")
    assert (None if user is None else [child.text for child in user]) == (shown and [pk, *shown[1:]])


def test_a_user_nobody_asked_for_is_not_fetched(client, reported, db):
    sign_in(client)

    client.get("/boom/")

    assert reported.one().find("current-user") is None


def test_nobody_is_not_a_user(client, reported, db):
    client.get("/user/")

    assert reported.one().find("current-user") is None


def test_a_lazy_user_that_was_evaluated_elsewhere_is_told():
    request = RequestFactory().get("/")
    request.user = SimpleLazyObject(lambda: get_user_model()(pk=7))
    assert read(request).user() is None

    str(request.user.pk)
    assert read(request).user().id == "7"


class Slotted:
    __slots__ = ("email", "id")

    def __init__(self, **values):
        for name, value in values.items():
            setattr(self, name, value)


class Computed:
    """Knows its id only by computing it, as the users of tokens do."""

    @property
    def id(self):
        raise AssertionError("computed")


@isolate_apps("shop")
def test_a_user_with_a_composite_key_has_an_id():
    class Member(models.Model):
        pk = models.CompositePrimaryKey("tenant", "number")
        tenant = models.CharField(max_length=9)
        number = models.IntegerField()

        class Meta:
            app_label = "shop"

    request = RequestFactory().get("/")
    request.user = Member(tenant="frogs", number=7)
    assert read(request).user().id == "frogs,7"

    request.user = Member(tenant="frogs")
    assert read(request).user() is None


@pytest.mark.parametrize(
    ("user", "shown"),
    [(Slotted(id=7, email="a"), "7"), (Slotted(email="a"), None), (Computed(), None), (Slotted(id=0), "0")],
)
def test_a_user_of_the_sites_own_class_is_told_from_memory(user, shown):
    request = RequestFactory().get("/")
    request.user = user

    told = read(request).user()

    assert (told and told.id) == shown


def test_headers_are_sent_and_the_process_environment_is_not(client, reported, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY_PASSWORD", "env-secret-1")
    monkeypatch.setenv("HOME_SECRET", "env-secret-2")

    # As wsgiref, and so runserver, builds META.
    client.get(
        "/boom/", **dict(os.environ), HTTP_ACCEPT="text/html", REMOTE_USER="freda", HTTP_X_REMOTE_USER="freda"
    )

    data = variables(reported.one(), "cgi-data")
    assert data["HTTP_ACCEPT"] == "text/html"
    assert data["REQUEST_METHOD"] == "GET"
    assert b"env-secret" not in reported.bytes
    assert not {"PATH", "HOME", "HTTP_PROXY_PASSWORD", "REMOTE_USER", "HTTP_X_REMOTE_USER"} & set(data)
    assert not any(name.startswith("wsgi") for name in data)


def test_headers_that_hold_secrets_are_masked(client, reported):
    client.cookies["theme"] = "cookie-secret"
    client.get(
        "/boom/",
        headers={
            "Authorization": "Bearer header-secret",
            "X-Api-Key": "header-secret",
            "Referer": "https://other.test/?token=header-secret&page=2",
        },
    )

    data = variables(reported.one(), "cgi-data")
    assert data["HTTP_AUTHORIZATION"] == data["HTTP_X_API_KEY"] == MASK
    assert data["HTTP_REFERER"] == f"https://other.test/?token={MASK}&page=2"
    assert data["HTTP_COOKIE"] == f"theme={MASK}"
    assert b"secret" not in reported.bytes


def test_secrets_in_the_url_are_masked_wherever_the_url_stands(client, reported):
    client.get("/boom/?password=url-secret&next=%2Fcb%3Ftoken%3Durl-secret&page=2")

    notice = reported.one()
    assert notice.findtext("request/url") == (
        f"http://testserver/boom/?password={MASK}&next=%2Fcb%3Ftoken%3D{MASK}&page=2"
    )
    assert b"url-secret" not in reported.bytes


def test_secrets_in_the_path_that_have_a_name_are_masked(client, reported, settings_for):
    settings_for(HOPTOAD_NOTIFY_404=True)

    client.get("/nowhere/;jsessionid=path-secret")

    assert reported.one().findtext("error/message").endswith(f";jsessionid={MASK}") or (
        MASK in reported.one().findtext("error/message")
    )
    assert b"path-secret" not in reported.bytes


def test_of_cookies_only_names_are_kept():
    request = RequestFactory().get("/", headers={"cookie": "sessionid=abc; theme=dark"})

    shown = build.notice(build.incident(request, status=404), get_settings()).request.cgi_data

    assert shown["HTTP_COOKIE"] == f"sessionid={MASK}; theme={MASK}"


def test_a_long_query_costs_no_more_than_what_can_be_sent(client, reported, deadline):
    client.get("/boom/?x=%41" + "pw=" * 20_000)

    assert len(reported) == 1
    assert deadline(3)


def test_a_long_name_of_a_secret_is_judged_as_a_whole():
    request = RequestFactory().get("/")
    request._post = MultiValueDict(
        {"x" * 300 + "_password": ["long-secret"], "y" * 100_000: ["longer-secret"]}
    )
    request._files = {}

    assert set(read(request).info().params.values()) == {MASK}


def test_too_many_fields_in_the_query_cost_only_the_query(settings_for):
    settings_for(DATA_UPLOAD_MAX_NUMBER_FIELDS=3)
    request = RequestFactory().get("/?a=1&b=1&c=1&d=1&e=1")
    request._post, request._files = MultiValueDict({"page": ["2"]}), {}

    assert read(request).info().params == {"[query]": "[could not be read]", "page": "2"}


def test_the_users_own_names_are_masked_too(client, reported, settings_for):
    settings_for(HOPTOAD_PROTECTED_PARAMS=["iban"])

    client.post("/form/?IBAN=DE89", {"user[iban]": "DE89"})

    assert variables(reported.one(), "params") == {"IBAN": MASK, "user[iban]": MASK}
    assert b"DE89" not in reported.bytes


@pytest.mark.parametrize(
    ("meta", "url"),
    [
        ({"HTTP_HOST": "shop.test:8443"}, "http://shop.test:8443/p/"),
        ({"SERVER_NAME": "inner", "SERVER_PORT": "8000"}, "http://inner:8000/p/"),
        ({"HTTP_HOST": "b\u00fccher.test\r\n evil"}, "http://b%C3%BCcher.testevil/p/"),
        ({"HTTP_HOST": "x", "wsgi.url_scheme": "https"}, "https://x/p/"),
    ],
)
def test_the_url_is_built_from_what_the_client_sent(meta, url):
    request = RequestFactory().get("/p/", **meta)

    assert read(request).info().url == url


def test_a_section_that_cannot_be_read_costs_only_itself(caplog):
    request = RequestFactory().get("/?a=1")
    request.session = type("Session", (), {})()
    request.session._session_cache = object()

    info = read(request).info()

    assert info.params == {"a": "1"}
    assert info.session == {"[session]": "[could not be read]"}
    assert "Could not read the session" in caplog.text


def test_a_query_of_very_many_fields_is_named():
    request = RequestFactory().get("/?" + "a=1&" * 2000)

    assert read(request).info().params == {"[query]": "[not parsed: more than 1000 fields]"}


def test_a_giant_form_does_not_push_out_the_headers():
    request = RequestFactory().post("/", headers={"Accept": "text/html"})
    request._post = MultiValueDict({f"field{number}": ["x"] for number in range(10_000)})
    request._files = {}

    info = read(request).info()

    assert info.cgi_data["HTTP_ACCEPT"] == "text/html"
    assert 1900 < len(info.params) < 2001
    assert info.params["[cut]"].endswith(" more")


def test_a_very_long_url_is_cut_and_stays_one():
    request = RequestFactory().get("/?q=" + "x" * 5000)

    url = build.notice(build.incident(request, status=404), get_settings()).request.url

    assert len(url) == 2048
    assert url.isascii()

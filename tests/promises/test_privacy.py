"""Nothing marked secret leaves the process, in any field, in any form; and what is harmless arrives."""

import base64
import html
import json
from urllib.parse import quote

import django
import pytest
from canaries import Canaries
from django.conf import settings as django_settings
from django.core import mail
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import Http404
from django.test import override_settings
from django.utils.functional import SimpleLazyObject
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hoptoad.handlers import get_handler
from hoptoad.handlers.registry import close_handlers
from hoptoad.reporting.pipeline import pipeline
from hoptoad.testing import outbox

PRIVATE_KEY = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow{}\n{}\n-----END RSA PRIVATE KEY-----"
EVALUATED = []
TASKS = "django.tasks" if django.VERSION >= (6, 0) else "django_tasks"
ADMINS = ["admin@shop.example"] if django.VERSION >= (6, 0) else [("An admin", "admin@shop.example")]
SESSIONS = "django.contrib.sessions.backends.signed_cookies"
BENIGN = {
    "form": "benign-form",
    "nested form": "benign-nested",
    "file": "benign-file.png",
    "query": "benign-query",
    "header": "benign-header",
    "agent": "benign-agent",
    "referrer": "benign-referrer",
    "cookie's name": "benign_cookie",
    "session": "benign-session",
    "message": "benign message",
    "note": "benign note",
    "cause": "benign cause",
    "variable": "benign-variable",
    "route": "benign-route",
    "own addition": "green",
}


@pytest.fixture
def canaries(monkeypatch, settings_for):
    canaries = NOW[0] = Canaries()
    monkeypatch.setenv("PAYMENT_API_KEY", canaries["an environment variable"])
    monkeypatch.setenv("BROKER_URL", f"amqp://shop:{canaries.word('a URL in the environment')}@mq/shop")
    settings_for(
        SESSION_ENGINE=SESSIONS,
        DEFAULT_EXCEPTION_REPORTER="shop.reporting.Reporter",
        HOPTOAD_PROTECTED_PARAMS=["iban"],
        HOPTOAD_LOCAL_VARIABLES=True,
        HOPTOAD_SOURCE_CONTEXT=2,
        HOPTOAD_MAX_TEXT=20_000,
        HOPTOAD_MAX_CHARS=2_000_000,
        STRIPE_SECRET=canaries["a setting"],
        CLOUD={"eu": [{"access_token": canaries["a nested setting"]}]},
    )
    return canaries


def request_of(canaries):
    """Keyword arguments for a test client's post: a secret wherever a browser can put one."""
    word = canaries.word
    basic = base64.b64encode(f"freda:{canaries['basic password']}".encode()).decode()
    form = {
        "password": canaries["form"],
        "user[api_key]": canaries["form, nested name"],
        "form-0-token": canaries["form set"],
        "csrfmiddlewaretoken": canaries["csrf field"],
        "iban": canaries["protected name"],
        "nickname": canaries["marked by sensitive_post_parameters"],
        "settings": json.dumps({"a": [{"secret": canaries["JSON in a field"]}], "b": "benign-nested"}),
        "note": f"I think it is {canaries['form']}",
        "encoded": quote(canaries["form"], safe=""),
        "link": f"https://x.test/?a=1&token={quote(canaries['URL in a field'], safe='')}",
        "passport": SimpleUploadedFile("benign-file.png", b"x"),
        "private_key": SimpleUploadedFile(f"{word('name of a secret file')}.pem", b"x"),
        "plain": "benign-form",
        "old_passwd": canaries["old password"],
        "cardNumber": canaries["camel case"],
        "PIN": canaries["capitals"],
        "repeated_token": [canaries["first of a list"], canaries["second of a list"]],
    }
    referrer = (
        f"https://freda:{word('password in the referrer')}@shop.example/benign-referrer"
        f"?token={word('query of the referrer')}&next={quote(quote('/x?sid=' + word('quoted twice')))}"
        f"&seen={quote(canaries['form'], safe='')}"
    )
    return {
        "path": f"/reset/benign-route/{word('route')}/?q=benign-query&token={word('query')}"
        f"&next={quote('/cb?access_token=' + word('URL in the query'), safe='')}",
        "data": form,
        "headers": {
            "Authorization": f"Basic {basic}",
            "Proxy-Authorization": f"Bearer {word('proxy token')}",
            "X-Api-Key": word("header"),
            "X-CSRFToken": word("csrf header"),
            "X-Auth-Token": word("auth header"),
            "X-Forwarded-Authorization": word("forwarded header"),
            "X-Copy": f"again {word('header')}",
            "X-Url": f"redis://:{word('password in a header')}@cache/0",
            "Cookie": f"csrftoken={word('csrf cookie')}; benign_cookie={word('cookie')}; "
            f"remember_token={word('token cookie')}",
            "Referer": referrer,
            "User-Agent": "benign-agent",
            "X-Request-Id": "benign-header",
            "X-Tenant": f"tenant {canaries['form']}",
        },
        "REMOTE_USER": word("remote user"),
        "SSL_CLIENT_KEY": word("variable of the server"),
        "OS_ENVIRONMENT": word("variable of runserver"),
    }


def prepare(request, canaries):
    """What a site does with a request before it fails."""
    dict(request.POST)
    request.session["cart"] = {"items": ["benign-session"], "token": canaries["session"]}
    request.session["_auth_user_hash"] = canaries["session's hash"]
    request.session["list"] = [{"pin": canaries["list in the session"]}, [{"otp": canaries["deep list"]}]]


# The canaries stand outside the frames: a dictionary of them all among the variables of a frame would
# be hidden as a whole, and with it whatever the test looks for.
NOW = [Canaries()]


@sensitive_variables("nickname")
def greet(nickname):
    raise KeyError(f"nobody is called {nickname}")


@sensitive_variables()
def hidden(anything):
    greet(f"{NOW[0]['marked variable']}")


@sensitive_variables("code")
async def hidden_async(code):
    raise LookupError(f"benign cause: the code {code}")


def marked_failure():
    try:
        hidden(NOW[0]["one of all variables"])
    except KeyError as marked:
        marked.__dict__["__notes__"] = ["benign note", f"api_key={NOW[0]['note']}"]
        return marked


def cause():
    word, canaries = NOW[0].word, NOW[0].__getitem__
    jwt = f"eyJhbGciOiJIUzI1NiJ9.{word('JWT')}.{word('signature of a JWT')}"
    key = PRIVATE_KEY.format(word("private key"), word("private key, second line"))
    aws = NOW[0].setdefault("AWS", "ASIAQ7XV3ZP2LMN8RT6K")
    return LookupError(
        f"benign cause, password={canaries('cause')} {jwt} {aws} {key} {canaries('one of all variables')}"
    )


def message():
    word, canaries = NOW[0].word, NOW[0].__getitem__
    form = canaries("form")
    quoted = (
        *("form", "protected name", "session", "a setting", "an environment variable", "a nested setting"),
        *("marked by sensitive_post_parameters", "variable", "marked variable", "basic password"),
    )
    return "benign message: " + " ".join(
        [
            *map(canaries, quoted),
            *map(word, ("a URL in the environment", "cookie", "route", "header", "csrf header")),
            f"mysql://shop:{word('password in a URL')}@db/shop",
            f"{{'token': '{word('dictionary in the message')}'}}",
            f"?token={word('query in the message')}",
            "card " + NOW[0].setdefault("card", "4012 8888 8888 1881"),
            NOW[0].setdefault("GitHub", "ghp_Zk3vR8sW1nQ6yT4uB9xD2fG7hJ5kL0mPqAeC"),
            NOW[0].setdefault("Django's key", django_settings.SECRET_KEY),
            base64.b64encode(form.encode()).decode(),
            base64.b64encode(f"freda:{canaries('basic password')}".encode()).decode(),
            *(json.dumps(form), repr(form), quote(form), quote(form, safe=""), html.escape(form)),
            f"Authorization: Bearer {word('bearer in the message')}",
        ]
    )


@sensitive_post_parameters("nickname")
def fail(request):
    prepare(request, NOW[0])
    local = {"password": NOW[0]["variable"], "colour": "benign-variable"}
    secret_number = NOW[0].setdefault("number", 778_812_345_678_901)
    tokens = [NOW[0]["list variable"]]
    lazy = SimpleLazyObject(lambda: EVALUATED.append(1) or NOW[0].word("lazy variable"))
    connection = f"postgres://shop:{NOW[0].word('URL variable')}@db/shop"
    api_key = "cn-source-line-5f0b"  # noqa: S105 - a secret in the source itself
    led = cause()
    led.__context__ = marked_failure()
    raise ValueError(message()) from led
    return local, secret_number, tokens, lazy, connection, api_key


def missing_from(wire):
    text = wire.decode()
    return {name for name, benign in BENIGN.items() if benign not in text}


def send(client, canaries, view):
    view(fail)
    given = request_of(canaries)
    return client.post(given.pop("path"), given.pop("data"), **given)


@pytest.mark.parametrize("debug", [False, True], ids=["production", "DEBUG"])
@pytest.mark.parametrize("api", ["v2", "v3", "sentry"])
def test_no_canary_is_on_the_wire_and_all_that_is_benign_is(
    client, reported, settings_for, canaries, view, debug, api
):
    settings_for(DEBUG=debug, HOPTOAD_NOTIFY_WHILE_DEBUG=True, HOPTOAD_API=api)

    EVALUATED.clear()
    assert send(client, canaries, view).status_code == 500
    assert EVALUATED == [] or debug  # with DEBUG, Django's own page evaluates it

    canaries["a secret in the source"] = "cn-source-line-5f0b"
    canaries["an addition of the site's reporter"] = "reporter-secret-1"
    assert len(canaries) >= 60
    assert canaries.found_in(reported.bytes) == []
    assert missing_from(reported.bytes) == set()


async def test_an_async_view_keeps_them_too(async_client, reported, canaries, view):
    @view
    @sensitive_post_parameters("nickname")
    async def fail_async(request):
        prepare(request, NOW[0])
        local = {"password": NOW[0]["variable"], "colour": "benign-variable"}
        try:
            await hidden_async(NOW[0]["variable of an async function"])
        except LookupError as led:
            led.__cause__ = marked_failure()
            raise ValueError(message() + NOW[0]["variable of an async function"]) from led
        return local

    given = request_of(canaries)
    response = await async_client.post(
        "/exception/async/?q=benign-query", given["data"], headers=given["headers"]
    )

    assert response.status_code == 500
    assert canaries.found_in(reported.bytes) == ["route"]  # here it is no part of the route
    assert missing_from(reported.bytes) == {"route"}


def test_json_keeps_them_at_any_depth(client, reported, canaries, view):
    @view
    def fail_json(request):
        json.loads(request.body)
        raise ValueError(f"benign message: {NOW[0]['deep']} {NOW[0]['number']}")

    body = {
        "user": {"profile": [{"password": canaries["deep"]}, [[{"apiKey": canaries["deeper"]}]]]},
        "token": {"all": [canaries["below a secret name"], {"x": canaries["further below"]}]},
        "text": json.dumps({"client_secret": canaries["JSON in JSON"]}),
        "pin": canaries.setdefault("number", 871_623_345_001),
        "iban": [canaries["protected list"]],
        "card": 4_012_888_888_881_881,
        "plain": "benign-form",
    }
    canaries["a card's number"] = "4012888888881881"

    client.post("/exception/", json.dumps(body), content_type="application/json")

    assert canaries.found_in(reported.bytes) == []
    assert b"benign-form" in reported.bytes


@pytest.mark.parametrize("handler", ["threadpool", "spool", "mail", "memory", "tasks"])
def test_whatever_handler_delivers(client, collector, settings_for, tmp_path, canaries, view, handler):
    settings_for(
        HOPTOAD_HANDLER=handler,
        HOPTOAD_NOTIFICATION_URL=collector.url,
        HOPTOAD_SPOOL_DIR=tmp_path,
        HOPTOAD_MAIL_HTML=True,
        ADMINS=ADMINS,
        TASKS={"default": {"BACKEND": f"{TASKS}.backends.immediate.ImmediateBackend"}},
    )
    if TASKS == "django_tasks":
        settings_for(INSTALLED_APPS=[*django_settings.INSTALLED_APPS, "django_tasks"])
    close_handlers()

    send(client, canaries, view)

    if handler != "memory":
        assert get_handler().flush(20)
    if handler == "mail":
        [letter] = mail.outbox
        [(page, _)] = letter.alternatives
        wires = [letter.message().as_bytes(), letter.body.encode(), letter.subject.encode(), page.encode()]
    elif handler == "memory":
        wires = [repr(outbox[0]).encode()]
    else:
        wires = [received.body for received in collector.wait(1)]
    for wire in wires:
        assert canaries.found_in(wire) == []
    assert missing_from(wires[1] if handler == "mail" else wires[0]) == set()


def shapes(leaf):
    names = st.sampled_from(["items", "user", "0", "a.b", "Ünï", "deep"])
    return st.recursive(
        leaf,
        lambda inner: st.one_of(
            st.lists(inner, min_size=1, max_size=3), st.dictionaries(names, inner, min_size=1, max_size=3)
        ),
        max_leaves=8,
    )


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    shape=shapes(st.just("SECRET")),
    name=st.sampled_from(["password", "X-Api-Key", "userToken", "iban", "card-number", "session_key"]),
    place=st.sampled_from(["json", "session", "form"]),
    wrap=shapes(st.just("HERE")),
)
def test_a_secret_of_any_shape_at_any_depth_stays(client, settings_for, view, shape, name, place, wrap):
    canaries = Canaries()
    outbox.clear()
    pipeline.start_over()
    whole = filled(wrap, "HERE", {name: filled(shape, "SECRET", canaries["it"]), "plain": "benign-value"})

    @view
    def fail_with(request):
        if place == "session":
            request.session["cart"] = whole
        dict(request.POST) if place == "form" else request.body
        raise ValueError(f"benign message {canaries['it']}")

    with override_settings(SESSION_ENGINE=SESSIONS, HOPTOAD_PROTECTED_PARAMS=["iban"]):
        if place == "json":
            client.post("/exception/", json.dumps(whole), content_type="application/json")
        else:
            client.post("/exception/", {"data": json.dumps(whole)} if place == "form" else {})

    wire = repr(outbox[0]).encode()
    assert canaries.found_in(wire) == []
    assert b"benign-value" in wire


def filled(shape, mark, value):
    if isinstance(shape, dict):
        return {name: filled(item, mark, value) for name, item in shape.items()}
    if isinstance(shape, list):
        return [filled(item, mark, value) for item in shape]
    return value


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    before=st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=40),
    length=st.integers(0, 5000),
    secret=st.text(st.characters(exclude_categories=["Cs", "Zs", "Zl", "Zp", "Cc"]), min_size=9, max_size=80),
)
def test_a_bound_that_cuts_a_secret_in_two_shows_neither_half(client, view, before, length, secret):
    outbox.clear()
    pipeline.start_over()
    secret = f"cn{secret}x"

    @view
    def fail_with(request):
        dict(request.POST)
        raise ValueError(f"{before}{'.' * length}{secret}{'.' * 3000}")

    client.post("/exception/", {"password": secret, "text": "." * length + secret})

    [notice] = outbox
    for text in (notice.error.message, notice.request.params.get("text", "")):
        assert secret[:9] not in text
        assert len(text) <= 2048


def test_a_page_asked_for_again_keeps_the_secret_of_its_path(client, reported, settings_for, canaries, view):
    @view
    def missing(request):
        raise Http404

    settings_for(HOPTOAD_NOTIFY_404=True)
    for _ in range(3):
        given = request_of(canaries)
        client.get(given["path"], headers={"Referer": f"https://x.test/benign?token={canaries['form']}"})

    pipeline.flush_summaries()

    assert len(reported) == 2
    assert b"benign-route" in reported.bytes
    assert canaries.found_in(reported.bytes) == []


def test_a_storms_summary_keeps_them(client, reported, settings_for, canaries, view):
    settings_for(HOPTOAD_STORM_LIMIT=1)
    for _ in range(3):
        send(client, canaries, view)

    pipeline.flush_summaries()

    assert len(reported) == 2
    assert b"STORM_SUPPRESSED" in reported.bytes
    assert canaries.found_in(reported.bytes) == []

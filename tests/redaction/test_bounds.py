"""What a bound cuts: the text up to it is shown, and no half of a secret."""

import logging
from base64 import b64encode

import pytest
from django.test import RequestFactory

from hoptoad import hooks
from hoptoad.capture import build
from hoptoad.conf.loading import get_settings
from hoptoad.log import HoptoadHandler
from hoptoad.notice import Incident
from hoptoad.testing import outbox

SECRET = "correct-horse-battery-staple-77"
CUT = "… [cut]"


@pytest.fixture
def logger():
    """Whose errors are reported."""
    logger, handler = logging.getLogger("shop.bounds"), HoptoadHandler()
    logger.addHandler(handler)
    yield logger
    logger.removeHandler(handler)


def fail_after(view, client, log, **form):
    @view
    def fail(request):
        assert request.POST is not None
        log()
        raise ValueError("x")

    client.post("/exception/", form)
    [notice] = outbox
    return notice.extra


@pytest.mark.parametrize("length", [400, 501, 600, 2_000, 2_600, 10_000])
def test_a_breadcrumb_is_shown_up_to_its_bound(client, view, length):
    hooks.install([], trail=5)
    extra = fail_after(view, client, lambda: logging.getLogger("shop").warning("%s", "y" * length))

    [line] = extra["trail"]
    _, _, text = line.partition("WARNING shop: ")
    assert text == "y" * length if length <= 500 else text == "y" * (500 - len(CUT)) + CUT


@pytest.mark.parametrize("at", [460, 480, 499])
@pytest.mark.parametrize("rest", [0, 5_000])
def test_a_breadcrumb_shows_no_half_of_a_secret(client, view, at, rest):
    hooks.install([], trail=5)
    text = "y" * at + SECRET + "z" * rest
    extra = fail_after(view, client, lambda: logging.getLogger("shop").warning(text), password=SECRET)

    [line] = extra["trail"]
    assert "y" * 450 in line
    assert "corr" not in line


@pytest.mark.parametrize("length", [2_000, 2_049, 3_000, 20_000])
def test_the_text_of_a_log_record_is_shown_up_to_its_bound(logger, length):
    logger.error("text: %s", "y" * length)

    text = outbox[0].extra["log"]["text"]
    assert text.startswith("text: " + "y" * 1_990)
    assert len(text) <= 2_048
    assert text.endswith(CUT) == (length > 2_040)


def test_a_message_that_is_no_text_is_shown_up_to_its_bound(logger):
    logger.error({"rows": ["y" * 10] * 1_000})

    assert outbox[0].error.message.startswith("{'rows': ['yyyyyyyyyy', 'yyyyyyyyyy'")
    assert len(outbox[0].error.message) > 1_900


def test_a_short_text_that_ends_like_one_that_was_cut_stays(logger):
    logger.error("the server answered: not found… [cut]")

    assert outbox[0].error.message == f"the server answered: not found{CUT}"


def test_a_long_key_that_is_no_text_is_shown_up_to_its_bound():
    request = RequestFactory().get("/")
    data = {("y" * 100, "z" * 300): "7"}
    incident = Incident(exception=ValueError("x"), request=request, extra={"data": data})

    [(name, _)] = build.notice(incident, get_settings()).extra["data"].items()

    assert name.startswith(f"('{'y' * 100}', 'zzz")


class User:
    def __init__(self, **fields):
        self.__dict__.update(id=7, **fields)


@pytest.mark.parametrize("field", ["email", "username", "first_name", "last_name"])
@pytest.mark.parametrize("at", [230, 250, 480])
def test_a_user_shows_no_half_of_a_secret(settings_for, field, at):
    settings_for(HOPTOAD_SEND_USER="full")
    request = RequestFactory().post("/", {"password": SECRET})
    request.user = User(**{field: "y" * at + SECRET})
    assert request.POST

    user = build.notice(build.incident(request, exception=ValueError("x")), get_settings()).user

    shown = f"{user.name} {user.email} {user.username}"
    assert "y" * 200 in shown
    assert "corr" not in shown


def test_a_user_is_shown_however_full_the_notice_is(settings_for):
    settings_for(HOPTOAD_SEND_USER="full", HOPTOAD_MAX_CHARS=1_000)
    request = RequestFactory().post("/", {f"field{number}": "y" * 500 for number in range(10)})
    request.user = User(email="freda@shop.example", first_name="Freda")
    assert request.POST

    user = build.notice(build.incident(request, exception=ValueError("x")), get_settings()).user

    assert (user.id, user.email, user.name) == ("7", "freda@shop.example", "Freda")


BOUNDS = [
    {},
    {"HOPTOAD_MAX_TEXT": 64},
    {"HOPTOAD_MAX_TEXT": 500},
    {"HOPTOAD_MAX_CHARS": 1_000},
    {"HOPTOAD_MAX_CHARS": 1_749, "HOPTOAD_MAX_TEXT": 100},
    {"HOPTOAD_MAX_CHARS": 6_000},
    {"HOPTOAD_MAX_VARS": 3},
    {"HOPTOAD_MAX_DEPTH": 1},
]
FILLER = {f"filler{number}": "y" * 400 for number in range(20)}
KEY = "AKIAVLKKACTHAOSMKEGZ"


@pytest.mark.parametrize("bounds", BOUNDS, ids=str)
@pytest.mark.parametrize(
    ("secret", "form", "text"),
    [
        (SECRET, FILLER | {"password": SECRET}, "x"),
        (SECRET, FILLER | {"remark": "y" * 3_000, "api-key": SECRET}, "x"),
        (SECRET, {}, f"{'y' * 3_900} password={SECRET}"),
        (KEY, {}, f"token={'y' * 3_000} {KEY}"),
        (KEY, FILLER, f"{'y' * 3_900} {KEY} and more"),
    ],
    ids=["named in a form", "behind a long text", "named in a text", "behind a token", "a pattern in a text"],
)
def test_a_secret_beyond_a_bound_is_masked_where_its_base64_is_within(
    settings_for, bounds, secret, form, text
):
    """A tighter bound leads to no less being looked at."""
    settings_for(**bounds)
    encoded = b64encode(f"id=5;{secret};x".encode()).decode()
    request = RequestFactory().post(f"/pay/?note={'.' * 90}+{encoded}", form)
    assert request.POST is not None

    notice = build.notice(build.incident(request, exception=ValueError(text)), get_settings())

    shown = "".join(str(field) for field in (notice.error.message, notice.request))
    assert encoded[8:20] not in shown
    assert encoded[12:24] not in shown
    assert secret not in shown

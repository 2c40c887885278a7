"""HoptoadHandler: which log records are reported, and how."""

import decimal
import functools
import json
import logging

import pytest
from collector import Reply
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client
from django.utils.functional import SimpleLazyObject

from hoptoad import hooks
from hoptoad.capture import context
from hoptoad.handlers import get_handler
from hoptoad.log import HoptoadHandler
from hoptoad.redaction.cutting import MASK
from hoptoad.testing import outbox

LAZY = "<django.utils.functional.SimpleLazyObject object>"


@pytest.fixture
def attached():
    """Attaches a handler, as LOGGING does, and takes it away after the test."""
    attached = []

    def attach(name, level=logging.ERROR):
        logger, handler = logging.getLogger(name), HoptoadHandler(level)
        attached.append((logger, handler, logger.level))
        logger.addHandler(handler)
        logger.setLevel(logging.DEBUG)
        return logger

    yield attach
    for logger, handler, level in attached:
        logger.removeHandler(handler)
        logger.setLevel(level)


def test_it_is_named_by_its_path_in_logging():
    import logging.config

    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "handlers": {"hoptoad": {"class": "hoptoad.log.HoptoadHandler", "level": "WARNING"}},
            "loggers": {"shop.configured": {"handlers": ["hoptoad"]}},
        }
    )
    try:
        logging.getLogger("shop.configured").warning("configured")
    finally:
        logging.getLogger("shop.configured").handlers.clear()

    assert outbox[0].severity == "warning"


def test_a_record_is_grouped_by_its_unformatted_message_and_its_place(attached):
    logger = attached("shop.payments")

    for order in (7, 8):
        logger.error("payment of %s failed: %d", order, 402, extra={"tenant": "frogs", "token": "log-secret"})

    one, other = outbox
    assert one.error == other.error
    assert one.error.class_name == "shop.payments"
    assert one.error.message == "payment of %s failed: %d"
    [frame] = one.error.frames
    assert frame.file == "[PROJECT_ROOT]/test_log.py"
    assert frame.function == "test_a_record_is_grouped_by_its_unformatted_message_and_its_place"
    assert (one.request.component, one.request.action) == ("shop.payments", frame.function)
    assert one.extra["log"] == {
        "logger": "shop.payments",
        "level": "ERROR",
        "text": "payment of 7 failed: 402",
        "tenant": "frogs",
        "token": MASK,
    }
    assert other.extra["log"]["text"] == "payment of 8 failed: 402"


def test_levels_are_kept_apart(attached):
    logger = attached("shop.levels", logging.INFO)

    for level in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL, 35):
        logger.log(level, "at %s", level)

    assert [notice.severity for notice in outbox] == ["info", "warning", "error", "critical", "error"]


def test_an_exception_is_reported_as_itself(attached):
    logger = attached("shop.payments")
    try:
        raise ValueError("logged")
    except ValueError:
        logger.exception("payment of %s failed", 7)
        logger.critical("once more", exc_info=True)

    [notice] = outbox
    assert notice.error.message == "ValueError: logged"
    assert notice.error.frames[0].function == "test_an_exception_is_reported_as_itself"
    assert notice.extra["log"]["text"] == "payment of 7 failed"


def test_the_stack_is_told_where_it_was_wanted(attached):
    attached("shop.payments").error("with a stack", stack_info=True)

    assert "test_the_stack_is_told" in outbox[0].extra["log"]["stack"]


@pytest.mark.django_db
def test_arguments_are_not_evaluated(attached):
    queries = []
    connection.ensure_connection()
    connection.connection.set_trace_callback(queries.append)
    lazy = SimpleLazyObject(lambda: pytest.fail("evaluated"))

    logger = attached("shop.lazy")
    logger.propagate = False  # pytest's own handler formats every record
    try:
        logger.error("users %s, %r and %s", get_user_model().objects.all(), lazy, {"a": lazy})
        logger.error("by name %(users)s", {"users": get_user_model().objects.all()})
    finally:
        logger.propagate = True
        connection.connection.set_trace_callback(None)

    assert queries == []
    assert [notice.extra["log"]["text"] for notice in outbox] == [
        f"users <django.db.models.query.QuerySet object>, {LAZY} and {{'a': {LAZY}}}",
        "by name <django.db.models.query.QuerySet object>",
    ]


@pytest.mark.parametrize(
    ("message", "args", "text"),
    [
        ("too few %s %s", ("a",), "too few %s %s ('a',)"),
        ("no number %d", ("a",), "no number %d ('a',)"),
        ("%", ("a",), "% ('a',)"),
        (ValueError("an object"), (), "an object"),
        ({"a": 1}, (), "{'a': 1}"),
        ("lone \ud800 \x00 %s", ("\ud800",), "lone \\ud800 \\x00 \\ud800"),
    ],
)
def test_odd_records_are_reported(attached, message, args, text):
    logger = attached("shop.odd")
    logger.propagate = False
    logger.handle(logger.makeRecord(logger.name, logging.ERROR, __file__, 7, message, args, None))
    logger.propagate = True

    assert outbox[0].extra["log"]["text"] == text


def test_a_request_that_failed_is_reported_once(client, attached):
    attached("django.request")

    client.get("/boom/")
    client.get("/status/503/")

    assert [notice.error.class_name for notice in outbox] == ["ValueError", "Http503"]
    assert outbox[0].request.component == "shop.views"


def test_without_the_middleware_the_log_reports_requests(client, attached, settings_for):
    settings_for(MIDDLEWARE=[])
    attached("django.request")

    client.get("/boom/?page=2")
    client.get("/status/503/")

    assert [notice.error.message for notice in outbox] == ["ValueError: something broke", "%s: %s"]
    assert outbox[0].request.params == {"page": "2"}
    assert outbox[1].extra["log"]["text"] == "Service Unavailable: /status/503/"


def test_suspicious_requests_are_reported(client, attached):
    attached("django.security")

    client.get("/raise/400/?page=2")

    [notice] = outbox
    assert notice.error.class_name == "django.core.exceptions.SuspiciousOperation"
    assert notice.request.params == {"page": "2"}


def test_our_own_records_are_left_alone(attached):
    attached("hoptoad")
    logging.getLogger("hoptoad.delivery.transport").error("our own")

    assert outbox == []


@pytest.mark.parametrize("handler", ["threadpool", "blocking", "spool"])
def test_a_delivery_that_fails_and_logs_does_not_go_round(
    collector, attached, settings_for, tmp_path, handler
):
    """urllib3, requests and whoever else speaks while a notice is on its way."""
    collector.default = Reply(500, "no")
    settings_for(
        HOPTOAD_HANDLER=handler,
        HOPTOAD_NOTIFICATION_URL=collector.url,
        HOPTOAD_SPOOL_DIR=tmp_path,
        HOPTOAD_RETRIES=0,
    )
    attached("", logging.DEBUG)
    logging.getLogger("urllib3").setLevel(logging.DEBUG)

    try:
        logging.getLogger("shop").error("the first")
        flush = getattr(get_handler(), "flush", None)
        assert flush is None or flush(20)
    finally:
        logging.getLogger("urllib3").setLevel(logging.NOTSET)

    bodies = [received.body for received in collector.received]
    assert len([body for body in bodies if b"the first" in body]) == 1
    assert [body for body in bodies if b"urllib3" in body or b"Starting new HTTP" in body] == []


def test_a_site_that_is_misconfigured_logs_on(attached, settings_for):
    settings_for(HOPTOAD_TIMEOUT="soon")

    attached("shop").error("goes on")

    assert outbox == []


STRUCTURED = {
    "event": "payment failed",
    "order": 7,
    "token": "log-secret",
    "timestamp": "2026-01-31T10:00:00Z",
}


def test_what_structlog_logs_is_grouped_by_its_event(attached):
    logger = attached("shop.payments")

    for second in ("00", "01"):
        logger.error({**STRUCTURED, "timestamp": f"2026-01-31T10:00:{second}Z"})

    one, other = outbox
    assert one.error == other.error
    assert one.error.message == "payment failed"
    assert (one.extra["log"]["order"], one.extra["log"]["token"]) == ("7", MASK)
    assert other.extra["log"]["timestamp"] == "2026-01-31T10:00:01Z"


@pytest.mark.parametrize(
    "how", [lambda error: True, lambda error: error, lambda error: (type(error), error, None)]
)
def test_the_exception_that_structlog_keeps_in_its_event_is_reported(attached, how):
    logger = attached("shop.payments")

    try:
        raise LookupError("x")
    except LookupError as error:
        logger.error({**STRUCTURED, "exc_info": how(error)})

    [notice] = outbox
    assert notice.error.message == "LookupError: x"
    assert notice.extra["log"]["text"] == "payment failed"


@pytest.mark.parametrize("message", [{"a": 1}, {"event": 7}, ["event"], {"event": LAZY}])
def test_any_other_message_is_shown_as_it_is(attached, message):
    logger = attached("shop.payments")

    logger.error(message)

    assert len(outbox) == 1


@pytest.fixture
def trail(request):
    def install(length):
        hooks.install([], trail=length)

    yield install
    hooks.remove()
    context.forget()


@pytest.fixture
def trail_handler():
    handler = context.TrailHandler(3)
    yield handler
    handler.stop()
    logging.getLogger().removeHandler(handler)


def test_the_trail_is_the_last_records_of_the_same_request(client, view, trail):
    trail(3)
    logger = logging.getLogger("shop.trail")
    logger.setLevel(logging.INFO)

    @view
    def fail(request):
        for number in range(5):
            logger.info("step %d, password=%s", number, "trail-secret-1")
        logger.debug("not enabled")
        raise ValueError("x")

    client.get("/exception/")
    client.get("/boom/")

    first, second = outbox
    assert [line.split(" ", 1)[1] for line in first.extra["trail"]] == [
        f"INFO shop.trail: step {number}, password={MASK}" for number in (2, 3, 4)
    ]
    assert "trail" not in second.extra


@pytest.mark.parametrize(
    ("fields", "remembered"),
    [
        ({"msg": "no name"}, "INFO None: no name"),
        ({"name": 7, "msg": "a number"}, "INFO 7: a number"),
        ({"name": ("shop", "till"), "msg": "a tuple"}, "INFO ('shop', 'till'): a tuple"),
        ({"name": "shop", "msg": "whole"}, "INFO shop: whole"),
    ],
)
def test_the_trail_remembers_records_with_odd_names(client, view, trail, fields, remembered):
    trail(3)

    @view
    def logs(request):
        record = logging.makeLogRecord({"levelname": "INFO", "levelno": logging.INFO, **fields})
        logging.getLogger("shop.trail").handle(record)
        raise ValueError("after the record")

    client.get("/exception/")

    assert [line.split(" ", 1)[1] for line in outbox[0].extra["trail"]] == [remembered]


def test_a_record_the_trail_cannot_remember_is_told_and_does_not_raise(trail_handler, caplog):
    trail_handler.handle(logging.makeLogRecord({"name": "shop", "created": "soon"}))

    assert "A log record could not be kept as a breadcrumb." in caplog.text


def test_the_trail_is_off_by_default(client, view):
    @view
    def fail(request):
        logging.getLogger("shop.trail").error("step")
        raise ValueError("x")

    client.get("/exception/")

    assert "trail" not in outbox[0].extra


class Refused(Exception):
    """Like many: its text is made from attributes."""

    def __init__(self, card):
        super().__init__()
        self.card = card

    def __str__(self):
        return f"card {self.card} refused"


@pytest.mark.parametrize(
    ("message", "args", "text"),
    [
        (Refused("visa"), (), "card visa refused"),
        (KeyError("frog"), (), "'frog'"),
        (ValueError(), (), "ValueError"),
        (Refused, (), f"<class '{__name__}.Refused'>"),
        ("%s", (Refused("visa"),), "card visa refused"),
        ("%r", (Refused("visa"),), "Refused('card visa refused')"),
        (
            "%s",
            ([OSError(2, "gone"), ValueError("a", 1)],),
            "[FileNotFoundError('[Errno 2] gone'), ValueError('a', 1)]",
        ),
        ("by %(error)s", ({"error": TimeoutError("slow")},), "by slow"),
        ("%s", (json.dumps,), "<function json.dumps>"),
        ("%s", (functools.partial(json.loads, "x"),), "<function json.loads>"),
        ("%s", (Refused("visa").__str__,), f"<function {__name__}.Refused.__str__>"),
        ("%s", (len,), "<function len>"),
        ("%s", (decimal.Decimal,), "<class 'decimal.Decimal'>"),
        ("%s", (ValueError(get_user_model),), "<function django.contrib.auth.get_user_model>"),
        ("%s", (object(),), "<object object>"),
    ],
)
def test_exceptions_classes_and_functions_are_shown_by_what_they_say(attached, message, args, text):
    logger = attached("shop.odd")
    logger.propagate = False

    logger.error(message, *args)

    logger.propagate = True
    assert outbox[0].extra["log"]["text"] == text


@pytest.fixture
def chain(settings_for, settings):
    """Puts these in the place of the notifier's middleware."""

    def put(*paths):
        settings_for(MIDDLEWARE=[*paths, *settings.MIDDLEWARE[1:]])

    return put


@pytest.mark.parametrize(
    "paths",
    [
        ["hoptoad.exceptional.middleware.ExceptionalMiddleware"],
        ["shop.hoptoad_lookalike.HoptoadNotifierMiddleware"],
        ["shop.hoptoad_lookalike.factory"],
        [],
    ],
)
@pytest.mark.parametrize("page", ["/status/503/", "/missing/"])
def test_answers_are_reported_from_the_log_where_the_middleware_is_not_there(chain, attached, paths, page):
    attached("django.request", logging.WARNING)
    chain(*paths)

    Client(raise_request_exception=False).get(page)

    assert len(outbox) == 1


@pytest.mark.parametrize(
    "path",
    ["hoptoad.middleware.HoptoadNotifierMiddleware"]
    + [f"shop.notifiers.{name}" for name in ("Notifier", "Quiet", "Renamed")],
)
@pytest.mark.parametrize("page", ["/status/503/", "/boom/"])
def test_answers_are_reported_once_where_the_middleware_or_a_subclass_is(chain, attached, path, page):
    attached("django.request", logging.WARNING)
    chain(path)

    Client(raise_request_exception=False).get(page)

    assert len(outbox) == 1

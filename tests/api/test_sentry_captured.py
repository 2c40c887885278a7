"""What capture tells of a failure for events alone."""

import itertools
import logging
import sys
import time

import pytest
from event_rules import check_envelope

import hoptoad
from hoptoad import hooks
from hoptoad.log import HoptoadHandler
from hoptoad.testing import outbox


@pytest.fixture
def notified(settings_for):
    """The notice of an exception, read back from its event."""
    settings_for(HOPTOAD_SETTINGS={"HOPTOAD_DSN": "https://key@bugs.example.com/7"})

    def notify(error=None, **more):
        hoptoad.notify(error, **more)
        return outbox[-1]

    return notify


def led(*errors):
    """The first, each with the next as its cause."""
    for error, cause in itertools.pairwise(errors):
        error.__cause__ = cause
    return errors[0]


def test_a_cause_knows_what_it_led_to(notified):
    notice = notified(led(ValueError(1), KeyError(2), OSError(3)))

    assert [(cause.class_name, cause.parent) for cause in notice.causes] == [("KeyError", 0), ("OSError", 1)]


@pytest.mark.skipif(sys.version_info < (3, 11), reason="Python 3.10 has no exception groups")
def test_a_member_knows_its_group(notified):
    inner = ExceptionGroup("inner", [led(KeyError(1), OSError(2))])  # noqa: F821
    notice = notified(ExceptionGroup("outer", [TypeError(3), inner]))  # noqa: F821

    assert [(cause.message, cause.relation, cause.parent) for cause in notice.causes] == [
        ("TypeError: 3", "member", 0),
        ("ExceptionGroup: inner", "member", 0),
        ("KeyError: 1", "member", 2),
        ("OSError: 2", "cause", 3),
    ]


class Outer:
    class Odd(Exception):
        pass


@pytest.mark.parametrize("is_short", [False, True])
def test_the_module_of_a_class_is_known_however_it_is_named(notified, settings_for, is_short):
    settings_for(HOPTOAD_SHORT_CLASS_NAMES=is_short)

    error = notified(Outer.Odd("frog")).error

    assert error.module == __name__
    assert error.class_name == f"{__name__}.{'' if is_short else 'Outer.'}Odd"
    assert error.message == "Odd: frog"


def test_the_time_is_that_of_the_failure(notified):
    before = time.time()

    notice = notified(ValueError("frog"))

    assert before <= notice.time <= time.time()


def test_a_log_record_is_no_exception(notified):
    logger = logging.Logger("shop.cart")  # noqa: LOG001 - known to nobody else
    logger.addHandler(HoptoadHandler())

    logger.error("order %s failed", 17)

    assert outbox[-1].error.is_message
    assert outbox[-1].error.class_name == "shop.cart"
    assert outbox[-1].error.message == "order %s failed"
    assert outbox[-1].extra["log"]["text"] == "order 17 failed"


def test_breadcrumbs_come_in_their_parts(settings_for, collector):
    dsn = f"http://key@127.0.0.1:{collector.port}/7"
    settings_for(HOPTOAD_SETTINGS={"HOPTOAD_DSN": dsn, "HOPTOAD_HANDLER": "blocking"})
    hooks.install([], trail=10)
    before = time.time()

    logging.getLogger("shop.cart").warning("basket %s: empty", 17)
    hoptoad.notify(message="frogs are loose")

    event = check_envelope(collector.received[0])
    [crumb] = event["breadcrumbs"]["values"]
    assert before - 0.001 <= crumb.pop("timestamp") <= event["timestamp"]
    assert crumb == {
        "type": "default",
        "level": "warning",
        "category": "shop.cart",
        "message": "basket 17: empty",
    }
    assert "extra" not in event


@pytest.mark.parametrize("is_short", [False, True])
def test_a_secret_in_the_name_of_a_module_is_masked(reported, client, view, settings_for, is_short):
    settings_for(HOPTOAD_API="sentry", HOPTOAD_SHORT_CLASS_NAMES=is_short)

    @view
    def fail(request):
        raise type("Odd", (ValueError,), {"__module__": f"shop.{request.POST['password']}"})

    client.post("/exception/", {"password": "open-sesame-22"})

    assert b"shop." in reported.bytes
    assert b"open-sesame-22" not in reported.bytes

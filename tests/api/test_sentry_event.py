"""Sentry's events: every part of a notice in its place, within the limits of servers."""

import pytest
from event_rules import check_event
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from some_notices import FRAME, ID, WHOLE, failing

from hoptoad.api.sentry import wire
from hoptoad.notice import ErrorInfo, Frame, Notice, RequestInfo, Server


def event_of(notice):
    return check_event(wire.encode(notice))


def test_every_part_has_its_place():
    event = event_of(WHOLE)

    assert event.pop("sdk")["name"] == "django-hoptoad"
    own = {"filename": "shop/views.py", "abs_path": "[PROJECT_ROOT]/shop/views.py", "in_app": True}
    checkout = {
        **own,
        "function": "Checkout.post",
        "lineno": 7,
        "vars": {"a": "1"},
        "pre_context": ["x"],
        "context_line": "y",
        "post_context": ["z"],
    }
    django = {
        "filename": "django/core/handlers/base.py",
        "abs_path": "[SITE_PACKAGES]/django/core/handlers/base.py",
        "function": "_get_response",
        "in_app": False,
        "lineno": 197,
    }
    assert event == {
        "event_id": ID,
        "timestamp": 1_795_775_500.5,
        "platform": "python",
        "level": "fatal",
        "transaction": "shop.views.Checkout.post",
        "server_name": "a",
        "release": "1.2",
        "environment": "production",
        "exception": {
            "values": [
                {
                    "type": "KeyError",
                    "value": "'x'",
                    "mechanism": {
                        "type": "chained",
                        "exception_id": 1,
                        "parent_id": 0,
                        "source": "__cause__",
                    },
                    "stacktrace": {"frames": [checkout]},
                },
                {
                    "type": "Odd",
                    "module": "shop",
                    "value": "frog\na note",
                    "mechanism": {"type": "django", "exception_id": 0},
                    "stacktrace": {"frames": [django, checkout]},
                },
            ]
        },
        "user": {
            "id": "7",
            "username": "freda",
            "email": "f@x.test",
            "name": "Freda",
            "ip_address": "203.0.113.7",
        },
        "request": {
            "url": "https://shop.test/checkout/",
            "method": "POST",
            "query_string": "a=1",
            "headers": {"User-Agent": "frog/1", "Content-Type": "text/plain"},
            "env": {"REMOTE_ADDR": "203.0.113.7"},
            "data": {"a": "1", "list": ["x", {"deep": "y"}]},
        },
        "tags": {"tenant": "frogs"},
        "contexts": {
            "runtime": {"name": "Python", "version": "3.12.1", "type": "runtime"},
            "framework": {"name": "Django", "version": "6.1", "type": "framework"},
            "hoptoad": {
                "component": "shop.views.Checkout",
                "action": "post",
                "project_root": "/srv/shop",
                "app_version": "1.2",
                "revision": "c0ffee",
                "severity": "critical",
                "notices_lost": "3 by this process so far",
                "type": "hoptoad",
            },
        },
        "breadcrumbs": {
            "values": [
                {
                    "type": "default",
                    "timestamp": 1_795_775_400.25,
                    "level": "warning",
                    "category": "shop.cart",
                    "message": "empty",
                }
            ]
        },
        "extra": {"session": {"cart": "7"}, "basket": "full"},
    }


def test_the_least_notice_is_a_good_event():
    event = event_of(Notice(id="1", error=ErrorInfo("", "")))

    assert event["exception"]["values"] == [
        {"type": "Exception", "value": "", "mechanism": {"type": "generic", "exception_id": 0}}
    ]
    assert event["environment"] == "unknown"
    assert "request" not in event


@pytest.mark.parametrize(
    ("name", "module", "told"),
    [
        ("ValueError", "", ("ValueError", None)),
        ("shop.views.Odd", "", ("Odd", "shop.views")),
        ("shop.views.Checkout.Odd", "shop.views", ("Checkout.Odd", "shop.views")),
        ("shop.views.post.<locals>.Odd", "", ("Odd", "shop.views.post")),
        ("Odd", "shop.views", ("Odd", "shop.views")),
    ],
)
def test_class_and_module_are_apart(name, module, told):
    [error] = event_of(failing(ErrorInfo(name, "Odd: x", module=module)))["exception"]["values"]

    assert (error["type"], error.get("module")) == told


@pytest.mark.parametrize(
    ("message", "value"),
    [("Odd: frog", "frog"), ("Odd", ""), ("frog", "frog"), ("Odd: Odd: frog", "Odd: frog")],
)
def test_the_value_is_the_message_without_its_class(message, value):
    [error] = event_of(failing(ErrorInfo("shop.Odd", message)))["exception"]["values"]

    assert error["value"] == value


def test_a_group_and_what_led_to_it_know_their_parents():
    group = ErrorInfo("ExceptionGroup", "ExceptionGroup: two failed (2 sub-exceptions)")
    one = ErrorInfo("KeyError", "KeyError: 1", relation="member", parent=0)
    two = ErrorInfo("OSError", "OSError: 2", relation="member", parent=0)
    of_two = ErrorInfo("TypeError", "TypeError: 3", relation="context", parent=2)

    values = event_of(failing(group, one, two, of_two))["exception"]["values"]

    assert [(item["type"], item["value"]) for item in values] == [
        ("TypeError", "3"),
        ("OSError", "2"),
        ("KeyError", "1"),
        ("ExceptionGroup", "two failed"),
    ]
    assert [item["mechanism"].get("parent_id") for item in values] == [2, 0, 0, None]
    assert [item["mechanism"].get("source") for item in values] == [
        "__context__",
        "exceptions[1]",
        "exceptions[0]",
        None,
    ]
    assert [item["mechanism"].get("is_exception_group", False) for item in values] == [False] * 3 + [True]


def test_members_are_counted_for_each_group():
    inner, outer = ErrorInfo("G", "G: 1", relation="member"), ErrorInfo("G", "G")
    of_inner = [ErrorInfo("E", "E", relation="member", parent=1) for _ in range(2)]

    values = event_of(failing(outer, inner, *of_inner))["exception"]["values"]

    assert [item["mechanism"].get("source") for item in values] == [
        "exceptions[1]",
        "exceptions[0]",
        "exceptions[0]",
        None,
    ]


def test_a_log_record_is_a_logentry_with_its_template():
    error = ErrorInfo("shop.cart", "%s is empty", (FRAME,), is_message=True)
    event = event_of(failing(error, extra={"log": {"logger": "shop.cart", "text": "the cart is empty"}}))

    assert event["logentry"] == {"message": "%s is empty", "formatted": "the cart is empty"}
    assert event["logger"] == "shop.cart"
    [thread] = event["threads"]["values"]
    assert thread["stacktrace"]["frames"][0]["function"] == "Checkout.post"
    assert "exception" not in event


def test_a_message_has_no_logger():
    event = event_of(failing(ErrorInfo("Message", "frogs are loose", is_message=True)))

    assert event["logentry"] == {"message": "frogs are loose", "formatted": "frogs are loose"}
    assert "logger" not in event


@pytest.mark.parametrize(
    ("severity", "level"),
    [("debug", "debug"), ("notice", "info"), ("alert", "fatal"), ("odd", "error"), ("warning", "warning")],
)
def test_levels_are_those_of_sentry(severity, level):
    assert event_of(failing(severity=severity))["level"] == level


@pytest.mark.parametrize(
    ("version", "revision", "release"),
    [
        ("shop@1.4.2", "c0ffee", "shop@1.4.2"),
        ("", "c0ffee", "c0ffee"),
        ("feature/x", "", "feature_x"),
        ("latest", "", None),
        ("", "", None),
    ],
)
def test_a_release_is_one_that_sentry_takes(version, revision, release):
    assert event_of(failing(server=Server(app_version=version, revision=revision))).get("release") == release


@pytest.mark.parametrize(("name", "told"), [("", "unknown"), ("None", "unknown"), ("live eu/1", "live_eu_1")])
def test_an_environment_is_one_that_sentry_takes(name, told):
    assert event_of(failing(server=Server(environment_name=name)))["environment"] == told


def test_tags_that_no_server_takes_are_in_extra_as_they_are():
    tags = {"a b": "x\ny", "deep": {"a": "b"}, "long": "z" * 300, "empty": ""}

    event = event_of(failing(extra={"tags": tags}))

    assert event["tags"] == {"a_b": "x y", "long": "z" * 200}
    assert event["extra"]["tags"] == tags


def test_parameters_without_a_request_are_in_extra():
    event = event_of(failing(request=RequestInfo(component="import", params={"file": "a.csv"})))

    assert event["extra"] == {"params": {"file": "a.csv"}}
    assert event["transaction"] == "import"


def test_a_session_stays_beside_a_value_of_the_same_name():
    event = event_of(failing(request=RequestInfo(session={"cart": "7"}), extra={"session": "afternoon"}))

    assert event["extra"] == {"session_": {"cart": "7"}, "session": "afternoon"}


def test_an_address_that_is_masked_is_no_address():
    request = RequestInfo(url="https://shop.test/", cgi_data={"REMOTE_ADDR": "*" * 20})

    assert "user" not in event_of(failing(request=request))


def test_breadcrumbs_of_the_day_before_are_of_the_day_before():
    notice = failing(extra={"trail": ("23:59:59.000000 Level 15 a: b", "odd")}, time=1_795_737_600.0)

    assert event_of(notice)["breadcrumbs"]["values"] == [
        {
            "type": "default",
            "timestamp": 1_795_737_599.0,
            "level": "info",
            "category": "a",
            "message": "b",
        },
        {"type": "default", "timestamp": 1_795_737_600.0, "level": "info", "message": "odd"},
    ]


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    texts=st.sampled_from([0, 2, 100]),
    length=st.sampled_from([1, 500, 20_000]),
    character=st.sampled_from(["x", "é", "🐸", '"', "\\", "\x00"]),
    frames=st.sampled_from([1, 200, 5_000]),
    crumbs=st.sampled_from([0, 1000]),
)
def test_no_event_is_larger_than_servers_take(texts, length, character, frames, crumbs):
    data = {f"name{number}": character * length for number in range(texts)}
    frame = Frame("[PROJECT_ROOT]/a.py", 1, "f" * 50, data, ((1, character * min(length, 200)),))
    error = ErrorInfo("E", character * length, (frame,) * (1 if texts else frames))
    request = RequestInfo(url="https://shop.test/", params={"deeper": data}, component="kept.component")
    trail = (f"10:30:00.250000 INFO a: {character * min(length, 500)}",) * crumbs

    body = wire.encode(failing(error, request=request, extra={**data, "trail": trail}))

    assert len(body) <= 1_000_000
    assert check_event(body)["transaction"] == "kept.component"

"""Sentry's events: every part of a notice in its place, within the limits of servers."""

import pytest
from event_rules import check_event
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from some_notices import FRAME, ID, WHOLE, failing

from hoptoad.api.sentry import wire
from hoptoad.api.sentry.event import event_id, is_event
from hoptoad.notice import ErrorInfo, Frame, Notice, RequestInfo, Server, User


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


LONG = "x" * 9_000


def long_event():
    log = ErrorInfo(LONG, LONG, (FRAME,), is_message=True)
    return event_of(
        failing(
            log,
            request=RequestInfo(component=LONG, action=LONG),
            server=Server(hostname=LONG, environment_name=LONG, app_version=LONG),
            user=User(id=LONG, name=LONG, email=LONG, username=LONG),
            extra={"log": {"text": LONG}, "tags": {LONG: LONG}},
        )
    )


@pytest.mark.parametrize(
    ("read", "length"),
    [
        (lambda event: event["transaction"], 200),
        (lambda event: event["server_name"], 255),
        (lambda event: event["environment"], 64),
        (lambda event: event["release"], 200),
        (lambda event: event["logger"], 64),
        (lambda event: event["logentry"]["message"], 8_192),
        (lambda event: event["logentry"]["formatted"], 8_192),
        (lambda event: event["user"]["id"], 200),
        (lambda event: event["user"]["name"], 200),
        (lambda event: [*event["tags"]][0], 32),
        (lambda event: event["tags"]["x" * 32], 200),
    ],
    ids="transaction server environment release logger message formatted id name tag value".split(),
)
def test_each_text_has_the_length_that_sentry_takes(read, length):
    assert read(long_event()) == "x" * length


def test_the_parts_of_an_exception_have_the_length_that_sentry_takes():
    frame = Frame(f"[PROJECT_ROOT]/{LONG}", 1, LONG)
    [error] = event_of(failing(ErrorInfo(f"{LONG}.{LONG}", "y" * 9_000, (frame,))))["exception"]["values"]

    assert (error["type"], error["module"], error["value"]) == ("x" * 200, "x" * 200, "y" * 8_192)
    [shown] = error["stacktrace"]["frames"]
    assert shown["abs_path"] == f"[PROJECT_ROOT]/{LONG}"[:1_024]
    assert shown["filename"] == "x" * (1_024 - len("[PROJECT_ROOT]/"))
    assert shown["function"] == "x" * 200
    assert shown["in_app"] is True


def test_so_many_causes_and_tags_are_told():
    causes = [ErrorInfo("E", f"E: {number}", relation="cause", parent=number) for number in range(12)]
    tags = {f"tag{number}": "x" for number in range(120)}

    event = event_of(failing(ErrorInfo("E", "E: first"), *causes, extra={"tags": tags}))

    values = event["exception"]["values"]
    assert [value["value"] for value in values] == [*map(str, range(9, -1, -1)), "first"]
    assert len(event["tags"]) == 100


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("[PROJECT_ROOT]/a.py", ("a.py", True)),
        ("[SITE_PACKAGES]/a/[STDLIB]/b.py", ("a/[STDLIB]/b.py", False)),
        ("[PROJECT_ROOT]/", ("[PROJECT_ROOT]/", True)),
        ("/srv/[PROJECT_ROOT]/a.py", ("/srv/a.py", False)),
    ],
)
def test_a_file_is_shown_without_its_root(name, shown):
    [error] = event_of(failing(ErrorInfo("E", "E", (Frame(name, 0, "f"),))))["exception"]["values"]

    [frame] = error["stacktrace"]["frames"]
    assert (frame["filename"], frame["in_app"]) == shown
    assert "lineno" not in frame


@pytest.mark.parametrize("line", [6, 7, 8, 9])
def test_the_lines_of_source_around_a_line(line):
    frame = Frame("a.py", line, "f", {}, ((6, "x"), (7, "y"), (8, "z")))
    [error] = event_of(failing(ErrorInfo("E", "E", (frame,))))["exception"]["values"]

    [shown] = error["stacktrace"]["frames"]
    lines = {6: ([], "x", ["y", "z"]), 7: (["x"], "y", ["z"]), 8: (["x", "y"], "z", [])}.get(line)
    assert tuple(shown.get(name) for name in ("pre_context", "context_line", "post_context")) == (
        lines or (None,) * 3
    )


@pytest.mark.parametrize("frames", [1, 2])
def test_an_unknown_file_has_no_frame(frames):
    error = ErrorInfo("E", "E", (Frame("unknown", 0, "unknown"), FRAME)[:frames])

    [shown] = event_of(failing(error))["exception"]["values"]

    assert ("stacktrace" in shown) == (frames == 2)


def test_frames_that_were_left_out_are_counted():
    [error] = event_of(failing(ErrorInfo("E", "E", (FRAME,), frames_left_out=7)))["exception"]["values"]

    assert error["mechanism"]["data"] == {"frames_left_out": "7"}


@pytest.mark.parametrize(("method", "kind"), [({"REQUEST_METHOD": "GET"}, "django"), ({"X": "1"}, "generic")])
def test_the_mechanism_says_where_it_was_seen(method, kind):
    [error] = event_of(failing(request=RequestInfo(cgi_data=method)))["exception"]["values"]

    assert error["mechanism"]["type"] == kind


@pytest.mark.parametrize("moment", [0.0, -1.0, 4e9, 9e9])
def test_a_time_that_is_none_is_now(moment):
    assert 1.7e9 < event_of(failing(time=moment))["timestamp"] < 4e9
    assert event_of(failing(time=1.5))["timestamp"] == 1.5


@pytest.mark.parametrize(
    ("severity", "level"),
    [("info", "info"), ("error", "error"), ("critical", "fatal"), ("emergency", "fatal"), ("alert", "fatal")],
)
def test_each_severity_has_a_level(severity, level):
    assert event_of(failing(severity=severity))["level"] == level


@pytest.mark.parametrize("version", ["..", ".", " ", "latest"])
def test_a_release_that_sentry_refuses_is_left_out(version):
    assert event_of(failing(server=Server(app_version=version, revision="c0ffee")))["release"] == "c0ffee"
    assert event_of(failing(server=Server(app_version="a\nb\rc\td/e\\f")))["release"] == "a_b_c_d_e_f"


def test_the_id_of_an_event_is_the_notices_or_made_of_it():
    assert event_id(ID) == ID
    for odd in (ID[:-1], f"{ID}0", ID.upper(), "7"):
        assert event_id(odd) == event_id(odd)
        assert is_event(wire.encode(Notice(id=odd, error=ErrorInfo("E", "E"))))
        assert event_id(odd) != odd
    assert not is_event(b'{"event_id":"7","a":"0123456789012345678901234567890"}')
    assert not is_event(f'{{"event_ID":"{ID}"}}'.encode())


@pytest.mark.parametrize("address", ["203.0.113.7", "2001:db8::7", "::1", "FFFF:" * 7 + "FFFF"])
def test_an_address_of_either_version_is_the_users(address):
    request = RequestInfo(url="https://shop.test/", cgi_data={"REMOTE_ADDR": address})

    assert event_of(failing(request=request))["user"] == {"ip_address": address}


def test_the_parts_of_a_request():
    request = RequestInfo(
        url="https://shop.test/a?b=c?d",
        cgi_data={
            "CONTENT_LENGTH": "7",
            "HTTP_X_ODD_NAME": "x",
            "QUERY_STRING": "q=1",
            "SERVER_NAME": "s",
            "DEEP": {"a": "b"},
        },
    )
    shown = event_of(failing(request=request))["request"]

    assert shown == {
        "url": "https://shop.test/a",
        "query_string": "b=c?d",
        "headers": {"Content-Length": "7", "X-Odd-Name": "x"},
        "env": {"SERVER_NAME": "s", "DEEP": {"a": "b"}},
    }
    alone = RequestInfo(cgi_data={"QUERY_STRING": "q=1"})
    assert event_of(failing(request=alone))["request"] == {"query_string": "q=1"}


def test_the_view_that_is_unknown_is_no_part_of_the_transaction():
    assert "transaction" not in event_of(failing(request=RequestInfo(component="unknown")))
    assert event_of(failing(request=RequestInfo(component="shop", action="unknown")))["transaction"] == "shop"
    assert event_of(failing(request=RequestInfo(component="shop", action="pay")))["transaction"] == "shop.pay"


@pytest.mark.parametrize(
    ("time_of_day", "timestamp"),
    [("10:31:40.500000", 40.5), ("10:31:40.500001", 40.500001 - 86_400), ("00:00:00.000000", -37_860.0)],
)
def test_the_time_of_a_breadcrumb_is_the_last_before_the_failure(time_of_day, timestamp):
    minute = 1_795_775_460.0  # 2026-11-27 10:31 UTC
    [crumb] = event_of(failing(extra={"trail": (f"{time_of_day} ERROR a: b",)}, time=minute + 40.5))[
        "breadcrumbs"
    ]["values"]

    assert crumb["timestamp"] == pytest.approx(minute + timestamp, abs=1e-6)
    assert crumb["level"] == "error"


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

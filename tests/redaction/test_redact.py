"""One pass over a notice: what is masked where, how long each text may be, and what remains without it."""

import re
from itertools import chain, repeat

import pytest
from redacting import POLICY, policy

from hoptoad.notice import (
    ErrorInfo,
    Frame,
    Limits,
    Notice,
    Owner,
    RequestInfo,
    Secret,
    Server,
    Snapshot,
    User,
)
from hoptoad.redaction.cutting import CUT, MASK
from hoptoad.redaction.patterns import Pattern, Patterns
from hoptoad.redaction.redact import ALLOWANCE, FAILED, TOO_MANY, TOO_MUCH, redact

PATTERNS = Patterns((Pattern("angles", re.compile("(?<=<)[a-z]+(?=>)"), hints=("<",)),))
SECRET = "correct-horse-77"


def secret(value=SECRET, owner=Owner.SITE, section="params", name="password"):
    return Secret(value, section, name, "a rule", owner)


def redacted(
    *hidden, error=None, limits=None, rules=POLICY, clock=None, is_status=False, is_routed=False, **parts
):
    raw = Notice(id="1", error=error or ErrorInfo("E", "E: x"), **parts)
    snapshot = Snapshot(
        raw=raw, hidden=[*hidden], limits=limits or Limits(), is_status=is_status, is_routed=is_routed
    )
    return redact(snapshot, rules, **({"clock": clock} if clock else {}))


def notice(*hidden, **parts):
    return redacted(*hidden, **parts).notice


@pytest.mark.parametrize(("spent", "problem"), [(ALLOWANCE, ""), (ALLOWANCE + 0.01, TOO_MUCH)])
@pytest.mark.parametrize("begin", [0.5, 7_000.0])
def test_the_allowance_is_spent_in_processor_time(begin, spent, problem):
    clock = chain([begin], repeat(begin + spent)).__next__

    said = redacted(secret(), extra={"text": "x" * 300_000}, limits=Limits(text=400_000), clock=clock)

    assert said.problem == problem


def test_a_small_notice_does_not_ask_the_clock():
    assert not redacted(secret(), extra={"text": "x" * 500}, clock=lambda: 1 / 0).problem


@pytest.mark.parametrize("text", ["x" * 64_000, "%78" * 21_000], ids=["plain", "encoded"])
def test_the_clock_is_asked_while_many_values_are_looked_for(text):
    times = []

    def clock():
        times.append(0)
        return 0.0

    redacted(*(secret(f"{number}-and-some-more") for number in range(500)), extra={"text": text}, clock=clock)

    assert 200 < len(times) < 5_000


def test_with_too_many_secrets_nothing_is_shown_that_may_hold_one():
    said = redacted(*(secret(f"number-{number}-of-many") for number in range(1_001)), extra={"a": "b"})

    assert said.problem == TOO_MANY
    assert said.notice.error.message == f"E: {TOO_MANY}"
    assert said.notice.extra == {}


WHOLE = {
    "error": ErrorInfo(
        "shop.Odd",
        "Odd: x",
        (Frame("a.py", 1, "f", {"a": "b"}, ((1, "x"),)),),
        notes=("n",),
    ),
    "causes": (ErrorInfo("Bad name", "Bad name: y"),),
    "request": RequestInfo(
        url="http://x/y",
        component="shop.views",
        action="pay",
        params={"a": "b"},
        session={"a": "b"},
        cgi_data={"REQUEST_METHOD": "POST", "HTTP_REFERER": "/"},
    ),
    "user": User(id="7"),
    "server": Server(hostname="a"),
    "extra": {"a": "b"},
}


def test_what_remains_of_a_notice_that_cannot_be_redacted():
    found, findings, problem = redacted(rules=None, **WHOLE)

    assert (found.error.class_name, found.error.message) == ("shop.Odd", f"Odd: {FAILED}")
    assert found.error.frames == (Frame("a.py", 1, "f"),)
    assert found.error.notes == ()
    assert [(cause.class_name, cause.message) for cause in found.causes] == [
        ("Exception", f"Exception: {FAILED}")
    ]
    assert found.request == RequestInfo(
        component="shop.views",
        action="pay",
        params={"[parameters]": FAILED},
        cgi_data={"REQUEST_METHOD": "POST"},
    )
    assert found.user is None
    assert found.extra == {}
    assert found.server == WHOLE["server"]
    assert findings == []
    assert problem.startswith("AttributeError at ")
    assert ", line " in problem
    assert "at redact, " not in problem  # but the innermost function


def test_the_route_in_a_message_remains():
    error = ErrorInfo("Http404", "404: /orders/<int:id>/")

    assert notice(error=error, rules=None, is_status=True, is_routed=True).error.message == error.message


@pytest.mark.parametrize("over", [0, 1])
@pytest.mark.parametrize(
    ("limit", "read"),
    [
        (255, lambda found: found.error.class_name),
        (2_048, lambda found: found.extra["text"]),
        (255, lambda found: [*found.request.session][0]),
        (2_048, lambda found: found.request.url),
        (200, lambda found: found.error.frames[0].source[0][1]),
        (255, lambda found: found.user.id),
        (510, lambda found: found.user.name),
        (2_048, lambda found: found.error.notes[0]),
    ],
    ids=["class", "text", "key", "url", "source", "user's id", "user's name", "note"],
)
def test_each_text_is_shown_up_to_its_limit(limit, read, over):
    text = "x" * (limit + over)
    found = notice(
        error=ErrorInfo(text, "E: x", (Frame("a.py", 1, "f", {}, ((1, text),)),), notes=(text,)),
        request=RequestInfo(url=text, session={text: "x"}),
        user=User(id=text, name=text),
        extra={"text": text},
    )

    mark = "" if read(found) is found.request.url else CUT
    assert read(found) == ("x" * (limit - len(mark)) + mark if over else text)


@pytest.mark.parametrize("over", [0, 1])
def test_a_message_may_have_a_limit_of_its_own(over):
    error = ErrorInfo("E", "x" * (3_000 + over))

    found = notice(error=error, extra={"text": "x" * 2_100}, limits=Limits(message=3_000))

    assert len(found.error.message) == 3_000
    assert found.error.message.endswith(CUT) == bool(over)
    assert len(found.extra["text"]) == 2_048


@pytest.mark.parametrize("line", ["10:30:00.25 WARNING shop.cart: ", "10:30:00.250000 INFO a: "])
@pytest.mark.parametrize("over", [0, 1])
def test_a_breadcrumb_is_shown_up_to_its_limit(line, over):
    found = notice(extra={"trail": (line + "x" * (500 + over),)})

    [shown] = found.extra["trail"]
    assert shown == line + ("x" * (500 - len(CUT)) + CUT if over else "x" * 500)


@pytest.mark.parametrize("name", ["trails", "text"])
def test_another_text_that_begins_like_a_breadcrumb_is_no_shorter(name):
    text = "10:30:00.25 WARNING shop.cart: " + "x" * 1_000

    assert notice(extra={name: (text,)}).extra[name] == (text,)
    assert notice(request=RequestInfo(params={"trail": text})).request.params == {"trail": text}


def test_all_texts_share_the_room_of_a_notice():
    found = notice(
        extra={"first": "x" * 80, "second": "y" * 80, "third": "z" * 80, "4": MASK}, limits=Limits(chars=100)
    ).extra

    assert found["first"] == "x" * 80
    assert (found["second"], found["third"]) == ("y" * 17 + CUT, "z" * 17 + CUT)
    assert found["4"] == MASK


def test_variables_have_a_room_of_their_own():
    frame = Frame("a.py", 1, "f", {"one": "x" * 80, "two": "y" * 80}, ((1, "z" * 80),))
    error = ErrorInfo("E", "E: x", (frame,))

    found = notice(error=error, extra={"text": "x" * 80}, limits=Limits(chars=100, details=90))

    [shown] = found.error.frames
    assert found.extra == {"text": "x" * 80}
    assert shown.variables == {"one": "x" * 80, "two": "y" * 17 + CUT}
    assert shown.source == ((1, "z" * 17 + CUT),)


def test_the_class_and_the_user_are_shown_however_full_a_notice_is():
    found = notice(
        error=ErrorInfo("E" * 90, "x" * 90), user=User(id="i" * 90, email="e" * 90), limits=Limits(chars=10)
    )

    assert (found.error.class_name, found.user.id, found.user.email) == ("E" * 90, "i" * 90, "e" * 90)
    assert found.error.message == "x" * 17 + CUT


PLACES = [
    "/orders/2024-11/",
    "/orders_of.x",
    "shop.example",
    "a.b.example:65535",
    f"{'a' * 63}.{'b' * 63}.example",
    "shop.example:8000",
    "Mozilla/5.0 (X11)",
    f"{'m' * 20}/5.0",
]


@pytest.mark.parametrize("value", PLACES)
@pytest.mark.parametrize(
    "name", ["PATH_INFO", "REQUEST_URI", "HTTP_HOST", "HTTP_X_FORWARDED_HOST", "HTTP_USER_AGENT"]
)
def test_a_browser_cannot_hide_where_it_failed(name, value):
    for owner in (Owner.FORM, Owner.CLIENT):
        request = RequestInfo(url=f"http://x{value}", cgi_data={name: value}, params={"a": value})

        found = notice(secret(value, owner), request=request).request

        assert found.cgi_data == {name: value}
        assert found.url == f"http://x{value}"
        assert found.params == {"a": MASK}


@pytest.mark.parametrize("value", PLACES)
def test_the_site_can(value):
    found = notice(secret(value), request=RequestInfo(url=f"http://x {value}", cgi_data={"PATH_INFO": value}))

    assert found.request.url == f"http://x {MASK}"
    assert found.request.cgi_data == {"PATH_INFO": MASK}


@pytest.mark.parametrize(
    "value",
    [
        "/Orders/Xq7z/",
        "shop.example.C0m",
        "shop",
        "shop.example:800000",
        "shop.example:",
        f"{'a' * 64}.example",
        f"a.{'b' * 64}.example",
        "shop.e",
        f"shop.{'e' * 25}",
        "Mozilla/.5 x9Kq",
        "Mozilla/5. x9Kq",
        "Mozilla/5.0x9Kq",
        f"{'m' * 21}/5.0",
        "-shop!.example",
        "Mozilla/5 x9Kq7z",
        SECRET,
    ],
)
def test_what_does_not_look_like_a_place_is_masked_there_too(value):
    found = notice(secret(value, Owner.CLIENT), request=RequestInfo(cgi_data={"PATH_INFO": value}))

    assert found.request.cgi_data == {"PATH_INFO": MASK if len(value) > 4 else value}


def test_a_browser_cannot_hide_the_class_of_a_failure():
    for owner in Owner:
        error = ErrorInfo("shop.Odd1Error", "Odd1Error: no Odd1Error")

        found = notice(secret("Odd1Error", owner), error=error).error

        is_site = owner is Owner.SITE
        assert found.class_name == (f"shop.{MASK}" if is_site else "shop.Odd1Error")
        assert found.message == (f"{MASK}: no {MASK}" if is_site else f"Odd1Error: no {MASK}")


def test_what_the_site_calls_a_secret_is_masked_in_a_class_if_a_form_holds_it_too():
    hidden = [secret("Odd1Error", Owner.FORM, "params"), secret("Odd1Error", Owner.SITE, "session")]

    assert notice(*hidden, error=ErrorInfo("shop.Odd1Error", "")).error.class_name == f"shop.{MASK}"


@pytest.mark.parametrize(
    "request_info",
    [
        RequestInfo(url="http://x/?token=Odd1Error9"),
        RequestInfo(cgi_data={"QUERY_STRING": "token=Odd1Error9"}),
        RequestInfo(params={"field": "token=Odd1Error9"}),
    ],
    ids=["url", "query", "form"],
)
def test_nor_can_a_secret_that_is_found_in_what_it_sent(request_info):
    found = notice(
        error=ErrorInfo("shop.Odd1Error9", "Odd1Error9: of Odd1Error9"), request=request_info
    ).error

    assert (found.class_name, found.message) == ("shop.Odd1Error9", f"Odd1Error9: of {MASK}")


def test_the_route_is_shown_whatever_a_browser_calls_a_secret():
    error = ErrorInfo("Http404", "Http404: /orders/<int:id>/")

    found = notice(secret("/orders/<int:id>/", Owner.CLIENT), error=error, is_status=True, is_routed=True)

    assert found.error == error


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ({"url": "http://x/a%3Ftoken%3Db7x"}, {"url": f"http://x/a%3Ftoken%3D{MASK}"}),
        (
            {"cgi_data": {"QUERY_STRING": "next=%2F%3Ftoken%3Db7x"}},
            {"cgi_data": {"QUERY_STRING": f"next=%2F%3Ftoken%3D{MASK}"}},
        ),
    ],
)
def test_an_address_is_searched_however_it_is_encoded(sent, shown):
    assert notice(request=RequestInfo(**sent)).request == RequestInfo(**shown)


@pytest.mark.parametrize("value", PLACES)
def test_elsewhere_what_looks_like_a_place_is_masked(value):
    request = RequestInfo(
        cgi_data={"HTTP_X_PLACE": value}, params={"url": value}, session={"HTTP_HOST": value}
    )

    found = notice(secret(value, Owner.CLIENT), request=request).request

    assert found.cgi_data == {"HTTP_X_PLACE": MASK}
    assert found.params == {"url": MASK}
    assert found.session == {"HTTP_HOST": MASK}


def test_what_the_server_says_of_itself_is_never_masked():
    request = RequestInfo(cgi_data={"SERVER_NAME": "shop-77.example"})

    assert notice(secret("shop-77.example"), request=request).request == request


def test_a_finding_says_whose_value_it_is():
    findings = redacted(
        secret(), extra={"text": f"no {SECRET}, no {SECRET}", "log": f"token={SECRET}"}
    ).findings

    assert findings == [
        ("params", "password", "password", "a rule"),
        ("extra", "log", "token", "built-in name, in text"),
        ("extra", "text", "password", "holds a value that is masked elsewhere"),
        ("extra", "text", "password", "holds a value that is masked elsewhere"),
    ]


def test_a_finding_of_a_pattern_names_the_pattern():
    findings = redacted(extra={"text": "4012888888881881", "log": f"token={MASK}"}).findings

    assert findings == [("extra", "text", "[card]", "HOPTOAD_PATTERNS")]


def test_an_argument_without_a_name_is_masked_where_it_is_masked_in_the_path():
    request = RequestInfo(
        url="http://x/a/sk_live_4eC39HqLyjWDarjtT1zdp7dc/b%20c/",
        params={"[route]": ("sk_live_4eC39HqLyjWDarjtT1zdp7dc", "b c", "a")},
    )

    found = notice(request=request).request

    assert found.url == f"http://x/a/{MASK}/b%20c/"
    assert found.params == {"[route]": (MASK, "b c", "a")}


def test_also_where_it_is_too_short_to_be_looked_for():
    request = RequestInfo(url="http://x/7/pin=1234", params={"[route]": ("7", "1234"), "[other]": ("1234",)})

    assert notice(request=request).request.params == {"[route]": ("7", MASK), "[other]": ("1234",)}


def test_the_path_in_the_message_of_a_status_is_searched_as_a_path():
    error = ErrorInfo("Http404", "Http404: /a%3Ftoken%3D12345/")
    request = RequestInfo(cgi_data={"PATH_INFO": "/a?token=12345/"})

    assert (
        notice(error=error, request=request, is_status=True).error.message == f"Http404: /a%3Ftoken%3D{MASK}"
    )


@pytest.mark.parametrize(("section", "shown"), [("cgi_data", "expired"), ("params", MASK)])
def test_a_word_that_a_pattern_finds_is_looked_for_elsewhere_unless_in_a_header(section, shown):
    rules = policy(patterns=PATTERNS)
    request = RequestInfo(**{section: {"X": "state <expired>"}})

    assert notice(request=request, extra={"text": "expired"}, rules=rules).extra == {"text": shown}

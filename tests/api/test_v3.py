"""The v3 JSON document, and how it is sent."""

import json

import pytest
from collector import Reply
from hypothesis import given, settings
from hypothesis import strategies as st
from rules import check_v3

from hoptoad.api import v3
from hoptoad.api.parsers import parse, parse_v3
from hoptoad.delivery.answer import Verdict
from hoptoad.errors import ParseError
from hoptoad.notice import ErrorInfo, Frame, Notice, RequestInfo, Server, User
from hoptoad.testing import outbox

CREATED = Reply(201, '{"id":"000-11","url":"https://airbrake.test/locate/000-11"}')
FRAME = Frame("[PROJECT_ROOT]/site/shop/views.py", 7, "Checkout.post", {"a": "1"}, ((6, "x"), (7, "y")))
WHOLE = Notice(
    id="0123456789abcdef0123456789abcdef",
    error=ErrorInfo("shop.Odd", "Odd: frog", (FRAME,), notes=("a note",)),
    causes=(ErrorInfo("KeyError", "KeyError: 'x'", (FRAME,), relation="cause"),),
    request=RequestInfo(
        url="https://shop.test/checkout/?a=1",
        component="shop.views.Checkout",
        action="post",
        params={"a": "1", "list": ("x", {"deep": "y"})},
        session={"cart": "7"},
        cgi_data={"REQUEST_METHOD": "POST", "HTTP_USER_AGENT": "frog/1", "REMOTE_ADDR": "203.0.113.7"},
    ),
    server=Server(project_root="/srv/shop", environment_name="production", app_version="1.2", hostname="a"),
    user=User(id="7", name="Freda", email="f@x.test", username="freda"),
    framework="Django: 6.1",
    language="Python/3.12.1",
    severity="warning",
    extra={"tenant": "frogs"},
)


def document(notice):
    body = v3.encode(notice)
    check_v3(body)
    return json.loads(body)


def test_every_part_has_its_place():
    sent = document(WHOLE)

    error, cause = sent["errors"]
    assert error["type"] == "shop.Odd"
    assert error["message"] == "Odd: frog"
    assert error["backtrace"] == [
        {
            "file": "/PROJECT_ROOT/site/shop/views.py",
            "line": 7,
            "function": "Checkout.post",
            "code": {"6": "x", "7": "y"},
        }
    ]
    assert cause["type"] == "KeyError"
    context = sent["context"]
    assert context.pop("notifier")["name"] == "django-hoptoad"
    assert context.pop("os")
    assert context == {
        "environment": "production",
        "severity": "warning",
        "component": "shop.views.Checkout",
        "action": "post",
        "hostname": "a",
        "language": "Python/3.12.1",
        "version": "1.2",
        "url": "https://shop.test/checkout/?a=1",
        "httpMethod": "POST",
        "userAgent": "frog/1",
        "userAddr": "203.0.113.7",
        "rootDirectory": "/srv/shop",
        "noticeId": WHOLE.id,
        "versions": {"Django": "6.1"},
        "user": {"id": "7", "name": "Freda", "username": "freda", "email": "f@x.test"},
    }
    assert sent["params"] == {"a": "1", "list": ["x", {"deep": "y"}]}
    assert sent["session"] == {"cart": "7"}
    assert sent["environment"]["HTTP_USER_AGENT"] == "frog/1"
    assert sent["environment"]["EXTRA"] == {"tenant": "frogs"}
    assert sent["environment"]["EXCEPTION_NOTES"] == "a note"


def test_the_least_notice_is_a_good_one():
    sent = document(Notice(id="1", error=ErrorInfo("", "")))

    assert sent["errors"][0]["type"] == "Exception"
    assert sent["errors"][0]["backtrace"] == [{"file": "unknown", "line": 0, "function": "unknown"}]
    assert (sent["params"], sent["session"]) == ({}, {})


def test_at_most_three_causes_are_errors_and_the_others_are_told():
    causes = tuple(ErrorInfo("E", f"E: {number}", relation="cause") for number in range(5))

    sent = document(Notice(id="1", error=ErrorInfo("E", "E"), causes=causes))

    assert len(sent["errors"]) == 4
    assert sent["environment"]["EXCEPTION_CAUSE_5"] == "E: 4 (cause)"


def test_names_that_a_database_refuses_are_changed():
    request = RequestInfo(params={"a.b": ({"$where": "1"},), "\x00": "nul"})

    assert document(Notice(id="1", error=ErrorInfo("E", "E"), request=request))["params"] == {
        "a_b": [{"_$where": "1"}],
        "\\x00": "nul",
    }


def test_reading_it_back_gives_what_was_written():
    read = parse(v3.encode(WHOLE))

    assert read.error.class_name == "shop.Odd"
    assert read.error.frames == (FRAME,)
    assert read.causes[0].message == "KeyError: 'x'"
    assert read.request.params == WHOLE.request.params
    assert (read.id, read.user, read.server, read.extra) == (WHOLE.id, WHOLE.user, WHOLE.server, WHOLE.extra)
    assert (read.framework, read.language, read.severity) == ("Django: 6.1", "Python/3.12.1", "warning")


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"{}",
        b'{"errors": []}',
        b'{"errors": [7]}',
        b'{"errors": {}}',
        b"{" * 100_000,
        b"[]",
        b'{"a": \xff}',
    ],
)
def test_what_is_no_notice_is_refused(body):
    with pytest.raises(ParseError):
        parse_v3(body)


TEXT = st.text(max_size=40)
DATA = st.recursive(
    TEXT,
    lambda inner: st.one_of(st.lists(inner, max_size=3).map(tuple), st.dictionaries(TEXT, inner, max_size=3)),
)


@given(st.dictionaries(TEXT, DATA, max_size=4), TEXT, TEXT, TEXT)
def test_any_text_and_structure_becomes_a_good_document(data, kind, message, file):
    frame = Frame(file, 1, message)
    request = RequestInfo(url=message, params=data, session=data, cgi_data=data)

    document(Notice(id="1", error=ErrorInfo(kind, message, (frame,), notes=(message,)), request=request))


@pytest.mark.long
@settings(max_examples=30, deadline=None)
@given(
    texts=st.integers(0, 400),
    length=st.sampled_from([1, 30, 500, 20_000]),
    character=st.sampled_from(["x", "é", "🐸", '"', "\\", "\x00"]),
    frames=st.sampled_from([1, 200, 3000]),
    depth=st.integers(1, 15),
)
def test_no_document_is_larger_than_airbrake_takes(texts, length, character, frames, depth):
    data = {f"name{number}": character * length for number in range(texts)}
    for _ in range(depth):
        data = {"deeper": data, "benign": "kept"}
    error = ErrorInfo("E", character * length, (Frame("[PROJECT_ROOT]/a.py", 1, "f" * 50),) * frames)
    request = RequestInfo(params=data, component="kept.component")

    body = v3.encode(Notice(id="1", error=error, request=request))

    check_v3(body)
    assert len(body) <= 64_000
    assert json.loads(body)["context"]["component"] == "kept.component"


def test_the_longest_texts_are_cut_first_and_say_so():
    params = {"short": "x" * 500, "long": "y" * 100_000, "longer": "z" * 200_000}

    sent = document(Notice(id="1", error=ErrorInfo("E", "E"), request=RequestInfo(params=params)))["params"]

    assert sent["short"] == "x" * 500
    assert len(sent["long"]) == len(sent["longer"]) > 25_000
    assert sent["longer"].endswith("z… [cut]")


def detailed(count):
    """Frames with 21 lines of source each."""
    return tuple(
        Frame(
            "[PROJECT_ROOT]/site/shop/views.py",
            number,
            f"step{number}",
            source=tuple((line, f"    line {line} of step {number}") for line in range(1, 22)),
        )
        for number in range(1, count + 1)
    )


@pytest.mark.parametrize(
    "more",
    [
        {"params": {"essay": "y" * 100_000}},
        {"session": {"basket": tuple("z" * 9_000 for _ in range(20))}},
        {"cgi_data": {"HTTP_REFERER": "é" * 60_000}},
    ],
)
def test_long_texts_are_cut_before_source_lines_go(more):
    error = ErrorInfo("E", "E: x", detailed(3))

    sent = document(Notice(id="1", error=error, request=RequestInfo(**more)))

    assert [line["code"]["7"] for line in sent["errors"][0]["backtrace"]] == [
        "    line 7 of step 1",
        "    line 7 of step 2",
        "    line 7 of step 3",
    ]
    assert "… [cut]" in json.dumps(sent, ensure_ascii=False)


@pytest.mark.parametrize(
    "error", [ErrorInfo("E", "E: x", detailed(60)), ErrorInfo("E", "é" * 9_000, detailed(50))]
)
def test_where_that_is_not_enough_source_lines_are_left_in_the_environment_alone(error):
    params = {f"name{number}": "y" * 400 for number in range(40)}

    sent = document(Notice(id="1", error=error, request=RequestInfo(params=params)))

    assert not any("code" in line for line in sent["errors"][0]["backtrace"])
    assert len(sent["errors"][0]["backtrace"]) == len(error.frames)
    assert "     2     line 2 of step 50" in sent["environment"]["FRAME_050"]
    assert sent["params"] == params


def test_a_cause_that_is_cut_begins_with_its_message():
    cause = ErrorInfo("K", "K: why", (FRAME,), ("n" * 50_000,), "cause")

    told = document(Notice(id="1", error=ErrorInfo("E", "E"), causes=(cause, cause)))["environment"]

    assert told["EXCEPTION_CAUSE"].startswith(
        "K: why at [PROJECT_ROOT]/site/shop/views.py:7 in Checkout.post (cause)"
    )
    assert told["EXCEPTION_CAUSE"].endswith("n… [cut]")


def test_a_long_backtrace_keeps_both_ends():
    frames = tuple(Frame("[PROJECT_ROOT]/site/shop/views.py", number, "recursive") for number in range(5000))

    sent = document(Notice(id="1", error=ErrorInfo("E", "E", frames)))

    lines = sent["errors"][0]["backtrace"]
    assert lines[0]["line"] == 0
    assert lines[-1]["line"] == 4999
    assert [line for line in lines if line["file"] == "[cut]"] == [
        {"file": "[cut]", "line": 0, "function": "frames left out"}
    ]
    assert sent["environment"]["FRAMES_LEFT_OUT"] == str(5000 - len(lines) + 1)


@pytest.fixture
def v3_site(collector, settings_for):
    collector.default = CREATED
    settings_for(
        HOPTOAD_API="v3",
        HOPTOAD_HANDLER="blocking",
        HOPTOAD_NOTIFICATION_URL=f"http://127.0.0.1:{collector.port}/api/v3/projects/7/notices",
    )
    return collector


def test_a_failing_page_is_reported(client, v3_site):
    client.get("/boom/")

    [received] = v3_site.received
    assert received.path == "/api/v3/projects/7/notices"
    assert received.headers["Content-Type"] == "application/json"
    assert received.headers["Authorization"] == "Bearer 0123456789abcdef0123456789abcdef"
    assert b"0123456789abcdef0123456789abcdef" not in received.body
    assert json.loads(received.body)["errors"][0]["message"] == "ValueError: something broke"


def test_the_answers_id_and_link_are_read(v3_site):
    answer = v3.report(v3.encode(WHOLE))

    assert answer.verdict is Verdict.ACCEPTED
    assert (answer.id, answer.link) == ("000-11", "https://airbrake.test/locate/000-11")


def test_those_of_redmine_are_read_too(v3_site):
    v3_site.default = Reply(201, '{"issue_id": 17, "issue_url": "https://redmine.test/issues/17"}')

    answer = v3.report(v3.encode(WHOLE))

    assert (answer.id, answer.link) == ("17", "https://redmine.test/issues/17")


def test_what_is_too_large_for_a_server_is_sent_smaller_once(v3_site):
    v3_site.replies += [Reply(413, "too large"), CREATED]
    big = Notice(id="1", error=ErrorInfo("E", "E"), request=RequestInfo(params={"a": "x" * 50_000}))

    answer = v3.report(v3.encode(big))

    first, second = (received.body for received in v3_site.received)
    assert answer.verdict is Verdict.ACCEPTED
    assert len(second) <= 16_000 < len(first)
    check_v3(second)


def test_what_stays_too_large_is_refused_with_advice(v3_site, caplog):
    v3_site.default = Reply(413, "too large")

    assert v3.report(v3.encode(WHOLE)).verdict is Verdict.REFUSED
    assert len(v3_site.received) == 1
    assert "The notice is too large for the server" in caplog.text


def test_an_old_version_is_told_as_such(v3_site, caplog):
    v3_site.default = Reply(422, "Notice for old app version ignored")

    v3.report(v3.encode(WHOLE))

    assert "Set HOPTOAD_APP_VERSION" in caplog.text


def test_the_outbox_reads_version_3(client, settings_for):
    settings_for(HOPTOAD_API="v3", HOPTOAD_PROJECT_ID=7)

    client.get("/boom/")

    assert outbox[0].error.message == "ValueError: something broke"
    assert outbox[0].error.frames[0].file == "[PROJECT_ROOT]/site/shop/views.py"


def test_each_text_has_the_length_that_a_database_takes():
    long = "x" * 3_000
    sent = document(
        Notice(
            id=long,
            error=ErrorInfo(long, "E: x"),
            request=RequestInfo(
                url=long,
                component=long,
                action=long,
                cgi_data=dict.fromkeys(("REQUEST_METHOD", "HTTP_USER_AGENT", "REMOTE_ADDR"), long),
            ),
            server=Server(
                project_root=long, environment_name=long, app_version=long, hostname=long, revision=long
            ),
            user=User(id=long, name=long, email=long, username=long),
            framework=f"{long}: {long}",
            language=long,
        )
    )

    assert sent["errors"][0]["type"] == "x" * 255
    context = sent["context"]
    assert (context["url"], context["rootDirectory"]) == ("x" * 2_048, "x" * 2_048)
    for name in (
        "environment component action hostname language version httpMethod userAgent userAddr revision noticeId"
    ).split():
        assert context[name] == "x" * 255, name
    assert context["user"] == dict.fromkeys(("id", "name", "username", "email"), "x" * 255)
    assert context["versions"] == {"x" * 255: "x" * 255}


def test_what_is_empty_is_left_out_of_the_context():
    sent = document(
        Notice(id="1", error=ErrorInfo("", ""), server=Server(environment_name=""), user=User(id="7"))
    )

    assert sent["context"].keys() == {"notifier", "environment", "severity", "os", "noticeId", "user"}
    assert sent["context"]["environment"] == "unknown"
    assert sent["context"]["user"] == {"id": "7"}
    assert sent["errors"] == [
        {
            "type": "Exception",
            "message": "Exception",
            "backtrace": [{"file": "unknown", "line": 0, "function": "unknown"}],
        }
    ]


def test_a_message_that_is_empty_is_the_class():
    assert document(Notice(id="1", error=ErrorInfo("shop.Odd", "")))["errors"][0]["message"] == "shop.Odd"


def test_a_cause_without_a_class_is_no_error():
    causes = (ErrorInfo("", "and so on"), ErrorInfo("KeyError", "KeyError: 'x'"))

    sent = document(Notice(id="1", error=ErrorInfo("E", "E: x"), causes=causes))

    assert [error["type"] for error in sent["errors"]] == ["E", "KeyError"]


@pytest.mark.parametrize(
    ("file", "shown"),
    [
        ("[PROJECT_ROOT]/a.py", "/PROJECT_ROOT/a.py"),
        ("[SITE_PACKAGES]/[STDLIB]/a.py", "/SITE_PACKAGES/[STDLIB]/a.py"),
        ("/srv/[PROJECT_ROOT]/a.py", "/srv/[PROJECT_ROOT]/a.py"),
        ("[]/a.py", "[]/a.py"),
        ("[root]/a.py", "[root]/a.py"),
    ],
)
def test_the_root_of_a_file_is_one_that_errbit_knows(file, shown):
    sent = document(Notice(id="1", error=ErrorInfo("E", "E: x", (Frame(file, 1, "f"),))))

    assert sent["errors"][0]["backtrace"][0]["file"] == shown

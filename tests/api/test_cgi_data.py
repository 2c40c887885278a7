"""What travels beside the headers, in both versions: causes, notes, source lines and variables."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rules import as_errbit_keeps, check_v2, check_v3

import hoptoad
from hoptoad.api import htv2, v3
from hoptoad.api.characters import clean
from hoptoad.api.frame_text import frame_text
from hoptoad.api.parsers import parse
from hoptoad.notice import ErrorInfo, Frame, Notice, RequestInfo, User
from hoptoad.testing import outbox

ENCODERS = [htv2.encode, v3.encode]
INNER = Frame(
    "[PROJECT_ROOT]/site/shop/views.py",
    7,
    "checkout",
    {"total": "0", "prices": (), "cart": {"size": "2"}},
    ((6, "    total = sum(prices)"), (7, "    return total / len(prices)")),
)
OUTER = Frame("[PROJECT_ROOT]/site/shop/middleware.py", 30, "call", {}, ((30, "    return answer"),))
FOREIGN = Frame("[SITE_PACKAGES]/django/core/handlers/base.py", 197, "_get_response")
CAUSE = ErrorInfo(
    "shop.errors.NoPrice", "NoPrice: frog", (OUTER, FOREIGN), ("asked twice", "gave up"), "cause"
)
WHOLE = Notice(
    id="0123456789abcdef0123456789abcdef",
    error=ErrorInfo("ZeroDivisionError", "ZeroDivisionError: division", (INNER, FOREIGN, OUTER), ("a note",)),
    causes=(CAUSE, ErrorInfo("KeyError", "KeyError: 'x'", (INNER,), (), "context")),
    request=RequestInfo(url="https://shop.test/", cgi_data={"HTTP_USER_AGENT": "frog/1"}),
    lost=17,
)
INNER_TEXT = """\
[PROJECT_ROOT]/site/shop/views.py:7 in checkout
     6     total = sum(prices)
>    7     return total / len(prices)
total = 0
prices: []
cart: {"size": "2"}"""
OUTER_TEXT = "[PROJECT_ROOT]/site/shop/middleware.py:30 in call\n>   30     return answer"


def told(encode, notice):
    """The environment as Errbit has it."""
    if encode is v3.encode:
        return check_v3(v3.encode(notice))["environment"]
    return as_errbit_keeps(check_v2(htv2.encode(notice)).find("request/cgi-data"))


@pytest.mark.parametrize("encode", ENCODERS)
def test_both_versions_tell_causes_notes_and_frames_in_texts(encode):
    assert told(encode, WHOLE) == {
        "HOPTOAD_NOTICE_ID": "0123456789abcdef0123456789abcdef",
        "HOPTOAD_NOTICES_LOST": "17 by this process so far",
        "EXCEPTION_NOTES": "a note",
        "EXCEPTION_CAUSE": "NoPrice: frog at [PROJECT_ROOT]/site/shop/middleware.py:30 in call (cause)\n"
        "asked twice\ngave up\n[SITE_PACKAGES]/django/core/handlers/base.py:197 in _get_response",
        "EXCEPTION_CAUSE_2": "KeyError: 'x' at [PROJECT_ROOT]/site/shop/views.py:7 in checkout (context)",
        "HTTP_USER_AGENT": "frog/1",
        "FRAME_001": INNER_TEXT,
        "FRAME_003": OUTER_TEXT,
        "EXCEPTION_CAUSE_FRAME_001": OUTER_TEXT,
        "EXCEPTION_CAUSE_2_FRAME_001": INNER_TEXT,
    }


@pytest.mark.parametrize("encode", ENCODERS)
def test_a_notice_without_any_of_it_has_no_such_entries(encode):
    bare = Notice(id="1", error=ErrorInfo("E", "E: x", (FOREIGN,)))

    assert told(encode, bare) == {"HOPTOAD_NOTICE_ID": "1"}


@pytest.mark.parametrize("encode", ENCODERS)
def test_what_was_told_is_read_back(encode):
    read = parse(encode(WHOLE))

    assert read.error.frames == WHOLE.error.frames
    assert read.lost == 17
    if encode is v3.encode:
        assert [cause.frames for cause in read.causes] == [cause.frames for cause in WHOLE.causes]
    assert told(encode, read) == told(encode, WHOLE)


def test_frames_of_a_recursion_keep_their_own_variables():
    frames = tuple(Frame("[PROJECT_ROOT]/a.py", 7, "f", {"depth": str(depth)}) for depth in range(12))

    assert parse(htv2.encode(Notice(id="1", error=ErrorInfo("E", "E", frames)))).error.frames == frames


@pytest.mark.parametrize("encode", ENCODERS)
def test_line_ends_stay_inside_their_line(encode):
    odd = Frame("a\nb.py", 7, "f\r", {"text": "x\n>    7 y", "a\nb": "z"}, ((7, "first\nsecond = 3"),))

    [read] = parse(encode(Notice(id="1", error=ErrorInfo("E", "E", (odd,))))).error.frames

    assert read.variables == odd.variables
    assert [line.replace("\\n", "\n") for _, line in read.source] == ["first\nsecond = 3"]


def test_where_the_middle_of_a_backtrace_was_cut_no_frame_gets_the_variables_of_another():
    frames = tuple(
        Frame(f"[PROJECT_ROOT]/{'a' * 200}{number}.py", number, "f" * 200, {"number": str(number)})
        for number in range(1, 401)
    )

    read = parse(v3.encode(Notice(id="1", error=ErrorInfo("E", "E", frames)))).error.frames

    assert len(read) < 400
    assert read[0].variables == {"number": "1"}
    assert {frame.variables.get("number", str(frame.line)) == str(frame.line) for frame in read} == {True}


@pytest.mark.parametrize("version", ["v2", "v3"])
def test_a_failing_page_tells_them_in_errbits_environment(client, settings_for, collector, view, version):
    path = "/api/v3/projects/7/notices" if version == "v3" else "/notifier_api/v2/notices"
    settings_for(
        HOPTOAD_API=version,
        HOPTOAD_HANDLER="blocking",
        HOPTOAD_NOTIFICATION_URL=f"http://127.0.0.1:{collector.port}{path}",
        HOPTOAD_LOCAL_VARIABLES=True,
        HOPTOAD_SOURCE_CONTEXT=1,
    )

    @view
    def fail(request):
        password = "frog-Prince-77"  # noqa: S105
        try:
            {}[password]
        except KeyError as error:
            error.__notes__ = ["while it rained"]
            raise RuntimeError("no frog") from error

    client.get("/exception/")

    [received] = collector.received
    if version == "v3":
        data = json.loads(received.body)["environment"]
    else:
        data = as_errbit_keeps(check_v2(received.body).find("request/cgi-data"))
    lines = data["FRAME_001"].splitlines()
    assert lines[0].endswith(".fail") or lines[0].endswith(" in fail")
    assert lines[2].startswith(">") and lines[2].endswith('raise RuntimeError("no frog") from error')
    assert "password = " + "*" * 20 in lines
    assert data["EXCEPTION_CAUSE"].endswith("while it rained")
    assert "{}[password]" in data["EXCEPTION_CAUSE_FRAME_001"]
    assert "frog-Prince-77" not in str(data)


texts = st.text(max_size=30)
values = st.recursive(
    texts, lambda inner: st.lists(inner, max_size=3).map(tuple) | st.dictionaries(texts, inner, max_size=3)
)
places = texts.map(lambda text: text.replace("<", "_").replace(">", "_"))
frames = st.builds(
    Frame,
    places,
    st.integers(0, 10**8),
    texts,
    st.dictionaries(texts, values, max_size=4),
    st.lists(st.tuples(st.integers(1, 10**6), texts), max_size=3).map(tuple),
)


@given(st.lists(frames, min_size=1, max_size=4).map(tuple), st.sampled_from(ENCODERS))
def test_any_frame_reads_back_as_it_was(frames, encode):
    read = parse(encode(Notice(id="1", error=ErrorInfo("E", "E", frames)))).error.frames

    assert [frame.variables for frame in read] == [cleaned(frame.variables) for frame in frames]
    for found, frame in zip(read, frames, strict=True):
        lines = dict(frame.source) if encode is v3.encode else frame.source  # `code` has each number once
        assert len(found.source) == len(lines)


def cleaned(value):
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, tuple):
        return tuple(map(cleaned, value))
    return {clean(name): cleaned(item) for name, item in value.items()}


@pytest.mark.parametrize(
    ("variables", "lines"),
    [
        ({"text": "'it is'", "odd": '"it\'s"'}, ["text = 'it is'", 'odd = "it\'s"']),
        (
            {"answer": "<shop.Order object>", "mask": "*" * 20},
            ["answer = <shop.Order object>", "mask = " + "*" * 20],
        ),
        ({"items": ("1", {"token": "***"})}, ['items: ["1", {"token": "***"}]']),
        ({"lines": "a\nb"}, [r'lines: "a\nb"']),
        ({"a name": "1", "b = c": "2"}, ['"a name" = 1', '"b = c" = 2']),
        ({"[cut]": "5 more"}, ["[cut] = 5 more"]),
    ],
)
def test_a_variable_is_a_line(variables, lines):
    assert frame_text(Frame("a.py", 1, "f", variables)).split("\n") == ["a.py:1 in f", *lines]


def test_what_is_cut_is_read_as_far_as_it_goes():
    source = tuple((number, "x" * 60) for number in range(1, 11))
    variables = {"cart": tuple("y" * 100 for _ in range(2000))}
    frame = Frame("[PROJECT_ROOT]/a.py", 5, "f", variables, source)

    [read] = parse(v3.encode(Notice(id="1", error=ErrorInfo("E", "E", (frame,))))).error.frames

    assert read.source == source
    assert read.variables["cart"].startswith('["yyy')
    assert read.variables["cart"].endswith("… [cut]")


def notice_of(job):
    """What is told of a failure outside a request."""
    try:
        raise ValueError(job)
    except ValueError as error:
        hoptoad.notify(error)


def test_the_url_of_a_failure_outside_a_request_is_a_blank(reported):
    notice_of("job")
    hoptoad.notify(message="a message")

    assert [notice.findtext("request/url") for notice in reported] == [" ", " "]


def test_tests_of_sites_see_no_url_there():
    notice_of("job")

    assert outbox[0].request.url == ""


def test_a_user_without_an_id_is_no_empty_element():
    root = check_v2(htv2.encode(Notice(id="1", error=ErrorInfo("E", "E"), user=User(id="", name="Freda"))))

    assert root.findtext("current-user/id") == " "

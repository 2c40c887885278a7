"""Bounds of the parsers: whatever the bytes, nothing but a notice or a ParseError, and no 64 MB."""

import json
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hoptoad.api import htv2, v3
from hoptoad.api.bounded import MAX_BYTES
from hoptoad.api.parsers import parse, parse_v2, parse_v3
from hoptoad.errors import ParseError
from hoptoad.notice import ErrorInfo, Frame, Notice, RequestInfo

pytestmark = pytest.mark.long

MB = 1024 * 1024
PLACE = "[PROJECT_ROOT]/a.py:1 in f"


def v2(inside="", lines='<line number="1" file="[PROJECT_ROOT]/a.py" method="f"/>', message="x"):
    return (
        f'<notice version="2.4"><error><class>E</class><message>{message}</message><backtrace>{lines}'
        f"</backtrace></error><request><url/><component/>{inside}</request></notice>"
    ).encode()


def json_notice(**parts):
    return json.dumps({"errors": [{"type": "E", "message": "x"}], **parts}).encode()


def v2_frame(text):
    return v2(f'<cgi-data><var key="FRAME_001">{PLACE}\n{text}</var></cgi-data>')


def filled(before, piece, after, size=MAX_BYTES):
    return before + piece * ((size - len(before) - len(after)) // len(piece)) + after


HOSTILE = {
    "elements": filled(b'<notice version="2.4">', b"<a/>", b"</notice>"),
    "attributes of one element": b"<notice "
    + b" ".join(b'a%x=""' % number for number in range(350_000))
    + b"/>",
    "attributes of elements": filled(b'<notice version="2.4">', b'<a b="" c="" d="" e=""/>', b"</notice>"),
    "attributes in UTF-16": ("<a " + " ".join(f'b{n:x}=""' for n in range(180_000)) + "/>").encode("utf-16"),
    "a long comment": filled(b"<notice><!--", b"x", b"--></notice>"),
    "line ends": filled(b'<notice version="2.4"><a>', b"\n", b"</a></notice>"),
    "entities": filled(b'<notice version="2.4"><a>', b"&amp;", b"</a></notice>"),
    "wide characters": filled(
        b'<notice version="2.4"><a>', b"\xf0\x9f\x90\xb8" + b"x" * 60_000, b"</a></notice>"
    ),
    "depth": b"<a>" * 1_000_000,
    "lines": filled(b"", b"<line/>", b"", 600_000).join(v2(lines="|").split(b"|")),
    "lines of a frame": v2_frame("> 1 \n" * 800_000),
    "JSON in a frame": v2_frame("x: [" + "[]," * 1_000_000 + "]"),
    "deep JSON in a frame": v2_frame("x: " + "[" * 1_000_000),
    "too large": b" " * (MAX_BYTES + 1),
    "JSON lists": filled(b'{"errors":[', b"[],", b"0]}"),
    "JSON depth": filled(b'{"errors":[', b"[", b""),
    "JSON objects in objects": filled(b'{"errors":[', b'{"":', b"", MAX_BYTES // 4),
    "JSON digits": filled(b'{"errors":[', b"9", b"]}"),
    "JSON wide characters": filled(b'{"a":"\xf0\x9f\x90\xb8', b"x", b'"}'),
    "JSON escapes": filled(b'{"a":"', b"\\ud800", b'"}'),
    "JSON quotes": filled(b'{"a":"', b'\\"', b""),
    "JSON frames": json.dumps({"errors": [{"backtrace": [{}] * 10_001}]}).encode(),
    "a deep value as text": b'{"errors":[{"type":' + b"[" * 900 + b"]" * 900 + b"}]}",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_document_is_refused_or_read_in_64_mb(name):
    tracemalloc.start()
    try:
        parse(HOSTILE[name])
    except ParseError as error:
        assert str(error)
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()

    assert peak < 64 * MB


def test_the_largest_notices_that_settings_allow_are_read():
    frames = tuple(Frame(f"[PROJECT_ROOT]/a{n}.py", n, "f") for n in range(10_000))
    variables = {f"name{n}": f"a, [b], {{c}} {n}" for n in range(20_000)}
    notice = Notice(
        id="1", error=ErrorInfo("E", "E: x", frames), request=RequestInfo(params=variables, component="c")
    )

    assert parse(htv2.encode(notice)).request.params == variables
    assert len(parse(htv2.encode(notice)).error.frames) == 10_000


def test_commas_in_texts_are_no_values():
    notice = parse_v3(json_notice(params={"text": '\\",[{' * 20_000}))

    assert notice.request.params == {"text": '\\",[{' * 20_000}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
NAMES = (
    "type message backtrace file line column function code context environment params session user id name email "
    "headers userAgent userId versions severity HOPTOAD_NOTICE_ID EXTRA FRAME_001 HOPTOAD_NOTICES_LOST"
).split()
NEARLY = st.recursive(
    JSON,
    lambda inner: st.dictionaries(st.sampled_from(NAMES), inner | st.lists(inner, max_size=3)),
    max_leaves=15,
)


@settings(max_examples=100, deadline=None)
@given(st.lists(NEARLY, max_size=3), st.dictionaries(st.sampled_from(NAMES), NEARLY))
def test_any_json_is_a_notice_or_a_parse_error(errors, parts):
    try:
        found = parse_v3(json.dumps({"errors": errors, **parts}).encode())
    except ParseError:
        return

    whole = repr(found)
    assert "\x00" not in whole
    whole.encode()  # no lone surrogate
    htv2.encode(found)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_a_mutated_document_is_a_notice_or_a_parse_error(data):
    notice = Notice(
        id="1",
        error=ErrorInfo(
            "E", "E: x", (Frame("[PROJECT_ROOT]/a.py", 1, "f", {"a": ("1", {"b": "2"})}, ((1, "x"),)),)
        ),
        request=RequestInfo(params={"a": {"b": ("c",)}}, cgi_data={"HTTP_USER_AGENT": "frog"}),
    )
    encode, parser = data.draw(st.sampled_from([(htv2.encode, parse_v2), (v3.encode, parse_v3)]))
    document = bytearray(encode(notice))
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(document)))
        end = data.draw(st.integers(start, min(start + 40, len(document))))
        document[start:end] = data.draw(
            st.binary(max_size=6) | st.sampled_from([b'"', b"{", b"[", b"<", b"]]>", b"&#0;"])
        )

    try:
        parser(bytes(document))
    except ParseError as error:
        assert str(error)


def test_a_lone_surrogate_and_nul_are_written_out():
    notice = parse_v3(b'{"errors":[{"type":"E","message":"a\\u0000\\ud800"}],"params":{"\\udc80":"\\u0000"}}')

    assert notice.error.message == "a\\x00\\ud800"
    assert notice.request.params == {"\\udc80": "\\x00"}


def test_what_other_clients_say_of_the_request_is_kept():
    context = {
        "userAgent": "frog/1",
        "httpMethod": "POST",
        "userAddr": "203.0.113.7",
        "headers": {"Accept-Language": "fi"},
        "userId": "7",
        "userName": "Freda",
        "userEmail": "f@x.test",
    }

    notice = parse_v3(json_notice(context=context))

    assert notice.request.cgi_data == {
        "HTTP_ACCEPT_LANGUAGE": "fi",
        "HTTP_USER_AGENT": "frog/1",
        "REQUEST_METHOD": "POST",
        "REMOTE_ADDR": "203.0.113.7",
    }
    assert (notice.user.id, notice.user.name, notice.user.email) == ("7", "Freda", "f@x.test")


def test_the_column_of_a_minified_line_is_kept():
    in_v3 = parse_v3(b'{"errors":[{"backtrace":[{"file":"a.js","line":1,"column":20461}]}]}')
    in_v2 = parse_v2(v2(lines='<line number="1" column="20461" file="a.js" method="f"/>'))

    assert (in_v3.error.frames[0].column, in_v2.error.frames[0].column) == (20461, 20461)

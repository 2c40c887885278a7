import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoptoad.api import htv2
from hoptoad.api.parsers import parse_v2
from hoptoad.errors import ParseError
from hoptoad.notice import ErrorInfo, Notice


@pytest.mark.parametrize(
    ("document", "why"),
    [
        (b"", "not well-formed"),
        (b"<notice", "not well-formed"),
        (b"\xff\xfe", "not well-formed"),
        (b'<?xml version="1.0" encoding="none"?><notice/>', "not well-formed"),
        (b"<error/>", "not a notice"),
        (b'<notice version="1.0"/>', "not a notice"),
        (b'<notice version="2.4"/>', "no <error>"),
        (b'<!DOCTYPE notice><notice version="2.4"/>', "document type"),
        (b'<!DOCTYPE n [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]><notice>&b;</notice>', "document type"),
        (b"<a>" * 300 + b"</a>" * 300, "more than 256 deep"),
    ],
)
def test_what_is_no_notice_is_refused_with_a_reason(document, why):
    with pytest.raises(ParseError, match=why):
        parse_v2(document)


@given(st.binary(max_size=300))
def test_arbitrary_bytes_raise_nothing_but_parse_errors(document):
    with pytest.raises(ParseError):
        parse_v2(document)


@given(st.data())
def test_a_damaged_document_is_read_or_refused(data):
    document = bytearray(htv2.encode(Notice(id="1", error=ErrorInfo("E", "E: x"))))
    position = data.draw(st.integers(0, len(document) - 1))
    document[position] = data.draw(st.integers(0, 255))

    try:
        parse_v2(bytes(document))
    except ParseError as error:
        assert str(error)

"""Causes that a document of version 2 holds as texts are read back, whatever the texts are."""

from hypothesis import given
from hypothesis import strategies as st

from hoptoad.api import htv2
from hoptoad.api.parsers import parse_v2
from hoptoad.inbox.pages.written_causes import parse, written_causes
from hoptoad.notice import ErrorInfo, Frame, Notice


def sent(*causes):
    """The causes of a notice after it was sent as version 2."""
    notice = Notice(id="", error=ErrorInfo("ValueError", "ValueError: no"), causes=causes)
    return list(written_causes(parse_v2(htv2.encode(notice))))


def test_a_cause_comes_back_as_it_was():
    frames = (
        Frame("shop/a b.py", 7, "Pond.<lambda>", variables={"frogs": ("1",)}, source=((7, "x"),)),
        Frame("/srv/at in/x.py", 12, "look"),
    )

    [cause] = sent(ErrorInfo("KeyError", "KeyError: 'a at b in c'", frames, ("Look up.",), "context"))

    assert cause == ErrorInfo("KeyError", "'a at b in c'", frames, ("Look up.",), "context")


def test_a_message_of_several_lines_and_one_without_frames():
    first, second = sent(
        ErrorInfo("OSError", "OSError: no\ndisk", (Frame("a.py", 1, "f"),), relation="cause"),
        ErrorInfo("MemoryError", "MemoryError", relation="member"),
    )

    assert (first.class_name, first.message, first.frames[0].file) == ("OSError", "no\ndisk", "a.py")
    assert (second.class_name, second.message, second.relation) == ("MemoryError", "", "member")


def test_another_text_is_a_message():
    assert parse("disk full") == ErrorInfo("", "disk full")


@given(st.text(alphabet="a: .()\n/1at in cause", max_size=80))
def test_no_text_fails(text):
    assert parse(text).message in text
    assert parse(f"{text} (cause)").relation

"""The meaning of a server's answer."""

import sys

import pytest

from hoptoad.delivery.answer import Answer, Verdict, judge

BODY = "<notice><id>5bbf4af2</id><url>https://errbit.test/locate/5bbf4af2</url></notice>"


def names_called(function):
    """The names of the Python functions that `function` calls, directly or not."""
    called = set()
    before = sys.getprofile()
    sys.setprofile(lambda frame, event, arg: called.add(frame.f_code.co_name))
    try:
        function()
    finally:
        sys.setprofile(before)
    return called


def test_the_text_of_an_accepted_notice_is_masked_only_if_someone_reads_it():
    answers = []

    called = names_called(lambda: answers.append(judge("https://errbit.test/", 201, {}, BODY)))

    assert "redacted" not in called
    assert "redacted" in names_called(lambda: answers[0].text)
    assert (answers[0].id, answers[0].link) == ("5bbf4af2", "https://errbit.test/locate/5bbf4af2")


@pytest.mark.parametrize("status", [401, 503])
def test_the_text_of_a_refusal_gives_neither_id_nor_link(status):
    answer = judge("https://errbit.test/", status, {}, BODY)

    assert (answer.id, answer.link) == ("", "")


def test_an_api_of_the_site_may_name_id_and_link_itself():
    answer = Answer(verdict=Verdict.ACCEPTED, url="", text="17: stored", id="17", link="https://x.test/17")

    assert (answer.text, answer.id, answer.link) == ("17: stored", "17", "https://x.test/17")
    assert repr(answer) == "<Answer: accepted: 17: stored>"

"""`walk` visits every text of a notice, and copies nothing that stays as it is."""

from hoptoad.notice import ErrorInfo, Frame, Notice, RequestInfo, User
from hoptoad.redaction.page import Page, walk

FRAME = Frame(
    "shop.py", 7, "view", {"basket": ({"frog": "1"}, "frog"), "left": "frog"}, ((7, "frog = 1"),), 3
)
NOTICE = Notice(
    id="1",
    error=ErrorInfo(
        "FrogError", "frog", (FRAME, Frame("a.py", 1, "b")), notes=("frog", "toad"), module="frogs"
    ),
    causes=(ErrorInfo("Cause", "frog"), ErrorInfo("Other", "other")),
    request=RequestInfo(
        url="http://frog/",
        params={"a": "frog", "b": {"c": ("frog", "toad")}, "d": "frog"},
        session={"frog1": "x", "frog2": "y"},
        cgi_data={"HTTP_COOKIE": "frog=*", "QUERY_STRING": "frog", "REMOTE_ADDR": "frog"},
    ),
    user=User(id="7", name="frog"),
    extra={"trail": ("frog",), "empty": {}, "none": ()},
)


def seen(notice=NOTICE):
    found = []
    assert walk(notice, found.extend) is notice
    return found


def without_frogs(texts):
    return [text.replace("frog", "***").replace("***1", "***").replace("***2", "***") for text, *_ in texts]


def test_what_is_not_changed_is_not_copied():
    changed = walk(NOTICE, lambda texts: ["other"] if texts[0][2:] == ("request", "url") else None)

    assert changed.request.url == "other"
    assert changed.request.params is NOTICE.request.params
    assert changed.error is NOTICE.error
    assert changed.causes is NOTICE.causes
    assert changed.user is NOTICE.user


def test_every_text_is_changed_in_its_place():
    changed = walk(NOTICE, without_frogs)
    left = [text for text, *_ in seen(changed)]

    assert "frog" not in "".join(left)
    assert changed.error.frames[0] == Frame(
        "shop.py", 7, "view", {"basket": ({"***": "1"}, "***"), "left": "***"}, ((7, "*** = 1"),), 3
    )
    assert changed.error.frames[1] is NOTICE.error.frames[1]
    assert changed.error.notes == ("***", "toad")
    assert changed.error.module == "***s"
    assert changed.request.params == {"a": "***", "b": {"c": ("***", "toad")}, "d": "***"}
    assert changed.extra == {"trail": ("***",), "empty": {}, "none": ()}


def test_two_names_that_become_one_are_told_apart():
    assert walk(NOTICE, without_frogs).request.session == {"***": "x", "***'": "y"}


def test_a_text_has_its_kind_and_the_name_of_its_place():
    found = seen()

    assert ("frog", "text", "params", "b[c]") in found
    assert ("frog", "name", "variables", "basket[0][frog]") in found
    assert ("frog", "text", "variables", "basket") in found
    assert ("frog = 1", "source", "source", "7") in found
    assert {kind for _, kind, section, name in found if section == "cgi-data"} == {
        "name",
        "quoted",
        "query",
        "fixed",
    }


def test_a_page_knows_which_texts_hold_a_part():
    texts = ["one frog, two frogs", "", "to\0ad", "frog"]
    page = Page([(text, "text", "extra", "") for text in texts])

    assert page.holding("frog") == [0, 3]
    assert page.holding("ad") == [2]
    assert page.holding("newt") == []

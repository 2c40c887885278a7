"""The XML document: valid, safe, and the same when read back."""

import re

import pytest
from django.test import RequestFactory
from hypothesis import given
from hypothesis import strategies as st
from rules import check_v2

from hoptoad.api import htv2
from hoptoad.api.characters import clean
from hoptoad.api.parsers import parse_v2
from hoptoad.notice import ErrorInfo, Frame, Notice, RequestInfo, Server, User

BARE = Notice(id="1", error=ErrorInfo("ValueError", "ValueError: x"))


def test_the_barest_notice_is_a_good_document():
    root = check_v2(htv2.encode(BARE))

    assert root.get("version") == "2.4"
    assert [child.tag for child in root] == ["api-key", "notifier", "error", "request", "server-environment"]
    assert [root.findtext(f"notifier/{name}") for name in ("name", "version")] == ["django-hoptoad", "1.0.0"]
    assert root.find("error/backtrace/line").attrib == {"number": "0", "file": "unknown", "method": "unknown"}
    assert root.findtext("server-environment/environment-name") == "unknown"


def test_an_empty_message_becomes_the_class_name():
    root = check_v2(htv2.encode(Notice(id="1", error=ErrorInfo("ValueError", ""))))

    assert root.findtext("error/message") == "ValueError"


def test_everything_a_notice_can_say_is_said_in_its_place():
    root = check_v2(
        htv2.encode(
            Notice(
                id="abc",
                error=ErrorInfo("ValueError", "ValueError: x", (Frame("a.py", 3, "f"),), ("note",)),
                causes=(
                    ErrorInfo(
                        "KeyError",
                        "KeyError: 'y'",
                        (Frame("b.py", 4, "g"), Frame("c.py", 5, "h")),
                        (),
                        "cause",
                    ),
                ),
                request=RequestInfo(
                    url="http://x/",
                    component="shop.views",
                    action="f",
                    params={"a": ("1", "2")},
                    session={"s": {"t": "u"}},
                    cgi_data={"HTTP_USER_AGENT": "Firefox"},
                ),
                server=Server(
                    project_root="/srv", environment_name="production", app_version="1.2.3", hostname="web1"
                ),
                user=User(id="7", name="Freda", email="", username="frog"),
                framework="Django: 6.1",
                language="Python/3.12.1",
            )
        )
    )

    data = {var.get("key"): var.text for var in root.iterfind("request/cgi-data/var")}
    assert data == {
        "HOPTOAD_NOTICE_ID": "abc",
        "LANGUAGE": "Python/3.12.1",
        "EXCEPTION_NOTES": "note",
        "EXCEPTION_CAUSE": "KeyError: 'y' at b.py:4 in g (cause)\nc.py:5 in h",
        "HTTP_USER_AGENT": "Firefox",
    }
    assert [child.tag for child in root.find("server-environment")] == [
        "project-root",
        "environment-name",
        "app-version",
        "hostname",
    ]
    assert {child.tag: child.text for child in root.find("current-user")} == {
        "id": "7",
        "name": "Freda",
        "username": "frog",
    }
    assert [var.get("key") for var in root.iterfind("request/params/var/var")] == ["0", "1"]
    assert root.findtext("framework") == "Django: 6.1"


texts = st.text(st.characters(), max_size=40)
names = st.text(max_size=20).filter(
    # Those would make two names one; and a name that begins with a dollar does not get its dots back.
    lambda name: not {"_", "\\"} & set(name) and not re.match(r"\.+\$|\$.*\.", name, re.DOTALL)
)
values = st.recursive(
    texts,
    lambda inner: (
        st.lists(inner, min_size=1, max_size=4).map(tuple)
        | st.dictionaries(names, inner, min_size=1, max_size=4)
    ),
    max_leaves=12,
)
data = st.dictionaries(names, values, max_size=5)
frames = st.builds(
    Frame,
    texts.map(lambda text: text.replace("<", "_").replace(">", "_")),
    st.integers(0, 10**8),
    texts,
)
notices = st.builds(
    Notice,
    id=texts,
    error=st.builds(
        ErrorInfo,
        texts,
        texts,
        st.lists(frames, max_size=3).map(tuple),
        st.lists(texts, max_size=2).map(tuple),
    ),
    causes=st.lists(
        st.builds(ErrorInfo, texts, texts, st.lists(frames, max_size=2).map(tuple)), max_size=2
    ).map(tuple),
    request=st.builds(
        RequestInfo,
        url=st.just("http://x/"),
        component=texts,
        action=texts,
        params=data,
        session=data,
        cgi_data=data,
    ),
    server=st.builds(Server, project_root=texts, environment_name=texts, app_version=texts, hostname=texts),
    user=st.none() | st.builds(User, id=texts, name=texts, email=texts, username=texts),
    framework=texts,
)


@given(notices)
def test_any_notice_is_a_good_document_and_reads_back_as_it_was(notice):
    document = htv2.encode(notice)

    read = parse_v2(document)

    check_v2(document)
    assert read.error.message == clean(notice.error.message or notice.error.class_name or "Exception")
    assert (
        read.error.frames
        == tuple(Frame(clean(frame.file), frame.line, clean(frame.function)) for frame in notice.error.frames)
        or not notice.error.frames
    )
    assert read.request.component == clean(notice.request.component)
    assert comparable(read.request.params) == comparable(notice.request.params)
    assert comparable(read.request.session) == comparable(notice.request.session)
    assert read.server.hostname == clean(notice.server.hostname)
    assert (read.user is None) == (notice.user is None)


def comparable(value):
    """Cleaned, and with lists as what v2 can tell of them: numbered variables."""
    if isinstance(value, str):
        return clean(value)
    items = value.items() if isinstance(value, dict) else enumerate(value)
    return {clean(str(key)): comparable(item) for key, item in items}


def test_generate_payload_of_a_status_is_as_in_2010(client):
    root = check_v2(htv2.generate_payload((RequestFactory().get("/x/"), 404)))

    assert root.findtext("error/class") == "Http404"
    assert root.findtext("error/message") == "Http404: Page not found at /x/"


def test_generate_payload_without_a_status_is_of_the_current_exception():
    try:
        raise KeyError("frog")
    except KeyError:
        root = check_v2(htv2.generate_payload((RequestFactory().get("/x/"), None)))

    assert root.findtext("error/message") == "KeyError: 'frog'"


def test_generate_payload_of_nothing_says_what_it_needs():
    with pytest.raises(TypeError, match="needs a status"):
        htv2.generate_payload((RequestFactory().get("/x/"), None))


def test_notes_and_causes_are_bounded_together_with_the_rest(client, reported, view):
    def chain(length):
        error = None
        for number in range(length):
            error = _with(ValueError(number), error, ["n" * 5000] * 50)
        return error

    def _with(error, cause, notes):
        error.__cause__, error.__notes__ = cause, notes
        return error

    @view
    def fail(request):
        raise chain(20)

    client.get("/exception/")

    assert len(reported.bytes) < 260_000


def test_the_published_rules_hold_for_deep_and_wide_data(client, reported):
    deep = {"a": {}}
    inner = deep["a"]
    for _ in range(300):
        inner["a"] = {}
        inner = inner["a"]
    wide = {f"k{number}": "v" * 2500 for number in range(900)}

    client.post("/json/", deep, content_type="application/json")
    client.post("/form/", wide)

    assert len(reported) == 2
    assert all(len(notice.findtext("error/message")) < 2100 for notice in reported)
    assert len(reported.bytes) < 500_000


def test_an_environment_without_a_name_is_unknown():
    notice = Notice(id="1", error=ErrorInfo("E", "E: x"), server=Server(environment_name="", hostname="a"))

    root = check_v2(htv2.encode(notice))

    assert root.findtext("server-environment/environment-name") == "unknown"
    assert root.find("server-environment/app-version") is None

"""The promises, attacked: the site never notices us, and we only look."""

import gc
import logging
import re
import sys

import pytest
from django.conf import settings as django_settings
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client, RequestFactory, override_settings
from django.utils.functional import SimpleLazyObject
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rules import check_v2

WITHOUT_US = django_settings.MIDDLEWARE[1:]

FAILURES = [
    ("get", "/boom/?token=abc", {}),
    ("get", "/boom/async/", {}),
    ("get", "/boom/class/7/", {}),
    ("get", "/status/503/", {}),
    ("get", "/raise/404/", {}),
    ("get", "/raise/403/", {}),
    ("get", "/raise/400/", {}),
    ("get", "/nowhere/", {}),
    ("post", "/form/", {"data": {"password": "abc"}}),
    ("post", "/json/", {"data": "{}", "content_type": "application/json"}),
    ("post", "/form/", {"data": "--x", "content_type": "multipart/form-data; boundary=y"}),
    ("get", "/session/", {}),
    ("get", "/user/", {}),
    ("get", "/sql/", {}),
    ("get", "/template/", {}),
    ("get", "/", {"headers": {"X-Fail": "Outer before"}}),
    ("get", "/", {"headers": {"X-Fail": "Inner after"}}),
]


class Seen(logging.Handler):
    """What Django logs of a request: the message and the exception."""

    def __init__(self):
        super().__init__()
        self.records = []

    def emit(self, record):
        error = record.exc_info[1] if record.exc_info else None
        self.records.append((record.name, record.levelname, record.getMessage(), type(error), str(error)))


def outcome(method, path, kwargs, signed_in):
    """Everything about an answer that a user or an operator could see, and the queries it took."""
    client = Client(raise_request_exception=False)
    if signed_in:
        client.force_login(get_user_model().objects.get_or_create(username="frog")[0])
    seen, queries = Seen(), []
    loggers = [logging.getLogger("django.request"), logging.getLogger("django.security")]
    connection.ensure_connection()
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.addHandler(seen)
        logger.setLevel(logging.DEBUG)
    connection.connection.set_trace_callback(queries.append)
    try:
        response = getattr(client, method)(path, **kwargs)
        body = b"".join(response.streaming_content) if response.streaming else response.content
    finally:
        connection.connection.set_trace_callback(None)
        for logger, level in zip(loggers, levels):
            logger.removeHandler(seen)
            logger.setLevel(level)
    cookies = sorted((name, morsel["path"]) for name, morsel in response.cookies.items())
    headers = {name: value for name, value in response.items() if name != "Expires"}
    queries = [re.sub(r"'[^']*'", "?", query) for query in queries]
    return response.status_code, headers, body, cookies, seen.records, queries


@pytest.mark.parametrize("signed_in", [False, True], ids=["nobody", "somebody"])
@pytest.mark.parametrize(
    ("method", "path", "kwargs"), FAILURES, ids=[f"{m} {p} {n}" for n, (m, p, _) in enumerate(FAILURES)]
)
def test_the_answer_the_log_and_the_queries_are_the_same_with_and_without_us(
    db, reported, settings_for, method, path, kwargs, signed_in
):
    settings_for(
        HOPTOAD_NOTIFY_404=True,
        HOPTOAD_NOTIFY_403=True,
        HOPTOAD_NOTIFY_STATUSES=[400],
        HOPTOAD_SEND_USER="full",
    )
    gc.collect()  # the clients of other tests, and with them our middleware
    with override_settings(MIDDLEWARE=WITHOUT_US):
        without_us = outcome(method, path, kwargs, signed_in)
    assert len(reported) == 0

    with_us = outcome(method, path, kwargs, signed_in)

    assert with_us == without_us
    assert len(reported) == 1


class Hostile(Exception):
    """Fights back wherever it is touched."""

    def __str__(self):
        raise RuntimeError("no text for you")

    __repr__ = __format__ = __str__

    @property
    def __dict__(self):
        raise RuntimeError("no attributes for you")

    def __setattr__(self, name, value):
        raise RuntimeError("nothing can be set")


Evil = type("<script>\x1b", (ValueError,), {"__module__": "\x1b\ufffe"})


def cycle():
    one, two = ValueError("one"), ValueError("two")
    one.__cause__, two.__cause__ = two, one
    return one


def deep(levels):
    try:
        if levels:
            deep(levels - 1)
        raise ValueError("innermost")
    except ValueError as error:
        raise RuntimeError(f"level {levels}") from error


def endless():
    def again():
        again()

    again()


def unraisable_arguments():
    error = ValueError()
    error.args = (SimpleLazyObject(lambda: 1 / 0), {1: object()}, b"\xff", "\ud800")
    return error


NASTY = {
    "hostile": lambda: Hostile("x"),
    "evil class name": lambda: Evil("\udc80 \x00 \ufffe ]]> &amp; <b>"),
    "ten megabytes": lambda: ValueError("x" * 10_000_000),
    "a circle": cycle,
    "lazy arguments": unraisable_arguments,
    "an empty text": lambda: ValueError(""),
    "a key": lambda: KeyError(("a", object())),
    "undecodable": lambda: UnicodeDecodeError("utf-8", b"\xff" * 1_000_000, 0, 1, "invalid start byte"),
    "a tuple of a million": lambda: ValueError(*range(1_000_000)),
}


@pytest.mark.parametrize("nasty", NASTY)
def test_a_nasty_exception_is_reported_and_stays_the_one_django_sees(client, reported, view, nasty):
    error = NASTY[nasty]()
    attributes = dict(BaseException.__dict__["__dict__"].__get__(error))

    @view
    def fail(request):
        raise error

    response = client.get("/exception/")

    assert response.status_code == 500
    assert response.exc_info[1] is error
    check_v2(reported._collector.received[0].body)
    assert len(reported) == 1
    after = BaseException.__dict__["__dict__"].__get__(error)
    assert after == attributes


@pytest.mark.parametrize("fail", [lambda: deep(200), endless], ids=["deep causes", "endless recursion"])
def test_deep_failures_are_reported(client, reported, view, fail):
    @view
    def fail_deeply(request):
        fail()

    client.get("/exception/")

    notice = reported.one()
    assert len(notice.findall("error/backtrace/line")) <= 201


def test_five_thousand_frames_are_reported(client, reported, view):
    def recurse(levels):
        if not levels:
            raise ValueError("at the bottom")
        recurse(levels - 1)

    @view
    def fail(request):
        limit = sys.getrecursionlimit()
        sys.setrecursionlimit(10_000)
        try:
            recurse(5000)
        finally:
            sys.setrecursionlimit(limit)

    client.get("/exception/")

    lines = reported.one().findall("error/backtrace/line")
    assert len(lines) == 201
    assert lines[0].get("method").endswith("recurse")


@given(
    message=st.text(),
    query=st.dictionaries(st.text(min_size=1), st.lists(st.text(), min_size=1), max_size=4),
    agent=st.text(st.characters(max_codepoint=255)),
    session=st.dictionaries(
        st.text() | st.integers() | st.none(),
        st.recursive(st.text() | st.binary() | st.floats(), st.lists),
        max_size=4,
    ),
    form=st.dictionaries(st.text(), st.lists(st.text() | st.just("\ud800"), min_size=1), max_size=4),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
def test_any_text_and_structure_becomes_one_good_notice(reported, view, message, query, agent, session, form):
    from django.http import QueryDict

    before = len(reported)

    @view
    def fail(request):
        request._post = QueryDict(mutable=True)
        for name, values in form.items():
            request._post.setlist(name, values)
        request.session._session_cache = session
        request.session.save = lambda *args, **kwargs: None
        raise ValueError(message)

    Client(raise_request_exception=False).get(
        "/exception/", query_params=query, headers={"User-Agent": agent}
    )

    assert len(reported) == before + 1


# As os.fsdecode gives a file's name that is not UTF-8.
@pytest.mark.parametrize("text", ["cannot open /srv/?f=caf\udce9%26pin=1", "caf\udce9 password=\udce9"])
def test_half_characters_cost_neither_the_notice_nor_what_stands_beside_them(reported, view, text):
    @view
    def fail(request):
        request._post = {"file": [text], "colour": ["green"]}
        raise ValueError(text)

    Client(raise_request_exception=False).post("/exception/")

    assert len(reported) == 1
    assert b"ValueError: ca" in reported.bytes
    assert b"green" in reported.bytes


def test_a_failure_whose_error_cannot_be_read_is_reported_by_its_class(reported, monkeypatch):
    monkeypatch.setattr("hoptoad.capture.build.errors_of", lambda *args: 1 / 0)

    Client(raise_request_exception=False).get("/boom/")

    assert len(reported) == 1
    assert b"[could not be read]" in reported.bytes


def snapshot(value, depth=0):
    """A request or a session as plain data, private parts and all."""
    kind = type(value)  # isinstance would evaluate what is lazy
    if kind in (str, bytes, int, float, bool):
        return value
    if depth > 4:
        return str(kind)
    if issubclass(kind, dict):
        return {str(key): snapshot(item, depth + 1) for key, item in dict.items(value)}
    if kind in (list, tuple):
        return [snapshot(item, depth + 1) for item in value]
    try:
        return {kind.__name__: snapshot(object.__getattribute__(value, "__dict__"), depth + 1)}
    except AttributeError:
        return str(kind)


def test_request_session_and_user_are_the_same_afterwards(reported, db):
    from hoptoad.reporting.reporter import report_exception

    evaluated = []
    request = RequestFactory().post("/?a=1&token=x", {"b": "2"})
    request.session = type("Session", (dict,), {})()
    request.session._session_cache = {"basket": {"token": "x"}, "list": [1, 2]}
    request.user = SimpleLazyObject(lambda: evaluated.append("user"))
    before = snapshot(request.__dict__)

    try:
        raise ValueError("x")
    except ValueError as error:
        assert report_exception(request, error)

    after = snapshot(request.__dict__)
    assert after.pop("_hoptoad_seen")
    assert after.pop("hoptoad_notice_id")
    assert after == before
    assert evaluated == []
    assert "GET" not in request.__dict__
    assert request.POST["b"] == "2"


@pytest.mark.parametrize(
    "broken",
    [
        "META",
        "path",
        "method",
        "resolver_match",
        "session",
        "_post",
        "_files",
        "_body",
        "user",
        "GET",
        "scheme",
    ],
)
def test_a_request_broken_in_any_part_is_reported_all_the_same(reported, broken):
    from hoptoad.reporting.reporter import report_exception

    class Trap:
        def __getattr__(self, name):
            raise RuntimeError("a trap")

        __bool__ = __len__ = __iter__ = lambda self: 1 / 0

    request = RequestFactory().get("/?a=1")
    if broken == "scheme":
        type_of = type("Request", (type(request),), {"scheme": property(lambda self: 1 / 0)})
        request.__class__ = type_of
    else:
        request.__dict__[broken] = Trap()

    identity = report_exception(request, ValueError("x"))

    assert identity
    check_v2(reported._collector.received[0].body)


@pytest.mark.parametrize(
    "target",
    [
        "hoptoad.capture.build.incident",
        "hoptoad.capture.build.snapshot",
        "hoptoad.reporting.filters.suppressed_by",
        "hoptoad.reporting.duplicates.first_exception",
        "hoptoad.api.htv2.encode",
        "hoptoad.reporting.pipeline.handler_of",
        "hoptoad.reporting.pipeline.get_settings",
        "hoptoad.reporting.reporter._pipeline",
    ],
)
@pytest.mark.parametrize("failure", [RuntimeError, MemoryError, RecursionError])
def test_whatever_fails_in_us_the_site_answers_as_without_us_and_the_log_says_so(
    client, reported, monkeypatch, caplog, target, failure
):
    expected = client.get("/boom/")

    def fail(*args, **kwargs):
        raise failure("ours")

    monkeypatch.setattr(target, fail)
    response = client.get("/boom/")
    client.get("/status/503/")

    assert (response.status_code, response.content) == (expected.status_code, expected.content)
    assert type(response.exc_info[1]) is ValueError
    assert "django-hoptoad itself failed" in caplog.text


def test_no_exception_or_frame_is_kept_alive_by_a_report(client, settings_for, view, caplog):
    import weakref

    settings_for(HOPTOAD_HANDLER="memory")

    class Local:
        pass

    class Mortal(Exception):
        pass

    alive = []

    @view
    def fail(request):
        local = Local()
        error = Mortal("x")
        alive.extend([weakref.ref(local), weakref.ref(error)])
        raise error

    client.get("/exception/")
    client.exc_info = None
    caplog.clear()  # it keeps what Django logs
    gc.collect()

    assert [reference() for reference in alive] == [None, None]

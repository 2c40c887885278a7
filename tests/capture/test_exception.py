"""What is said of an exception, whatever it tries."""

import functools
import sys

import pytest
import requests
import urllib3
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import connection
from django.utils.translation import gettext_lazy
from hypothesis import given
from hypothesis import strategies as st

from hoptoad.capture.exception import Describer
from hoptoad.capture.raised import causes_of, causes_with_parents
from hoptoad.notice import Frame
from hoptoad.redaction.cutting import SLACK, Room
from hoptoad.runtime.no_sql import no_sql


def describer(**changes):
    arguments = {
        "room": Room(values=2_000, chars=200_000, text=2048, depth=20),
        "project_root": "",
        "max_frames": 200,
    }
    return Describer(**{**arguments, **changes})


def describe(error, **changes):
    return describer(**changes).describe(error, causes_with_parents(error))


def raised(error):
    try:
        raise error
    except type(error) as caught:
        return caught


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ValueError("broken"), "ValueError: broken"),
        (ValueError(), "ValueError"),
        (ValueError("  "), "ValueError"),
        (ValueError("a", 2), "ValueError: ('a', 2)"),
        (KeyError("frog"), "KeyError: 'frog'"),
        (OSError(2, "No such file", "x.txt"), "FileNotFoundError: [Errno 2] No such file: 'x.txt'"),
        (ValueError({"a": object()}), "ValueError: {'a': <object object>}"),
        (ValueError(gettext_lazy("Enter a number.")), "ValueError: Enter a number."),
        (ValidationError("odd %(what)s", params={"what": "frog"}), "ValidationError: ['odd frog']"),
        (RuntimeError("<Foo object at 0x7f00>"), "RuntimeError: <Foo object>"),
    ],
)
def test_the_message_is_the_class_and_its_text(error, message):
    assert describe(error)[0].message == message


class Pool:
    """Named, never evaluated."""

    __repr__ = __str__ = property(lambda self: 1 / 0)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ConnectionError(TimeoutError("read timed out")), "ConnectionError: read timed out"),
        (
            requests.ConnectionError(urllib3.exceptions.MaxRetryError(None, "/pay", OSError("refused"))),
            "ConnectionError: None: Max retries exceeded with url: /pay (Caused by OSError('refused'))",
        ),
        (ValueError("a", KeyError("b")), "ValueError: ('a', KeyError('b'))"),
        (RuntimeError(ValueError), "RuntimeError: <class 'ValueError'>"),
        (RuntimeError(describer), f"RuntimeError: <function {__name__}.describer>"),
        (RuntimeError(ValueError(Pool())), f"RuntimeError: <{__name__}.Pool object>"),
    ],
)
def test_an_exception_as_an_argument_is_shown_by_its_text(error, message):
    assert describe(error)[0].message == message


def test_exceptions_that_hold_each_other_end():
    one, other = ValueError("one"), KeyError("other")
    one.args, other.args = (other,), (one,)
    itself = RuntimeError()
    itself.args = (itself,)
    deep = ValueError("bottom")
    for _ in range(10_000):
        deep = ValueError(deep)

    assert describe(one)[0].message == "ValueError: …"
    assert describe(itself)[0].message == "RuntimeError: …"
    assert describe(deep)[0].message == "ValueError: …"


def test_a_huge_exception_as_an_argument_is_cut():
    error, _ = describe(ValueError("a", ValueError("x" * 10_000_000)))

    assert len(error.message) < 2100 + SLACK


@pytest.mark.django_db
def test_no_query_runs_for_an_exception_as_an_argument():
    users = get_user_model().objects.all()

    main, _ = describe(ValueError("a", Hostile(lambda: f"{len(users)} users"), ValueError(users)))

    assert main.message == (
        "ValueError: ('a', Hostile('[its text could not be read: RuntimeError]'), "
        "ValueError(<django.db.models.query.QuerySet object>))"
    )


def test_the_class_is_named_with_its_module_unless_short_names_are_wanted():
    error = ValidationError("x")

    assert describe(error)[0].class_name == "django.core.exceptions.ValidationError"
    assert describe(error, short_class_names=True)[0].class_name == "ValidationError"
    assert describe(ValueError())[0].class_name == "ValueError"


class Hostile(Exception):
    def __init__(self, trick=None):
        self.trick = trick

    def __str__(self):
        return self.trick()

    __repr__ = __str__


def explode(kind):
    raise kind("in __str__")


@pytest.mark.parametrize(
    "trick",
    [
        lambda: 1 / 0,
        lambda: 7,
        lambda: explode(SystemExit),
        lambda: explode(KeyboardInterrupt),
        lambda: explode(RecursionError),
        lambda: str(Hostile(lambda: explode(Hostile))),
    ],
)
def test_an_exception_whose_text_cannot_be_read_is_reported_all_the_same(trick):
    error, _ = describe(Hostile(trick))

    assert error.message.startswith("Hostile: [its text could not be read: ")


def test_a_lying_exception_is_seen_as_what_it_is():
    class Liar(Exception):
        __class__ = property(lambda self: KeyError)
        __cause__ = property(lambda self: 1 / 0)
        __traceback__ = property(lambda self: 1 / 0)
        __notes__ = property(lambda self: 1 / 0)
        args = property(lambda self: 1 / 0)
        __dict__ = property(lambda self: 1 / 0)

        def __getattribute__(self, name):
            raise RuntimeError(name)

    error, _ = describe(raised(Liar("truth")))

    assert error.class_name.endswith("Liar")
    assert error.message == "Liar: truth"
    assert len(error.frames) == 1


def test_a_huge_text_is_cut():
    error, _ = describe(ValueError("x" * 10_000_000))

    assert len(error.message) < 2100 + SLACK


@pytest.mark.django_db
def test_no_query_runs_for_a_message():
    users = get_user_model().objects.all()
    queries = []
    connection.ensure_connection()
    connection.connection.set_trace_callback(queries.append)

    main, _ = describe(ValueError(users))
    own, _ = describe(Hostile(lambda: f"{len(users)} users"))

    connection.connection.set_trace_callback(None)
    assert queries == []
    assert main.message == "ValueError: <django.db.models.query.QuerySet object>"
    assert own.message == "Hostile: [its text could not be read: RuntimeError]"


@pytest.mark.django_db
def test_queries_run_again_after_a_message_was_made():
    with no_sql(), pytest.raises(RuntimeError, match="must not run SQL"):
        get_user_model().objects.count()

    assert get_user_model().objects.count() == 0


def chain():
    try:
        try:
            raise KeyError("first")
        except KeyError as error:
            raise ValueError("second") from error
    except ValueError:
        raise RuntimeError("third")


def caught(function):
    try:
        function()
    except Exception as error:
        return error


def test_causes_and_contexts_are_told_nearest_first():
    _, causes = describe(caught(chain))

    assert [(cause.message, cause.relation) for cause in causes] == [
        ("ValueError: second", "context"),
        ("KeyError: 'first'", "cause"),
    ]
    assert causes[0].frames[0].function.endswith("chain")


@pytest.mark.django_db
@pytest.mark.parametrize("kind", [OSError, ConnectionError, ImportError, SyntaxError, TimeoutError])
def test_no_query_runs_for_pythons_own_exceptions_either(kind):
    queries = []
    connection.ensure_connection()
    connection.connection.set_trace_callback(queries.append)

    main, _ = describe(kind(get_user_model().objects.all()))

    connection.connection.set_trace_callback(None)
    assert queries == []
    assert main.message == f"{kind.__name__}: <django.db.models.query.QuerySet object>"


@pytest.mark.skipif(sys.version_info < (3, 11), reason="groups came with Python 3.11")
def test_a_lying_group_is_reported_all_the_same():
    class Liar(ExceptionGroup):
        exceptions = property(lambda self: 1 / 0)

    error, causes = describe(Liar("both", [ValueError("one")]))

    assert error.message == "Liar: both (1 sub-exception)"
    assert [cause.message for cause in causes] == ["ValueError: one"]


def test_from_none_is_honoured():
    def fail():
        try:
            raise KeyError("hidden")
        except KeyError:
            raise ValueError("shown") from None

    assert describe(caught(fail))[1] == ()


def test_a_circle_of_causes_ends():
    one, two = ValueError("one"), ValueError("two")
    one.__cause__, two.__cause__ = two, one

    assert [str(cause) for cause, _ in causes_of(one)] == ["two"]


def test_a_chain_of_thousands_is_bounded():
    error = functools.reduce(
        lambda cause, number: _with_cause(ValueError(number), cause), range(5000), ValueError("first")
    )

    assert len(describe(error)[1]) == 10


def _with_cause(error, cause):
    error.__cause__ = cause
    return error


@pytest.mark.skipif(sys.version_info < (3, 11), reason="groups and notes came with Python 3.11")
def test_groups_and_notes_are_told():
    group = ExceptionGroup("both", [ValueError("one"), ExceptionGroup("inner", [KeyError("two")])])
    group.add_note("seen on Tuesday")

    error, causes = describe(raised(group))

    assert error.message == "ExceptionGroup: both (2 sub-exceptions)"
    assert error.notes == ("seen on Tuesday",)
    assert [(cause.message, cause.relation) for cause in causes] == [
        ("ValueError: one", "member"),
        ("ExceptionGroup: inner (1 sub-exception)", "member"),
        ("KeyError: 'two'", "member"),
    ]


@pytest.mark.parametrize("notes", [7, ["fine", 7, "\ud800"], [object()], "text"])
def test_notes_that_are_none_do_no_harm(notes):
    error = ValueError("x")
    error.__notes__ = notes

    assert all(type(note) is str for note in describe(error)[0].notes)


def recurse(depth):
    if depth:
        recurse(depth - 1)
    raise ValueError("deep")


def test_of_thousands_of_frames_both_ends_are_kept():
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(7000)
    try:
        error = caught(lambda: recurse(5000))
    finally:
        sys.setrecursionlimit(limit)

    frames = describe(error, max_frames=20)[0].frames

    assert len(frames) == 21
    assert frames[0].function == "recurse"
    assert (frames[10].file, frames[10].line, frames[10].function) == ("[cut]", 0, "frames left out")
    assert frames[-1].function.endswith("caught")


def endless(depth=0):
    return endless(depth + 1)


def even(number):
    return odd(number + 1)


def odd(number):
    return even(number + 1)


def below(depth, function):
    return below(depth - 1, function) if depth else function()


@pytest.mark.parametrize("function", [endless, functools.partial(even, 0)])
def test_an_endless_recursion_has_the_same_lines_from_any_depth(function):
    frames, left_out = set(), set()
    for depth in (0, 2, 40):
        error = caught(lambda depth=depth: below(depth, function))
        shown = describe(error, max_frames=10)[0]
        frames.add(shown.frames[:6])  # down to the cut
        left_out.add(shown.frames_left_out)

    assert len(frames) == 1
    assert frames.pop()[5] == Frame("[cut]", 0, "frames left out")
    assert all(left_out)


def test_a_short_traceback_leaves_nothing_out():
    shown = describe(caught(chain), max_frames=10)[0]

    assert shown.frames_left_out == 0
    assert "[cut]" not in [frame.file for frame in shown.frames]


def code_of(file):
    """A function that calls another one, from a file of that name."""
    names = {}
    exec(compile("def call(function):\n    return function()\n", file, "exec"), names)
    return names["call"]


SERVER = "/venv/lib/python3.12/site-packages/gunicorn/workers/sync.py"
DJANGO = "/srv/shop/.venv/lib/python3.12/site-packages/django/core/handlers/base.py"
VIEW = "/srv/shop/orders/views.py"
LIBRARY = "/srv/shop/.venv/lib/python3.12/site-packages/requests/api.py"


@pytest.mark.parametrize(
    ("outermost_first", "shown"),
    [
        ([SERVER, DJANGO, VIEW], ["orders/views.py"]),
        ([SERVER, DJANGO, VIEW, LIBRARY], ["requests/api.py", "orders/views.py"]),
        ([DJANGO, VIEW, DJANGO, VIEW], ["orders/views.py", "core/handlers/base.py", "orders/views.py"]),
        ([VIEW, LIBRARY], ["requests/api.py", "orders/views.py"]),
        ([SERVER, DJANGO, LIBRARY], ["requests/api.py", "core/handlers/base.py", "workers/sync.py"]),
    ],
)
def test_frames_below_the_projects_outermost_are_left_out(outermost_first, shown):
    innermost = functools.partial(code_of("<string>"), lambda: int("x"))
    call = functools.reduce(
        lambda inner, file: functools.partial(code_of(file), inner), reversed(outermost_first), innermost
    )
    error = caught(call)

    files = [frame.file for frame in describe(error, project_root="/srv/shop")[0].frames]

    named = [file for file in files if file.startswith(("[PROJECT_ROOT]", "[SITE_PACKAGES]"))]
    assert ["/".join(file.split("/")[-len(end.split("/")) :]) for file, end in zip(named, shown)] == shown
    assert len(named) == len(shown)
    is_own = VIEW in outermost_first
    assert any("test_exception" in file for file in files[-2:]) != is_own


def test_frames_are_innermost_first():
    frames = describe(caught(chain))[0].frames

    assert [frame.function for frame in frames] == ["chain", "caught"]
    assert frames[0].file.endswith("tests/capture/test_exception.py")


@given(st.text(), st.lists(st.text(), max_size=3))
def test_any_text_can_be_a_message_and_a_note(text, notes):
    error = ValueError(text)
    error.__notes__ = notes

    described, _ = describe(error)

    assert described.message.startswith("ValueError")
    assert len(described.notes) == len(notes)

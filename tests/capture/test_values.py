import sys
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum
from pathlib import PurePosixPath, PureWindowsPath
from uuid import UUID

import pytest
from django.contrib.auth import get_user_model
from django.utils.functional import SimpleLazyObject
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy
from hypothesis import given
from hypothesis import strategies as st

from hoptoad.api.characters import clean
from hoptoad.capture.values import bounded_repr, class_name, exact, exception_text, plain, without_addresses
from hoptoad.redaction.cutting import cut


class Colour(Enum):
    RED = 1


class Level(IntEnum):
    HIGH = 3


@pytest.mark.parametrize(
    ("dirty", "wanted"),
    [
        ("plain\t\r\n", "plain\t\r\n"),
        ("\x00\x1b[31m", "\\x00\\x1b[31m"),
        ("\ud800 \udcff", "\\ud800 \\udcff"),
        ("\ufffe\uffff", "\\ufffe\\uffff"),
        ("\U0001f438 \x85", "\U0001f438 \x85"),
    ],
)
def test_characters_that_xml_forbids_are_written_out(dirty, wanted):
    assert clean(dirty) == wanted


@given(st.text(), st.integers(0, 50))
def test_cutting_never_exceeds_the_bound_and_never_touches_what_fits(text, bound):
    assert len(cut(text, bound)) <= bound
    if len(text) <= bound:
        assert cut(text, bound) == text


def test_a_cut_is_marked():
    assert cut("a" * 100, 20) == "aaaaaaaaaaaaa… [cut]"


def test_addresses_are_left_out():
    assert without_addresses("<Foo object at 0x7f3a> and 0x10") == "<Foo object> and 0x10"


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("text", "'text'"),
        (b"bytes", "b'bytes'"),
        ({"a": [1, (2.5, None)], "b": {3}}, "{'a': [1, (2.5, None)], 'b': {3}}"),
        ([set(), (1,), frozenset({2})], "[set(), (1,), frozenset({2})]"),
        (Decimal("1.20"), "Decimal('1.20')"),
        (date(2026, 1, 2), "datetime.date(2026, 1, 2)"),
        (Colour.RED, "Colour.RED"),
        (Level.HIGH, "Level.HIGH"),
        (mark_safe("<b>"), "'<b>'"),
        pytest.param(10**5000, "<int of 16610 bits>", id="a number too long to print"),
        (gettext_lazy("Yes"), "'Yes'"),
        (object(), "<object object>"),
        (Colour, f"<class '{__name__}.Colour'>"),
    ],
)
def test_values_are_shown_like_repr_shows_them(value, wanted):
    assert bounded_repr(value, 200) == wanted


def test_objects_are_named_and_never_evaluated():
    def explode():
        raise AssertionError("evaluated")

    class Hostile:
        __class__ = property(lambda self: explode())
        __repr__ = __str__ = __len__ = lambda self: explode()

    lazy = SimpleLazyObject(explode)
    user = get_user_model()(username="frog")

    assert bounded_repr([lazy, Hostile(), user, get_user_model().objects.all()], 500) == (
        "[<django.utils.functional.SimpleLazyObject object>, "
        "<test_text.test_objects_are_named_and_never_evaluated.<locals>.Hostile object>, "
        "<django.contrib.auth.models.User object>, <django.db.models.query.QuerySet object>]"
    ).replace("test_text.", f"{__name__}.")


def test_a_circle_ends():
    circle = [1]
    circle.append({"again": circle})

    assert bounded_repr(circle, 100) == "[1, {'again': …}]"


def test_only_as_much_as_wanted_is_rendered():
    class Counting(list):
        pass

    huge = [list(range(1000))] * 1_000_000

    assert len(bounded_repr(huge, 100)) == 100
    assert len(bounded_repr("x" * 10_000_000, 100)) == 100


LONG = [
    Decimal("1" * 100_000),
    Decimal("-0." + "3" * 100_000),
    PurePosixPath("a=" * 50_000),
    PureWindowsPath("C:/" + "a/" * 50_000),
    timezone(timedelta(hours=1), "pin=1 " * 20_000),
    datetime(2026, 1, 2, tzinfo=timezone(timedelta(hours=1), "pin=1 " * 20_000)),
]


@pytest.mark.parametrize("value", LONG, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize(
    "wrapped", [lambda value: value, lambda value: [value], lambda value: {value: value}]
)
def test_no_value_has_a_longer_text_than_is_wanted(value, wrapped):
    assert len(plain(wrapped(value), 100)) <= 100
    assert len(bounded_repr(wrapped(value), 100)) <= 100
    assert len(exception_text(ValueError(wrapped(value)), 100)) <= 100
    assert len(exception_text(KeyError(value, wrapped(value)), 100)) <= 100


def test_hostile_subclasses_are_read_by_the_methods_of_their_base():
    class Liar(str):
        __slots__ = ()
        __str__ = __getitem__ = __len__ = lambda self, *args: 1 / 0

    class Empty(dict):
        items = keys = __iter__ = lambda self: 1 / 0

    assert exact(Liar("truth")) == "truth"
    assert type(exact(Liar("truth"))) is str
    assert bounded_repr(Empty(a=1), 50) == "{'a': 1}"


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner),
    )
)
def test_small_values_are_shown_exactly_as_repr_does(value):
    shown = bounded_repr(value, 100_000)

    assert shown == repr(value) or "…" in shown  # only what lies deeper than eight levels


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("as it is", "as it is"),
        (Decimal("1.20"), "1.20"),
        (PurePosixPath("/srv/shop"), "/srv/shop"),
        (7, "7"),
        (None, "None"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (gettext_lazy("Yes"), "Yes"),
        (["a"], "['a']"),
    ],
)
def test_plain_text_of_a_value_is_what_a_form_field_would_show(value, wanted):
    assert plain(value, 100) == wanted


def test_class_names_are_read_past_a_lying_metaclass():
    class Meta(type):
        def __getattribute__(cls, name):
            raise RuntimeError(name)

    class Liar(metaclass=Meta):
        __module__ = 7

    assert class_name(Liar).endswith("Liar")
    assert class_name(ValueError) == "ValueError"
    assert class_name(UUID) == "uuid.UUID"


def test_the_recursion_of_deep_data_is_bounded():
    deep = []
    for _ in range(sys.getrecursionlimit() * 2):
        deep = [deep]

    assert bounded_repr(deep, 100) == "[[[[[[[[[…]]]]]]]]]"

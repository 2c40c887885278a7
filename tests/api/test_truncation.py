"""A document that is too large: what is cut first, what stays, and how much of each."""

import json

import pytest

from hoptoad.api.sentry.truncation import SENTRY
from hoptoad.api.truncation import CUT, V3, both_ends, encoded, entries_of, fitted

LINE = {"file": "a.py", "line": 1, "function": "f"}


def document(message="m", lines=(LINE,), **sections):
    return {"errors": [{"type": "E", "message": message, "backtrace": [*lines]}], **sections}


def shrunk(found, max_bytes=8_000):
    body = fitted(found, max_bytes, V3)
    assert len(body) <= max_bytes
    return json.loads(body)


@pytest.mark.parametrize("letter", ["x", "é", "🐸", '"'])
def test_what_fits_exactly_stays(letter):
    found = document(letter * 3_000)
    size = len(encoded(found))

    assert json.loads(fitted(found, size, V3)) == found
    assert len(fitted(found, size - 1, V3)) <= size - 1
    assert json.loads(fitted(found, size - 1, V3)) != found


@pytest.mark.parametrize("letter", ["x", "é", "🐸", '"', "\n"])
def test_little_more_than_needed_is_cut(letter):
    body = fitted(document(letter * 30_000, params={"a": letter * 30_000, "b": "short"}), 8_000, V3)

    assert 7_700 < len(body) <= 8_000
    shown = json.loads(body)
    assert shown["errors"][0]["message"] == shown["params"]["a"]
    assert shown["params"]["a"].endswith(letter + CUT)
    assert shown["params"]["b"] == "short"


def test_the_texts_of_every_section_are_cut_and_names_are_not():
    texts = {"a": "x" * 9_000, "list": ["y" * 9_000], "deep": {"b": "z" * 9_000}, "number": 7}
    shown = shrunk(document(environment=texts, params=texts, session=texts, context={"component": "c" * 255}))

    for section in ("environment", "params", "session"):
        lengths = {len(shown[section]["a"]), len(shown[section]["list"][0]), len(shown[section]["deep"]["b"])}
        assert len(lengths) == 1
        assert max(lengths) < 1_000
        assert shown[section]["number"] == 7
    assert shown["context"] == {"component": "c" * 255}


def test_source_lines_stay_as_long_as_texts_keep_a_thousand_characters():
    lines = [{**LINE, "code": {"1": "c" * 200}} for _ in range(10)]

    few, many = (
        shrunk(document(lines=lines, params=dict.fromkeys(map(str, range(count)), "x" * 2_000)))
        for count in (5, 6)
    )

    assert few["errors"][0]["backtrace"] == lines
    assert min(map(len, few["params"].values())) >= 1_000
    assert many["errors"][0]["backtrace"] == [LINE] * 10
    assert min(map(len, many["params"].values())) >= 1_000


def test_texts_keep_32_characters_before_anything_else_goes():
    params = {f"{number:03}": "x" * 500 for number in range(150)}
    shown = shrunk(document(params=params))

    assert len(shown["params"]) == 150
    assert {len(text) for text in shown["params"].values()} <= {*range(32, 60)}


def test_then_entries_go_and_their_number_is_told():
    params = {f"{number:04}": "x" for number in range(3_000)}
    shown = shrunk(document(params=params, session={"a": "b"}))["params"]

    assert shown["[cut]"] == "2488 more"
    assert len(shown) == 513
    assert [*shown][:512] == [*params][:512]


def test_a_backtrace_loses_its_middle_and_the_environment_says_how_many():
    lines = [{**LINE, "line": number, "function": "f" * 50} for number in range(1_000)]
    shown = shrunk(document(lines=lines, environment={"a": "b", "FRAMES_LEFT_OUT": "5"}))

    kept = shown["errors"][0]["backtrace"]
    gap = kept.index({"file": "[cut]", "line": 0, "function": "frames left out"})
    assert [line["line"] for line in kept[:gap]] == [*range(gap)]
    assert [line["line"] for line in kept[gap + 1 :]] == [*range(1_000 - len(kept) + gap + 1, 1_000)]
    assert shown["environment"] == {"a": "b", "FRAMES_LEFT_OUT": str(5 + 1_000 - len(kept) + 1)}


@pytest.mark.parametrize("count", [10, 2_000])
def test_of_an_event_the_last_breadcrumbs_stay(count):
    crumbs = [{"message": f"{number:04} {'x' * 100}"} for number in range(count)]
    event = {"extra": {"a": "b"}, "breadcrumbs": {"values": crumbs}}

    for max_bytes, least in ((8_000, 10), (400, 4), (100, 1), (9, 0)):
        shown = json.loads(fitted(event, max_bytes, SENTRY))

        kept = [crumb["message"][:4] for crumb in shown["breadcrumbs"]["values"]]
        assert kept == [f"{number:04}" for number in range(count - len(kept), count)]
        assert len(kept) >= least
        assert len(kept) < 2_000
    assert kept == []


def test_every_error_loses_its_middle_and_only_the_first_is_counted():
    lines = [{**LINE, "line": number, "function": "f" * 50} for number in range(200)]
    found = document(lines=lines[:2])
    found["errors"].append({"type": "C", "message": "c", "backtrace": lines})

    shown = shrunk(found)

    assert shown["errors"][0]["backtrace"] == lines[:2]
    assert len(shown["errors"][1]["backtrace"]) < 200
    assert "environment" not in shown


@pytest.mark.parametrize(
    ("count", "entries", "kept"),
    [
        (5, 5, "01234"),
        (5, 4, "01-34"),
        (5, 3, "01-4"),
        (5, 2, "0-4"),
        (3, 1, "0-2"),
        (3, 0, "0-2"),
        (2, 1, "01"),
        (2, 0, "01"),
        (0, 0, ""),
    ],
)
def test_both_ends_of_a_list(count, entries, kept):
    assert "".join(both_ends([*map(str, range(count))], entries, "-")) == kept


@pytest.mark.parametrize(
    ("value", "entries", "kept"),
    [
        ("text", 0, "text"),
        ({"a": 1, "b": 2}, 2, {"a": 1, "b": 2}),
        ({"a": 1, "b": 2}, 1, {"a": 1, "[cut]": "1 more"}),
        ({"a": 1, "b": 2}, 0, {"[cut]": "2 more"}),
        ([1, 2, 3], 3, [1, 2, 3]),
        ((1, 2, 3), 1, [1, "[cut] 2 more"]),
        ({"a": [1, 2], "b": {"c": 1, "d": 2}}, 1, {"a": [1, "[cut] 1 more"], "[cut]": "1 more"}),
        ([{"c": 1, "d": 2}], 1, [{"c": 1, "[cut]": "1 more"}]),
    ],
)
def test_the_first_entries_of_a_value(value, entries, kept):
    assert entries_of(value, entries) == kept


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_document_has_no_numbers_that_json_does_not_have(number):
    with pytest.raises(ValueError, match="not JSON compliant"):
        encoded({"a": number})


def frame(number, **more):
    return {
        "filename": "a.py",
        "abs_path": "[PROJECT_ROOT]/a.py",
        "function": f"f{number}",
        "in_app": True,
        **more,
    }


def small(event, max_bytes=8_000):
    body = fitted(event, max_bytes, SENTRY)
    assert len(body) <= max_bytes
    return json.loads(body)


@pytest.mark.parametrize("stack", ["exception", "threads"])
def test_of_an_event_the_longest_texts_are_cut_wherever_they_stand(stack):
    long, source = (
        "x" * 5_000,
        {"pre_context": ["p" * 900], "context_line": "c" * 900, "post_context": ["q" * 900]},
    )
    item = {
        "type": "t" * 200,
        "value": long,
        "stacktrace": {"frames": [frame(1, vars={"a": long}, **source)]},
    }
    texts = {"a": long}
    event = {
        stack: {"values": [item]},
        "logentry": {"message": long},
        "request": {"data": texts},
        "breadcrumbs": {"values": [{"message": long}]},
        "contexts": {"c": texts},
        "extra": texts,
        "transaction": "y" * 200,
    }
    shown = small(event, 12_000)

    [cut] = shown[stack]["values"]
    [shown_frame] = cut["stacktrace"]["frames"]
    parts = [
        cut["value"],
        shown_frame["vars"]["a"],
        shown["logentry"]["message"],
        shown["request"]["data"]["a"],
        shown["breadcrumbs"]["values"][0]["message"],
        shown["contexts"]["c"]["a"],
        shown["extra"]["a"],
    ]
    assert len({*parts}) == 1
    assert 1_000 <= len(parts[0]) < 2_000
    assert {name: shown_frame[name] for name in source} == source
    assert (cut["type"], shown["transaction"]) == ("t" * 200, "y" * 200)


@pytest.mark.parametrize("stack", ["exception", "threads"])
def test_of_an_event_source_lines_go_first_and_then_the_middle_of_a_stack(stack):
    source = {"pre_context": ["p" * 90], "context_line": "c" * 90, "post_context": ["q" * 90]}
    values = {f"{number:03}": "v" for number in range(70)}

    def event(count):
        frames = [
            frame(number, vars=values if number == 0 else {"a": "b"}, **source) for number in range(count)
        ]
        return {stack: {"values": [{"type": "E", "stacktrace": {"frames": frames}}, {"type": "C"}]}}

    few, without = small(event(20))[stack]["values"]
    assert few["stacktrace"]["frames"] == [
        frame(number, vars=values if number == 0 else {"a": "b"}) for number in range(20)
    ]
    assert without == {"type": "C"}

    many = small(event(400))[stack]["values"][0]["stacktrace"]["frames"]
    gap = many.index(
        {"filename": "[cut]", "abs_path": "[cut]", "function": "frames left out", "in_app": False}
    )
    entries = len(many) - 1
    assert entries < 70
    assert many[0]["vars"] == {**dict([*values.items()][:entries]), "[cut]": f"{70 - entries} more"}
    names = [shown["function"] for shown in many]
    assert names[:gap] == [f"f{number}" for number in range(gap)]
    assert names[gap + 1 :] == [f"f{number}" for number in range(400 - len(many) + gap + 1, 400)]


def test_of_an_event_the_parts_of_a_request_stay_and_lose_entries():
    many = {f"{number:04}": "x" for number in range(2_000)}
    crumbs = {"values": [{"message": "1"}, {"message": "2"}, {"message": "3"}]}
    request = {"url": "u", "method": "GET", "data": many, "env": {"a": "b"}}
    shown = small({"request": request, "breadcrumbs": crumbs, "extra": many})

    assert [*shown["request"]] == ["url", "method", "data", "env"]
    assert (shown["request"]["url"], shown["request"]["env"]) == ("u", {"a": "b"})
    assert shown["request"]["data"] == shown["extra"]
    assert shown["breadcrumbs"] == crumbs
    assert shown["extra"]["[cut]"] == f"{2_000 - len(shown['extra']) + 1} more"

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from redacting import redacted

from hoptoad.redaction import key_values

# What the two patterns of the module find from the separators on, forwards: it looks at every word.
FORWARDS = re.compile(
    r"(?<![\w.\-])([\w.\-\[\]%]{1,100})((?:\\{0,8}[\"']|&quot;|&#3[49];)?)\s{0,9}((?::=|={1,3}>?|:))\s{0,9}"
)
PIECES = st.sampled_from(
    [
        "password",
        "key",
        "token",
        "[x]",
        "%41",
        "x" * 60,
        "é",
        "=",
        ":=",
        "==",
        "====",
        ":",
        "=>",
        " ",
        " " * 10,
    ]
    + [
        '"',
        "'",
        '\\"',
        "\\\\'",
        "&quot;",
        "&#39;",
        "&",
        ";",
        "(",
        ")",
        "{",
        "}",
        "[",
        "]",
        ",",
        "\n",
        ".",
        "-",
    ]
)


def forwards(text):
    done = 0
    for found in FORWARDS.finditer(text):
        pair = key_values._Pair(found[1], found.start(), found[3], bool(found[2]), found.end())
        typed = key_values._TYPE.match(text, found.end()) if found[3] == ":" and not found[2] else None
        if typed:
            named = pair._replace(separator="=", value=typed.end())
            start, end = key_values._value(text, named, key_values._Brackets(text))
            if start < end:
                yield pair.name, "a rule", start, end
        if pair.start >= done and not key_values._is_prose(text, pair, lambda name: "a rule"):
            start, end = key_values._value(text, pair, key_values._Brackets(text))
            if start < end:
                yield pair.name, "a rule", start, end
                done = end


@example("token:key=[x] password")
@given(st.lists(PIECES, max_size=12).map("".join))
def test_reading_backwards_from_a_separator_finds_what_reading_forwards_finds(text):
    names = {name for name, _ in key_values.names_before_values(text)}
    found = [*key_values.pairs(text, lambda name: "a rule", names)]

    assert found == list(forwards(text))


@pytest.mark.parametrize("name", ["pin", "password", "api-key", "user[pin]"])
@pytest.mark.parametrize("before", ["", "sum: 5 ", "\\n", "x\\t", "\\x0a", "\\u000a", '{"', "?", "a=1&"])
def test_a_name_is_found_in_a_whole_notice_wherever_it_begins(name, before):
    """The page is looked at for names first; only texts with one are searched."""
    assert "qw-7731-z" not in str(redacted({"note": f"{before}{name}=qw-7731-z", "other": "a: b"}))


@pytest.mark.parametrize(
    "text",
    ["pin: str = 'qw-7731-z'", "password?: string | null = 'qw-7731-z'", "token: [String!] =qw-7731-z"],
)
def test_a_default_after_a_type_is_masked(text):
    assert "qw-7731-z" not in str(redacted({"note": text}))

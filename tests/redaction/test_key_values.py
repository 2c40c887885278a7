import re

from hypothesis import given
from hypothesis import strategies as st

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
        if pair.start >= done and not key_values._is_prose(text, pair, lambda name: "a rule"):
            start, end = key_values._value(text, pair, key_values._Brackets(text))
            if start < end:
                yield pair.name, "a rule", start, end
                done = end


@given(st.lists(PIECES, max_size=12).map("".join))
def test_reading_backwards_from_a_separator_finds_what_reading_forwards_finds(text):
    assert list(key_values.pairs(text, lambda name: "a rule")) == list(forwards(text))

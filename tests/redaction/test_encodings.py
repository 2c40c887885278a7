"""Every form in which a secret may stand in a text."""

import base64
import html
import json
from urllib.parse import quote, quote_plus, unquote

import pytest
from django.utils.encoding import escape_uri_path
from django.utils.html import escapejs
from hypothesis import given
from hypothesis import strategies as st
from redacting import spans, values_in, values_of, without

from hoptoad.redaction.cutting import MASK
from hoptoad.redaction.encodings import occurrences, unquoted
from hoptoad.redaction.secrets import is_telling

SECRETS = [
    "пароль-№-1",
    "it's/a\"secret&<x>",
    "grüße-12345!",
    'päss"wörd 99',
    "abc/def/ghijk+lmn==",
    "tok'é&xyz99",
    "correct-horse-7",
    "o'brien-X9",
]


def dotnet(text):
    """As System.Text.Json writes it."""
    plain = "".join(c if c.isascii() and c not in "\"&'+<>`" else f"\\u{ord(c):04X}" for c in text)
    return f'"{plain}"'


DISGUISES = {
    "as it is": str,
    "repr": repr,
    "repr of bytes": lambda text: repr(text.encode()),
    "json": json.dumps,
    "json of json": lambda text: json.dumps(json.dumps({"a": text})),
    "json, not ascii": lambda text: json.dumps(text, ensure_ascii=False),
    "json, slashes escaped": lambda text: json.dumps(text).replace("/", "\\/"),
    "html": html.escape,
    "markupsafe": lambda text: html.escape(text).replace("&#x27;", "&#39;").replace("&quot;", "&#34;"),
    "escapejs": escapejs,
    "quote": quote,
    "quote_plus": quote_plus,
    "quoted whole": lambda text: quote(text, safe=""),
    "quoted twice": lambda text: quote(quote(text, safe="")),
    "lower case": lambda text: quote(text, safe="").lower() if text.islower() else quote(text),
    "escape_uri_path": escape_uri_path,
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 inside": lambda text: base64.b64encode(f"id=5;{text};x".encode()).decode(),
    "repr with other quotes": lambda text: repr(f"\"'{text}"),
    "repr of bytes with other quotes": lambda text: repr(f"\"'{text}".encode()),
    "repr of a repr": lambda text: repr(repr(f"\"'{text}")),
    "ascii": ascii,
    "html, quotes left": lambda text: html.escape(text, quote=False),
    "utf-8 read as latin-1": lambda text: text.encode().decode("latin-1"),
    "repr of utf-8 read as latin-1": lambda text: repr(text.encode().decode("latin-1")),
    "json of .NET": dotnet,
    "quoted base64": lambda text: quote(base64.b64encode(text.encode()).decode(), safe=""),
    "quoted json": lambda text: quote(json.dumps({"a": text}), safe=""),
    "base64, urlsafe": lambda text: base64.urlsafe_b64encode(f"ab{text}".encode()).decode(),
}


def erased(secret, text):
    return without(values_of(secret), text)


@pytest.mark.parametrize("disguise", DISGUISES)
@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_is_found_in_every_disguise(secret, disguise):
    text = f"before {DISGUISES[disguise](secret)} after"

    shown = erased(secret, text)

    assert MASK in shown
    assert shown.startswith("before ")
    assert shown.endswith(" after")
    assert len(shown) <= len("before   after") + len(MASK) + 40


@given(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30).map(
        lambda text: f"cn7-{text}-z9"
    ),
    st.sampled_from([quote, quote_plus, escape_uri_path, lambda text: quote(quote(text))]),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
)
def test_percent_encoding_hides_nothing(secret, encode, around):
    text = f"{encode(around)}{encode(secret)}{encode(around)}"

    shown = erased(secret, text)

    assert encode(secret) not in shown or secret in around


def without_quotes(text):
    return html.escape(text, quote=False)


@pytest.mark.parametrize("secret", ["tök-7\\Zq&x9f", 'pä"ss-8\\nQr2k', "a\\\\b\"c'd-55x"])
@pytest.mark.parametrize(
    "written",
    [
        lambda text: repr((text, 5)),
        lambda text: json.dumps({"body": text}),
        lambda text: html.escape(text),
    ],
    ids=["in a tuple's repr", "in JSON", "in a page"],
)
def test_a_secret_of_json_that_is_itself_escaped_is_known_as_it_was(secret, written):
    values = values_in(written(json.dumps({"user": 1, "password": secret})))

    assert without(values, f"refused {secret}!") == f"refused {MASK}!"


@pytest.mark.parametrize("secret", ["it's-7/&<Zq9f", 'p"ss-8\\nQr2k', "o'b\"c-55x", "o'b\"c<55&x"])
@pytest.mark.parametrize("written", [escapejs, html.escape, without_quotes, json.dumps, repr, str])
def test_an_escaped_secret_is_found_in_the_repr_of_its_text(secret, written):
    for text in (repr(f"before {written(secret)} after"), json.dumps(f"before {written(secret)} after")):
        shown = erased(secret, text)

        assert MASK in shown
        assert len(shown) <= len("'before  after'") + len(MASK) + 8


@pytest.mark.parametrize(
    ("value", "text", "shown"),
    [
        ("hunter", "hunter and hunters", f"{MASK} and hunters"),
        ("denied", "Access denied.", f"Access {MASK}."),
        ("hunter22", "xhunter22x", f"x{MASK}x"),
        ("20241", "order 20241", "order 20241"),
        ("202412345", "order 202412345 of 9202412345", f"order {MASK} of 9202412345"),
        ("abcd", "abcd", "abcd"),
        ("false", "false", "false"),
    ],
)
def test_words_and_numbers_are_looked_for_as_such(value, text, shown):
    assert erased(value, text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "Unexpected token: content in /content/list",
        "Access: denied. You are denied entry",
        "Invalid token: expired; the link expired yesterday",
        "max_tokens: 128000 but prompt_tokens: 130000 of context 130000",
        "Ran auth: 0.123s, refresh: 12.5s, in 0.123s",
        "token_type=Bearer for a Bearer",
    ],
)
def test_prose_does_not_blank_the_words_in_it(text):
    rest = text.split(" ", 2)[2]

    assert not spans(values_in(text), rest)


def test_own_secrets_are_known_in_every_form():
    text = f"connecting with {json.dumps('a/b&c-secret')}"

    assert without(values_of(), text, own={"a/b&c-secret"}) == f'connecting with "{MASK}"'


def test_what_tells():
    assert [is_telling(value) for value in ("expired", "hunter22", "128000", "12.5", "x" * 16)] == [
        False,
        True,
        False,
        False,
        True,
    ]


@pytest.mark.parametrize("word", ["Großmutter", "Пароль"])
@pytest.mark.parametrize(
    "how", ["json", "repr of bytes", "ascii", "utf-8 read as latin-1", "quote", "base64"]
)
def test_a_word_that_is_not_ascii_is_found_in_disguise(word, how):
    assert MASK in erased(word, f"before {DISGUISES[how](word)} after")


@pytest.mark.parametrize("text", ["/x/ab+cd%2520ef-secret1/", "/x/ab%252Bcd%2520ef-secret1/"])
def test_a_plus_may_stay_a_plus_when_all_else_is_decoded_twice(text):
    assert erased("ab+cd ef-secret1", text) == f"/x/{MASK}/"


def test_of_a_long_secret_no_piece_stays_where_a_text_is_cut():
    secret = "".join(f"{number}/ü+" for number in range(1_000))

    for length in range(1_500, 2_500, 97):
        assert "%" not in erased(secret, quote(secret, safe="")[:length])[:-1_600]


@pytest.mark.parametrize("length", [1_000, 1_025, 4_000])
def test_of_a_long_secret_in_base64_no_more_than_a_few_characters_stay(length):
    secret = "".join(f"{number}/ü+" for number in range(length))[:length]

    shown = erased(secret, base64.b64encode(f"x{secret}".encode()).decode())

    assert len(shown.replace(MASK, "")) < 40


def test_of_a_token_that_is_a_little_longer_than_a_piece_no_letter_is_looked_for():
    assert erased("x9" * 128 + "e", "the quick brown fox jumps over the lazy dog") == (
        "the quick brown fox jumps over the lazy dog"
    )


@pytest.mark.parametrize("secret", ["two\nlines-77", "two\r\nlines\t77", "two\u2028lines-77"])
@pytest.mark.parametrize("disguise", ["escapejs", "json", "repr", "repr of bytes", "quote"])
def test_a_secret_of_two_lines_is_found(secret, disguise):
    shown = erased(secret, f"before {DISGUISES[disguise](secret)} after")

    assert shown.startswith("before ")
    assert shown.endswith(" after")
    assert len(shown) <= len("before b'' after") + len(MASK)


def test_where_a_secret_overlaps_itself_all_of_it_is_found_and_quickly():
    assert [*occurrences("aa", "aaaaa b aa")] == [(0, 2), (1, 3), (2, 4), (3, 5), (8, 10)]
    assert len([*occurrences("a1" * 100, "a1" * 10_000)]) < 300


@given(
    st.lists(st.sampled_from(["%", "%25", "%C3", "%bc", "%e2%82%ac", "%zz", "%4", "a", "ü", "+", "\0"])).map(
        "".join
    )
)
def test_text_is_unquoted_as_pythons_library_does_it(text):
    assert unquoted(text) == unquote(text)


@pytest.mark.parametrize("written", [json.dumps, repr], ids=["json", "repr"])
@pytest.mark.parametrize(
    "character", ["\n", "\r", "\t", "\b", "\f", "\x00", "\x7f", "\x85", "é", "\U0001f438", "/", "'"]
)
def test_what_is_escaped_in_a_text_is_known_as_it_is(character, written):
    secret = f"x9-{character}-token-77"
    text = f'{{"password": {written(secret)}}}'

    assert without(values_in(text), f"no {secret}!") == f"no {MASK}!"


@pytest.mark.parametrize("scheme", ["Bearer", "basic", "TOKEN", "Digest", "ApiKey", "Negotiate"])
def test_what_follows_a_scheme_is_a_secret_by_itself(scheme):
    assert without(values_of(f"{scheme}  x9-token-77"), "no x9-token-77!") == f"no {MASK}!"
    assert without(values_of("Frog x9-token-77"), "no x9-token-77!") == "no x9-token-77!"


@pytest.mark.parametrize(
    ("header", "text", "shown"),
    [
        ('Hawk id="frog7-id", mac   =   "b7x9-mac77"', "b7x9-mac77 frog7-id", f"{MASK} {MASK}"),
        ('Hawk mac    =    "b7x9-mac77"', "no b7x9-mac77", "no b7x9-mac77"),
        ('Hawk mac=b7x9-mac77,ts="7x9-1234"', "b7x9-mac77 7x9-1234", f"{MASK} 7x9-1234"),
        ('Hawk mac="b7x9 mac77"', "b7x9 mac77", MASK),
        ("Key frog:b7x9-key77", "b7x9-key77 frog", f"{MASK} frog"),
        ("Key b7x9-key77, x=y", "b7x9-key77", MASK),
        ("Key b7x9-key77==", "b7x9-key77==", MASK),
        (f"{'k' * 64} b7x9-key77", "b7x9-key77", MASK),
        (f"{'k' * 65} b7x9-key77", "b7x9-key77", "b7x9-key77"),
        ("K(e)y b7x9-key77", "b7x9-key77", "b7x9-key77"),
        ("b7x9-key77", "b7x9-key77", MASK),
        ("Basic ZnJvZzc3OmI3eDk=", "b7x9", "b7x9"),  # frog77:b7x9
        ("Basic ZnJvZzc3OmI3eDk5", "b7x99 frog77", f"{MASK} frog77"),
        ("Basic ZnJvZzc3LWtleTp4", "frog77-key", MASK),  # frog77-key:x
        ("Basic ZnJvZzc3LWtleTp4LW9hdXRoLWJhc2lj", "frog77-key", MASK),  # frog77-key:x-oauth-basic
        ("Basic not*base64", "not*base64", MASK),
    ],
)
def test_the_secrets_of_an_authorization_header(header, text, shown):
    assert without(values_of(header, name="Authorization", as_word=False), text) == shown


@pytest.mark.parametrize("length", [767, 768, 769, 1_000])
@pytest.mark.parametrize("before", ["", "a", "ab"])
def test_bytes_of_any_length_are_found_in_base64(length, before):
    secret = "".join(f"{number}-" for number in range(500))[:length]
    text = base64.b64encode(f"{before}{secret}".encode()).decode()

    assert len(erased(secret, text).replace(MASK, "")) < 12


@pytest.mark.parametrize(("secret", "is_found"), [("abcdef-7", True), ("abcde-7", False), ("äbcde-7", True)])
def test_in_base64_eight_bytes_are_enough(secret, is_found):
    text = base64.b64encode(secret.encode()).decode()

    assert (MASK in erased(secret, f"of {text}")) is is_found


@pytest.mark.parametrize("times", range(1, 7))
def test_so_often_encoded_a_secret_is_found(times):
    text = secret = "tök/9 x7"
    for _ in range(times):
        text = quote(text, safe="")

    assert (MASK in erased(secret, f"of {text}!")) == (times < 5)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a%20t%C3%B6k%2F9+x7%21b", f"a%20{MASK}%21b"),
        ("a%2Bt%C3%B6k%2F9%20x7+b", f"a%2B{MASK}+b"),
        ("%ff%20t%C3%B6k%2F9+x7%ff", f"%ff%20{MASK}%ff"),
        ("%ff%74%C3%B6k%2F9+x7%ff", f"%ff{MASK}%ff"),
        ("%C3%A9%74%C3%B6k%2F9+x7", f"%C3%A9{MASK}"),
        ("%t%C3%B6k%2F9+x7%", f"%{MASK}%"),
        ("t\u00f6k/9+x7!", f"{MASK}!"),
        ("50% of t%C3%B6k%2F9+x7", f"50% of {MASK}"),
        ("\U0001f438%F0%9F%90%B8t%C3%B6k%2F9+x7\U0001f438", f"\U0001f438%F0%9F%90%B8{MASK}\U0001f438"),
    ],
)
def test_where_a_secret_begins_and_ends_in_encoded_text(text, shown):
    assert erased("tök/9 x7", text) == shown


@pytest.mark.parametrize(
    "disguise",
    [
        "as it is",
        "repr",
        "json",
        "json, not ascii",
        "html",
        "markupsafe",
        "escapejs",
        "quoted whole",
        "ascii",
        "json of .NET",
    ],
)
@pytest.mark.parametrize("secret", SECRETS)
def test_nothing_of_a_secret_and_nothing_else_is_masked(secret, disguise):
    written = DISGUISES[disguise](secret)
    inside = written[1:-1] if written[0] == written[-1] and written[0] in "'\"" else written

    assert erased(secret, f"before {inside} after") == f"before {MASK} after"


@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
@pytest.mark.parametrize("secret", ["~~~>>>???", "~?>~?>~?>~?>", "correct-horse-77abc-"])
@pytest.mark.parametrize("before", ["", "abc"])
def test_bytes_of_whole_letters_of_base64_are_masked_whole(secret, encode, before):
    secret = secret[: len(secret) // 3 * 3]
    start = encode(before.encode()).decode()

    assert erased(secret, encode(f"{before}{secret}".encode()).decode()) == f"{start}{MASK}"


@pytest.mark.parametrize("show", [repr, ascii, lambda text: repr(text.encode())])
@pytest.mark.parametrize("around", ["", '"'])
def test_an_apostrophe_after_a_backslash_is_found_whatever_quotes_are_around(show, around):
    secret = r"k9\'vQ2\\'xW7"

    for text in (show(f"{around}{secret}"), repr(show(f"{around}{secret}"))):
        assert "vQ2" not in erased(secret, text)

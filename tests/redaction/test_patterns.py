"""Secrets known by their shape."""

import json
import re
from urllib.parse import quote, quote_plus

import pytest
from django.utils.html import escapejs
from hypothesis import given
from hypothesis import strategies as st
from redacting import in_text, policy

from hoptoad.conf.loading import get_settings
from hoptoad.redaction.cutting import MASK
from hoptoad.redaction.patterns import chosen, is_card_number, names

SHAPES = {
    "url_credentials": ("amqp://shop:{}@mq/shop", "s3cr3tpassw0rd"),
    "private_key": ("{}", "-----BEGIN EC PRIVATE KEY-----\nMHQCAQEEIB\nxyz\n-----END EC PRIVATE KEY-----"),
    "jwt": ("a {} b", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dBjftJeZ4CVP-mB92K27uh"),
    "basic_auth": ("sent Basic {} to it", "ZnJlZGE6c2VjcmV0"),
    "bearer": ("sent Bearer {} to it", "mF_9.B5f-4.1JqM"),
    "aws": ("key {} refused", "AKIAIOSFODNN7EXAMPLE"),
    "api_token": ("with {}!", "sk_live_4eC39HqLyjWDarjtT1zdp7dc"),
    "card": ("card {} declined", "4111-1111-1111-1111"),
}


def test_every_shape_has_an_example_here():
    assert set(SHAPES) == set(names())


@pytest.mark.parametrize("name", names())
def test_each_shape_is_masked_and_can_be_switched_off(name):
    words, secret = SHAPES[name]
    text = words.format(secret)

    assert in_text(text) == words.format(MASK)
    assert in_text(text, rules=policy(patterns=chosen({name: False}))) == text


@pytest.mark.parametrize(
    "text",
    [
        "Basic authentication failed",
        "Bearer authentication is required",
        "1700000000000 is a time in milliseconds",
        "order 4111111111111112 is no card",
        "4111.1111 4.111111111111111",
        "eyJust a word",
        "-----BEGIN CERTIFICATE-----",
        "see https://example.com/@frog",
        "AKIA is short",
        "sk-ip this",
        "4006381333931 50 pieces of an EAN, 15 digits that pass",
        "[5012, 4400, 1200, 3300]",
        "12345678:AA is no bot",
        "npm_config_registry and npm_package_version",
        "pypi-AgE",
        "hf_hub_download",
        "hvs.example",
        "sq0 and EAAA",
        "lin_api_version",
        "https://packages.example/npm_package",
    ],
)
def test_what_only_looks_like_one_is_left_alone(text):
    assert in_text(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("4111 1111 1111 1111 123", f"{MASK} 123"),
        ("4012888888881881 4006381333931", f"{MASK} 4006381333931"),
        ("5555 4012-8888-8888-1881 7", f"5555 {MASK} 7"),
        ("3782 822463 10005 1234", f"{MASK} 1234"),
        ("order 20417 4111 1111 1111 1111", f"order 20417 {MASK}"),
        ("4 111111 11111 1111", MASK),
    ],
)
def test_a_card_beside_other_numbers_is_masked_alone(text, shown):
    assert in_text(text) == shown


def test_a_private_key_that_is_cut_is_masked_to_its_end():
    assert in_text("x -----BEGIN PRIVATE KEY-----\nMIIEow") == f"x {MASK}"


@pytest.mark.parametrize(
    "text",
    [
        "gho_16C7e42F292c6912E7710c838347Ae178B4a",
        "xoxb-17653672481-19874698323",
        "glpat-aBcDeFgHiJkLmNoPqRsT",
        "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsawM",  # Telegram
        "npm_aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789",
        "pypi-AgEIcHlwaS5vcmcCJDk3YTU4ZjJhLTM0NzQtNGY3Zi1hYzQyLWI4Zjk1ZjQ4Y2YwNQ",
        "hf_aBcDeFgHiJkLmNoPqRsTuVwXyZaBcDeFgH",  # Hugging Face
        "hvs.CAESIJ4yMDk5NzM1NjI4NDk1NDk4NTY4OTU",  # Vault
        "hvb.AAAAAQJr9-0kF3Xv2Tq8hZbWm1sYd7LpNcGe",
        "sq0atp-aBcDeFgHiJkLmNoPqRsTuV",  # Square
        "sq0csp-aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789aBcDeFg",
        "EAAAEOuLQObrVwJvCvoio3H13b8Ssqz1ighmTBKZvIENW9qxirHGHkqsGcPBC1uN",
        "lin_api_aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789aBcD",  # Linear
    ],
)
def test_tokens_of_well_known_services(text):
    assert in_text(f"sent {text}") == f"sent {MASK}"


def test_a_sites_own_pattern_is_masked(settings_for):
    settings_for(HOPTOAD_PATTERNS={"member": r"M-\d{8}", "pair": re.compile(r"pair (?P<second>\w+)")})

    rules = policy(patterns=get_settings().patterns_in_force)

    assert in_text("member M-12345678, pair abc", rules=rules) == f"member {MASK}, pair {MASK}"


@given(st.lists(st.integers(0, 9), min_size=12, max_size=18))
def test_luhns_check_accepts_exactly_one_last_digit(digits):
    numbers = ["".join(map(str, [*digits, last])) for last in range(10)]

    assert sum(map(is_card_number, numbers)) == 1


@given(st.text(max_size=200))
def test_any_text_is_taken(text):
    assert isinstance(in_text(text), str)


@pytest.mark.parametrize("escape", [r"\n", r"\r\n", r"\x0b", r"\u000A", r"\\n"])
@pytest.mark.parametrize("name", names())
def test_each_shape_is_masked_after_an_escaped_line_break(name, escape):
    words, secret = SHAPES[name]
    text = escape + words.removeprefix("a ").removeprefix("sent ").removeprefix("with ").format(secret)

    assert secret not in in_text(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgres://bob:it's-x@db/x", f"postgres://bob:{MASK}@db/x"),
        ("postgres://bob:'x'y'@db/x", f"postgres://bob:{MASK}@db/x"),
        ("redis://:o'brien@db", f"redis://:{MASK}@db"),
        ("mysql://o'brien:pw@db", f"mysql://o'brien:{MASK}@db"),
        ("https://o'brien77@db/x", f"https://{MASK}@db/x"),
        ("amqp://bob:!$&'()*+,;=-._~%20@mq", f"amqp://bob:{MASK}@mq"),
        ("{'a':'redis://h:6379','b':'x@y.z'}", "{'a':'redis://h:6379','b':'x@y.z'}"),
        ("['https://shop.example/'];'x@y.z'", "['https://shop.example/'];'x@y.z'"),
        ("f('redis://h:6379')+'x@y.z'", "f('redis://h:6379')+'x@y.z'"),
    ],
)
def test_an_apostrophe_in_a_url(text, shown):
    assert in_text(text) == shown


PEM = "-----BEGIN {0}PRIVATE KEY-----\nMIIEow==\n-----END {0}PRIVATE KEY-----"


@pytest.mark.parametrize("kind", ["", "RSA ", "ENCRYPTED "])
@pytest.mark.parametrize(
    "write",
    [
        escapejs,
        json.dumps,
        repr,
        quote,
        quote_plus,
        lambda text: json.dumps(escapejs(text)),
        lambda text: escapejs(text).replace("u002D", "u002d"),
        lambda text: text.replace("-", "&#45;"),
        lambda text: text.replace("-", "&#x2D;"),
        lambda text: text.replace("-", "&#x2d;"),
        lambda text: text.replace("-", "\\x2d"),
        lambda text: text.replace("-", "%2D"),
    ],
)
def test_a_private_key_is_masked_however_it_is_written(kind, write):
    shown = in_text(f"x {write(PEM.format(kind))} after")

    assert "MIIEow" not in shown
    assert shown.startswith("x ")
    assert shown.endswith(" after")


@pytest.mark.parametrize("write", [str, escapejs])
def test_a_public_key_is_shown(write):
    text = write(PEM.replace("PRIVATE", "PUBLIC").format("") + " is not PRIVATE")

    assert in_text(text) == text


# Letters of either case and digits.
MADE_UP = "aB3dE6gH9kL2nP5rT8vX1zC4" * 3


@pytest.mark.parametrize(
    ("begin", "length"),
    [
        *((f"gh{kind}_", 30) for kind in "pousr"),
        ("github_pat_", 30),
        ("glpat-", 20),
        *((f"xox{kind}-", 10) for kind in "abeoprs"),
        *((f"{kind}k_{place}_", 16) for kind in "rs" for place in ("live", "test")),
        ("whsec_", 16),
        ("AIza", 35),
        ("sk-", 20),
        ("SG.aB3dE6gH9kL2nP5r.", 16),
        ("12345678:AA", 33),
        ("1234567890:AA", 33),
        ("npm_", 36),
        ("pypi-AgE", 50),
        ("hf_", 30),
        ("hvb.", 20),
        ("hvs.", 20),
        ("sq0atp-", 22),
        ("EAAA", 60),
        ("lin_api_", 32),
        ("lin_oauth_", 32),
    ],
)
def test_a_token_has_so_many_characters(begin, length):
    token, short = begin + MADE_UP[:length], begin + MADE_UP[: length - 1]

    assert in_text(f"of {token}!") == f"of {MASK}!"
    assert in_text(f"of x{token}!") == f"of x{token}!"
    assert in_text(f"of {short}!") == f"of {short}!"


@pytest.mark.parametrize(
    "text",
    [
        f"SG.aB3dE6gH9kL2nP5.{MADE_UP}",
        f"1234567:AA{MADE_UP[:33]}",
        f"12345678901:AA{MADE_UP[:33]}",
        f"hvx.{MADE_UP}",
        f"pk_live_{MADE_UP}",
        f"xoxc-{MADE_UP}",
        f"sk-{MADE_UP.lower()}",
        "sk-aBcDeFgHiJkLmNoPqRsTuVwXyZ",
        "AKIAabcdefghijklmnop",
    ],
)
def test_what_has_the_length_of_a_token_only_is_left_alone(text):
    assert in_text(text) == text


@pytest.mark.parametrize("begin", ["AKIA", "ASIA", "ABIA", "ACCA"])
def test_the_keys_of_aws(begin):
    assert in_text(f"of {begin}ABCDEFGHIJKLMNOP!") == f"of {MASK}!"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("redis://h:6379/x@y", "redis://h:6379/x@y"),
        ("redis://u:6379@h", "redis://u:<>@h"),
        ("redis://u:637912/x@h", "redis://u:<>@h"),
        ("a://b c@d", "a://b c@d"),
        ("a://u:p@h", "a://u:<>@h"),
        ("a://u:p@h/x@y", "a://u:<>@h/x@y"),
        ("a://u:p", "a://u:p"),
        ("a://:p@h", "a://:<>@h"),
        ("a://u:@h", "a://u:@h"),
        ("a://u:p@", "a://u:<>@"),
        ("a://u:p q@h", "a://u:p q@h"),
        ("a://u:p@h.x:80/a", "a://u:<>@h.x:80/a"),
        ("a://u:p@[::1]:80/a", "a://u:<>@[::1]:80/a"),
        ("a://u:p@h_x", "a://u:<>@h_x"),
        ("a://u:p@h!x", "a://u:<>@h!x"),
        ("a://u:p@h@i", "a://u:<>@i"),
        ("-----BEGIN PRIVATE KEY----- a -----END PRIVATE KEY----- b", "<> b"),
        ("----BEGIN PRIVATE KEY---- a", "----BEGIN PRIVATE KEY---- a"),
        ("-----BEGIN A B C D PRIVATE KEY----- a", "<>"),
        ("-----BEGIN A B C D E PRIVATE KEY----- a", "-----BEGIN A B C D E PRIVATE KEY----- a"),
        ("-----BEGIN PGP PRIVATE KEY BLOCK----- a -----END PGP PRIVATE KEY BLOCK----- b", "<> b"),
        ("-----BEGIN a PRIVATE KEY----- x", "-----BEGIN a PRIVATE KEY----- x"),
        ("eyJabcdef.ghijkl", "<>"),
        ("eyJabcde.ghijkl", "eyJabcde.ghijkl"),
        ("eyJabcdef.ghijk", "eyJabcdef.ghijk"),
        ("eyJabcdef.ghijkl.mn", "<>"),
        ("eyJabcdef.ghijkl.", "<>"),
        ("eyJabcdef.ghijkl.m.n.o p", "<> p"),
        ("-eyJabcdef.ghijkl", "-eyJabcdef.ghijkl"),
        ("xeyJabcdef.ghijkl", "xeyJabcdef.ghijkl"),
        ("x.eyJabcdef.ghijkl", "x.<>"),
        ("Basic dTpwdzE", "Basic <>"),
        ("Basic dTpw", "Basic dTpw"),
        ("Basic dXB3cHdwdw", "Basic dXB3cHdwdw"),
        ("Basic  dTpwdzEy== x", "Basic  <> x"),
        ("Basic   dTpwdzE", "Basic   <>"),
        ("Basic    dTpwdzE", "Basic    dTpwdzE"),
        ("basic dTpwdzE", "basic <>"),
        ("BasicdTpwdzE", "BasicdTpwdzE"),
        ("xBasic dTpwdzE", "xBasic dTpwdzE"),
        ("Bearer abcdefghijk1", "Bearer <>"),
        ("Bearer abcdefghij1", "Bearer abcdefghij1"),
        ("Bearer abcdefghijkl", "Bearer abcdefghijkl"),
        ("bearer abcdefghijk1==,x", "bearer <>,x"),
        ("Bearer   abcdefghijk1", "Bearer   <>"),
        ("Bearer    abcdefghijk1", "Bearer    abcdefghijk1"),
        ("Bearer a.b~c+d/e-f1g= x", "Bearer <> x"),
        ("xBearer abcdefghijk1", "xBearer abcdefghijk1"),
        ("Bearer abcdefghijkl 1", "Bearer abcdefghijkl 1"),
        ("AKIAABCDEFGHIJKLMNOP", "<>"),
        ("AKIAABCDEFGHIJKLMNO", "AKIAABCDEFGHIJKLMNO"),
        ("AKIAABCDEFGHIJKLMNOPQ", "AKIAABCDEFGHIJKLMNOPQ"),
        ("ASIAABCDEFGHIJKLMNOP", "<>"),
        ("xAKIAABCDEFGHIJKLMNOP", "x<>"),
        ("4111111111111111", "<>"),
        ("411111111111111", "411111111111111"),
        ("4222222222222", "4222222222222"),
        ("30569309025904", "<>"),
        ("2223003122003222", "<>"),
        ("2123003122003222", "2123003122003222"),
        ("6011111111111117", "<>"),
        ("7011111111111115", "7011111111111115"),
        ("378282246310005", "<>"),
        ("3782 822463 10005", "<>"),
        ("3782-822463-10005", "<>"),
        ("1.4111111111111111", "1.4111111111111111"),
        ("4111111111111111.5", "4111111111111111.5"),
        ("4111111111111111.", "<>."),
        ("4111 1111 1111 1111", "<>"),
        ("4111-1111 1111-1111", "<>"),
        ("4111  1111 1111 1111", "4111  1111 1111 1111"),
        ("4111.1111.1111.1111", "4111.1111.1111.1111"),
        ("14111111111111111", "14111111111111111"),
        ("41111111111111111111", "41111111111111111111"),
        ("6304000000000000000", "<>"),
        ("4111 1111 1111 1111 110 5", "<> 5"),
    ],
)
def test_where_a_secret_of_a_shape_begins_and_ends(text, shown):
    assert in_text(text) == shown.replace("<>", MASK)


@pytest.mark.parametrize("over", [0, 1])
@pytest.mark.parametrize("before", ["a://", "a://u:"])
def test_credentials_in_a_url_have_so_many_characters(before, over):
    text = f"{before}{'p' * (200 + over)}@h"

    assert in_text(text) == (text if over else f"{before}{MASK}@h")

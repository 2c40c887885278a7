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
    "write", [escapejs, json.dumps, repr, quote, quote_plus, lambda text: json.dumps(escapejs(text))]
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

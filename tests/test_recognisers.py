"""Secrets known by their shape."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoptoad.conf import get_settings
from hoptoad.masked import MASK
from hoptoad.recognisers import NAMES, chosen, is_card_number
from hoptoad.scrub import Scrubber

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
    assert set(SHAPES) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_each_shape_is_masked_and_can_be_switched_off(name):
    words, secret = SHAPES[name]
    text = words.format(secret)

    assert Scrubber().text(text) == words.format(MASK)
    assert Scrubber(recognisers=chosen({name: False})).text(text) == text


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
        "12345678:AA is no bot",
        "npm_config_registry and npm_package_version",
        "pypi-AgE",
        "hf_hub_download",
        "hvs.example",
        "sq0 and EAAA",
        "lin_api_version",
        "https://registry.npmjs.org/npm_package",
    ],
)
def test_what_only_looks_like_one_is_left_alone(text):
    assert Scrubber().text(text) == text


def test_a_private_key_that_is_cut_is_masked_to_its_end():
    assert Scrubber().text("x -----BEGIN PRIVATE KEY-----\nMIIEow") == f"x {MASK}"


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
    assert Scrubber().text(f"sent {text}") == f"sent {MASK}"


def test_a_sites_own_shape_is_masked(settings_for):
    settings_for(HOPTOAD_PATTERNS={"member": r"M-\d{8}", "pair": re.compile(r"pair (?P<second>\w+)")})

    scrubber = Scrubber(recognisers=get_settings().recognisers)

    assert scrubber.text("member M-12345678, pair abc") == f"member {MASK}, pair {MASK}"


@given(st.lists(st.integers(0, 9), min_size=12, max_size=18))
def test_luhns_check_accepts_exactly_one_last_digit(digits):
    numbers = ["".join(map(str, [*digits, last])) for last in range(10)]

    assert sum(map(is_card_number, numbers)) == 1


@given(st.text(max_size=200))
def test_any_text_is_taken(text):
    assert isinstance(Scrubber().text(text), str)

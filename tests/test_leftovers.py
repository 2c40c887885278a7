"""A mask that covers a part of a longer secret does not leave the rest in sight."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hoptoad.masked import MASK, Masked
from hoptoad.scrub import Scrubber

CARD_BEGINS = "cnx/deb19026a41f8a5c&é'7826e538"  # with 871623345001 it ends as a card's number does


def shown(text, *secrets):
    """`text` as it leaves, in a notice in which `secrets` stand under a name that says so."""
    masked = Masked()
    scrubber = Scrubber(masked=masked)
    text = scrubber.text(text)
    for secret in secrets:
        scrubber.hide(secret, "password", "a rule")
    erase = masked.reappearing([text])
    return erase(text) if erase else text


@pytest.mark.parametrize(
    ("text", "secret", "wanted"),
    [
        (
            "login failed: password=correct horse battery staple for freda",
            "correct horse battery staple",
            f"login failed: password={MASK} for freda",
        ),
        (
            "GET /?token=correct horse battery staple failed",
            "correct horse battery staple",
            f"GET /?token={MASK} failed",
        ),
        (f"message: {CARD_BEGINS} 871623345001", CARD_BEGINS, f"message: {MASK}"),
        ("sent a PIN=12 b PIN=34 c to them", "a PIN=12 b PIN=34 c", f"sent {MASK} to them"),
        ("user alpha beta gamma left", "alpha beta gamma", f"user {MASK} left"),
        (f"pin=1234 {CARD_BEGINS} 871623345001", CARD_BEGINS, f"pin={MASK} {MASK}"),
        ("see /?next=%2Fx%3Ftoken%3Done%20two%20three", "one two three", f"see /?next=/x?token={MASK}"),
    ],
)
def test_the_rest_of_a_secret_goes_too(text, secret, wanted):
    assert shown(text, secret) == wanted


def test_secrets_that_overlap_are_both_hidden():
    assert shown("it was alpha7 beta8 gamma9", "alpha7 beta8", "beta8 gamma9") == f"it was {MASK}"


def test_each_of_several_is_hidden_whole():
    text = "password=alpha7 beta8 and then token=gamma9 delta10 again"

    wanted = f"password={MASK} and then token={MASK} again"
    assert shown(text, "alpha7 beta8", "gamma9 delta10") == wanted


def test_what_only_looks_like_a_rest_stays():
    text = "password=alpha for beta gamma"

    assert shown(text, "delta beta gamma epsilon") == f"password={MASK} for beta gamma"


words = st.text("ab1 4=:;,&?/-'\"%", min_size=1, max_size=12)


@given(words, words, words, words)
@example("4012", "888888881881", " ", "token=")
@example("?", "=", "4 =4", "?pin=")
def test_nothing_of_it_stays_whatever_stands_around(one, two, before, after):
    """The secret has a mark at either end and in the middle, and what is around it has none of these."""
    secret = f"X9{one}Y9{two}Z9"

    left = shown(f"{before}{secret}{after}", secret)

    assert not any(mark in left for mark in ("X9", "Y9", "Z9")), left

"""Which values are looked for in other texts, how many of them, and how much of a shortened one tells."""

from urllib.parse import quote

import pytest
from redacting import redacted, values_of, without

from hoptoad.notice import Owner, Secret
from hoptoad.redaction.cutting import MASK
from hoptoad.redaction.secrets import MAX_CHARS, MAX_SECRET, MAX_VALUES, Values

SECRET = "correct-horse-battery-staple-77"


def add(values, owner, *texts):
    for text in texts:
        values.add(Secret(text, "params", "password", "a rule", owner, as_word=True))


@pytest.mark.parametrize("owner", Owner)
def test_so_many_values_of_each_owner_are_looked_for(owner):
    values = Values()
    for other in Owner:
        add(values, other, *(f"{other.name}-7-{number}" for number in range(MAX_VALUES)))
    assert not values.is_full

    add(values, owner, f"{owner.name}-7-1")  # which is known
    assert not values.is_full

    add(values, owner, "one-more-77")
    assert values.is_full
    assert without(values, "one-more-77") == "one-more-77"


@pytest.mark.parametrize("owner", Owner)
def test_so_many_characters_of_each_owner_are_looked_for(owner):
    values = Values()
    for other in Owner:
        add(
            values,
            other,
            *(f"{other}{number}".ljust(MAX_SECRET, "x") for number in range(MAX_CHARS // MAX_SECRET)),
        )
    assert not values.is_full

    add(values, owner, "one-more-77")
    assert values.is_full


@pytest.mark.parametrize("owner", Owner)
def test_below_that_there_is_room_for_one_more(owner):
    values = Values()
    add(values, owner, *(f"{number}".ljust(MAX_SECRET, "x") for number in range(MAX_CHARS // MAX_SECRET - 1)))
    add(values, owner, "x" * (MAX_SECRET - 1))

    add(values, owner, "one-more-77")
    assert not values.is_full
    assert without(values, "one-more-77") == MASK


ADDRESSES = [
    "1.2.3.4",
    "203.0.113.117",
    "2001:db8::7",
    "2001::7",
    "::ffff:203.0.113.7",
    "FFFF:FFFF:FFFF:FFFF:FFFF:FFFF:255.255.255.255",
]


@pytest.mark.parametrize("owner", [Owner.FORM, Owner.CLIENT])
@pytest.mark.parametrize("address", ADDRESSES)
def test_an_ip_address_that_a_request_calls_a_secret_is_not_looked_for(address, owner):
    values = Values()
    add(values, owner, address)

    assert without(values, f"from {address} to it") == f"from {address} to it"


@pytest.mark.parametrize("address", ADDRESSES)
def test_one_that_the_site_calls_a_secret_is(address):
    assert without(values_of(address), f"from {address} to it") == f"from {MASK} to it"


@pytest.mark.parametrize(
    "text",
    ["1.2.3.4.5", "1234.1.1.1", "1.2.3.1234", "deadbeef:cafe1", "2001:db8::7-x", "F" * 30 + "::" + "F" * 14],
)
def test_what_only_looks_like_an_ip_address_is(text):
    values = Values()
    add(values, Owner.CLIENT, text)

    assert without(values, f"of {text}!") == f"of {MASK}!"


@pytest.mark.parametrize("length", [4, 5])
def test_short_values_are_no_secrets_of_the_site(length):
    secret = "ab-7x"[:length]

    assert without(values_of(), f"of {secret}!", own={secret}) == (
        f"of {secret}!" if length < 5 else f"of {MASK}!"
    )


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("at corre... it", f"at {MASK}... it"),
        ("at corr... it", "at corr... it"),
        ("at correc... it", f"at {MASK}... it"),
        ("correct-h... it", f"{MASK}... it"),
        ("at ...orse-battery-stap it", f"at ...{MASK} it"),
        ("at ...orse-battery-st it", "at ...orse-battery-st it"),
        ("at orse-battery-stap... it", f"at {MASK}... it"),
        ("at orse-battery-st... it", "at orse-battery-st... it"),
        ("at ...le-77 it", f"at ...{MASK} it"),
        ("at ...e-77 it", "at ...e-77 it"),
        ("at ...horse-battery-st... it", f"at ...{MASK}... it"),
        ("at ...horse-battery-s... it", "at ...horse-battery-s... it"),
        ("at correct-h(12 characters truncated)... it", "at correct-h(12 characters truncated)... it"),
        (
            "at correct-h...(12 characters truncated)...ple-77 it",
            f"at {MASK}...(12 characters truncated)...{MASK} it",
        ),
        (
            "at correct-h ... (123456789 characters truncated) ... ple-77 it",
            f"at {MASK} ... (123456789 characters truncated) ... {MASK} it",
        ),
        ("at correct-h <...> ple-77 it", f"at {MASK} <...> {MASK} it"),
        ("at correct-h [....] ple-77 it", f"at {MASK} [....] {MASK} it"),
        ("at correct-h(\u2026)ple-77 it", f"at {MASK}(\u2026){MASK} it"),
        ("at correct-h\\u2026ple-77 it", f"at {MASK}\\u2026{MASK} it"),
        ("at correct-h&#8230;ple-77 it", f"at {MASK}&#8230;{MASK} it"),
        ("at 'correct-h'+123456789 it", f"at '{MASK}'+123456789 it"),
        ('at "correct-h"+1 it', f'at "{MASK}"+1 it'),
        ("at correct-h..ple-77 it", "at correct-h..ple-77 it"),
    ],
)
def test_how_much_of_a_shortened_secret_tells(text, shown):
    assert without(values_of(SECRET), text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("at correct... it", "at correct... it"),
        ("at ...staple it", "at ...staple it"),
        ("at correct...staple it", "at correct...staple it"),
        ("at correct-h...staple it", f"at {MASK}...{MASK} it"),
        ("at correct...y-staple it", f"at {MASK}...{MASK} it"),
        (
            "at correct...(9 characters truncated)...y-staple it",
            f"at {MASK}...(9 characters truncated)...{MASK} it",
        ),
        (
            "at correct ... (123456789 characters truncated) ... y-staple it",
            f"at {MASK} ... (123456789 characters truncated) ... {MASK} it",
        ),
    ],
)
def test_a_word_of_a_secret_tells_if_more_of_it_stands_beside(text, shown):
    assert without(values_of("correct-horse-battery-staple"), text) == shown


@pytest.mark.parametrize(
    "text", ["at correct... it", "at ...staple it", "at correct...staple it", "at ....staple it"]
)
def test_a_word_of_a_secret_alone_tells_nothing(text):
    assert without(values_of("correct.horse.battery.staple"), text) == text


@pytest.mark.parametrize("secret", ["it's/a&secret-77", "it's a secret/77"])
def test_a_shortened_secret_may_be_encoded(secret):
    text = quote(secret, safe="")

    assert without(values_of(secret), f"at {text[:14]}...{text[-9:]} it") == f"at {MASK}...{MASK} it"


def test_of_very_much_only_the_short_ones_are_known_in_shortened_texts():
    long = [f"{number}&x<'\"" * 50 for number in range(100, 120)]
    values = values_of(*long, SECRET)
    assert not values.is_full

    shown = without(values, f"at correct-h... it, {long[0][:99]}... it, {long[-1][:99]}... it")

    assert shown == f"at {MASK}... it, {MASK}... it, {long[-1][:99]}... it"


@pytest.mark.parametrize("text", ["50%", "%00", "a%00b"])
def test_each_of_several_encoded_texts_is_searched(text):
    data = {"password": "hunter", "first": text, "second": "%68unter", "third": "x%00%68unter"}

    assert redacted(data) == {"password": MASK, "first": text, "second": MASK, "third": f"x%00{MASK}"}


def test_letters_in_no_order_of_prose_tell_beside_an_ellipsis():
    token = "VNzuvwxCibvz_aJfa2hZUC813"

    assert without(values_of(token), "at VNzuvwxCibvz... it") == f"at {MASK}... it"

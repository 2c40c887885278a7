"""A mask that covers only a part of a secret: the rest does not stay in sight."""

import html
import json
import pickle
from dataclasses import replace
from urllib.parse import quote

import pytest
from django.test import RequestFactory
from hypothesis import example, given, settings
from hypothesis import strategies as st
from redacting import values_of, without

from hoptoad.capture import build
from hoptoad.conf.loading import get_settings
from hoptoad.notice import Incident
from hoptoad.redaction.cutting import MASK

CARD_BEGINS = "cnx/deb19026a41f8a5c&é'7826e538"  # with 8716 2334 5001 it ends as a card's number does


def redacted(text, secret, *, query="", referrer="", field=""):
    """Of a request whose form has the secret as its password, and whose failure says `text`."""
    request = RequestFactory().post(
        f"/?{query}", {"password": secret, "field": field}, headers={"referer": referrer}
    )
    assert request.POST
    error = ValueError(text)
    error.__notes__ = [text]
    snapshot = build.snapshot(Incident(exception=error, request=request), get_settings())
    return build.redacted(snapshot, get_settings())


def notice_of(text, secret, **request):
    return redacted(text, secret, **request).notice


def shown(text, secret):
    return notice_of(text, secret).error.message.removeprefix("ValueError: ")


# Numbered, because pytest tells the names of tests to the environment, whose secrets are hidden.
PARTS = [
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
    (f"message: {CARD_BEGINS} 8716 2334 5001", CARD_BEGINS, f"message: {MASK}"),
    (f"pin=1234 {CARD_BEGINS} 8716 2334 5001", CARD_BEGINS, f"pin={MASK} {MASK}"),
    ("sent a PIN=12 b PIN=34 c to them", "a PIN=12 b PIN=34 c", f"sent {MASK} to them"),
    ("user alpha beta gamma left", "alpha beta gamma", f"user {MASK} left"),
    ("see /?next=%2Fx%3Ftoken%3Done%20two%20three", "one two three", f"see /?next=%2Fx%3Ftoken%3D{MASK}"),
    ("GET /x/jWvnXwnt%20tfxjnd-4012888888881881", "jWvnXwnt tfxjnd-4012888888881", f"GET /x/{MASK}"),
    ("Bearer abcdefgh12345678%20rest%20of", "abcdefgh12345678 rest of", f"Bearer {MASK}"),
    (
        "see /?a=b&next=4012888888881881-vyvxtmßcWkfb<mghmsW)",
        "4012888888881881-vyvxtmßcWkfb<mghmsW",
        f"see /?a=b&next={MASK})",
    ),
]


@pytest.mark.parametrize(("text", "secret", "wanted"), PARTS, ids=map(str, range(len(PARTS))))
def test_the_rest_of_a_secret_goes_too(text, secret, wanted):
    assert shown(text, secret) == wanted
    assert notice_of(text, secret).error.notes == (wanted,)


@pytest.mark.parametrize(
    "secret", ["abc+def ghi7jkl", "XZWngszr=password=rmXrZy[:bjQWrp 8716 2334 5001", "alpha&bravo7charlie"]
)
@pytest.mark.parametrize("before", ["", "password=", "Bearer "])
def test_also_in_addresses(secret, before):
    text = before + secret
    notice = notice_of("x", secret, query=f"token={secret}", referrer=f"https://x.test/?q={quote(text)}")

    told = notice.request.cgi_data
    said = f"{notice.request.url} {told['QUERY_STRING']} {told['HTTP_REFERER']}"
    assert not [
        piece for piece in ("def", "ghi", "XZW", "rmXr", "bjQW", "alpha", "brav", "charl") if piece in said
    ]


VALUES = [
    (
        'boto: credentials="AKIAIOSFODNN7EXAMPLE:wJalrXUtnFEMIbPxRfiCYEXAMPLEKEY"',
        f'boto: credentials="{MASK}"',
    ),
    ('{"password": "4012 8888 8888 1881 is mine"}', f'{{"password": "{MASK}"}}'),
    ("api_key=sk_live_abcdefghijklmnop1234/more-of-the-secret-99 x", f"api_key={MASK} x"),
    ("password=4012 8888 8888 1881 x", f"password={MASK} x"),
    ("password=(aB)3xY7-zQ9w for freda", f"password={MASK} for freda"),
    ("password=[k]Zq8!vvL0pp", f"password={MASK}"),
    ('password="ab"cd9efgh and', f"password={MASK} and"),
    ('password="ab", and password=(ab), and', f'password="{MASK}", and password={MASK}, and'),
    ('password="ab" + password[0]', f'password="{MASK}" + password[0]'),
]


@pytest.mark.parametrize(("text", "wanted"), VALUES, ids=map(str, range(len(VALUES))))
def test_a_named_value_is_masked_whole_whatever_it_begins_with(text, wanted):
    assert shown(text, "something else") == wanted


def test_letters_that_the_server_has_read_as_latin_1_are_found_in_the_address():
    secret = "voilà-geheim-77"  # its à is a letter and a no-break space then
    request = RequestFactory().post(
        "/", {"password": secret}, QUERY_STRING=f"q={secret.encode().decode('latin-1')}"
    )
    assert request.POST

    notice = build.notice(Incident(exception=ValueError("x"), request=request), get_settings())

    assert notice.request.url == f"http://testserver/?q={MASK}"


@pytest.mark.parametrize(
    "data",
    [
        {"ids": [*range(2500)], "user": {"password": "hunter2-Xyz99"}},
        {"users": [*range(2500), {"login": {"password": "hunter2-Xyz99"}}][::-1]},
        {"users": [{"name": f"name {number}"} for number in range(1000)] + [{"password": "hunter2-Xyz99"}]},
    ],
    ids=["after", "first", "last of a list"],
)
def test_a_secret_in_what_is_cut_away_is_known_as_well(data):
    request = RequestFactory().post("/", json.dumps(data), content_type="application/json")
    assert request.body

    notice = build.notice(Incident(exception=ValueError("no hunter2-Xyz99"), request=request), get_settings())

    assert notice.error.message == f"ValueError: no {MASK}"


def test_secrets_that_overlap_are_both_hidden():
    values = values_of("alpha7 beta8", "beta8 gamma9")

    assert without(values, "it was alpha7 beta8 gamma9") == f"it was {MASK}"


def test_a_secret_that_overlaps_itself_is_hidden():
    assert shown("it was hunter2hunter2hunter2 x", "hunter2hunter2") == f"it was {MASK} x"


def test_a_long_secret_gets_one_mask():
    secret = "".join(f"x{number}/" for number in range(300))

    assert shown(f"of {secret} it", secret) == f"of {MASK} it"


def test_what_only_looks_like_a_rest_stays():
    assert shown("password=alpha for beta gamma", "beta gamma delta") == f"password={MASK} for beta gamma"


def test_punctuation_between_the_masks_of_others_stays():
    cards = "4012888888881881, 5500005555555559, 4111111111111111"

    assert shown(f"cards {cards} declined", "correct, horse") == f"cards {MASK}, {MASK}, {MASK} declined"


@pytest.mark.parametrize("secret", ["password", "otp", "token=", "': '"])
def test_a_secret_that_is_a_name_does_not_uncover_what_stands_under_that_name(secret):
    text = "password=hunter2 for freda, {'password': 'qwerty', 'otp': '123456'} and /?token=1234&a=b"

    said = shown(text, secret)

    assert not [value for value in ("hunter2", "qwerty", "123456", "1234") if value in said]
    assert "for freda" in said


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (
            "requests.get(url,auth=(user,password),timeout=5,host=api.example.com)",
            f"requests.get(url,auth={MASK},timeout=5,host=api.example.com)",
        ),
        (
            "config keys=['name','email'],required=['city'],table=shop_order",
            f"config keys={MASK},required=['city'],table=shop_order",
        ),
    ],
    ids=["call", "lists"],
)
def test_what_follows_a_masked_value_stays(text, wanted):
    assert shown(text, "something else") == wanted


def test_an_address_is_not_lost_to_a_long_secret_in_it():
    notice = notice_of("x", "something else", query=f"a=b&token={'x' * 5000}")

    assert notice.request.url == f"http://testserver/?a=b&token={MASK}"
    assert notice.request.cgi_data["QUERY_STRING"].startswith(f"a=b&token={MASK}")


def test_the_password_of_a_host_is_hidden():
    request = RequestFactory().get("/", headers={"host": "freda:s3cr3t-pw9@testserver"})

    notice = build.notice(Incident(exception=ValueError("x"), request=request), get_settings())

    assert "s3cr3t" not in repr(notice)


def test_blanks_in_a_query_do_not_hide_a_secret_in_the_address():
    request = RequestFactory().post("/", {"password": "correct horse"}, QUERY_STRING="q=correct horse")
    assert request.POST

    notice = build.notice(Incident(exception=ValueError("x"), request=request), get_settings())

    assert notice.request.url == f"http://testserver/?q={MASK}"


def test_a_secret_in_the_name_of_a_class_is_hidden():
    error = type("Bad_hunter2-Xyz99", (Exception,), {})()
    request = RequestFactory().post("/", {"password": "hunter2-Xyz99"})
    assert request.POST

    notice = build.notice(Incident(exception=error, request=request), get_settings())

    assert "hunter2" not in repr(notice)


def test_the_preview_tells_each_mask_once():
    findings = redacted("x", "correct horse", field="password=correct horse").findings

    rows = [(found.section, found.field) for found in findings]
    assert rows.count(("params", "password")) == 1
    assert ("params", "field") in rows


words = st.text("ab1 4=:;,&?/-'\"%ß+", min_size=1, max_size=12)
HOWS = {
    "as it is": str,
    "repr": repr,
    "json": json.dumps,
    "html": html.escape,
    "quoted": quote,
    "in a repr": lambda text: repr(f"\"{text}' "),
}


@given(words, words, words, words, st.sampled_from(sorted(HOWS)))
@example("4012", "888888881881", " ", "token=", "as it is")
@example("?", "=", "4 =4", "?pin=", "as it is")
@settings(deadline=None)
def test_nothing_of_it_stays_whatever_stands_around(one, two, before, after, how):
    """The secret has a mark at either end and in the middle, and what is around it has none of these."""
    secret = f"X9{one}Y9{two}Z9"
    text = f"{before}{HOWS[how](secret)}{after}"

    notice = notice_of(text, secret, query=f"q={quote(text)}", referrer=f"/?q={quote(text)}", field=text)

    said = pickle.dumps(replace(notice, time=0.0)).decode("latin-1")  # also what does not show
    assert not any(mark in said for mark in ("X9", "Y9", "Z9")), said


@pytest.mark.parametrize("dots", [0, 1_000, 1_458, 1_900])
def test_of_a_path_that_is_cut_within_a_secret_no_half_is_shown(dots):
    secret = "".join(f"{number}qX" for number in range(700))
    request = RequestFactory().get(f"/x/{'.' * dots}{secret}/?X-Iban=1&token={secret}")

    shown = build.notice(Incident(exception=ValueError("x"), request=request), get_settings()).request

    for start in range(0, len(secret) - 12, 6):
        assert secret[start : start + 12] not in shown.url
    assert shown.url.startswith(f"http://testserver/x/{'.' * dots}{MASK}")

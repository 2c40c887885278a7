"""Secrets in one text: in a URL, in a query, in a line of code, by a site's own pattern."""

import re
from urllib.parse import quote

import pytest
from django.test import RequestFactory
from redacting import in_text, policy, redacted

from hoptoad.capture import build
from hoptoad.conf.loading import get_settings
from hoptoad.notice import Incident
from hoptoad.redaction.cutting import MASK
from hoptoad.redaction.patterns import chosen

OF_THE_SITE = policy(patterns=chosen({"member": re.compile(r"M-\d{4}")}))
CARD = "4012888888881881"


@pytest.mark.parametrize(
    ("text", "kind", "shown"),
    [
        ("M-1234", "text", MASK),
        ("of M-1234", "text", f"of {MASK}"),
        ("M-1234", "source", MASK),
        ("q=M-1234", "query", f"q={MASK}"),
        ("M-1234=q", "query", f"{MASK}=q"),
        ("/M-1234/?q=M-1234", "url", f"/{MASK}/?q={MASK}"),
        ("see /?q=M-1234", "text", f"see /?q={MASK}"),
    ],
)
def test_a_sites_own_pattern_may_be_short(text, kind, shown):
    assert in_text(text, kind, rules=OF_THE_SITE) == shown


@pytest.mark.parametrize("query", ["q=M-frog", "M-frog", "q=1&M-frog=2"])
def test_a_sites_own_pattern_is_masked_in_an_address(settings_for, query):
    settings_for(HOPTOAD_PATTERNS={"member": r"M-[a-z]{4}"})
    request = RequestFactory().get(f"/?{query}")

    notice = build.notice(Incident(exception=ValueError("x"), request=request), get_settings())

    assert "frog" not in repr(notice)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://x/a?b=c&token=d e", f"http://x/a?b=c&token={MASK}"),
        ("http://x/a?b=%2F%3Ftoken%3Dx7z", f"http://x/a?b=%2F%3Ftoken%3D{MASK}"),
        ("http://x/a%ff%3Ftoken%3Db7x", f"http://x{MASK}"),
        ("http://x/a?b=%ff%2F%3Ftoken%3Db7x&c=d", f"http://x/a?b={MASK}&c=d"),
        ("http://x/a?token=", "http://x/a?token="),
        ("http://x/a?token", "http://x/a?token"),
        ("http://x/a?%74oken=d&b=c", f"http://x/a?%74oken={MASK}&b=c"),
        ("http://x/a?a%b=c%d&token=e", f"http://x/a?a%b=c%d&token={MASK}"),
        ("http://x/a%3Ftoken%3Db", f"http://x/a%3Ftoken%3D{MASK}"),
        ("http://x/token=b/c?d=e", f"http://x/token={MASK}?d=e"),
        ("http://u:pw@x/a", f"http://u:{MASK}@x/a"),
        (f"http://x/a?b={CARD}", f"http://x/a?b={MASK}"),
        (f"http://x/a?{CARD}=b", f"http://x/a?{MASK}=b"),
        (f"http://x/{CARD}/a", f"http://x/{MASK}/a"),
        (f"/a/?b={CARD}", f"/a/?b={MASK}"),
        ("http://x/a?b=" + quote("/?token=c&d=e"), f"http://x/a?b=/%3Ftoken%3D{MASK}%26d%3De"),
    ],
)
def test_secrets_in_a_url(url, shown):
    assert in_text(url, "url") == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("see /a?token=b, c", f"see /a?token={MASK} c"),
        ("see /a#token=b c", f"see /a#token={MASK} c"),
        ("see </a?token=b>c", f"see </a?token={MASK}>c"),
        ("see /a?b=c?token=d", f"see /a?b=c?token={MASK}"),
        ("s://u:p@", f"s://u:{MASK}@"),
    ],
)
def test_secrets_in_the_queries_of_a_text(text, shown):
    assert in_text(text) == shown


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("token = 'b7x'", f"token = '{MASK}'"),
        ('token = "b7x"', f'token = "{MASK}"'),
        ("token = b7x", "token = b7x"),
        ("get(token=token)", "get(token=token)"),
        (f"pay({CARD})", f"pay({MASK})"),
    ],
)
def test_names_stand_for_code_in_a_line_of_code(line, shown):
    assert in_text(line, "source") == shown


@pytest.mark.parametrize("times", range(1, 8))
def test_however_often_a_url_quotes_another_one_its_secret_is_masked(times):
    inner = "/?token=b7x&c=d"
    for _ in range(times):
        inner = f"/?next={quote(inner, safe='')}"

    shown = in_text(f"http://x{inner}", "url")

    assert "b7x" not in shown
    assert shown.startswith("http://x/?next=")
    assert shown.endswith(f"{quote('&c=d', safe='') if times == 1 else 'd'}") == (times < 5)


@pytest.mark.parametrize("count", [18, 19, 20, 21])
def test_one_of_many_names_of_secrets_is_known(count):
    names = [f"token{number}" for number in range(count)]

    shown = redacted({"all": ", ".join(f"{name}=v" for name in names), "last": f"{names[-1]}: v"})

    assert shown["last"] == f"{names[-1]}: {MASK}"
    assert shown["all"].count(MASK) == count


@pytest.mark.parametrize(
    "text",
    [
        "{0}=v",
        "{0}: v",
        "/?{0}=v",
        "/#{0}=v",
        '{{"name": "{0}", "value": "v"}}',
        '{{"NAME": "{0}", "VALUE": "v"}}',
    ],
)
def test_each_text_that_may_hold_a_secret_is_searched(text):
    assert redacted({"text": text.format("password")})["text"].count(MASK) == 1


@pytest.mark.parametrize("mark", "?#")
def test_a_text_is_searched_for_urls_in_urls(mark):
    text = f"see /a{mark}next=%2F%3Ftoken%3Db7x"

    assert redacted({"text": text})["text"] == f"see /a{mark}next=%2F%3Ftoken%3D{MASK}"


def test_a_marked_name_is_a_name_of_a_secret_in_a_text():
    marked = {"iban": "sensitive_post_parameters"}

    assert redacted({"text": "iban=DE7, /?iban=DE7 and iban2=b"}, marked=marked)["text"] == (
        f"iban={MASK} /?iban={MASK} and iban2=b"
    )


def test_a_mask_is_no_secret():
    assert in_text(f"token={MASK} and Bearer {MASK}") == f"token={MASK} and Bearer {MASK}"

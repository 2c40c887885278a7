"""A DSN is key and address in one; a malformed one is named without being quoted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoptoad.conf.dsn import parse_dsn

KEY = "c0ffee00000040008000000000000001"


@pytest.mark.parametrize(
    ("dsn", "url"),
    [
        (f"https://{KEY}@bugs.example.com/1", "https://bugs.example.com/api/1/envelope/"),
        (f"https://{KEY}:old@bugs.example.com/1", "https://bugs.example.com/api/1/envelope/"),
        (f"http://{KEY}@127.0.0.1:8000/12/", "http://127.0.0.1:8000/api/12/envelope/"),
        (f"https://{KEY}@[::1]:8000/12", "https://[::1]:8000/api/12/envelope/"),
        (f"https://{KEY}@bugs.example.com/a/b/7", "https://bugs.example.com/a/b/api/7/envelope/"),
        (f"HTTPS://{KEY}@Bugs.Example.com/7", "https://bugs.example.com/api/7/envelope/"),
        (f"https://{KEY}@o1.ingest.sentry.io/450123", "https://o1.ingest.sentry.io/api/450123/envelope/"),
        (f"https://{KEY}@bugs.example.com/1?x=y", "https://bugs.example.com/api/1/envelope/"),
    ],
)
def test_address_and_key(dsn, url):
    assert parse_dsn(dsn) == (KEY, url)


@pytest.mark.parametrize(
    ("dsn", "why"),
    [
        ("", "begin with"),
        (f"{KEY}@bugs.example.com/1", "begin with"),
        (f"ftp://{KEY}@bugs.example.com/1", "begin with"),
        ("https://bugs.example.com/1", "no key"),
        ("https://@bugs.example.com/1", "no key"),
        (f"https://{KEY},x=y@bugs.example.com/1", "no key"),
        (f"https://{KEY}@/1", "no host"),
        (f"https://{KEY}@bugs.example.com", "number of a project"),
        (f"https://{KEY}@bugs.example.com/", "number of a project"),
        (f"https://{KEY}@bugs.example.com/a b", "number of a project"),
        (f"https://{KEY}@bugs.example.com:x/1", "host or port"),
        (f"https://{KEY}@[::1/1", "host or port"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_quoted(dsn, why):
    with pytest.raises(ValueError, match=why) as error:
        parse_dsn(dsn)

    assert KEY not in str(error.value)


@given(st.text())
def test_any_text_is_a_dsn_or_is_refused(text):
    try:
        key, url = parse_dsn(f"https://{text}")
    except ValueError:
        return
    assert key in text
    assert url.endswith("/envelope/")
    assert "@" not in url

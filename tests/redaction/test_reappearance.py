"""Secrets that another text quotes: shortened, from a header of any scheme, in Base64, after an escape."""

import base64
import json
import reprlib

import pytest
from django.test import RequestFactory
from django.utils.text import Truncator

from hoptoad.capture import build
from hoptoad.conf.loading import get_settings
from hoptoad.notice import Incident
from hoptoad.redaction.cutting import MASK
from hoptoad.redaction.secrets import Shortened

SECRET = "correct-horse-battery-staple-77"


def notice_of(text, *, form=None, body=None, headers=None, session=None, query=""):
    """Of a request that holds these, and whose failure says `text`."""
    if body is None:
        request = RequestFactory().post(f"/?{query}", form or {}, headers=headers or {})
        assert request.POST is not None
    else:
        request = RequestFactory().post(
            f"/?{query}", json.dumps(body), content_type="application/json", headers=headers or {}
        )
        assert request.body
    if session is not None:
        request.session = type("Session", (), {})()
        request.session._session_cache = session
    return build.notice(Incident(exception=ValueError(text), request=request), get_settings())


def message(text, **request):
    return notice_of(text, **request).error.message.removeprefix("ValueError: ")


def basic(text):
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("authorization", "secret"),
    [
        ("Api-Key eb243592-faa2", "eb243592-faa2"),
        ("GenieKey eb243592-faa2", "eb243592-faa2"),
        ("SSWS 00QCjAl4MlV-WPXM", "00QCjAl4MlV-WPXM"),
        ("ApiKey daniel:204db7bcfafb2deb", "204db7bcfafb2deb"),
        ("Token token=204db7bcfafb2deb", "204db7bcfafb2deb"),
        ('Digest username="freda", realm="shop", uri="/orders/1/", response="6629fae49393"', "6629fae49393"),
        ('Hawk id="dh37fgj492je", ts="1353832234", mac="6R4rV5iE+NPoym="', "6R4rV5iE+NPoym="),
        ('OAuth realm="shop", oauth_token="kkk9d7dh3k39sjv7"', "kkk9d7dh3k39sjv7"),
        ("AWS4-HMAC-SHA256 Credential=x/y, SignedHeaders=host, Signature=fe5f80f77d5f", "fe5f80f77d5f"),
        ("SharedAccessSignature sr=shop&sig=kPx7%2bUe1&se=1700", "kPx7%2bUe1"),
        (basic("sk-4eC39HqLyj:"), "sk-4eC39HqLyj"),
        (basic("sk-4eC39HqLyj:x-oauth-basic"), "sk-4eC39HqLyj"),
        (basic("freda:hunter"), "hunter"),
    ],
)
@pytest.mark.parametrize("name", ["Authorization", "Proxy-Authorization", "X-Forwarded-Authorization"])
def test_what_follows_any_scheme_is_masked_where_it_is_quoted_alone(name, authorization, secret):
    assert message(f"refused: {secret}", headers={name: authorization}) == f"refused: {MASK}"


@pytest.mark.parametrize("text", ["sent {name}: {value}\nto shop", "{{'{name}': '{value}'}}"])
def test_also_where_a_text_holds_the_header(text):
    notice = notice_of(
        "refused: 00QCjAl4MlV", form={"log": text.format(name="Authorization", value="SSWS 00QCjAl4MlV")}
    )

    assert notice.error.message == f"ValueError: refused: {MASK}"


def test_the_public_parts_of_a_header_stay():
    header = (
        'Digest username="freda@shop.example", realm="members@shop.example", uri="/orders/2024-11/", qop=auth'
    )
    text = "freda@shop.example of members@shop.example at /orders/2024-11/ with auth"

    assert message(text, headers={"Authorization": header}) == text
    assert message("freda@shop.example", headers={"Authorization": basic("freda@shop.example:1234")}) == (
        "freda@shop.example"
    )


@pytest.mark.parametrize(
    "body",
    [
        {"ids": [*range(2_100)]},
        {"rows": [{"id": number} for number in range(1_500)]},
        {f"field{number}": number for number in range(3_000)},
        [[number] for number in range(2_100)],
    ],
    ids=["list", "dictionaries", "fields", "lists"],
)
def test_a_request_cannot_keep_the_secrets_of_the_session_from_being_known(body):
    session = {"api_token": "8311-38265aBx", "cart": {"pin": "77-ab-12345"}, "colour": "green-blue-77"}

    said = message("refused: 8311-38265aBx 77-ab-12345 green-blue-77", body=body, session=session)

    assert said == f"refused: {MASK} {MASK} green-blue-77"


def test_nor_those_that_stand_last_in_a_form_or_below_the_depth():
    form = {f"field{number}": "x" for number in range(900)} | {"password": SECRET}
    deep = {"password": SECRET}
    for _ in range(40):
        deep = {"a": [deep]}

    assert message(f"no {SECRET}", form=form) == f"no {MASK}"
    assert message(f"no {SECRET}", body=deep) == f"no {MASK}"


def test_nor_those_of_a_query_of_too_many_fields():
    query = "&".join(f"a{number}=1" for number in range(1_200)) + f"&token={SECRET}"

    assert message(f"no {SECRET}", query=query) == f"no {MASK}"


def test_a_long_secret_leaves_room_for_others():
    form = {"password": "x9-" * 11_000, "token": SECRET}

    assert message(f"no {SECRET}", form=form) == f"no {MASK}"


@pytest.mark.parametrize("number", ["871623345", "871623345001", "4012888888881881"])
@pytest.mark.parametrize("before", ["", "a", "ab"])
def test_numbers_are_found_in_base64(number, before):
    encoded = base64.b64encode(f"{before}{number};page=7".encode()).decode()

    assert MASK in message(f"sent {encoded} to it", form={"pin": number})


def test_a_short_number_is_not():
    encoded = base64.b64encode(b"20241234").decode()

    assert message(f"sent {encoded}", form={"pin": "20241234"}) == f"sent {encoded}"


@pytest.mark.parametrize("word", ["hunterxy", "871623345"])
@pytest.mark.parametrize("escape", ["\\n", "\\r\\n", "\\t", "\\x0b", "\\u000a", "\\\\n"])
def test_a_word_after_an_escaped_line_break_is_a_word(word, escape):
    assert message(f"bad{escape}{word}{escape}", form={"password": word}) == f"bad{escape}{MASK}{escape}"


def test_an_exception_that_shows_its_argument_as_python_does():
    request = RequestFactory().post("/", {"password": "hunterxy"})
    assert request.POST

    notice = build.notice(Incident(exception=KeyError("bad\nhunterxy\n"), request=request), get_settings())

    assert notice.error.message == f"KeyError: 'bad\\n{MASK}\\n'"


def test_a_part_of_another_word_stays():
    text = "nhunterxy \\nhunterxyz \\hunterxy2 n871623345"

    assert message(text, form={"password": "hunterxy", "pin": "871623345"}) == text


class Short(reprlib.Repr):
    def __init__(self, length):
        super().__init__()
        self.maxstring = length


@pytest.mark.parametrize(
    "shorten",
    [
        reprlib.repr,
        Short(20).repr,
        Short(34).repr,
        lambda secret: f"input_value={{'name': 'f...{secret[-25:]}'}}, input_type=dict",
        lambda secret: f"DETAIL: Failing row contains (1, freda, {secret[:17]}...).",
        lambda secret: Truncator(f"no {secret}").chars(18),
        lambda secret: f"('{secret[:11]} ... (12 characters truncated) ... {secret[-9:]}',)",
        lambda secret: f"<p>{secret[:9]}&hellip;</p>",
        lambda secret: json.dumps(f"{secret[:9]}…"),
        lambda secret: f"{secret[:9]} [...]",
        lambda secret: f"'{secret[:12]}'+19",
        lambda secret: f"...{secret[4:-4]}...",
    ],
)
@pytest.mark.parametrize(
    "secret", [SECRET, "x9Kq7zW2pLv4Tr0ub4dor3mNb8Yc1Hs", "it's/a\"secret&<x>-of 31-letters"]
)
def test_what_is_left_of_a_shortened_secret_is_masked(secret, shorten):
    text = shorten(secret)

    said = message(f"no: {text} :on", form={"password": secret})

    assert MASK in said
    assert not [piece for piece in (secret[:5], secret[-5:], secret[10:18]) if piece in said]
    assert said.startswith("no: ")
    assert said.endswith(" :on")


def test_also_of_a_site_s_own_secret(settings_for):
    settings_for(STRIPE_SECRET="x9Kq7zW2pLv4Tr0ub4dor3mNb8Yc1Hs")

    assert message("key x9Kq7zW2...b8Yc1Hs refused") == f"key {MASK}...{MASK} refused"


def test_of_a_long_secret_as_well():
    secret = "".join(f"{number}x" for number in range(400))

    said = message(f"a {secret[:300]}... b ...{secret[-300:]} c", form={"password": secret})

    assert said == f"a {MASK}... b ...{MASK} c"


@pytest.mark.parametrize(
    "text",
    [
        "Loading... please wait...",
        "the correct... answer, and staple...",
        "horse... and ...battery",
        "corr... and ...e-77",
        "a...b…c [...] 'x'+12",
        "see /a/.../b and ../c",
        "correct-horse is no part of it",
    ],
)
def test_an_ellipsis_in_prose_stays(text):
    assert message(text, form={"password": SECRET}) == text


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Api-Key": "deleted"},
        {"X-Pin": "deleted"},
        {"X-Sid": "deleted"},
        {"Authorization": "Bearer deleted"},
        {"Cookie": "auth=deleted; token=deleted"},
    ],
)
def test_the_words_of_headers_and_cookies_stay_elsewhere(headers):
    notice = notice_of("the account was deleted", headers=headers)

    assert notice.error.message == "ValueError: the account was deleted"
    assert "deleted" not in repr(notice.request.cgi_data)


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Api-Key": "8311-38265aBx"},
        {"X-Pin": "8311-38265aBx"},
        {"Cookie": "auth=8311-38265aBx"},
        {"Cookie": "theme=8311-38265aBx-38265"},
    ],
)
def test_the_tokens_of_headers_and_cookies_are_masked_elsewhere(headers):
    assert message("no 8311-38265aBx-38265", headers=headers).startswith(f"no {MASK}")


def test_the_variables_of_frames_that_find_no_room_are_known(settings_for):
    settings_for(HOPTOAD_LOCAL_VARIABLES=True, HOPTOAD_MAX_VARS=10)

    def connect():
        api_key = "8311-38265aBx"
        fill([*range(50)])
        return api_key

    def fill(rows):
        raise ValueError(f"no 8311-38265aBx on {rows[7]}")

    with pytest.raises(ValueError, match="no 8311") as caught:
        connect()

    notice = build.notice(Incident(exception=caught.value), get_settings())

    assert notice.error.message == f"ValueError: no {MASK} on 7"


@pytest.mark.parametrize("count", [0, 2_100])
def test_a_name_that_is_told_like_a_value_is_known_where_it_finds_no_room(count):
    body = {
        "ids": [*range(count)],
        "env": [{"name": "DB_PASSWORD", "value": SECRET}, {"name": "page", "value": "x9-page-77"}],
    }

    assert message(f"no {SECRET} on x9-page-77", body=body) == f"no {MASK} on x9-page-77"


def test_a_long_secret_leaves_room_for_a_short_one_that_is_shortened():
    text = "refused: 'Tr0ub4dor...mnop-77'"

    finder = Shortened(["&\"'\\ü<" * 1_000, "Tr0ub4dor-abcd-mnop-77"])

    assert [text[start:end] for start, end in finder.spans(text)] == ["Tr0ub4dor", "mnop-77"]

import re
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redacting import POLICY, in_text, redacted, values_in, without

from hoptoad.redaction.cutting import MASK
from hoptoad.redaction.names import Names


@pytest.mark.parametrize(
    "name",
    """password PASSWORD old_password oldPassword user[password] form-0-password passwd pwd
    HTTP_AUTHORIZATION Proxy-Authorization HTTP_X_API_KEY apiKey apikey api.key key secret_key
    client_secret access_token accessToken csrfmiddlewaretoken HTTP_X_CSRFTOKEN sessionid
    cvv2 pwd1 pass2 pin1 PHPSESSID access refresh
    Cookie card_number cardNumber creditCard cvv card-cvc pin userPin otp jwt ssn signature
    X-Hub-Signature-256 _auth_user_hash private_key passphrase AWS_SECRET_ACCESS_KEY""".split(),
)
def test_names_of_secrets_are_known(name):
    assert POLICY.names.rule(name)


@pytest.mark.parametrize(
    "name",
    """user author authors shipping compass monkey keyboard key_name page email passenger accessible refreshed
    HTTP_USER_AGENT HTTP_ACCEPT spinner assign opinion side cookiecutter""".split(),
)
def test_harmless_names_are_left_alone(name):
    assert not POLICY.names.rule(name)


def test_a_nameless_field_is_no_secret():
    assert not POLICY.names.rule("")
    assert not POLICY.names.rule("[]")


@pytest.mark.parametrize("name", ["iban", "IBAN", "user[iban]", "HTTP_X_IBAN", "customerIban", "an-iban"])
def test_protected_names_are_matched_as_whole_words_in_any_case(name):
    assert Names(["Iban"]).rule(name)
    assert not Names(["Iban"]).rule("urbana")


def test_protected_patterns_are_searched_for():
    protected = Names([re.compile("^x_"), re.compile("birth")])

    assert protected.rule("x_anything")
    assert protected.rule("date_of_birthday")
    assert not protected.rule("ax_")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("/cb?token=abc&page=2", f"/cb?token={MASK}&page=2"),
        ("see https://x.test/?a=1;password=abc#top", f"see https://x.test/?a=1;password={MASK}#top"),
        ("https://x.test/#access_token=abc", f"https://x.test/#access_token={MASK}"),
        ("/x?a=%FF%20token%3Dabc", f"/x?a={MASK}"),  # no UTF-8: where it stands cannot be told
        ("/x?a=%FF%20harmless", "/x?a=%FF%20harmless"),
        ("/login?next=%2Fcb%3Ftoken%3Dabc", f"/login?next=%2Fcb%3Ftoken%3D{MASK}"),
        ("/a?next=%252Fcb%253Ftoken%253Dabc", None),
        ("postgres://shop:abc@db/shop", f"postgres://shop:{MASK}@db/shop"),
        ("redis://:abc@cache", f"redis://:{MASK}@cache"),
        ("login failed: password=abc", f"login failed: password={MASK}"),
        ("login failed: password='abc def'", f"login failed: password='{MASK}'"),
        ("{'password': 'abc', 'page': 'two'}", f"{{'password': '{MASK}', 'page': 'two'}}"),
        ('{"user": {"api_key": "abc"}}', f'{{"user": {{"api_key": "{MASK}"}}}}'),
        ("Authorization: Bearer abc", f"Authorization: {MASK}"),
        ("{'password': b'abc'}", f"{{'password': b'{MASK}'}}"),
        ('{"password": "a\\"abc", "x": 1}', f'{{"password": "{MASK}", "x": 1}}'),
        ('password="abc', f'password="{MASK}'),
        ("password:  abc", f"password:  {MASK}"),
        ('"password":\n "abc"', f'"password":\n "{MASK}"'),
        ("password == 'abc'", f"password == '{MASK}'"),
        ("authorization: bearer abc\nhost: x", f"authorization: {MASK}\nhost: x"),
        ("Authorization: ApiKey abc", f"Authorization: {MASK}"),
        ("password=x,abc next", f"password={MASK} next"),
        ("password=SecretStr('a abc') next", f"password={MASK} next"),
        ('{\\"password\\": \\"abc\\"}', f'{{\\"password\\": \\"{MASK}\\"}}'),
        ('{"pin":1234abc,"page":2}', f'{{"pin":{MASK},"page":2}}'),
        (
            "<QueryDict: {'password': ['abc'], 'page': ['2']}>",
            f"<QueryDict: {{'password': {MASK}, 'page': ['2']}}>",
        ),
        ("{'token': {'a': {'b': 'abc'}}, 'page': 2}", f"{{'token': {MASK}, 'page': 2}}"),
        ("https://abc@github.com/x", f"https://{MASK}@github.com/x"),
        ("postgres://u:p/abc@h/db", f"postgres://u:{MASK}@h/db"),
        ("/x?password=it's-abc", f"/x?password={MASK}"),
        ("Your api key: abc", f"Your api key: {MASK}"),
        ("{'password': ['/x?token=1', 'abc'], 'page': 2}", f"{{'password': {MASK}, 'page': 2}}"),
        ("?n=/reset/?token=abc", f"?n=/reset/?token={MASK}"),
        ("?d={%22password%22:%22abc%22}", None),
        ("Missing key: name", "Missing key: name"),
        ("KeyError: 'name'", "KeyError: 'name'"),
        ("at 12:30, a==b, x = 5?", "at 12:30, a==b, x = 5?"),
    ],
)
def test_free_text(text, wanted):
    masked = in_text(text)

    assert "abc" not in masked
    if wanted is not None:
        assert masked == wanted


@given(
    st.sampled_from(["password", "token", "user[secret]", "api_key"]),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1).map(lambda text: f"S3cr3t{text}"),
    st.sampled_from([quote, quote_plus]),
)
def test_a_secret_in_a_query_string_is_masked_however_it_is_quoted(name, secret, how):
    quoted = f"a=1&{how(name)}={how(secret, safe='')}&b=2"

    once = in_text(quoted, "query")
    nested = in_text(f"next={how('/x?' + quoted, safe='')}", "query")

    assert "S3cr3t" not in once
    assert once.startswith("a=1&")
    assert once.endswith("&b=2")
    assert "S3cr3t" not in nested


def test_nested_data_is_masked_by_name_at_any_depth():
    data = {"user": [{"password": "abc", "name": "frog"}], "token": {"deep": "abc"}, "n": 1, 2: None}

    assert redacted(data) == {
        "user": ({"password": MASK, "name": "frog"},),
        "token": MASK,
        "n": "1",
        "2": "None",
    }


def test_circles_and_depth_are_marked():
    circle = {}
    circle["again"] = [circle]

    assert redacted(circle) == {"again": ("[circular]",)}
    assert redacted({"a": {"b": {"c": 1}}}, depth=2) == {"a": {"b": "[too deep]"}}


def test_what_finds_no_room_is_counted():
    many = {str(number): "x" for number in range(100)}

    masked = redacted(many, values=10)

    assert len(masked) == 11
    assert masked["[cut]"] == "90 more"


def test_the_room_of_a_notice_is_shared_by_all_that_is_in_it():
    shown = redacted({"a": "x" * 30, "b": {"c": "y" * 100}}, chars=82)

    assert shown["a"] == "x" * 30
    assert len(shown["b"]["c"]) == 44
    assert shown["b"]["c"].endswith("[cut]")


def sizes(value):
    """How many values there are, and how many characters."""
    if isinstance(value, str):
        return 0, len(value)
    items = value.items() if isinstance(value, dict) else enumerate(value)
    counted = [sizes(item) for _, item in items]
    return len(counted) + sum(v for v, _ in counted), sum(c for _, c in counted)


@given(
    st.recursive(
        st.text() | st.integers() | st.none() | st.binary(),
        lambda inner: st.lists(inner, max_size=30) | st.dictionaries(st.text() | st.integers(), inner),
        max_leaves=200,
    ),
    st.integers(0, 40),
    st.integers(0, 400),
)
def test_no_data_exceeds_its_budget(data, variables, chars):
    counted, written = sizes(redacted(data, values=variables, chars=chars, text=50))

    # Beyond its room there are only marks, one for each list and dictionary that was entered.
    assert counted <= 2 * variables + 1
    assert written <= chars + (counted + 1) * 24


@given(st.text())
def test_scrubbing_text_changes_nothing_once_it_is_done(text):
    once = in_text(text)

    assert in_text(once) == once


@pytest.mark.parametrize(
    "secret", ["4111111111111111", "AKIAIOSFODNN7EXAMPLE", '{"password": "hunter22secret"}']
)
def test_a_secret_that_stands_as_a_name_is_masked_there(secret):
    shown = redacted({secret: "1", "colour": "green"})

    assert secret not in shown
    assert shown["colour"] == "green"
    assert secret not in in_text(f"{quote(secret)}=1&{quote(secret)}&colour=green", "query")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (
            "<QueryDict: {'password': ['hun]ter2'], 'page': ['2']}>",
            f"<QueryDict: {{'password': {MASK}, 'page': ['2']}}>",
        ),
        ("postgres://shop:pa@ssw0rd@db/x", f"postgres://shop:{MASK}@db/x"),
        ("redis://:p#ssw0rd@db/x", f"redis://:{MASK}@db/x"),
        ("user%5Bpassword%5D=abc&x=1", f"user%5Bpassword%5D={MASK}&x=1"),
        ("{&quot;password&quot;: &quot;abc&quot;}", f"{{&quot;password&quot;: &quot;{MASK}&quot;}}"),
        ('"{\\\\"password\\\\": \\\\"abc\\\\"}"', f'"{{\\\\"password\\\\": \\\\"{MASK}\\\\"}}"'),
        ("password := abc", f"password := {MASK}"),
        ("password='''abc'''", f"password='''{MASK}'''"),
        ("Cookie: sessionid=abc; theme=dark", f"Cookie: {MASK}"),
        ("HTTPAuth=abc OTPCode=123", f"HTTPAuth={MASK} OTPCode={MASK}"),
        ("https://social.example:8443/@freda/posts/1", "https://social.example:8443/@freda/posts/1"),
        ("max_tokens: 128000 token_type=Bearer", "max_tokens: 128000 token_type=Bearer"),
    ],
)
def test_what_people_write_around_a_secret(text, wanted):
    assert in_text(text) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (r"{'access_key': 'Tr0ub4dor&3x\\', 'page': 'two'}", f"{{'access_key': '{MASK}', 'page': 'two'}}"),
        (r'{"password": "C:\\abc\\", "page": "two"}', f'{{"password": "{MASK}", "page": "two"}}'),
        (r"password='a\\\'bc' and", f"password='{MASK}' and"),
        (r'"{\"pin\": \"abc\\\\\", \"page\": \"two\"}"', rf'"{{\"pin\": \"{MASK}\", \"page\": \"two\"}}"'),
        (r'"{\"pin\": \"ab\\\"c\", \"page\": \"two\"}"', rf'"{{\"pin\": \"{MASK}\", \"page\": \"two\"}}"'),
        (r"'{\\\"pin\\\": \\\"abc\\\"}' x", rf"'{{\\\"pin\\\": \\\"{MASK}\\\"}}' x"),
    ],
)
def test_a_backslash_at_the_end_of_a_secret_does_not_escape_the_quote_after_it(text, wanted):
    assert in_text(text) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('login(password: """it\'s "abc" """, user: "x")', f'login(password: """{MASK}""", user: "x")'),
        (r"login(pin: \"\"\"a b\"\"\", user: \"x\")", rf"login(pin: \"\"\"{MASK}\"\"\", user: \"x\")"),
        (
            "pin: &quot;&quot;&quot;a b&quot;&quot;&quot; x",
            f"pin: &quot;&quot;&quot;{MASK}&quot;&quot;&quot; x",
        ),
        ('L($pin: String = "abc", $page: Int = 3)', f'L($pin: {MASK} = "{MASK}", $page: Int = 3)'),
        ('L($pin: String! = """a "bc" """)', f'L($pin: {MASK} = """{MASK}""")'),
        ('L($tokens: [String!]! = ["abc"], $page: Int)', f"L($tokens: {MASK} = {MASK}, $page: Int)"),
        ("def f(token: str | None = 'abc', page: int = 3)", None),
        ("let token?: string = 'abc', page: number = 3", f"let token?: string = '{MASK}', page: number = 3"),
    ],
)
def test_block_strings_and_defaults_after_a_type(text, wanted):
    masked = in_text(text)

    assert not re.search("abc|a b|it's", masked)
    if wanted is not None:
        assert masked == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('{"key": "api_key", "value": "abc"}', f'{{"key": "{MASK}", "value": "{MASK}"}}'),
        ('{"name": "Authorization", "on": true, "value": "a bc"}', f'{{"name": "Authorization", "on": true, "value": "{MASK}"}}'),
        ("{'value': 'abc', 'name': 'pin'}, {'name': 'page', 'value': '7'}", f"{{'value': '{MASK}', 'name': 'pin'}}, {{'name': 'page', 'value': '7'}}"),
        (r'[{\"Key\": \"DbPassword\", \"Value\": \"abc\"}]', None),
        ("{&quot;field&quot;: &quot;pin&quot;, &quot;value&quot;: &quot;abc&quot;}", None),
        ('<input name="page" value="7"><input name="pin" value="abc">', f'<input name="page" value="7"><input name="pin" value="{MASK}">'),
        ("Header(name='X-Api-Key', value='abc')", f"Header(name='X-Api-Key', value='{MASK}')"),
        ('{"key": "colour", "value": "green"}', f'{{"key": "{MASK}", "value": "green"}}'),
        ('{"field": "password", "message": "too short"}', '{"field": "password", "message": "too short"}'),
        ('{"name": "password"}, {"value": "green"}', '{"name": "password"}, {"value": "green"}'),
    ],
)  # fmt: skip
def test_a_name_that_is_told_like_a_value(text, wanted):
    masked = in_text(text)

    assert not re.search("abc|a bc", masked)
    if wanted is not None:
        assert masked == wanted


def test_a_name_that_is_told_like_a_value_in_data():
    data = {
        "all": [
            {"key": "api_key", "value": "abc"},
            {"Value": ["abc"], "Name": "DbPassword"},
            {"name": "X-Token", "enabled": True, "values": {"a": "abc"}},
            {"name": "page", "value": "7"},
            {"field": "password", "message": "too short"},
        ]
    }

    assert redacted(data)["all"] == (
        {"key": MASK, "value": MASK},
        {"Value": MASK, "Name": "DbPassword"},
        {"name": "X-Token", "enabled": "True", "values": MASK},
        {"name": "page", "value": "7"},
        {"field": "password", "message": "too short"},
    )


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (r"'bad\npin=1234 and'", rf"'bad\npin={MASK} and'"),
        (r"bad\u000apin: 1234", rf"bad\u000apin: {MASK}"),
        (r"bad\x0a\tauth=1234", rf"bad\x0a\tauth={MASK}"),
        (r"bad\npage=1234 C:\tokyo=1", r"bad\npage=1234 C:\tokyo=1"),
        ("npin=1234", "npin=1234"),
    ],
)
def test_the_letter_of_an_escape_is_no_letter_of_the_name_after_it(text, wanted):
    assert in_text(text) == wanted


@pytest.mark.parametrize("secret", ["k9/m?w+l/}|s5", "a#b&c=d-77x", 'sq"uo<te>9?z', "5%3Fx&y=1"])
def test_the_value_of_an_inner_url_ends_where_that_url_says(secret):
    inner = f"https://x.example/cb?a=1&accessKey={quote(secret, safe='')}&b=2"
    query = f"q=benign&next={quote(inner, safe='')}&page=2"

    shown = in_text(query, "query")

    assert shown.startswith("q=benign&next=https%3A%2F%2Fx.example%2Fcb%3Fa%3D1%26accessKey%3D")
    assert shown.endswith(f"accessKey%3D{MASK}%26b%3D2&page=2")
    assert without(values_in(query, "query"), f"refused {secret}.") == f"refused {MASK}."


def test_the_value_of_a_header_is_known_as_its_sender_wrote_it():
    text = "refused: grüße-Ωλ-77, with {}".format(ascii("grüße-Ωλ-77"))
    data = {"HTTP_X_AUTH_TOKEN": "grüße-Ωλ-77".encode().decode("latin-1"), "text": text}

    assert redacted(data)["text"] == f"refused: {MASK}, with '{MASK}'"

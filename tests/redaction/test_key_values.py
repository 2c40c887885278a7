import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from redacting import in_text, redacted

from hoptoad.redaction import key_values
from hoptoad.redaction.cutting import MASK

# What the two patterns of the module find from the separators on, forwards: it looks at every word.
FORWARDS = re.compile(
    r"(?<![\w.\-])([\w.\-\[\]%]{1,100})((?:\\{0,8}[\"']|&quot;|&#3[49];)?)\s{0,9}((?::=|={1,3}>?|:))\s{0,9}"
)
PIECES = st.sampled_from(
    [
        "password",
        "key",
        "token",
        "[x]",
        "%41",
        "x" * 60,
        "é",
        "=",
        ":=",
        "==",
        "====",
        ":",
        "=>",
        " ",
        " " * 10,
    ]
    + [
        '"',
        "'",
        '\\"',
        "\\\\'",
        "&quot;",
        "&#39;",
        "&",
        ";",
        "(",
        ")",
        "{",
        "}",
        "[",
        "]",
        ",",
        "\n",
        ".",
        "-",
    ]
)


def forwards(text):
    done = 0
    for found in FORWARDS.finditer(text):
        pair = key_values._Pair(found[1], found.start(), found[3], bool(found[2]), found.end())
        typed = key_values._TYPE.match(text, found.end()) if found[3] == ":" and not found[2] else None
        if typed:
            named = pair._replace(separator="=", value=typed.end())
            start, end = key_values._value(text, named, key_values._Brackets(text))
            if start < end:
                yield pair.name, "a rule", start, end
        if pair.start >= done and not key_values._is_prose(text, pair, lambda name: "a rule"):
            start, end = key_values._value(text, pair, key_values._Brackets(text))
            if start < end:
                yield pair.name, "a rule", start, end
                done = end


@example("token:key=[x] password")
@given(st.lists(PIECES, max_size=12).map("".join))
def test_reading_backwards_from_a_separator_finds_what_reading_forwards_finds(text):
    names = {name for name, _ in key_values.names_before_values(text)}
    found = [*key_values.pairs(text, lambda name: "a rule", names)]

    assert found == list(forwards(text))


@pytest.mark.parametrize("name", ["pin", "password", "api-key", "user[pin]"])
@pytest.mark.parametrize("before", ["", "sum: 5 ", "\\n", "x\\t", "\\x0a", "\\u000a", '{"', "?", "a=1&"])
def test_a_name_is_found_in_a_whole_notice_wherever_it_begins(name, before):
    """The page is looked at for names first; only texts with one are searched."""
    assert "qw-7731-z" not in str(redacted({"note": f"{before}{name}=qw-7731-z", "other": "a: b"}))


@pytest.mark.parametrize(
    "text",
    ["pin: str = 'qw-7731-z'", "password?: string | null = 'qw-7731-z'", "token: [String!] =qw-7731-z"],
)
def test_a_default_after_a_type_is_masked(text):
    assert "qw-7731-z" not in str(redacted({"note": text}))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a token := b c", "a token := <> c"),
        ("a token=b c", "a token=<> c"),
        ("a token==b c", "a token==<> c"),
        ("a token===b c", "a token===<> c"),
        ("a token=>b c", "a token=><> c"),
        ("a token==>b c", "a token==><> c"),
        ("a token: b c", "a token: <> c"),
        ("a token:b c", "a token:<> c"),
        ("a token=         b c", "a token=         <> c"),
        ("a token=          b c", "a token=          b c"),
        ("a token         =b c", "a token         =<> c"),
        ("a token          =b c", "a token          =b c"),
        ("a token =\nb c", "a token =\n<> c"),
        ('{"token": "b", "c": "d"}', '{"token": "<>", "c": "d"}'),
        ("{'token': 'b', 'c': 'd'}", "{'token': '<>', 'c': 'd'}"),
        ('{\\"token\\": \\"b\\", \\"c\\": \\"d\\"}', '{\\"token\\": \\"<>\\", \\"c\\": \\"d\\"}'),
        (
            "{&quot;token&quot;: &quot;b&quot;, &quot;c&quot;: 1}",
            "{&quot;token&quot;: &quot;<>&quot;, &quot;c&quot;: 1}",
        ),
        ("{&#39;token&#39;: &#39;b&#39;, c}", "{&#39;token&#39;: &#39;<>&#39;, c}"),
        ("{&#34;token&#34;: &#34;b&#34;, c}", "{&#34;token&#34;: &#34;<>&#34;, c}"),
        ("a user[token]=b c", "a user[token]=<> c"),
        ("a user.token=b c", "a user.token=<> c"),
        ("a x-token=b c", "a x-token=<> c"),
        ("a %74oken=b c", "a %74oken=<> c"),
        ("a tökentoken=b c", "a tökentoken=<> c"),
        ("def f(token: str = 'b', c=1)", "def f(token: <> = '<>', c=1)"),
        ("def f(token: str | None = 'b', c=1)", "def f(token: <> | None = '<>', c=1)"),
        ("f(token?: string = 'b')", "f(token?: string = '<>')"),
        ('query($token: String! = "b")', 'query($token: <> = "<>")'),
        ("f(token: Optional[str]=b)", "f(token: <>"),
        ("f(token: str == b)", "f(token: <> == b)"),
        ("f(token: x => b)", "f(token: <> => b)"),
        ("let token: a | b | c | d | e = 'x';", "let token: <> | b | c | d | e = '<>';"),
        ("let token: a | b | c | d | e | f = 'x';", "let token: <> | b | c | d | e | f = 'x';"),
        ("token:         str         =         'b' c", "token:         <>         =         '<>' c"),
        ("token:          str = 'b' c", "token:          str = 'b' c"),
        ('{"name": "token", "value": "b", "c": 1}', '{"name": "token", "value": "<>", "c": 1}'),
        (
            "{'key': 'a', 'name': 'token', 'values': ['b', 'c'], 'd': 1}",
            "{'key': '<>', 'name': 'token', 'values': <>, 'd': 1}",
        ),
        ('name="token" value="b" c="d"', 'name="token" value="<>" c="d"'),
        ("name=>'token', value=>'b', c=>1", "name=>'token', value=>'<>', c=>1"),
        ("{'name': b'token', 'value': b'b'}", "{'name': b'token', 'value': b'<>'}"),
        ("{'name': u'token', 'value': 'b'}", "{'name': u'token', 'value': '<>'}"),
        ("{NAME: 'token', VALUE: 'b'}", "{NAME: 'token', VALUE: '<>'}"),
        (
            "{'value': 'b', 'name': 'token'}, {'value': 'c', 'name': 'd'}",
            "{'value': '<>', 'name': 'token'}, {'value': 'c', 'name': 'd'}",
        ),
        (
            "{'value': 'c', 'name': 'd'}, {'value': 'b', 'name': 'token'}",
            "{'value': 'c', 'name': 'd'}, {'value': '<>', 'name': 'token'}",
        ),
        (
            "{'name': 'd', 'value': 'c'}, {'name': 'token', 'value': 'b'}",
            "{'name': 'd', 'value': 'c'}, {'name': 'token', 'value': '<>'}",
        ),
        ("name='token' (value='b')", "name='token' (value='b')"),
        ("{'name': 'my token', 'value': 'b'}", "{'name': 'my token', 'value': '<>'}"),
        ("{'rename': 'token', 'value': 'b'}", "{'rename': 'token', 'value': 'b'}"),
        ("{'name': 'token', 'evalue': 'b'}", "{'name': 'token', 'evalue': 'b'}"),
        ("{'field': 'token', 'value': 'b'}", "{'field': 'token', 'value': '<>'}"),
        ("{'header': 'token', 'value': 'b'}", "{'header': 'token', 'value': '<>'}"),
        ("{'param': 'token', 'value': 'b'}", "{'param': 'token', 'value': '<>'}"),
        ("{'parameter': 'token', 'value': 'b'}", "{'parameter': 'token', 'value': '<>'}"),
        ("{'variable': 'token', 'value': 'b'}", "{'variable': 'token', 'value': '<>'}"),
        ("{'property': 'token', 'value': 'b'}", "{'property': 'token', 'value': '<>'}"),
        ("{'attribute': 'token', 'value': 'b'}", "{'attribute': 'token', 'value': '<>'}"),
        ("{'option': 'token', 'value': 'b'}", "{'option': 'token', 'value': '<>'}"),
        (
            "&quot;name&quot;: &quot;token&quot;, &quot;value&quot;: &quot;b&quot;, c",
            "&quot;name&quot;: &quot;token&quot;, &quot;value&quot;: &quot;<>&quot;, c",
        ),
        ("Authorization: a b c\nd e", "Authorization: <>\nd e"),
        ("Proxy-Authorization: a b\nc", "Proxy-Authorization: <>\nc"),
        ("Cookie: a=b; c=d\ne f", "Cookie: <>\ne f"),
        ("Set-Cookie: a=b; c\nd", "Set-Cookie: <>\nd"),
        ("HTTP_COOKIE: a=b; c\nd", "HTTP_COOKIE: <>\nd"),
        ("cookie=a; b", "cookie=<> b"),
        ("Authorization=a b\nc", "Authorization=<> b\nc"),
        ("Authorization: 'a b' c\nd", "Authorization: '<>' c\nd"),
        ("Authorization: a b", "Authorization: <>"),
        ("X-Cookie: a b\nc", "X-Cookie: <> b\nc"),
        ("tokens=[a, b] c", "tokens=<> c"),
        ("token={a: [b, c]} d", "token=<> d"),
        ("token=(a) d", "token=<> d"),
        ("token=[a (b c", "token=<>"),
        ("token=[a] [b] c", "token=<> [b] c"),
        ("token=[a, ']', b] c", "token=<> c"),
        ('token=[a, "]", b] c', "token=<> c"),
        ("token=[a, '\\']', b] c", "token=<> c"),
        ("token=[it's a] c", "token=<> c"),
        ("token=(a [b) c] d", "token=<> c] d"),
        ("token=[a [b] c] d", "token=<> d"),
        ('token="a b" c', 'token="<>" c'),
        ('token="a\\"b" c', 'token="<>" c'),
        ("token='a\\\\' c", "token='<>' c"),
        ("token='a\\\\\\' b' c", "token='<>' c"),
        ('token="""a "b" c""" d', 'token="""<>""" d'),
        ("token='''a 'b' c''' d", "token='''<>''' d"),
        ("token=b'a b' c", "token=b'<>' c"),
        ("token=rb'a b' c", "token=rb'<>' c"),
        ("token=bbb'a b' c", "token=<> b' c"),
        ('token=\\"a b\\" c', 'token=\\"<>\\" c'),
        ('token=\\"a \\\\\\"b\\\\\\" c\\" d', 'token=\\"<>\\" d'),
        ("token='a b c", "token='<>"),
        ("token=&quot;a b&quot; c", "token=&quot;<>&quot; c"),
        ("token=&#39;a b&#39; c", "token=&#39;<>&#39; c"),
        ("token=&#34;a b&#34; c", "token=&#34;<>&#34; c"),
        ("token='a'b' c", "token=<> c"),
        ("token=SecretStr('a b') c", "token=<> c"),
        ("token=SecretStr('a b')d e", "token=<>d e"),
        ("Missing key: name", "Missing key: name"),
        ("api key: name b", "api key: <> b"),
        ("Missing 'key': name", "Missing 'key': <>"),
        ("Missing key=name b", "Missing key=<> b"),
        ("key: name", "key: name"),
        ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa api key: b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa api key: <>"),
        ("{'pin': 1234, 'a': 2}", "{'pin': <>, 'a': 2}"),
        ("{'pin': 1234}", "{'pin': <>}"),
        ("[('pin', 1)]", "[('pin', 1)]"),
        ("a token=b&c=d", "a token=<>&c=d"),
        ("a token=b,c d", "a token=<> d"),
        ("a token=b;c d", "a token=<> d"),
        ("a token=b) c", "a token=<> c"),
        ("\\ntoken=b c", "\\ntoken=<> c"),
        ("\\x0atoken=b c", "\\x0atoken=<> c"),
        ("\\u000apin=b c", "\\u000apin=<> c"),
        ("\\x0apin=b c", "\\x0apin=<> c"),
        ("token:str = 'b7x y'", "token:<> = '<>'"),
        ("token:str | None='b7x y'", "token:<> | None='<>'"),
        ("\\u000atoken=b c", "\\u000atoken=<> c"),
        ("\\token=b c", "\\token=<> c"),
        ("\\apin=b c", "\\apin=<> c"),
        ("token=a token=b c", "token=<> token=<> c"),
        ("password=token=b c", "password=<> c"),
        ("token=(aB)3xY7 c", "token=<> c"),
        ("token='ab'cd c", "token=<> c"),
        ("'token'='ab'cd c", "'token'='<>'cd c"),
        ("token=[a]!b c", "token=<> c"),
        ("token=(a)&b c", "token=<>&b c"),
        ("token=", "token="),
        ("token= ", "token= "),
        ("a:b token:c", "a:b token:<>"),
        ("url=http://x/token:a", "url=http://x/token:<>"),
    ],
)
def test_where_a_value_begins_and_ends(text, shown):
    assert in_text(text) == shown.replace("<>", MASK)


@pytest.mark.parametrize("room", [0, 1])
@pytest.mark.parametrize("kind", ["after", "before"])
def test_a_value_is_looked_for_so_far_from_its_name(kind, room):
    name, value = "'name': 'token'", "'value': 'b7x'"
    if kind == "after":
        text = f"{{{name}, {'x' * (995 + room)} {value}}}"
    else:
        text = f"{{{value}, {'x' * (983 + room)} {name}}}"

    assert ("b7x" in in_text(text)) == bool(room)


@pytest.mark.parametrize("before", [0, 94])
def test_a_name_has_so_many_characters(before):
    text = f"{'x' * before}-token=b7x c"

    assert in_text(text) == f"{'x' * before}-token={MASK} c"


def test_brackets_that_never_close_are_looked_for_until_patience_ends():
    text = "token=[it's " * 2_000 + "b7x] c"

    assert "b7x" not in in_text(text)

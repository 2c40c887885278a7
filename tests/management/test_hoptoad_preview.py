"""`manage.py hoptoad_preview`: what would leave the building."""

import io
import json

import pytest
from django.core.management import CommandError, call_command
from rules import check_v2

from hoptoad.api import htv2, v3
from hoptoad.management.preview import lines as fields
from hoptoad.notice import ErrorInfo, Frame, Notice, RequestInfo, Server, User
from hoptoad.redaction.names import Names
from hoptoad.testing import outbox

SECRET = "made-up-secret-1"


def preview(**options):
    out = io.StringIO()
    call_command("hoptoad_preview", stdout=out, no_color=True, **options)
    return out.getvalue()


@pytest.fixture(autouse=True)
def wide(monkeypatch):
    monkeypatch.setenv("COLUMNS", "300")


def lines(text):
    return [" ".join(line.split()) for line in text.splitlines()]


def test_every_field_is_shown_with_the_rule_that_masked_it(settings_for):
    settings_for(HOPTOAD_PROTECTED_PARAMS=["iban"], HOPTOAD_LOCAL_VARIABLES=True)

    shown = preview()

    mask = "********************"
    for line in (
        f"password {mask} <- built-in name",
        f"iban {mask} <- HOPTOAD_PROTECTED_PARAMS",
        "name Freda",
        f"url http://testserver/hoptoad_preview/?page=2&token={mask} <- token: built-in name",
        f"HTTP_COOKIE sessionid={mask}; theme={mask} <- cookies are sent by name only",
        f"HTTP_AUTHORIZATION {mask} <- built-in name",
        "HTTP_USER_AGENT hoptoad_preview",
    ):
        assert line in lines(shown)
    assert (
        f"that quotes the password {mask} <- holds a value that is masked elsewhere: HTTP_AUTHORIZATION"
        in " ".join(lines(shown))
    )
    assert SECRET not in shown
    assert "contain masked values" in shown
    assert outbox == []


def test_it_is_made_of_the_page_that_is_named():
    assert "where shop.views#form" in lines(preview(path="form/?q=frog"))
    assert "q frog" in lines(preview(path="form/?q=frog"))


def test_the_document_of_version_2():
    document = preview(format="xml").encode()

    check_v2(document.strip())
    assert b"0123456789abcdef0123456789abcdef" not in document
    assert SECRET.encode() not in document


@pytest.mark.parametrize(
    "key", ["x", "e", "<&>", "0123456789", '---\n:api_key: "tr0ub4dor"\r\n:project: shop']
)
def test_only_the_key_is_masked_as_the_key(settings_for, key):
    settings_for(HOPTOAD_SETTINGS={"HOPTOAD_API_KEY": key})

    notice = check_v2(preview(format="xml").strip().encode())

    assert notice.findtext("api-key") == "*" * 20
    assert notice.findtext("error/class") == "hoptoad.management.commands.hoptoad_preview.HoptoadPreview"
    assert [var.text for var in notice.iterfind("request/params/var[@key='name']")] == ["Freda"]


def test_without_a_key_there_is_nothing_to_mask_as_the_key(settings_for):
    settings_for(HOPTOAD_SETTINGS={})

    document = preview(format="xml")

    assert "<api-key></api-key>" in document
    assert '<var key="name">Freda</var>' in document


@pytest.mark.parametrize("encode", [htv2.encode, v3.encode])
@pytest.mark.parametrize("format", ["text", "xml", "json"])
def test_a_stored_notice_cannot_write_on_the_terminal(tmp_path, encode, format):
    path = tmp_path / "notice"
    forged = "\x9b2K\u202e\U000e0001\x7f\u2028forged"
    error = ErrorInfo("ValueError", f"ValueError: {forged}", (Frame("a.py", 7, f"f{forged}"),))
    request = RequestInfo(params={f"name{forged}": f"value{forged}"})
    path.write_bytes(encode(Notice(id="1", error=error, request=request)))

    shown = preview(stored=path, format=format)

    assert [c for c in shown if not c.isprintable() and c not in "\n\t"] == []
    if format == "json":
        assert json.loads(shown)["errors"][0]["message"].endswith(forged)
    if format == "xml":
        assert check_v2(shown.strip().encode()).findtext("error/message").endswith(forged)


def test_the_address_is_shown_without_what_is_secret(settings_for):
    key = "0123456789abcdef0123456789abcdef"
    settings_for(HOPTOAD_NOTIFICATION_URL=f"https://bob:p@w@errbit.test/x?key={key}")

    [line] = [line for line in preview().splitlines() if " bytes as " in line]

    assert line.endswith(" bytes as v2 to https://errbit.test/x")


def test_the_document_of_version_3():
    document = json.loads(preview(format="json"))

    assert document["params"]["name"] == "Freda"
    assert SECRET not in json.dumps(document)


@pytest.mark.parametrize("encode", [htv2.encode, v3.encode])
def test_a_stored_notice(tmp_path, encode):
    path = tmp_path / "notice"
    data = {"password": "*" * 20, "colour": "*" * 20, "size": "7"}
    error = ErrorInfo("ValueError", "ValueError: stored", (Frame("[PROJECT_ROOT]/a.py", 7, "f"),))
    path.write_bytes(encode(Notice(id="1", error=error, request=RequestInfo(params=data))))

    shown = lines(preview(stored=path))

    assert "message ValueError: stored" in shown
    assert "frame 0 [PROJECT_ROOT]/a.py:7 in f" in shown
    assert f"password {'*' * 20} <- built-in name" in shown
    assert f"colour {'*' * 20} <- masked when it was captured" in shown
    assert "size 7" in shown


FRAME = Frame("[PROJECT_ROOT]/a.py", 7, "f", {"word": "'frog'"}, ((7, "return x"),))
WHOLE = Notice(
    id="0123456789abcdef0123456789abcdef",
    error=ErrorInfo("shop.Odd", "Odd: x", (FRAME,), ("a note",)),
    causes=(
        ErrorInfo("shop.NoPrice", "NoPrice: y", (FRAME, Frame("b.py", 8, "g")), ("why",), "cause"),
        ErrorInfo("builtins.Late", "Late: z", (Frame("c.py", 9, "h", source=((9, "wait()"),)),)),
    ),
    request=RequestInfo(url="http://x/", component="shop.views", action="f", params={"page": ("2", "7")}),
    server=Server(
        project_root="/srv", environment_name="live", app_version="1.2", hostname="web1", revision="9f3a1c"
    ),
    user=User(id="7", name="Freda"),
    framework="Django: 6.1",
    language="Python/3.12.1",
    severity="warning",
    extra={"tenant": "frogs"},
    lost=17,
)


def test_every_field_of_a_notice_is_shown():
    assert [(field.section, field.name, field.text) for field in fields(WHOLE, [], Names())] == [
        ("error", "class", "shop.Odd"),
        ("error", "message", "Odd: x"),
        ("error", "note", "a note"),
        ("error", "frame 0", "[PROJECT_ROOT]/a.py:7 in f"),
        ("variables", "word", "'frog'"),
        ("source", "7", "return x"),
        ("causes", "1 (cause), class", "shop.NoPrice"),
        ("causes", "1 (cause), message", "NoPrice: y"),
        ("causes", "1 (cause), note", "why"),
        ("causes", "1 (cause), frame 0", "[PROJECT_ROOT]/a.py:7 in f"),
        ("variables", "word", "'frog'"),
        ("source", "7", "return x"),
        ("causes", "1 (cause), frame 1", "b.py:8 in g"),
        ("causes", "2, class", "builtins.Late"),
        ("causes", "2, message", "Late: z"),
        ("causes", "2, frame 0", "c.py:9 in h"),
        ("source", "9", "wait()"),
        ("request", "url", "http://x/"),
        ("request", "where", "shop.views#f"),
        ("params", "page", '2 values: "2", "7"'),
        ("extra", "tenant", "frogs"),
        ("user", "id", "7"),
        ("user", "name", "Freda"),
        ("notice", "id", "0123456789abcdef0123456789abcdef"),
        ("notice", "severity", "warning"),
        ("notice", "lost", "17 by this process so far"),
        ("notice", "notifier", "django-hoptoad 1.0.0 https://github.com/sjl/django-hoptoad"),
        ("server", "project_root", "/srv"),
        ("server", "environment_name", "live"),
        ("server", "app_version", "1.2"),
        ("server", "hostname", "web1"),
        ("server", "revision", "9f3a1c"),
        ("server", "framework", "Django: 6.1"),
        ("server", "language", "Python/3.12.1"),
    ]


def test_the_command_shows_the_commit_the_severity_and_the_number(settings_for, tmp_path):
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "HEAD").write_text("0123456789abcdef0123456789abcdef01234567")
    settings_for(HOPTOAD_PROJECT_ROOT=tmp_path)

    shown = lines(preview())

    assert "revision 0123456789abcdef0123456789abcdef01234567" in shown
    assert "severity error" in shown
    assert any(len(line) == 35 and line.startswith("id ") for line in shown)
    assert not any(line.startswith("lost") for line in shown)


def test_the_operating_system_is_shown_where_it_is_sent(settings_for):
    assert not any(line.startswith("os ") for line in lines(preview()))

    settings_for(HOPTOAD_API="v3", HOPTOAD_PROJECT_ID=7)
    system = json.loads(preview(format="json"))["context"]["os"]

    assert f"os {system}" in lines(preview())


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        ({"page": ("2", "2")}, [("page", '2 values: "2", "2"')]),
        ({"tag": ("a, b", 'say "c"', "")}, [("tag", r'3 values: "a, b", "say \"c\"", ""')]),
        ({"cart": {"sizes": ("S", "M")}}, [("cart[sizes]", '2 values: "S", "M"')]),
        (
            {"items": ({"size": "S"}, {"size": "M"})},
            [("items[0][size]", "S"), ("items[1][size]", "M")],
        ),
        ({"rows": (("1", "2"), ("3",))}, [("rows[0]", '2 values: "1", "2"'), ("rows[1]", "3")]),
        ({"page": "2", "nothing": ()}, [("page", "2"), ("nothing", "0 values")]),
    ],
)
def test_a_field_that_was_sent_twice_is_one_field(data, shown):
    notice = Notice(id="1", error=ErrorInfo("E", "E: x"), request=RequestInfo(params=data))

    found = fields(notice, [], Names())

    assert [(field.name, field.text) for field in found if field.section == "params"] == shown


def test_the_command_shows_a_field_of_the_address_and_the_form_once():
    shown = lines(preview(path="/form/?page=7&password=geheim-1-x"))

    assert 'page 2 values: "7", "2"' in shown
    assert f"password {'*' * 20} <- built-in name" in shown
    assert not any("page[" in line for line in shown)


def test_what_is_masked_in_one_of_several_values_names_its_rule():
    shown = lines(preview(path="/form/?name=bearer+eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abcdefghijk"))

    [line] = [line for line in shown if line.startswith("name 2 values")]
    assert "eyJ" not in line
    assert "<- " in line


def test_what_is_no_notice_says_so(tmp_path):
    path = tmp_path / "notice"
    with pytest.raises(CommandError, match="cannot be read: No such file"):
        preview(stored=path)

    path.write_text("hello")
    with pytest.raises(CommandError, match="is not a notice: the document is not well-formed XML"):
        preview(stored=path)


def test_functions_of_the_site_are_called(settings_for):
    settings_for(HOPTOAD_BEFORE_NOTIFY=["shop.reporting.without_addresses"])
    assert "url" in lines(preview())

    settings_for(HOPTOAD_BEFORE_NOTIFY=["shop.reporting.nothing"])
    assert "Nothing would be sent" in preview()

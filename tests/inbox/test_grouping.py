"""Which notices are one problem: the corpus, through both versions of the protocol."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoptoad.api import htv2, v3
from hoptoad.api.parsers import parse
from hoptoad.inbox.grouping import group
from hoptoad.inbox.template import template
from hoptoad.notice import ErrorInfo, Frame, Notice, RequestInfo, Server, User

OWN = "[PROJECT_ROOT]/shop/views.py"
LIBRARY = "[SITE_PACKAGES]/django/core/handlers/base.py"


def notice(
    class_name="ValueError",
    message="no",
    frames=((OWN, 78, "checkout"),),
    *,
    environment="production",
    component="shop.views",
    action="checkout",
    causes=(),
    root="/srv/shop",
    **request,
):
    server = {"environment_name": environment, "project_root": root, "hostname": request.pop("host", "a")}
    return Notice(
        id="1",
        error=ErrorInfo(class_name, f"{class_name}: {message}", tuple(Frame(*frame) for frame in frames)),
        causes=tuple(ErrorInfo("KeyError", cause) for cause in causes),
        request=RequestInfo(
            component=component,
            action=action,
            url=request.pop("url", ""),
            cgi_data={"HTTP_USER_AGENT": request.pop("agent", "Firefox")},
        ),
        server=Server(**server, app_version=request.pop("version", "")),
        user=User(id=request.pop("user", "1")),
    )


def library(*own, line=10):
    return ((LIBRARY, line, "get_response"), *own)


def js(file, function="pay"):
    return notice("TypeError", "x is undefined", ((file, 1, function),))


def integrity(value, constraint="users_email_key"):
    return notice(
        "django.db.utils.IntegrityError",
        f'duplicate key value violates unique constraint "{constraint}" DETAIL: Key (email)=({value}) already exists.',
    )


def http(status, url="https://x.test/a?p=1"):
    reason = {404: "Not Found", 503: "Service Unavailable"}[status]
    return notice("urllib.error.HTTPError", f"HTTP Error {status}: {reason} for url: {url}")


def mysql(code, text):
    return notice(
        "django.db.utils.OperationalError", f'({code}, "{text}")', library(("[PROJECT_ROOT]/db.py", 3, "run"))
    )


def bare(message, **parts):
    return notice(
        "Error", message, (), component=parts.pop("component", ""), action=parts.pop("action", ""), **parts
    )


def lamda(*inner):
    return notice(frames=((OWN, 5, "<lambda>"), *inner, (OWN, 4, "checkout"), (LIBRARY, 1, "x")))


def requested(url):
    return notice("requests.HTTPError", f"404 Client Error: Not Found for url: {url}")


LONG = '{"order": {"id": 7, "lines": [1, 2, 3], "note": "' + "x" * 1500 + '"}} was refused'

SAME = {
    "values of keys": (notice("KeyError", "'frog'"), notice("KeyError", "'toad'")),
    "ids": (
        notice("shop.Order.DoesNotExist", "Order matching query id=5 does not exist."),
        notice("shop.Order.DoesNotExist", "Order matching query id=66926 does not exist."),
    ),
    "addresses of objects": (
        notice(message="<Foo object at 0x7f3a10> is odd"),
        notice(message="<Foo object at 0x7fbb2c94d0> is odd"),
    ),
    "addresses of objects, removed by the client": (
        notice(message="<Foo object at 0x7f3a10> is odd"),
        notice(message="<Foo object> is odd"),
    ),
    "lines after a release": (
        notice(frames=((OWN, 78, "checkout"),)),
        notice(frames=((OWN, 81, "checkout"),)),
    ),
    "folders of releases": (
        notice(frames=(("/srv/r1/shop/views.py", 1, "f"),), root="/srv/r1"),
        notice(frames=(("/srv/r2/shop/views.py", 1, "f"),), root="/srv/r2"),
    ),
    "folders of releases, no root told": (
        notice(frames=(("/srv/r1/shop/views.py", 1, "f"),), root=""),
        notice(frames=(("/srv/r2/shop/views.py", 1, "f"),), root=""),
    ),
    "virtual environments": (
        notice(frames=(("/srv/venv/lib/python3.11/site-packages/a.py", 1, "f"), (OWN, 1, "g"))),
        notice(frames=(("/srv/venv/lib/python3.12/site-packages/a.py", 1, "f"), (OWN, 1, "g"))),
    ),
    "virtual environments in the project": (
        notice(frames=(("[PROJECT_ROOT]/venv/lib/python3.11/site-packages/a.py", 1, "f"), (OWN, 1, "g"))),
        notice(frames=(("/PROJECT_ROOT/venv/lib/python3.12/site-packages/a.py", 1, "h"), (OWN, 1, "g"))),
    ),
    "one helper from two views": (
        notice(
            frames=((OWN, 1, "helper"), (OWN, 5, "cart")), component="shop.views", action="cart", url="/a"
        ),
        notice(frames=((OWN, 1, "helper"), (OWN, 9, "pay")), component="shop.api", action="post", url="/b"),
    ),
    "hosts, users and browsers": (
        notice(host="a", user="1", agent="Chrome"),
        notice(host="b", user="2", agent="Firefox", version="2.0"),
    ),
    "rows of one constraint": (integrity("a@b.c"), integrity("bob")),
    "timeouts": (notice(message="timeout after 123 ms"), notice(message="timeout after 4.5 s")),
    "addresses of servers": (
        notice(message='connection to "10.0.0.1:5432" failed for 10.0.0.1:5432'),
        notice(message='connection to "10.0.0.2:5432" failed for 10.0.0.2:6432'),
    ),
    "addresses of version 6": (
        notice(message="no route to [fe80::1]:80"),
        notice(message="no route to 2001:db8::7"),
    ),
    "queries of a URL": (http(404, "https://x.test/a?p=1"), http(404, "https://x.test/a?p=2")),
    "queries of a URL, by requests": (requested("https://x.test/a?p=1"), requested("https://x.test/a?p=2")),
    "bundles": (
        js("https://cdn1.test/assets/index-DbQ2xY9p.js"),
        js("https://cdn2.test/assets/index-aa81Zk0q.js?v=2"),
    ),
    "colours": (notice(message="\x1b[31mred\x1b[0m alert"), notice(message="red alert")),
    "blanks and line ends": (notice(message="  a b  \r\nmore"), notice(message="a b\nelse")),
    "composed and decomposed letters": (notice(message="caf\u00e9"), notice(message="cafe\u0301")),
    "a message that was cut": (
        notice(message=f"could not parse {LONG}"[:1000]),
        notice(message=f"could not parse {LONG}"),
    ),
    "a quoted text that was cut": (
        notice(message=f"could not parse '{'x' * 1500}' of"[:1000]),
        notice(message=f"could not parse '{'x' * 1500}' of"),
    ),
    "texts of causes": (notice(causes=("'a'",)), notice(causes=("'b'",))),
    "recursion": (
        notice("RecursionError", "maximum recursion depth exceeded", ((OWN, 5, "walk"),) * 998),
        notice("RecursionError", "maximum recursion depth exceeded", ((OWN, 5, "walk"),) * 1001),
    ),
    "a function in a function": (
        notice(frames=((OWN, 5, "checkout.<locals>.<lambda>"), (OWN, 4, "checkout"))),
        notice(frames=((OWN, 5, "<lambda>"), (OWN, 4, "checkout"))),
    ),
    "a comprehension": (
        notice(frames=((OWN, 5, "<listcomp>"), (OWN, 4, "f"))),
        notice(frames=((OWN, 5, "f"),)),
    ),
    "qualified names": (notice(frames=((OWN, 5, "Cart.post"),)), notice(frames=((OWN, 5, "post"),))),
    "frames only in Django, one action": (notice(frames=library()), notice(frames=library(line=20))),
    "JSON": (
        notice(message='refused: {"id": 1, "name": "a", "tags": ["x"]}'),
        notice(message='refused: {"id": 22, "name": null, "tags": []}'),
    ),
    "numbers in words": (
        notice(message="worker-12 of node7 died"),
        notice(message="worker-3 of node81 died"),
    ),
    "identifiers and dates": (
        notice(message="job 7f9c2ba4-e88f-4d3a-9c70-0a0b0c0d0e0f at 2026-11-27 14:00:01.5 by a@b.test"),
        notice(message="job 00000000-e88f-4d3a-9c70-0a0b0c0d0e0f at 2026-11-27T09:00:00Z by b@c.test"),
    ),
    "hashes and tokens": (
        notice(message="commit 3f2a91bcd with eyJhbGciOiJIUzI1NiIsInR5cCI6"),
        notice(message="commit 99a81bc00 with aGVsbG8gd29ybGQgZnJvZ3MK12"),
    ),
    "temporary files": (notice(message="no file /tmp/abc/x.csv"), notice(message="no file /tmp/zzz/y.csv")),
    "the client's own name of the class": (notice("shop.Odd", "no"), notice("Odd", "no")),
}

DIFFERENT = {
    "attributes": (
        notice("AttributeError", "'NoneType' object has no attribute 'id'"),
        notice("AttributeError", "'NoneType' object has no attribute 'name'"),
    ),
    "modules": (
        notice("ImportError", "cannot import name 'a'"),
        notice("ImportError", "cannot import name 'b'"),
    ),
    "functions of a file": (
        notice("KeyError", "'a'", ((OWN, 1, "checkout"),)),
        notice("KeyError", "'a'", ((OWN, 1, "refund"),)),
    ),
    "classes": (notice("ValueError", "no"), notice("TypeError", "no")),
    "environments": (notice(environment="production"), notice(environment="staging")),
    "two own functions, one library call": (
        notice(frames=library((OWN, 1, "pay"))),
        notice(frames=library((OWN, 1, "refund"))),
    ),
    "files": (
        notice(frames=(("[PROJECT_ROOT]/shop/views.py", 1, "index"),)),
        notice(frames=(("[PROJECT_ROOT]/blog/views.py", 1, "index"),)),
    ),
    "constraints": (integrity("a@b.c"), integrity("a@b.c", "users_name_key")),
    "constraints of MySQL": (
        mysql(1062, "Duplicate entry 'x' for key 'users.email'"),
        mysql(1062, "Duplicate entry 'x' for key 'users.name'"),
    ),
    "system errors": (
        notice("OSError", "[Errno 111] Connection refused"),
        notice("OSError", "[Errno 113] No route to host"),
    ),
    "statuses": (http(404), http(503)),
    "statuses alone": (
        notice(message="HTTP 404 from x.test"),
        notice(message="HTTP 503 from x.test"),
    ),
    "functions of a minified file": (
        js("https://cdn.test/index-DbQ2xY9p.js", "a"),
        js("https://cdn.test/index-DbQ2xY9p.js", "b"),
    ),
    "templates": (
        notice("TemplateSyntaxError", "bad tag", (("[PROJECT_ROOT]/templates/a.html", 1, "block"),)),
        notice("TemplateSyntaxError", "bad tag", (("[PROJECT_ROOT]/templates/b.html", 1, "block"),)),
    ),
    "tasks": (
        bare("no", component="celery", action="shop.tasks.mail"),
        bare("no", component="celery", action="shop.tasks.bill"),
    ),
    "what failed": (bare("login failed for bob"), bare("payment failed for bob")),
    "crashes of clients without frames": (bare("ReferenceError: foo"), bare("RangeError: bar")),
    "recursion in two functions": (
        notice("RecursionError", "depth", ((OWN, 5, "walk"),) * 9),
        notice("RecursionError", "depth", ((OWN, 5, "visit"),) * 9),
    ),
    "texts of one class": (bare("Reached loading limit"), bare("[object Object]")),
    "frames only in Django, two actions": (
        notice(frames=library(), action="checkout"),
        notice(frames=library(), action="refund"),
    ),
    "codes of a driver": (
        mysql(1213, "Deadlock found when trying to get lock"),
        mysql(1205, "Lock wait timeout exceeded"),
    ),
}


def through(encode, found):
    return group(parse(encode(found)))


@pytest.mark.long
@pytest.mark.parametrize("second", [htv2.encode, v3.encode], ids=["v2", "v3"])
@pytest.mark.parametrize("first", [htv2.encode, v3.encode], ids=["v2", "v3"])
@pytest.mark.parametrize("name", SAME)
def test_the_same_problem(name, first, second):
    one, other = SAME[name]

    assert through(first, one).text == through(second, other).text


@pytest.mark.long
@pytest.mark.parametrize("encode", [htv2.encode, v3.encode], ids=["v2", "v3"])
@pytest.mark.parametrize("name", DIFFERENT)
def test_different_problems(name, encode):
    one, other = DIFFERENT[name]

    assert through(encode, one).digest != through(encode, other).digest


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (
            "Order 17 of bob@x.test failed after 1.2 s: 'no stock'",
            "Order <n> of <email> failed after <duration>: <text>",
        ),
        ("can't read it's 'x'", "can't read it's <text>"),
        ("got b'\\xff' at 12:30", "got <text> at <time>"),
        ("GET https://x.test/a?b=1 on 27 Nov 2026", "GET <url> on <day>"),
        ("column 'size' is odd", "column 'size' is odd"),
        ("HTTP 503, status: 404, 500 rows", "HTTP 503, status: 404, <n> rows"),
        ("", ""),
        ("\n\n  second line", "second line"),
    ],
)
def test_values_are_out_of_a_template(message, expected):
    assert template("ValueError", message) == expected


def test_the_text_of_a_group_can_be_read():
    found = group(notice("shop.errors.Odd", "order 7 is odd", ((OWN, 78, "Cart.checkout"),)))

    assert found.text == "production | Odd | order <n> is odd | shop/views.py in checkout"


@pytest.mark.long
@given(st.text(alphabet=st.sampled_from("ab01'\"`{[(:/. -<>éE@“”\\"), max_size=400))
def test_any_message_has_a_bounded_template(message):
    assert len(template("KeyError", message)) <= 200


@pytest.mark.long
@pytest.mark.parametrize(
    "piece", ["'", '"', "{'", "a@", "1.", "a.b@", "::", "f" * 7 + "-", "A1a", "`\\", "/tmp/", "[", "1:"]
)
def test_a_hostile_message_has_a_bounded_template(piece):
    assert len(template("TypeError", piece * 100_000)) <= 200


def test_the_digest_of_a_group_is_the_same_in_every_release():
    found = group(notice("shop.errors.Odd", "order 7 is odd", ((OWN, 78, "Cart.checkout"),)))

    assert found.digest == "4455df76b3d5fd4911ad0180cd393ae1"


def test_half_a_character_has_a_digest():
    assert group(notice(message="\ud800 is odd")).digest


def test_what_a_client_does_not_name_has_a_name():
    found = group(notice("", "no", (), environment=" ", component=""))

    assert found.text == "unknown | Exception | no | "


def test_names_are_cut():
    name = "x" * 600
    found = group(notice(name, "no", ((OWN, 78, name),), environment=name))

    assert (len(found.environment), len(found.class_name), len(found.place)) == (100, 255, 500)
    assert group(notice(frames=(), component=name)).place == name[:500]


LIBRARIES = [
    "[SITE_PACKAGES]/a.py",
    "/SITE_PACKAGES/a.py",
    "[STDLIB]/a.py",
    "[GEM_ROOT]/a.rb",
    "site-packages/a.py",
    "/srv/venv/site-packages/a.py",
    "/opt/dist-packages/a.py",
    "node_modules/a.js",
    "/PROJECT_ROOT/node_modules/a.js",
    "[PROJECT_ROOT]/node_modules/a.js",
    "/srv/gems/a.rb",
    "/usr/lib/ruby/a.rb",
    "/usr/lib64/a.so",
    "/usr/local/lib/a.rb",
    "/opt/python/lib/python3.12/json.py",
    "<frozen importlib._bootstrap>",
    "node:fs",
    "internal/modules/run_main",
]
SOURCES = [
    "shop/[STDLIB]/a.py",
    "shopnode_modules/a.py",
    "/srv/usr/lib/a.py",
    "/usr/libs/a.py",
    "/srv/lib/pythonic/a.py",
    "shop <frozen assets>/a.py",
    "shop/node:fs/a.py",
    "shop/internal/a.py",
    "PROJECT_ROOTED/a.py",
]


@pytest.mark.parametrize("file", LIBRARIES)
def test_a_library_is_not_the_place_of_a_problem(file):
    frames = ((file, 1, "call"), ("shop/cart.py", 2, "pay"))

    assert group(notice(frames=frames)).place == "shop/cart.py in pay"


@pytest.mark.parametrize("file", SOURCES)
def test_what_sounds_like_a_library_may_be_the_place(file):
    frames = ((file, 1, "call"), ("shop/cart.py", 2, "pay"))

    assert group(notice(frames=frames)).place == f"{file} in call"


@pytest.mark.parametrize(
    "file", [OWN, "/PROJECT_ROOT/shop/views.py", "PROJECT_ROOT/shop/views.py", "/srv/shop/shop/views.py"]
)
@pytest.mark.parametrize(
    "other", ["/opt/tools/run.py", "/srv/shop2/run.py", "PROJECT_ROOTED/run.py", "unknown", ""]
)
def test_the_projects_frame_is_the_place_whatever_is_within(file, other):
    frames = ((other, 1, "run"), (file, 78, "checkout"))

    assert group(notice(frames=frames, root="/srv/shop/")).place == "shop/views.py in checkout"


def test_without_a_root_no_absolute_file_is_the_projects():
    frames = (("/opt/tools/run.py", 1, "run"), (OWN, 78, "checkout"))

    assert group(notice(frames=frames, root="")).place == "shop/views.py in checkout"


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({"frames": library()}, "shop.views#checkout"),
        ({"frames": library(), "action": ""}, "shop.views"),
        (
            {"frames": library(), "component": ""},
            "[SITE_PACKAGES]/django/core/handlers/base.py in get_response",
        ),
        ({"frames": (), "component": ""}, ""),
        ({"frames": (("", 1, "run"), ("shop/cart.py", 2, "pay"))}, "shop/cart.py in pay"),
        ({"frames": (("unknown", 1, "run"), ("shop/cart.py", 2, "pay"))}, "shop/cart.py in pay"),
    ],
)
def test_the_place_where_no_code_of_the_project_is_known(parts, expected):
    assert group(notice(**parts)).place == expected


@pytest.mark.parametrize(
    "inner",
    ["<lambda>", "<listcomp>", "<dictcomp>", "<setcomp>", "<genexpr>", "<anonymous>", "f.<locals>.<genexpr>"],
)
def test_the_function_around_code_without_a_name_is_the_place(inner):
    found = group(notice(frames=((OWN, 79, inner), (OWN, 78, "checkout"))))

    assert found.place == "shop/views.py in checkout"
    assert group(notice(frames=((OWN, 79, "<genexpr>"),))).place == "shop/views.py in <genexpr>"


def test_the_line_of_source_after_a_function_is_no_part_of_the_place():
    assert group(notice(frames=((OWN, 78, "checkout: raise Odd"),))).place == "shop/views.py in checkout"


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("/srv/shop/v2/views.py", "v2/views.py"),
        ("v2/views.py", "v2/views.py"),
        ("/opt/r12/app34/v2.py", "/opt/r<n>/app<n>/v2.py"),
        ("lib/PROJECT_ROOT/a.py", "lib/PROJECT_ROOT/a.py"),
        ("C:\\shop\\v2\\views.py", "C:/shop/v2/views.py"),
        ("https://cdn.test/v2/pay.js", "v2/pay.js"),
        ("webpack:///./src/pay.js", "./src/pay.js"),
        ("pay.js?", "pay.js"),
        ("pay.js#x\ny", "pay.js"),
        ("main.3f2a91bc.js", "main.js"),
        ("main-DbQ2xY9p.chunk.js", "main.chunk.js"),
        ("main-DbQxxYyp.js", "main.js"),
        ("main-dbQxxYyp.js", "main.js"),
        ("main-dbqxxyyp.js", "main-dbqxxyyp.js"),
        ("main-DBQXXYYP.js", "main-DBQXXYYP.js"),
        ("main-DbQxxYypA.js", "main-DbQxxYypA.js"),
        ("main-DbQxxYy.js", "main-DbQxxYy.js"),
        ("main-DbQ2xY9.js", "main-DbQ2xY9.js"),
        ("main-DbQ2xY9p", "main-DbQ2xY9p"),
        ("main-DbQ2xY9p.", "main-DbQ2xY9p."),
        ("eval at https://cdn.test/pay.js", "eval at https://cdn.test/pay.js"),
        ("shop-20261127.prod/views.py", "shop-20261127.prod/views.py"),
    ],
)
def test_a_file_is_named_alike_on_every_host_and_in_every_release(file, expected):
    assert group(notice(frames=((file, 1, "f"),))).place == f"{expected} in f"

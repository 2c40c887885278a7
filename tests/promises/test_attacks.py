"""What whoever sends a request, runs the server or raises the exception may try, and does not get.

docs/security.rst lists every kind of attack with its tests; here are those that no other module has.
"""

import asyncio
import contextlib
import gzip
import itertools
import json
import os
import subprocess
import sys
from html.parser import HTMLParser

import pytest
from canaries import Canaries
from collector import ACCEPTED, Reply
from django.http import Http404
from django.test import RequestFactory
from event_rules import event_in
from places import SITE

from hoptoad.api.parsers import parse
from hoptoad.delivery import transport
from hoptoad.delivery.answer import Verdict
from hoptoad.exceptional import rendering
from hoptoad.exceptional.responses import HttpConflict, HttpNotFound
from hoptoad.redaction.cutting import MASK
from hoptoad.testing import outbox

OUR_OWN = (
    "HOPTOAD-NOTICE-ID",
    "HOPTOAD-NOTICES-LOST",
    "HOPTOAD-URL",
    "HTTP-HOPTOAD-NOTICE-ID",
    "LANGUAGE",
    "REVISION",
    "SEVERITY",
    "EXTRA",
    "EXCEPTION-NOTES",
    "EXCEPTION-CAUSE",
    "EXCEPTION-CAUSE-2",
    "FRAME-001",
    "EXCEPTION-CAUSE-FRAME-001",
    "FRAMES-LEFT-OUT",
    "REQUEST-METHOD",
    "REMOTE-ADDR",
    "INTERNAL-IP",
    "SERVER-NAME",
)


def without_request(notice):
    """What a notice says of everything but the client's request."""
    server = notice.server
    causes = [cause.message for cause in notice.causes]
    rest = {name: value for name, value in notice.request.cgi_data.items() if not name.startswith("HTTP_")}
    assert rest.pop("HOPTOAD_NOTICE_ID", notice.id) == notice.id
    return (notice.severity, notice.lost, server, causes, notice.error, notice.extra, notice.language, rest)


@pytest.mark.parametrize("api", ["v2", "v3", "sentry"])
@pytest.mark.parametrize("asgi", [False, True], ids=["wsgi", "asgi"])
def test_a_visitor_cannot_forge_what_we_say_by_naming_headers(
    client, async_client, collector, settings_for, api, asgi
):
    settings_for(
        HOPTOAD_API=api,
        HOPTOAD_HANDLER="blocking",
        HOPTOAD_PROJECT_ID="1",
        HOPTOAD_NOTIFICATION_URL=collector.url.replace("/notifier_api/v2", f"/{api}"),
    )

    def get(**headers):
        if asgi:
            asyncio.run(async_client.get("/boom/", headers=headers))
        else:
            client.get("/boom/", headers=headers)
        return parse(event_in(collector.received[-1].document))

    honest = get()
    forged = get(**dict.fromkeys(OUR_OWN, "forged"))

    assert without_request(forged) == without_request(honest)
    assert "forged" not in forged.id + forged.request.url + forged.request.component
    assert forged.request.cgi_data["HTTP_REVISION"] == "forged"


CONTROLS = [
    "\n",
    "\r\n",
    "\r",
    "\0",
    "\x07",
    "\x08",
    "\x1b[2K",
    "\x1b]0;title\x07",
    "\x7f",
    "\x85",
    "\x9b1A",
    "\u2028",
    "\u2029",
    "\u202e",
]


@pytest.mark.parametrize("control", CONTROLS, ids=ascii)
def test_a_visitor_cannot_write_lines_or_escapes_into_our_log(
    client, reported, settings_for, caplog, control, monkeypatch
):
    forged = f"x{control}2026-01-01 CRITICAL forged"
    settings_for(HOPTOAD_NOTIFY_404=True, HOPTOAD_DIGEST_404=0, HOPTOAD_BEFORE_NOTIFY=[lambda notice: 1 / 0])
    reported._collector.default = Reply(422, "no")
    sent = {"QUERY_STRING": f"q={forged}", "HTTP_USER_AGENT": forged, "HTTP_REFERER": forged}

    client.get("/boom/", **sent)
    client.get(f"/missing/{forged}", **sent)
    client.post("/exception/", {forged: forged}, **sent)
    monkeypatch.setattr("hoptoad.capture.build.snapshot", lambda *args: 1 / 0)
    client.get("/boom/", **sent)

    ours = [record.getMessage() for record in caplog.records if record.name.startswith("hoptoad")]
    assert ours
    assert [line for line in ours if not line.isprintable()] == []


def test_a_visitor_cannot_get_at_the_secrets_of_others_through_what_is_remembered(
    client, reported, settings_for, view, monkeypatch
):
    """Names, texts of headers, lines, marks: what one request has put there, another does not tell."""
    settings_for(HOPTOAD_LOCAL_VARIABLES=True, HOPTOAD_STORM_LIMIT=0)
    canaries = Canaries()
    secret = canaries.word("a secret")

    @view
    def fail(request):
        dict(request.POST)
        raise ValueError(request.META.get("HTTP_ACCEPT"))

    texts = [f"text/html; v={secret}", f"agent/1 ({secret}: yes)", secret]
    for text in texts:  # twice: what was seen before is looked at no more
        for _ in range(2):
            client.post(
                "/exception/", {"password": text, text: "x"}, headers={"Accept": text, "User-Agent": text}
            )
    own = [received.body for received in reported._collector.received]
    assert all(canaries.found_in(body) == [] for body in own)

    for text in texts:  # the same texts are no secrets of this visitor, and one under another name is
        client.post("/exception/", {"note": "hello"}, headers={"Accept": "text/html"})
        client.post("/exception/", {"pin": text, "note": text}, headers={"Accept": text})

    assert all(canaries.found_in(received.body) == [] for received in reported._collector.received)
    assert b"hello" in reported._collector.received[-2].body


def test_a_visitor_cannot_have_a_value_hidden_from_the_notices_of_others(client, view):
    """What is masked in one notice is masked in that one only."""

    @view
    def fail(request):
        dict(request.POST)
        raise ValueError("the payment of Freda-Frog-42 failed")

    client.post("/exception/", {"password": "Freda-Frog-42"})
    client.post("/exception/", {"colour": "green"})

    assert [notice.error.message for notice in outbox] == [
        f"ValueError: the payment of {MASK} failed",
        "ValueError: the payment of Freda-Frog-42 failed",
    ]


def raw(*pieces, close=False):
    """Answers with these very bytes, at once."""
    answer = b"".join(piece.encode("latin-1") if isinstance(piece, str) else piece for piece in pieces)

    def reply(handler):
        with contextlib.suppress(OSError):  # the client may close before it has read all
            handler.wfile.write(answer)
        handler.close_connection = close

    return reply


FORGED = ACCEPTED.replace("64e5f0b2a1c3d4e5f6a7b8c9", "forged")
SECOND = f"HTTP/1.1 200 OK\r\nContent-Length: {len(FORGED)}\r\n\r\n{FORGED}"
EMPTY = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n"
BOMB = gzip.compress(b"x" * 50_000_000)
MALICIOUS = {
    "a second answer after the first": [EMPTY, "\r\n", SECOND],
    "a second answer inside the length of none": ["HTTP/1.1 204 No Content\r\n\r\n", SECOND],
    "two lengths": [EMPTY, f"Content-Length: {len(FORGED)}\r\n\r\n", FORGED],
    "a length and chunks": [EMPTY, "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", SECOND],
    "chunks that end early": ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", SECOND],
    "a folded header": [EMPTY, "X: y\r\n Content-Length: 9\r\n\r\n", SECOND],
    "a header without a name": [EMPTY, ": y\r\n\r\n", SECOND],
    "a bare line feed": ["HTTP/1.1 200 OK\nContent-Length: 0\n\n", SECOND],
    "not modified, with a body": ["HTTP/1.1 304 Not Modified\r\n\r\n", SECOND],
}


@pytest.fixture
def post(collector):
    def post(timeout=2):
        headers = {"Content-Type": "text/xml"}
        return transport.post(collector.url, b"not looked at", headers=headers, timeout=timeout)

    return post


@pytest.mark.parametrize("malicious", MALICIOUS)
def test_a_server_cannot_smuggle_the_answer_to_the_next_notice(post, collector, malicious):
    collector.replies.append(raw(*MALICIOUS[malicious]))
    post()
    collector.replies.append(Reply(422, "the notice is refused"))

    answer = post()

    assert (answer.verdict, answer.status) == (Verdict.REFUSED, 422)


ODD = {
    "no HTTP at all": ["SSH-2.0-OpenSSH_9.9\r\n"],
    "an old HTTP": ["<h1>hello</h1>"],
    "a status of letters": ["HTTP/1.1 abc OK\r\n\r\n"],
    "a status of many digits": ["HTTP/1.1 20000000000 OK\r\n\r\n"],
    "a status that is negative": ["HTTP/1.1 -1 OK\r\n\r\n"],
    "ten thousand headers": [EMPTY, "X: y\r\n" * 10_000, "\r\n"],
    "an endless line": [EMPTY, "X: ", "y" * 100_000, "\r\n\r\n"],
    "a length that is negative": ["HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"],
    "a length of letters": ["HTTP/1.1 200 OK\r\nContent-Length: frog\r\n\r\n"],
    "a chunk of no size": ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfrog\r\nx\r\n"],
    "a chunk of a huge size": ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nx"],
    "an encoding it has not": ["HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nfrog"],
    "a bomb": [f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(BOMB)}\r\n\r\n", BOMB],
    "a redirect to a file": [
        "HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n"
    ],
    "switching protocols": ["HTTP/1.1 101 Switching Protocols\r\nUpgrade: frog\r\n\r\n"],
    "bytes of no text": [b"HTTP/1.1 200 \xff\xfe\r\nX-\xff: \x00\r\nContent-Length: 2\r\n\r\n\xff\xfe"],
    "an entity that grows": [
        "HTTP/1.1 200 OK\r\nContent-Length: 140\r\n\r\n",
        '<!DOCTYPE n [<!ENTITY a "xxxxxxxxxx"><!ENTITY b "&a;&a;&a;">]><notice><id>&b;</id></notice>'.ljust(
            140
        ),
    ],
}


@pytest.mark.parametrize("odd", ODD)
def test_a_server_cannot_make_the_sender_raise_or_wait(post, collector, deadline, odd):
    collector.replies.append(raw(*ODD[odd], close=True))

    answer = post(timeout=1)

    assert answer.verdict in Verdict
    assert len(answer.text or "") <= 2000
    assert deadline(8)
    assert post().verdict is Verdict.ACCEPTED


def test_a_server_cannot_have_its_cookies_sent_back(post, collector):
    collector.replies.append(Reply(headers={"Set-Cookie": "id=frog; Path=/"}))

    post()
    post()

    assert [name for name in collector.received[1].headers if name.lower() == "cookie"] == []


class Markup(HTMLParser):
    def __init__(self, page):
        super().__init__()
        self.planted = []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        if tag == "planted" or any("planted" in (name + (value or "")) for name, value in attributes):
            self.planted.append(tag)

    def handle_endtag(self, tag):
        if tag == "planted":
            self.planted.append(tag)

    handle_startendtag = handle_starttag


MARKUP = [
    "<planted>",
    '"><planted>',
    "'><planted x=1>",
    "</td><planted/>",
    "</title><planted>",
    "]]><planted>",
    "<!--<planted>-->",
    '" onmouseover=planted() x="',
]


@pytest.mark.parametrize("markup", MARKUP)
@pytest.mark.parametrize("accept", ["text/html", "application/json"])
@pytest.mark.parametrize("kind", [HttpConflict, HttpNotFound])
def test_a_visitor_cannot_put_markup_into_the_pages_of_exceptional(settings_for, markup, accept, kind):
    request = RequestFactory().get(f"/{markup}", headers={"Accept": accept})
    exception = kind(markup)
    exception.__cause__ = Http404(markup)

    for templates in (None, []):
        if templates is not None:
            settings_for(TEMPLATES=templates)
        response = rendering.answer(request, exception)

        content = response.content.decode()
        if accept == "text/html":
            assert Markup(content).planted == []
        else:
            assert json.loads(content)["detail"] == markup


PUMPS = [
    "a",
    "1",
    " ",
    "%41",
    "%",
    "=",
    "a=",
    "://",
    "/a",
    "\\",
    "\\n",
    '"',
    "'",
    '\\"',
    "-",
    "eyJ",
    "@",
    "a.",
    "[",
    "(",
]
PROGRAM = """
import importlib, json, pkgutil, re, sys
found = set()
compile_ = re.compile

def collected(*given, **named):
    pattern = compile_(*given, **named)
    if sys._getframe(1).f_globals["__name__"].startswith("hoptoad"):
        found.add(pattern)
    return pattern

re.compile = collected
import django
from django.conf import settings
settings.HOPTOAD_HOOKS = []  # what fails here is the test's
django.setup()
import hoptoad
for module in pkgutil.walk_packages(hoptoad.__path__, "hoptoad."):
    if not module.name.endswith(("pytest_plugin", "celery", "__main__")):
        importlib.import_module(module.name)
from hoptoad.capture import project
from hoptoad.redaction import names
names.Names(["card-id", "iban"])
project.shorten_all("/srv/shop/x in site-packages", "/srv/shop")
for pattern in found:
    for start, pump, end in json.loads(sys.argv[1]):
        text = start + pump * 60 + end
        text = text.encode() if isinstance(pattern.pattern, bytes) else text
        pattern.search(text), pattern.fullmatch(text)
print(len(found))
"""


@pytest.mark.long
def test_a_visitor_cannot_make_a_regular_expression_explode():
    """An exponential one would take longer than the universe for texts of 60 repetitions."""
    starts, ends = ["", "password=", "http://", "-----BEGIN "], ["", "!", "\0"]
    texts = json.dumps(list(itertools.product(starts, PUMPS, ends)))

    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, texts],
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
        cwd=SITE,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "shop.office"},
    )

    assert int(done.stdout.split()[-1]) > 60


def test_whoever_may_publish_the_task_speaks_for_the_site(collector, settings_for):
    """What a broker is trusted with: a worker posts the document of a task as it is."""
    from hoptoad.handlers.tasks import deliver

    settings_for(HOPTOAD_NOTIFICATION_URL=collector.url)

    deliver.call("not a notice of this site")

    [received] = collector.received
    assert received.body == b"not a notice of this site"

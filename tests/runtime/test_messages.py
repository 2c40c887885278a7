"""What is written to the log and to terminals: printable, bounded, without secrets, and little of it."""

import base64
import io
import json
import logging
from urllib.parse import quote

import pytest
import requests
from collector import Reply
from django.core.management import call_command

from hoptoad.api import htv2, v3
from hoptoad.api.sentry import wire
from hoptoad.delivery import transport
from hoptoad.delivery.answer import Answer, Verdict
from hoptoad.delivery.spool.directory import SpoolDirectory
from hoptoad.delivery.stats import stats
from hoptoad.handlers.threaded import ThreadedNotifier
from hoptoad.runtime import messages

KEY = "0123456789abcdef0123456789abcdef"
MASK = "*" * 20
YAML = """---
:project: shop-front
:tracker: Bug
:api_key: "tr0ub4dor-tr0ub4dor"
"""


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Your API key is unknown", "Your API key is unknown"),
        ("no\nhoptoad: accepted", "no hoptoad: accepted"),
        ("no\r\n\t\x0b\x0c\x85\u2028\u2029accepted", "no accepted"),
        ("\x1b[2K\x1b[1Aaccepted", "\\x1b[2K\\x1b[1Aaccepted"),
        ("\x9b2Kaccepted\x7f\x00", "\\x9b2Kaccepted\\x7f\\x00"),
        ("\u202edetpecca\u2066", "\\u202edetpecca\\u2066"),
        ("\ud800", "\\ud800"),
        ("Schlüssel \u043a\u043b\u044e\u0447 鍵 🐸", "Schlüssel \u043a\u043b\u044e\u0447 鍵 🐸"),
        ("x" * 501, "x" * 493 + "… [cut]"),
    ],
)
def test_a_text_of_somebody_else_is_one_printable_line(text, shown):
    assert messages.safe_line(text) == shown


@pytest.mark.parametrize(
    ("link", "shown"),
    [
        ("https://errbit.test/locate/1", "https://errbit.test/locate/1"),
        ("HTTP://errbit.test/locate/1?x=2", "HTTP://errbit.test/locate/1?x=2"),
        ("javascript:alert(1)", ""),
        ("file:///etc/passwd", ""),
        ("ssh://errbit.test/x", ""),
        ("https:///x", ""),
        ("https://[::1/", ""),
        ("https://errbit.test/\x1b]8;;", ""),
        ("see https://errbit.test/", ""),
        ("", ""),
    ],
)
def test_a_link_leads_to_the_web(link, shown):
    assert messages.web_link(link) == shown


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://errbit.test/x", "https://errbit.test/x"),
        ("https://bob:pw@errbit.test/x", "https://errbit.test/x"),
        ("https://bob:p@w@errbit.test/x", "https://errbit.test/x"),
        ("ftp://bob:p/w@host/x?y=1", "ftp://host/x?y=1"),
        ("http://bob:p?w@host/x", "http://host/x"),
        ("http://bob:p#w@host/x", "http://host/x"),
        ("http://token@host/x", "http://host/x"),
        ("https://errbit.test/@team/x", "https://errbit.test/@team/x"),
        ("https://me@errbit.test/@team/x", "https://errbit.test/@team/x"),
        ("https://errbit.test/?next=http://bob:pw@host/", "https://errbit.test/?next=http://host/"),
        (
            "https://errbit.test:8443/@team/x?to=me@shop.test",
            "https://errbit.test:8443/@team/x?to=me@shop.test",
        ),
        ("http://bob:p@ss.word/x@host/x", "http://host/x"),
        ("http://localhost:3000/@x", "http://localhost:3000/@x"),
        ("http://bob:1/pw@host/x", "http://host/x"),
        ("http://bob.smith:p/w@host/x", "http://host/x"),
        ("http://bob@shop.test:p/w@host/x", "http://host/x"),
        ("http://bob:it's@host/x", "http://host/x"),
        ("http://bob:pw@[::1]:3000/x", "http://[::1]:3000/x"),
        ("git@github.com:shop/shop.git", "git@github.com:shop/shop.git"),
        ("bob:pw@host/x", "host/x"),
        ("http://[::1]:3000/x", "http://[::1]:3000/x"),
    ],
)
def test_a_url_is_shown_without_credentials(url, shown):
    assert messages.without_credentials(url) == shown


def quotations(key):
    yield key
    yield f"Bearer {key}"
    yield json.dumps({"key": key})
    yield quote(key, safe="")
    yield repr(key)
    yield base64.b64encode(key.encode()).decode()
    yield f"http://errbit.test/x?key={key}"


@pytest.mark.parametrize("status", [200, 201, 401, 422, 429, 500, 503])
@pytest.mark.parametrize("api", ["v2", "v3", "sentry"])
def test_a_key_that_the_server_repeats_is_masked(collector, settings_for, caplog, api, status):
    caplog.set_level("DEBUG", logger="hoptoad")
    lost = []
    settings_for(
        HOPTOAD_API=api,
        HOPTOAD_NOTIFICATION_URL=f"http://bob:pw-of-bob@127.0.0.1:{collector.port}/{KEY}?key={KEY}",
    )
    body = "\n".join([*quotations(KEY), f"<id>{KEY}</id><url>http://bob:pw-of-bob@h/?key={KEY}</url>"])
    collector.default = Reply(status, body)
    report = {"v2": htv2, "v3": v3, "sentry": wire}[api].report

    answer = report(b"{}")
    stats.drop(1, f"for the test: {answer}")

    said = f"{caplog.text} {answer.text} {answer.id} {answer.link} {lost}"
    assert KEY not in said
    assert base64.b64encode(KEY.encode()).decode() not in said
    assert "pw-of-bob" not in said
    assert MASK in said


@pytest.mark.parametrize("name", ["key", "api_key", "token", "private-token"])
def test_a_key_in_the_url_is_masked_where_the_server_repeats_it(collector, settings_for, caplog, name):
    settings_for(HOPTOAD_NOTIFICATION_URL=f"{collector.url}?{name}=an%2Fother-key-7&project=shop-front")
    collector.default = Reply(
        404, f"no route for /x?{name}=an%2Fother-key-7&project=shop-front (an/other-key-7)"
    )

    htv2.report(b"{}")

    assert f"no route for /x?{name}={MASK}&project=shop-front ({MASK})" in caplog.text
    assert "other-key" not in caplog.text


@pytest.mark.parametrize("said", ["unknown key tr0ub4dor-tr0ub4dor", YAML, " ".join(YAML.split())])
def test_of_a_key_that_is_a_document_the_whole_and_the_secret_are_masked(collector, settings_for, said):
    settings_for(HOPTOAD_SETTINGS={"HOPTOAD_API_KEY": YAML}, HOPTOAD_NOTIFICATION_URL=collector.url)
    collector.default = Reply(422, f"{said} of project shop-front, tracker Bug")

    answer = htv2.report(b"{}")

    assert "tr0ub4dor" not in answer.text
    assert answer.text.endswith(f"{MASK} of project shop-front, tracker Bug")


class Quoting:
    """An API whose failure quotes the key, and which is not told by anything of ours."""

    CONTENT_TYPE = "text/plain"

    @staticmethod
    def encode(notice):
        return b"x"

    @staticmethod
    def report(payload, timeout=None):
        try:
            raise KeyError(f"header 'Bearer {KEY}'\n2026-01-01 CRITICAL forged")
        except KeyError as error:
            raise RuntimeError(f"cannot send {KEY}\x1b[2K\n2026-01-01 CRITICAL forged") from error


def formatted(caplog):
    formatter = logging.Formatter("%(levelname)s %(message)s")
    return "\n".join(formatter.format(record) for record in caplog.records)


def test_a_key_that_an_exception_repeats_is_masked_and_no_line_is_forged(settings_for, caplog):
    settings_for(HOPTOAD_API=f"{__name__}.Quoting")
    pool = ThreadedNotifier(1)

    pool.enqueue(b"x", 1)
    pool.flush(20)

    said = formatted(caplog)
    assert "Traceback (most recent call last):" in said
    assert f"RuntimeError: cannot send {MASK}" in said
    assert KEY not in said
    assert "\x1b" not in said
    assert not [line for line in said.splitlines() if line.startswith("2026-01-01")]
    assert caplog.records[0].exc_info is None  # some formatters print it again


class Harmless(Quoting):
    @staticmethod
    def report(payload, timeout=None):
        raise RuntimeError("no\x1b[2K such thing")


def test_an_exception_without_secrets_is_there_for_whoever_looks_at_it(settings_for, caplog):
    settings_for(HOPTOAD_API=f"{__name__}.Harmless")
    pool = ThreadedNotifier(1)

    pool.enqueue(b"x", 1)
    pool.flush(20)

    assert "RuntimeError: no\\x1b[2K such thing" in formatted(caplog).splitlines()
    assert [record.exc_info[0] for record in caplog.records if record.exc_info] == [RuntimeError]


class Answering:
    CONTENT_TYPE = "text/plain"
    encode = staticmethod(Quoting.encode)

    @staticmethod
    def report(payload, timeout=None):
        return Answer(verdict=Verdict.REFUSED, url="x", status=400, text=f"no\n\x1b[2K {KEY}")


def test_what_an_api_of_the_site_answers_is_one_line_without_the_key(settings_for, caplog):
    settings_for(HOPTOAD_API=f"{__name__}.Answering")
    pool = ThreadedNotifier(1)

    pool.enqueue(b"x", 1)
    pool.flush(20)

    [line] = caplog.messages
    assert "refused for good (HTTP 400): no \\x1b[2K " + MASK in line
    assert len(line.splitlines()) == 1


def test_a_key_in_an_exception_on_import_is_masked_by_the_check(settings_for):
    from django.core.checks import run_checks

    settings_for(HOPTOAD_HANDLER="shop.nowhere." + KEY, HOPTOAD_API="v2")

    [error] = run_checks(tags=["hoptoad"])

    assert error.id == "hoptoad.E004"
    assert KEY not in error.msg.partition("but ")[2]


@pytest.fixture
def root(caplog):
    """The records that reach a site's root logger, which is at DEBUG."""
    caplog.set_level("DEBUG")
    return caplog


@pytest.mark.parametrize("handler", ["blocking", "threadpool"])
@pytest.mark.parametrize("api", ["v2", "v3", "sentry"])
def test_a_root_logger_at_debug_gets_nothing_of_a_delivery(
    client, collector, settings_for, root, handler, api
):
    settings_for(
        HOPTOAD_HANDLER=handler,
        HOPTOAD_API=api,
        HOPTOAD_NOTIFICATION_URL=f"{collector.url}?key={KEY}",
    )
    collector.default = Reply(201, '{"id": "1"}')

    for _ in range(3):
        client.get("/boom/")
    client.get("/raise/404/")
    collector.wait(3)

    assert [r for r in root.records if r.name.partition(".")[0] in ("hoptoad", "urllib3", "requests")] == []


def test_a_delivery_over_a_dropped_connection_logs_nothing_of_urllib3(collector, settings_for, root):
    from collector import answer_then_close

    collector.replies += [answer_then_close]
    for _ in range(2):
        transport.post(collector.https_url, b"x", headers={}, timeout=5)

    assert [record for record in root.records if record.name.startswith("urllib3")] == []


def test_the_sites_own_requests_are_logged_by_urllib3_as_ever(collector, root):
    transport.post(collector.url, b"x", headers={}, timeout=5)
    requests.get(collector.url, timeout=5)

    lines = [record.getMessage() for record in root.records if record.name == "urllib3.connectionpool"]
    assert [line.partition(" ")[0] for line in lines] == ["Starting", f"http://127.0.0.1:{collector.port}"]


def test_what_went_wrong_is_still_a_warning(collector, root):
    collector.default = Reply(401, "no such key")

    transport.post(collector.url, b"x", headers={}, timeout=5)

    [record] = [record for record in root.records if record.name.startswith("hoptoad")]
    assert record.levelname == "WARNING"


@pytest.mark.parametrize("logger", ["hoptoad", "hoptoad.delivery.transport"])
def test_whoever_asks_for_more_gets_it(collector, caplog, logger):
    caplog.set_level("DEBUG", logger=logger)

    transport.post(collector.url, b"x", headers={}, timeout=5)

    [line] = caplog.messages
    assert line.startswith(f"Notice accepted by {collector.url}: id 64e5f0b2a1c3d4e5f6a7b8c9")


@pytest.mark.parametrize(
    "end", ["\nend-of-key", "\r\nend-of-key", "-\u043a\u043b\u044e\u0447", "\x00end-of-key"]
)
def test_a_key_that_a_header_cannot_hold_is_masked_where_the_library_repeats_it(
    settings_for, collector, caplog, end
):
    key = f"begin-of-key-0123456789{end}"
    settings_for(HOPTOAD_SETTINGS={"HOPTOAD_API_KEY": key.replace("\x00", "\x01")})

    answer = transport.post(
        collector.url, b"x", headers={"Authorization": f"Bearer {key}".replace("\x00", "\x01")}, timeout=5
    )

    assert "begin-of-key" not in f"{answer}{caplog.text}"
    assert "end-of-key" not in f"{answer}{caplog.text}"


def test_a_receiver_that_said_it_itself_leaves_the_log_alone(collector, caplog):
    from hoptoad.signals import heard_answers

    collector.default = Reply(401, "no such key")
    with heard_answers() as answers:
        transport.post(collector.url, b"x", headers={}, timeout=5)

    assert answers.get().status == 401
    assert caplog.messages == []


@pytest.mark.parametrize(
    "words",
    ["no\n9.9 d 1 0  forged", "no\x1b[2K\x9b1A\u2028forged", f"no {'x' * 5000}", f"no key {KEY}", "\ud800"],
)
@pytest.mark.parametrize("place", ["words", "message"])
def test_what_lies_in_the_spool_cannot_write_on_the_terminal(settings_for, tmp_path, words, place):
    directory = SpoolDirectory(tmp_path / "spool", fsync=False)
    directory.open()
    settings_for(HOPTOAD_SPOOL_DIR=directory.path)
    error = {"errors": [{"type": "X", "message": words if place == "message" else "x", "backtrace": []}]}
    directory.write(json.dumps(error).encode())
    [notice] = directory.waiting()
    directory.keep(notice, "")
    answer = directory.refused / f"{notice.path.stem}.answer"
    answer.write_bytes(words.encode("utf-8", "replace") if place == "words" else b"")
    out = io.StringIO()

    call_command("hoptoad_spool", stdout=out)

    title, row, _, _, end = out.getvalue().split("\n")
    assert row.isprintable()
    assert len(row) < 1000
    assert KEY not in row
    assert end == ""

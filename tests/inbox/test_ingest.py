"""The ingest views: what they take, what they answer, and what they refuse before anything is parsed."""

import gzip
import json
import re
from datetime import timedelta
from urllib.parse import quote_plus

import databases
import pytest
from asgiref.sync import sync_to_async
from django.db import connections
from django.test import Client, override_settings
from django.utils.timezone import now
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hoptoad.api import htv2
from hoptoad.inbox import ingest, writer
from hoptoad.inbox.buckets import Buckets
from hoptoad.inbox.models import App, Deploy, Notice, Problem
from hoptoad.notice import ErrorInfo
from hoptoad.notice import Notice as Content

KEY = "k" * 32
V2 = "/notifier_api/v2/notices"
V3 = "/api/v3/projects/1/notices"
JSON = "application/json"


@pytest.fixture
def sender(app, settings_for, sqlite):
    settings_for(ROOT_URLCONF="shop.inbox_urls", HOPTOAD_SETTINGS={"HOPTOAD_API_KEY": KEY})
    return Client(enforce_csrf_checks=True)


def xml(identity="", **error):
    document = htv2.encode(Content(id=identity, error=ErrorInfo("KeyError", error.get("message", "'frog'"))))
    return re.sub(b"<api-key>.*</api-key>", f"<api-key>{KEY}</api-key>".encode(), document)


def json_document(**parts):
    return json.dumps({"errors": [{"type": "KeyError", "message": "'frog'"}], **parts})


def refused(app, database):
    for found in list(writer._writers.values()):
        found.close()
    writer._writers.clear()
    app.refresh_from_db(using=database)
    return app.refused_count, app.refused_reason


@pytest.mark.parametrize("path", [V2, V2 + "/"])
def test_version_2_is_taken_and_answered_with_id_and_url(sender, sqlite, path):
    answer = sender.post(path, xml("a" * 32), content_type="text/xml")

    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/xml")
    assert answer.content.decode() == (
        f"<notice><id>{'a' * 32}</id><url>http://testserver/locate/{'a' * 32}</url></notice>"
    )
    assert Problem.objects.using(sqlite).get().count == 1


def test_version_2_is_taken_from_a_form(sender, sqlite):
    form = "data=" + quote_plus(xml().decode())

    answer = sender.post(V2, form, content_type="application/x-www-form-urlencoded")

    assert answer.status_code == 200
    assert Notice.objects.using(sqlite).get().kind == "v2"


@pytest.mark.parametrize("path", [V3, "/api/v3/projects/1/create-notice"])
def test_version_3_is_taken_and_answered_with_id_and_url(sender, sqlite, path):
    answer = sender.post(path, json_document(), content_type=JSON, headers={"Authorization": f"Bearer {KEY}"})

    identity = Notice.objects.using(sqlite).get().client_id
    assert answer.status_code == 201
    assert answer.json() == {"id": identity, "url": f"http://testserver/locate/{identity}"}
    assert answer["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        (f"{V3}?key={KEY}", {}),
        (V3, {"X-Airbrake-Token": KEY}),
        (f"/api/v3/projects/{KEY}/notices", {}),
    ],
)
def test_the_key_is_found_where_clients_put_it(sender, path, headers):
    assert sender.post(path, json_document(), content_type=JSON, headers=headers).status_code == 201


def test_a_browser_may_ask_before_it_sends(sender):
    answer = sender.options(V3)

    assert answer.status_code == 200
    assert answer["Access-Control-Allow-Methods"] == "POST, OPTIONS"


def test_an_old_key_is_valid_until_its_end(sender, app, sqlite):
    App.objects.using(sqlite).update(key="new", old_key=KEY, old_key_until=now() + timedelta(hours=1))
    before = sender.post(V2, xml(), content_type="text/xml").status_code
    App.objects.using(sqlite).update(old_key_until=now() - timedelta(seconds=1))
    ingest.start_over()

    assert (before, sender.post(V2, xml(), content_type="text/xml").status_code) == (200, 422)


def test_a_notice_that_is_sent_again_counts_once_and_has_its_id_again(sender, sqlite):
    answers = {sender.post(V2, xml("b" * 32), content_type="text/xml").content for _ in range(3)}

    assert len(answers) == 1
    assert Problem.objects.using(sqlite).get().count == 1


@pytest.mark.long
@pytest.mark.parametrize(
    ("path", "body", "headers", "status", "reason"),
    [
        (V2, b"", {}, 400, "The body is empty"),
        (V2, b"<notice", {}, 422, "unknown"),
        (V2, xml().replace(KEY.encode(), b"unknown"), {}, 422, "Your API key is unknown"),
        (V2, xml().replace(b"<error>", b"<errr>"), {}, 422, "not well-formed"),
        (V2, b'<!DOCTYPE n [<!ENTITY a "aa">]>' + xml(), {}, 422, "must not declare"),
        (V2, xml(message="x" * 1_100_000), {}, 413, "1,048,576 bytes"),
        (V2, gzip.compress(xml()), {"Content-Encoding": "gzip"}, 415, "must not be compressed"),
        (V3, b"[]", {"X-Airbrake-Token": KEY}, 400, "not a JSON object"),
        (V3, b'{"errors": []}', {"X-Airbrake-Token": KEY}, 400, "it has no errors"),
        (V3, b'{"errors": [{}]}', {"X-Airbrake-Token": "unknown"}, 401, "Your API key is unknown"),
        (V3, b'{"errors": [' + b"[]," * 200_000 + b"0]}", {"X-Airbrake-Token": KEY}, 400, "values"),
        (V3, b'{"errors": ' + b"[" * 90_000, {"X-Airbrake-Token": KEY}, 400, "JSON"),
    ],
)
def test_what_is_refused_is_answered_with_the_reason(sender, sqlite, path, body, headers, status, reason):
    answer = sender.post(path, body, content_type="text/xml", headers=headers)

    assert (answer.status_code, reason in answer.content.decode()) == (status, True), answer.content
    assert not Notice.objects.using(sqlite).exists()


def test_what_is_refused_is_counted_with_the_last_reason(sender, app, sqlite):
    for _ in range(3):
        sender.post(V3, b'{"errors": []}', content_type=JSON, headers={"X-Airbrake-Token": KEY})

    count, reason = refused(app, sqlite)
    assert count == 3
    assert "it has no errors" in reason


@pytest.mark.long
@pytest.mark.parametrize("method", ["get", "put", "delete", "head"])
@pytest.mark.parametrize("path", [V2, V3, "/deploys.txt", "/api/v4/projects/1/deploys"])
def test_other_methods_are_not_allowed(sender, path, method):
    assert getattr(sender, method)(path).status_code == 405


def test_a_rate_is_held_before_anything_is_parsed(sender, monkeypatch):
    monkeypatch.setattr(ingest, "by_key", Buckets(per_second=0.1, burst=2))
    answers = [sender.post(V2, xml(), content_type="text/xml") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert 1 <= int(answers[2]["X-RateLimit-Delay"]) <= 10
    assert answers[2]["Retry-After"] == answers[2]["X-RateLimit-Delay"]


@pytest.mark.long
def test_unknown_keys_of_one_address_are_limited(sender, monkeypatch):
    monkeypatch.setattr(ingest, "unknown_keys", Buckets(per_second=0.01, burst=100))
    statuses = [
        sender.post(f"/api/v3/projects/{n}/notices", b"{}", content_type=JSON).status_code for n in range(120)
    ]

    assert statuses[:100] == [401] * 100
    assert statuses[-1] == 429


def test_a_full_queue_asks_the_client_to_come_again(sender, monkeypatch):
    monkeypatch.setattr(writer, "QUEUE_SIZE", 0)

    answer = sender.post(V2, xml(), content_type="text/xml")

    assert (answer.status_code, answer["Retry-After"]) == (503, "5")


def test_without_its_tables_the_inbox_asks_the_client_to_come_again(sender, sqlite, tmp_path):
    connections[sqlite].close()
    connections.settings[sqlite].update(databases.sqlite(tmp_path / "empty.sqlite3"), OPTIONS={})

    answer = sender.post(V2, xml(), content_type="text/xml")

    assert (answer.status_code, answer["Retry-After"]) == (503, "5")


def test_deploys_are_remembered(sender, sqlite):
    form = (
        "api_key=" + KEY + "&deploy[rails_env]=production&deploy[scm_revision]=abc&deploy[local_username]=bob"
    )
    older = sender.post("/deploys.txt", form, content_type="application/x-www-form-urlencoded")
    told = {"environment": "production", "version": "1.5", "revision": "def", "username": "freda"}
    newer = sender.post(f"/api/v4/projects/1/deploys?key={KEY}", json.dumps(told), content_type=JSON)

    assert (older.status_code, newer.status_code) == (200, 201)
    rows = (
        Deploy.objects.using(sqlite).order_by("pk").values_list("environment", "version", "revision", "user")
    )
    assert list(rows) == [("production", "", "abc", "bob"), ("production", "1.5", "def", "freda")]


def test_a_deploy_without_its_environment_is_refused(sender):
    answer = sender.post("/deploys.txt", f"api_key={KEY}", content_type="application/x-www-form-urlencoded")

    assert (answer.status_code, b"rails_env" in answer.content) == (422, True)


def test_the_sites_transactions_logins_and_sessions_do_not_matter(sender, sqlite):
    connections["default"].settings_dict["ATOMIC_REQUESTS"] = True
    try:
        answer = sender.post(V2, xml(), content_type="text/xml")
    finally:
        connections["default"].settings_dict["ATOMIC_REQUESTS"] = False

    assert answer.status_code == 200
    assert not answer.cookies


def test_a_site_whose_pages_need_a_login_still_receives(sender):
    middleware = [
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.auth.middleware.LoginRequiredMiddleware",
    ]
    with override_settings(MIDDLEWARE=middleware):
        assert sender.post(V2, xml(), content_type="text/xml").status_code == 200


async def test_a_site_with_asgi_receives(sender, async_client, sqlite):
    def forget():
        """A connection that an earlier test has left in this thread leads to that test's file."""
        connections[sqlite].close()
        del connections[sqlite]

    await sync_to_async(forget)()
    answer = await async_client.post(V2, xml(), content_type="text/xml")
    await sync_to_async(forget)()

    assert answer.status_code == 200


def test_without_the_admin_no_id_is_found(sender):
    assert sender.get("/locate/none").status_code == 404


@pytest.mark.long
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.binary(max_size=200) | st.sampled_from([xml(), json_document().encode()]), st.sampled_from([V2, V3])
)
def test_no_body_ends_in_a_500(sender, body, path):
    answer = sender.post(path, body, content_type="text/xml", headers={"X-Airbrake-Token": KEY})

    assert answer.status_code in (200, 201, 400, 401, 413, 415, 422, 429)

"""`manage.py hoptoad_deploy`."""

import io
import json
from urllib.parse import parse_qs

import pytest
from collector import Reply
from django.core.management import CommandError, call_command

KEY = "0123456789abcdef0123456789abcdef"


def deploy(**options):
    out = io.StringIO()
    call_command("hoptoad_deploy", stdout=out, no_color=True, **options)
    return out.getvalue()


def test_version_2_takes_a_form(collector, settings_for):
    settings_for(HOPTOAD_NOTIFICATION_URL=collector.url, HOPTOAD_ENV_NAME="production")

    said = deploy(revision="abc1234", repository="https://git.test/shop", user="freda")

    [received] = collector.received
    assert received.path == "/deploys.txt"
    assert received.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert parse_qs(received.body.decode()) == {
        "api_key": [KEY],
        "deploy[rails_env]": ["production"],
        "deploy[scm_revision]": ["abc1234"],
        "deploy[scm_repository]": ["https://git.test/shop"],
        "deploy[local_username]": ["freda"],
    }
    assert "The deployment was accepted." in said
    assert KEY not in said


@pytest.mark.parametrize("project", [{"HOPTOAD_PROJECT_ID": 7}, {}])
def test_version_4_takes_json(collector, settings_for, project):
    collector.default = Reply(201, '{"id": "1"}')
    settings_for(
        HOPTOAD_API="v3",
        HOPTOAD_NOTIFICATION_URL=f"http://127.0.0.1:{collector.port}/api/v3/projects/7/notices",
        HOPTOAD_APP_VERSION="1.4.2",
        **project,
    )

    deploy(environment="staging", revision="abc1234", repository="https://git.test/shop", user="freda")

    [received] = collector.received
    assert received.path == "/api/v4/projects/7/deploys"
    assert received.headers["Authorization"] == f"Bearer {KEY}"
    assert json.loads(received.body) == {
        "environment": "staging",
        "username": "freda",
        "repository": "https://git.test/shop",
        "revision": "abc1234",
        "version": "1.4.2",
    }


@pytest.mark.parametrize(
    ("status", "advice"),
    [(404, "Errbit removed them"), (401, "does not know the key"), (500, "failed")],
)
def test_a_server_that_says_no(collector, settings_for, status, advice):
    collector.default = Reply(status, "no")
    settings_for(HOPTOAD_NOTIFICATION_URL=collector.url)

    with pytest.raises(CommandError, match=advice):
        deploy(user="freda")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("https://git.test/shop", "https://git.test/shop"),
        ("https://bob:p@ss-word@git.test/shop.git", "https://git.test/shop.git"),
        ("https://bob:p/ss-word@git.test/shop.git", "https://git.test/shop.git"),
        ("https://ss-word@git.test/shop.git", "https://git.test/shop.git"),
        ("https://git.test/shop.git?private_token=ss-word", "https://git.test/shop.git"),
        ("https://git.test/shop.git#ss-word", "https://git.test/shop.git"),
        ("ssh://git@git.test/shop.git", "ssh://git.test/shop.git"),
        ("git@git.test:shop/shop.git", "git@git.test:shop/shop.git"),
    ],
)
@pytest.mark.parametrize("source", ["option", "origin"])
def test_the_repository_is_told_without_what_is_secret(
    collector, settings_for, tmp_path, given, told, source
):
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "HEAD").write_text("0123456789abcdef")
    (tmp_path / ".git" / "config").write_text(f'[remote "origin"]\n\turl = {given}\n')
    settings_for(HOPTOAD_NOTIFICATION_URL=collector.url, HOPTOAD_PROJECT_ROOT=tmp_path)

    said = deploy(**({"repository": given} if source == "option" else {}))

    [received] = collector.received
    assert parse_qs(received.body.decode())["deploy[scm_repository]"] == [told]
    assert f"repository   {told}\n" in said
    assert "ss-word" not in said


@pytest.mark.parametrize("api", ["v2", "v3"])
def test_neither_key_nor_password_is_printed(collector, settings_for, caplog, api):
    collector.default = Reply(422, f"no such key:\n{KEY}\x1b[2K at http://bob:pw-of-bob@h/")
    settings_for(
        HOPTOAD_API=api,
        HOPTOAD_NOTIFICATION_URL=f"http://bob:pw-of-bob@127.0.0.1:{collector.port}/x?key={KEY}",
    )
    out = io.StringIO()

    with pytest.raises(CommandError) as raised:
        call_command("hoptoad_deploy", stdout=out, no_color=True, user=f"fre\nda {KEY}")

    said = f"{out.getvalue()}{raised.value}{caplog.text}"
    assert KEY not in said
    assert "pw-of-bob" not in said
    assert "username     fre da ********************\n" in said
    assert "no such key: ********************\\x1b[2K at http://h/" in str(raised.value)
    assert caplog.messages == []  # said once


def test_without_a_key_there_is_nobody_to_tell(settings_for):
    settings_for(HOPTOAD_SETTINGS={})

    with pytest.raises(CommandError, match="HOPTOAD_API_KEY is not set"):
        deploy()


def test_malformed_settings_are_told(settings_for):
    settings_for(HOPTOAD_TIMEOUT="soon")

    with pytest.raises(CommandError, match="HOPTOAD_TIMEOUT"):
        deploy()

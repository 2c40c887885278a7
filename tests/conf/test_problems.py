"""What is wrong with settings is said by name, with a hint, and without secrets."""

from pathlib import Path

import pytest
from django.core.checks import run_checks

from hoptoad.conf.loading import get_settings
from hoptoad.errors import ConfigurationError
from hoptoad.handlers import get_handler

KEY = "0123456789abcdef0123456789abcdef"


def test_a_spool_needs_a_directory(settings_for):
    settings_for(HOPTOAD_FALLBACK_HANDLER="spool")

    [error] = run_checks(tags=["hoptoad"])

    assert (error.id, error.hint) == (
        "hoptoad.E006",
        'For example: HOPTOAD_SPOOL_DIR = "/var/spool/shop-errors"',
    )


@pytest.mark.parametrize(
    "names",
    [
        {"HOPTOAD_HANDLER": "Spool"},
        {"HOPTOAD_HANDLER": " spool\n"},
        {"HOPTOAD_FALLBACK_HANDLER": "SPOOL"},
        {"HOPTOAD_HANDLER": "hoptoad.handlers.spool.SpoolNotifier"},
        {"HOPTOAD_HANDLER": "spool", "HOPTOAD_SPOOL_DIR": "  "},
        {"HOPTOAD_HANDLER": "spool", "HOPTOAD_SPOOL_DIR": Path("")},
        {"HOPTOAD_HANDLER": "spool", "HOPTOAD_SPOOL_DIR": "."},
    ],
)
def test_the_rule_of_the_spool_looks_at_what_was_read(settings_for, names):
    settings_for(**names)

    assert [error.id for error in run_checks(tags=["hoptoad"])] == ["hoptoad.E006"]
    with pytest.raises(ConfigurationError, match="HOPTOAD_SPOOL_DIR"):
        get_settings()


@pytest.mark.parametrize("path", ["spool", "./spool", "../spool", "~/spool", Path("var/spool")])
def test_a_spool_relative_to_the_current_directory_is_malformed(settings_for, path):
    settings_for(HOPTOAD_HANDLER="spool", HOPTOAD_SPOOL_DIR=path)

    [error] = run_checks(tags=["hoptoad"])

    assert error.id == "hoptoad.E002"
    assert "the absolute path of a directory" in error.msg


def test_a_spool_named_by_module_and_class_never_touches_the_current_directory(
    settings_for, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    mode = tmp_path.stat().st_mode
    settings_for(HOPTOAD_HANDLER="hoptoad.handlers.spool", HOPTOAD_HANDLER_CLASS="SpoolNotifier")

    with pytest.raises(ConfigurationError, match="HOPTOAD_SPOOL_DIR is not set"):
        get_handler()

    assert list(tmp_path.iterdir()) == []
    assert tmp_path.stat().st_mode == mode


@pytest.mark.parametrize(
    "names",
    [
        {"HOPTOAD_API": " v3 "},
        {"HOPTOAD_API": "v3", "HOPTOAD_PROJECT_ID": "  "},
        {"HOPTOAD_API": "v3", "HOPTOAD_NOTIFICATION_URL": " \n"},
    ],
)
def test_the_rule_of_version_3_looks_at_what_was_read(settings_for, names):
    settings_for(**names)

    assert [error.id for error in run_checks(tags=["hoptoad"])] == ["hoptoad.E007"]


def test_names_that_mean_the_same_are_no_contradiction(settings_for, tmp_path):
    settings_for(
        HOPTOAD_SETTINGS={
            "HOPTOAD_API_KEY": KEY,
            "HOPTOAD_HANDLER": "Spool",
            "HOPTOAD_SPOOL_DIR": tmp_path,
            "HOPTOAD_PROJECT_ID": 7,
            "HOPTOAD_ENV_NAME": "production",
        },
        HOPTOAD_HANDLER="spool",
        HOPTOAD_SPOOL_DIR=str(tmp_path),
        HOPTOAD_PROJECT_ID="7",
        HOPTOAD_ENV_NAME="staging",
    )

    assert [line.msg for line in run_checks(tags=["hoptoad"]) if line.id == "hoptoad.W002"] == [
        "HOPTOAD_ENV_NAME is given twice with different values; the one in HOPTOAD_SETTINGS is used."
    ]


@pytest.mark.parametrize(
    ("api", "key"),
    [
        ("v3", "0123456789\nabcdef"),
        ("v3", "0123456789\r\nX-Forged: 1"),
        ("v3", "\u043a\u043b\u044e\u0447-0123456789"),
        ("v3", "schl\u00fcssel-0123456789"),
        ("v3", "0123456789\u200babcdef"),
        ("v3", "0123456789\x00abcdef"),
        (" v3", "0123456789\x7fabcdef"),
        ("v2", "0123456789\x1babcdef"),
        ("v2", "0123456789\ud800abcdef"),
    ],
)
def test_a_key_that_cannot_be_sent_stops_the_start_and_is_not_shown(settings_for, api, key):
    settings_for(HOPTOAD_SETTINGS={"HOPTOAD_API_KEY": key, "HOPTOAD_API": api, "HOPTOAD_PROJECT_ID": 7})

    [error] = run_checks(tags=["hoptoad"])
    with pytest.raises(ConfigurationError) as raised:
        get_settings()

    assert error.id == "hoptoad.E002"
    assert error.msg.startswith("HOPTOAD_API_KEY is a string with ")
    assert "0123456789" not in f"{error.msg}{error.hint}{raised.value}".replace(error.hint, "")


@pytest.mark.parametrize(
    ("group", "kind"),
    [
        (({"HOPTOAD_API_KEY": KEY},), "a tuple"),
        ([("HOPTOAD_API_KEY", KEY)], "a list"),
        (f"HOPTOAD_API_KEY={KEY}", "a str"),
        ({("HOPTOAD_API_KEY", KEY)}, "a set"),
    ],
)
def test_of_a_group_that_is_none_only_the_type_is_shown(settings_for, group, kind):
    settings_for(HOPTOAD_SETTINGS=group)

    [error] = run_checks(tags=["hoptoad"])

    assert error.id == "hoptoad.E003"
    assert f"HOPTOAD_SETTINGS is {kind}:" in error.msg
    assert KEY not in str(error)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://bob:p/ssw@host/notices",
        "ftp://bob:p@ssw@host/notices",
        "bob:ssw@host/notices",
        "http:/bob:ssw@host/notices",
        "http://bob:a b/ssw@host/notices",
        f"ftp://host/notices?key={KEY}",
        f"errbit.test/{KEY}",
    ],
)
def test_a_malformed_url_is_shown_without_what_is_secret(settings_for, url):
    settings_for(HOPTOAD_NOTIFICATION_URL=url)

    [error] = run_checks(tags=["hoptoad"])

    assert error.id == "hoptoad.E002"
    assert "ssw" not in error.msg
    assert "bob" not in error.msg
    assert KEY not in error.msg
    assert "host" in error.msg or "errbit.test" in error.msg


def test_malformed_ignorable_urls_are_named(settings_for):
    settings_for(IGNORABLE_404_URLS=["("])

    [error] = run_checks(tags=["hoptoad"])

    assert error.id == "hoptoad.E005"
    assert "IGNORABLE_404_URLS" in error.msg


def test_a_password_in_a_malformed_url_is_not_shown(settings_for):
    settings_for(HOPTOAD_NOTIFICATION_URL="https://me:hunter2@host/ x")

    with pytest.raises(ConfigurationError) as raised:
        get_settings()

    assert "hunter2" not in str(raised.value)


def test_a_malformed_key_is_not_shown(settings_for):
    settings_for(HOPTOAD_SETTINGS={"HOPTOAD_API_KEY": b"secret-key"})

    with pytest.raises(ConfigurationError, match="HOPTOAD_API_KEY is a bytes"):
        get_settings()


def test_everything_malformed_is_named_at_once(settings_for):
    settings_for(HOPTOAD_TIMEOUT="soon", HOPTOAD_THREAD_COUNT="many")

    with pytest.raises(ConfigurationError, match="HOPTOAD_TIMEOUT.*\nHOPTOAD_THREAD_COUNT"):
        get_settings()


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [
        ("HOPTOAD_PROTECTED_PARAM", "Did you mean HOPTOAD_PROTECTED_PARAMS?"),
        ("HOPTOAD_NOTIFY404", "Did you mean HOPTOAD_NOTIFY_404?"),
        ("API_KEY", "Did you mean HOPTOAD_API_KEY?"),
        ("hoptoad_timeout", "Did you mean HOPTOAD_TIMEOUT?"),
        ("HOPTOAD_XYZZY_PLUGH", "Remove it."),
        (7, "Remove it."),
    ],
)
def test_an_unknown_name_is_an_error_with_the_nearest_one(settings_for, name, suggestion):
    settings_for(HOPTOAD_SETTINGS={"HOPTOAD_API_KEY": KEY, name: 1})

    [error] = run_checks(tags=["hoptoad"])

    assert error.id == "hoptoad.E001"
    assert str(name) in error.msg
    assert suggestion in error.hint
    with pytest.raises(ConfigurationError, match=str(name)):
        get_settings()


def test_an_unknown_single_name_is_an_error_too(settings_for):
    settings_for(HOPTOAD_ENVNAME="x")

    [error] = run_checks(tags=["hoptoad"])

    assert "HOPTOAD_ENVNAME" in error.msg
    assert "HOPTOAD_ENV_NAME" in error.hint


def test_a_dictionary_that_is_none_is_an_error(settings_for):
    settings_for(HOPTOAD_SETTINGS="key")

    [error] = run_checks(tags=["hoptoad"])

    assert (error.id, error.msg) == (
        "hoptoad.E003",
        "HOPTOAD_SETTINGS is a str: expected a dictionary of HOPTOAD_… names.",
    )

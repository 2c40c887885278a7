"""Settings: every name, every malformed value, and the same words at start-up and in the check."""

import re
import subprocess
import sys
import tempfile
from http import HTTPStatus
from pathlib import Path

import pytest
from django.core.checks import run_checks
from places import SITE

from hoptoad import get_hoptoad_settings
from hoptoad.conf.loading import get_settings
from hoptoad.errors import ConfigurationError, HoptoadError
from hoptoad.handlers import get_handler

KEY = "0123456789abcdef0123456789abcdef"


def test_the_dictionary_and_single_names_are_merged_and_the_dictionary_wins(settings_for):
    settings_for(
        HOPTOAD_SETTINGS={"HOPTOAD_API_KEY": KEY, "HOPTOAD_ENV_NAME": "grouped"},
        HOPTOAD_ENV_NAME="flat",
        HOPTOAD_TIMEOUT=3,
    )

    assert get_settings().env_name == "grouped"
    assert get_settings().timeout == 3.0
    assert get_settings().api_key == KEY


def test_settings_can_be_overridden_at_any_time(settings_for):
    assert get_settings().notify_404 is False

    settings_for(HOPTOAD_NOTIFY_404=True)

    assert get_settings().notify_404 is True


def test_the_2010_function_gives_a_dictionary_of_what_is_in_force(settings_for):
    settings_for(HOPTOAD_TIMEOUT=3)

    found = get_hoptoad_settings()

    assert found["HOPTOAD_API_KEY"] == KEY
    assert found["HOPTOAD_TIMEOUT"] == 3.0
    assert found["HOPTOAD_NOTIFY_404"] is False


@pytest.mark.parametrize("value", [None, 0])
def test_a_timeout_of_nothing_is_the_default(settings_for, value):
    settings_for(HOPTOAD_TIMEOUT=value)

    assert get_settings().timeout == 5.0


@pytest.mark.parametrize(
    ("names", "url"),
    [
        ({}, "https://api.airbrake.io/notifier_api/v2/notices"),
        ({"HOPTOAD_USE_SSL": False}, "http://api.airbrake.io/notifier_api/v2/notices"),
        ({"HOPTOAD_NOTIFICATION_URL": "http://errbit/x"}, "http://errbit/x"),
        ({"HOPTOAD_NOTIFICATION_URL": " https://errbit/x ", "HOPTOAD_USE_SSL": False}, "https://errbit/x"),
    ],
)
def test_where_notices_go(settings_for, names, url):
    settings_for(**names)

    assert get_settings().url == url


MALFORMED = [
    ("HOPTOAD_API_KEY", 7, "a string"),
    ("HOPTOAD_TIMEOUT", "soon", "a number of seconds"),
    ("HOPTOAD_TIMEOUT", -1, "a number of seconds"),
    ("HOPTOAD_TIMEOUT", True, "a number of seconds"),
    ("HOPTOAD_TIMEOUT", float("nan"), "a number of seconds"),
    ("HOPTOAD_FLUSH_TIMEOUT", "2", "a number of seconds"),
    ("HOPTOAD_NOTIFY_404", "yes", "True or False"),
    ("HOPTOAD_NOTIFY_403", 1, "True or False"),
    ("HOPTOAD_NOTIFY_500", None, "True or False"),
    ("HOPTOAD_NOTIFY_WHILE_DEBUG", "False", "True or False"),
    ("HOPTOAD_USE_SSL", 0, "True or False"),
    ("HOPTOAD_NO_SSL_FALLBACK", "no", "True or False"),
    ("HOPTOAD_NOTIFY_STATUSES", [200], "from 400 to 599"),
    ("HOPTOAD_NOTIFY_STATUSES", "404", "from 400 to 599"),
    ("HOPTOAD_NOTIFY_STATUSES", 404, "from 400 to 599"),
    ("HOPTOAD_IGNORE_AGENTS", "bot", "a list of regular expressions"),
    ("HOPTOAD_IGNORE_AGENTS", ["(bot"], "'(bot' is none"),
    ("HOPTOAD_IGNORE_AGENTS", [7], "7 is none"),
    ("HOPTOAD_IGNORE_AGENTS", [b"bot"], "not bytes"),
    ("HOPTOAD_IGNORE_EXCEPTIONS", ["shop.Nothing"], "list of exception classes"),
    ("HOPTOAD_IGNORE_EXCEPTIONS", ["os.path"], "list of exception classes"),
    ("HOPTOAD_IGNORE_EXCEPTIONS", ["Nonsense"], "list of exception classes"),
    ("HOPTOAD_IGNORE_EXCEPTIONS", "ValueError", "list of exception classes"),
    ("HOPTOAD_PROTECTED_PARAMS", "password", "a list of names"),
    ("HOPTOAD_PROTECTED_PARAMS", [""], "'' is neither"),
    ("HOPTOAD_PROTECTED_PARAMS", [7], "7 is neither"),
    ("HOPTOAD_PROTECTED_PARAMS", [re.compile(b"x")], "is neither"),
    ("HOPTOAD_SEND_USER", "all", '"id", "full" or None'),
    ("HOPTOAD_HANDLER", "thread", "one of threadpool, blocking, spool, celery, tasks, mail, inbox, memory"),
    ("HOPTOAD_HANDLER", 7, "the dotted path of a class"),
    ("HOPTOAD_STORM_LIMIT", -1, "a whole number from 0"),
    ("HOPTOAD_STORM_CACHE", "nowhere", "the name of a cache in CACHES (default)"),
    ("HOPTOAD_SAMPLE_RATE", 1.5, "a number from 0 to 1"),
    ("HOPTOAD_SAMPLE_RATE", True, "a number from 0 to 1"),
    ("HOPTOAD_SPOOL_DIR", 7, "the path of a directory"),
    ("HOPTOAD_SPOOL_FSYNC", "yes", "True or False"),
    ("HOPTOAD_SPOOL_MAX_MB", 0, "a whole number from 1"),
    ("HOPTOAD_SPOOL_MAX_AGE", -1, "a number of days"),
    ("HOPTOAD_SPOOL_KEEP_REFUSED", "week", "a number of days"),
    ("HOPTOAD_INBOX_DATABASE", 7, "a string"),
    ("HOPTOAD_INBOX_MAX_AGE", "month", "a number of days"),
    ("HOPTOAD_HANDLER_CLASS", 7, "a string"),
    ("HOPTOAD_FALLBACK_HANDLER", "letter", "the dotted path of a class"),
    ("HOPTOAD_RETRIES", -1, "a whole number from 0 to 100"),
    ("HOPTOAD_THREAD_COUNT", 0, "a whole number from 1 to 64"),
    ("HOPTOAD_THREAD_COUNT", "4", "a whole number from 1 to 64"),
    ("HOPTOAD_QUEUE_SIZE", 0, "a whole number from 1"),
    ("HOPTOAD_NOTIFICATION_URL", "errbit.example.com", "a whole URL"),
    ("HOPTOAD_NOTIFICATION_URL", "ftp://errbit", "a whole URL"),
    ("HOPTOAD_NOTIFICATION_URL", "https://", "a whole URL"),
    ("HOPTOAD_NOTIFICATION_URL", "http://x:port/", "a whole URL"),
    ("HOPTOAD_NOTIFICATION_URL", "http://x/a b", "a whole URL"),
    ("HOPTOAD_ENV_NAME", 7, "a string"),
    ("HOPTOAD_PROTECTED_PARAMS", (name for name in ["iban"]), "a list of names"),
    ("HOPTOAD_NOTIFICATION_URL", "https://me:pw@host/ x", "a whole URL"),
    ("HOPTOAD_APP_VERSION", 1.2, "a string"),
    ("HOPTOAD_PROJECT_ROOT", 7, "the path of a directory"),
    ("HOPTOAD_MAX_FRAMES", 1, "a whole number from 2"),
    ("HOPTOAD_MAX_VARS", -1, "a whole number from 0"),
    ("HOPTOAD_MAX_TEXT", 1, "a whole number from 64"),
    ("HOPTOAD_MAX_CHARS", 1, "a whole number from 1000"),
    ("HOPTOAD_MAX_DEPTH", 0, "a whole number from 1"),
    ("HOPTOAD_SHORT_CLASS_NAMES", "yes", "True or False"),
    ("HOPTOAD_GEM_PATHS", "yes", "True or False"),
    ("HOPTOAD_IGNORE_URLS", ["("], "a list of regular expressions"),
    ("HOPTOAD_BROKEN_LINKS_ONLY", 1, 'False, True or "internal"'),
    ("HOPTOAD_BROKEN_LINKS_ONLY", "external", 'False, True or "internal"'),
    ("HOPTOAD_DIGEST_404", -1, "a number of seconds from 0"),
    ("HOPTOAD_DIGEST_404", True, "a number of seconds from 0"),
    ("HOPTOAD_PATTERNS", ["jwt"], "a dictionary of names"),
    ("HOPTOAD_PATTERNS", {"jwd": False}, "built in are url_credentials, private_key, jwt"),
    ("HOPTOAD_PATTERNS", {"own": "("}, "a list of regular expressions"),
    ("HOPTOAD_PATTERNS", {"own": "x*"}, "matches the empty text"),
    ("HOPTOAD_SEND_IP", "short", '"full", "truncated" or None'),
    ("HOPTOAD_LOCAL_VARIABLES", "yes", "True or False"),
    ("HOPTOAD_SOURCE_CONTEXT", 21, "a whole number from 0 to 20"),
    ("HOPTOAD_BEFORE_NOTIFY", ["shop.nowhere"], "a list of functions or their dotted paths"),
    ("HOPTOAD_BEFORE_NOTIFY", [7], "a list of functions or their dotted paths"),
    ("HOPTOAD_API", "v4", '"v2", "v3", or the dotted path'),
    ("HOPTOAD_PROJECT_ID", "a/b", "a number or a string"),
    ("HOPTOAD_HOOKS", ["thread"], "a list of commands, scripts, threads"),
    ("HOPTOAD_TRAIL", -1, "a whole number from 0 to 1000"),
    ("HOPTOAD_NOTICE_ID_HEADER", "X Error", "the name of a header"),
    ("HOPTOAD_APP_VERSION", lambda: 1 / 0, "a string, or a function that returns one"),
    ("HOPTOAD_MAIL_HTML", "yes", "True or False"),
]


@pytest.mark.parametrize(("name", "value", "wanted"), MALFORMED)
def test_a_malformed_value_is_named_alike_at_start_up_and_in_the_check(settings_for, name, value, wanted):
    settings_for(HOPTOAD_SETTINGS={"HOPTOAD_API_KEY": KEY, name: value})

    with pytest.raises(ConfigurationError) as raised:
        get_settings()
    [error] = run_checks(tags=["hoptoad"])

    assert error.id == "hoptoad.E002"
    assert error.msg.startswith(f"{name} is ")
    assert wanted in error.msg
    assert error.hint.startswith(f"For example: {name} = ")
    assert str(raised.value) == f"{error.msg} {error.hint}"
    assert isinstance(raised.value, HoptoadError)


def test_every_setting_has_a_malformed_value_above():
    assert {name for name, _, _ in MALFORMED} == set(get_hoptoad_settings())


def test_what_the_environment_does_not_have_is_as_if_not_set(settings_for):
    settings_for(HOPTOAD_SETTINGS={"HOPTOAD_API_KEY": None, "HOPTOAD_ENV_NAME": None})

    assert not get_settings().enabled
    assert get_settings().env_name == "unknown"


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


def test_version_3_with_the_number_0_has_a_project(settings_for):
    settings_for(HOPTOAD_API="v3", HOPTOAD_PROJECT_ID=0)

    assert get_settings().url == "https://api.airbrake.io/api/v3/projects/0/notices"


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
    assert error.msg.startswith("HOPTOAD_API_KEY is a str with ")
    assert "0123456789" not in f"{error.msg}{error.hint}{raised.value}".replace(error.hint, "")


@pytest.mark.parametrize(
    ("api", "key"),
    [
        ("v3", "0123456789 ~!abcdef\n"),  # the end is stripped
        ("v2", "---\n:project: shop\n:api_key: 0123456789abcdef\n"),
        ("v2", '{"project": "gr\u00fcn", "api_key": "0123456789abcdef"}'),
        ("v2", "\u043a\u043b\u044e\u0447"),
    ],
)
def test_a_key_that_can_be_sent_is_taken_as_it_is(settings_for, api, key):
    settings_for(HOPTOAD_SETTINGS={"HOPTOAD_API_KEY": key, "HOPTOAD_API": api, "HOPTOAD_PROJECT_ID": 7})

    assert get_settings().api_key == key.strip()


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


def test_statuses_may_be_those_of_http(settings_for):
    settings_for(HOPTOAD_NOTIFY_STATUSES=[HTTPStatus.TOO_MANY_REQUESTS])

    assert 429 in get_settings().statuses


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


def test_a_mail_backend_that_keeps_letters_in_memory_does_not_look_like_a_test(settings_for):
    program = (
        "import os, django; os.environ['DJANGO_SETTINGS_MODULE'] = 'shop.settings'; django.setup();"
        "from django.core import mail; mail.outbox = [];"
        "from hoptoad.conf.loading import get_settings; print(get_settings().handler)"
    )
    found = subprocess.run([sys.executable, "-c", program], cwd=SITE, capture_output=True, text=True)

    assert (found.stdout.strip(), found.stderr) == ("threadpool", "")


def test_the_hints_can_be_pasted(settings_for):
    for name, value, _ in MALFORMED:
        settings_for(HOPTOAD_SETTINGS={"HOPTOAD_API_KEY": KEY, name: value})
        example = run_checks(tags=["hoptoad"])[0].hint.partition(" = ")[2]

        pasted = {name: eval(example, {"BASE_DIR": "/srv"})}
        settings_for(HOPTOAD_SETTINGS={"HOPTOAD_API_KEY": KEY, "HOPTOAD_PROJECT_ID": 7, **pasted})

        get_settings()


def test_a_malformed_key_is_not_shown(settings_for):
    settings_for(HOPTOAD_SETTINGS={"HOPTOAD_API_KEY": b"secret-key"})

    with pytest.raises(ConfigurationError, match="HOPTOAD_API_KEY is a bytes"):
        get_settings()


def test_everything_malformed_is_named_at_once(settings_for):
    settings_for(HOPTOAD_TIMEOUT="soon", HOPTOAD_THREAD_COUNT="many")

    with pytest.raises(ConfigurationError, match="HOPTOAD_TIMEOUT.*HOPTOAD_THREAD_COUNT"):
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


def test_the_project_root_is_found_beside_the_settings_module():
    program = (
        "import os, django; from django.conf import settings;"
        "os.environ['DJANGO_SETTINGS_MODULE'] = 'project.settings'; django.setup();"
        "from hoptoad.conf.loading import get_settings; print(get_settings().project_root)"
    )
    with tempfile.TemporaryDirectory() as folder:
        package = Path(folder) / "project"
        package.mkdir()
        (package / "__init__.py").touch()
        (package / "settings.py").write_text("SECRET_KEY = 'x'")
        found = subprocess.run(
            [sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=True
        )
        assert Path(found.stdout.strip()).samefile(folder)


@pytest.mark.parametrize(
    "given", ["", "BASE_DIR = None", "from pathlib import PurePath; BASE_DIR = PurePath('.')"]
)
@pytest.mark.parametrize(
    "override",
    [
        "override_settings(DEBUG=False)",
        "override_settings(BASE_DIR=None)",
        "modify_settings(INSTALLED_APPS={'append': 'hoptoad'})",
    ],
)
def test_the_project_root_stays_where_settings_are_overridden(tmp_path, given, override):
    program = (
        "import os, django; from django.test import modify_settings, override_settings;"
        "os.environ['DJANGO_SETTINGS_MODULE'] = 'project.settings'; django.setup();"
        "from hoptoad.conf.loading import get_settings\n"
        f"with {override}, override_settings(APPEND_SLASH=False):\n    print(get_settings().project_root)"
    )
    package = tmp_path / "project"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "settings.py").write_text(f"SECRET_KEY = 'x'\n{given}")

    found = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True
    )

    assert Path(found.stdout.strip()).samefile(tmp_path)


def test_a_root_that_is_overridden_is_the_root(settings_for):
    settings_for(BASE_DIR="/srv/shop")

    assert get_settings().project_root == "/srv/shop"

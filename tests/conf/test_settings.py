"""The table of settings: every name, every malformed value, and the same words at start-up and in the check."""

import re
import subprocess
import sys
from http import HTTPStatus

import pytest
from django.core.checks import run_checks
from places import SITE

from hoptoad import get_hoptoad_settings
from hoptoad.api.registry import url_of
from hoptoad.conf.loading import get_settings
from hoptoad.errors import ConfigurationError, HoptoadError

KEY = "0123456789abcdef0123456789abcdef"


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

    assert url_of(get_settings()) == url


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
    ("HOPTOAD_IGNORE_AGENTS", ["(bot"], "'(bot' is not one"),
    ("HOPTOAD_IGNORE_AGENTS", [7], "7 is not one"),
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
    ("HOPTOAD_INBOX_URL", "shop.example", "a whole URL that starts with http:// or https://"),
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
    ("HOPTOAD_API", "v4", '"v2", "v3", "sentry", or the dotted path'),
    ("HOPTOAD_DSN", "https://bugs.example.com/7", "it has no key before an @"),
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


def test_version_3_with_the_number_0_has_a_project(settings_for):
    settings_for(HOPTOAD_API="v3", HOPTOAD_PROJECT_ID=0)

    assert url_of(get_settings()) == "https://api.airbrake.io/api/v3/projects/0/notices"


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


def test_statuses_may_be_those_of_http(settings_for):
    settings_for(HOPTOAD_NOTIFY_STATUSES=[HTTPStatus.TOO_MANY_REQUESTS])

    assert 429 in get_settings().statuses


def test_the_hints_can_be_pasted(settings_for):
    for name, value, _ in MALFORMED:
        settings_for(HOPTOAD_SETTINGS={"HOPTOAD_API_KEY": KEY, name: value})
        example = run_checks(tags=["hoptoad"])[0].hint.partition(" = ")[2]

        pasted = {name: eval(example, {"BASE_DIR": "/srv"})}
        beside = {} if name == "HOPTOAD_DSN" else {"HOPTOAD_API_KEY": KEY, "HOPTOAD_PROJECT_ID": 7}
        settings_for(HOPTOAD_SETTINGS={**beside, **pasted})

        get_settings()


WITH_ANOTHER_ROW = """
import os, sys
from importlib.util import find_spec, module_from_spec

spec = find_spec("hoptoad.conf.settings")
source = open(spec.origin).read()
assert source.count("    debug: bool = False") == 1
row = '    frogs: int = _setting(7, validators.count(0, 9), "3")\\n\\n'
module = sys.modules[spec.name] = module_from_spec(spec)
exec(source.replace("    debug: bool = False", row + "    debug: bool = False"), vars(module))

os.environ["DJANGO_SETTINGS_MODULE"] = "shop.settings"
import django
django.setup()
from django.core.checks import run_checks
from django.test import override_settings
from hoptoad import get_hoptoad_settings
from hoptoad.conf.loading import get_settings

print(get_settings().frogs, get_hoptoad_settings()["HOPTOAD_FROGS"])
with override_settings(HOPTOAD_FROGS=2):
    print(get_settings().frogs)
with override_settings(HOPTOAD_FROGS=10):
    [error] = run_checks(tags=["hoptoad"])
    print(error.msg, error.hint)
with override_settings(HOPTOAD_FROG=1):
    [error] = run_checks(tags=["hoptoad"])
    print(error.hint)
"""


def test_a_setting_is_one_row():
    found = subprocess.run([sys.executable, "-c", WITH_ANOTHER_ROW], cwd=SITE, capture_output=True, text=True)

    assert found.stdout.splitlines() == [
        "7 7",
        "2",
        "HOPTOAD_FROGS is 10: expected a whole number from 0 to 9. For example: HOPTOAD_FROGS = 3",
        "Did you mean HOPTOAD_FROGS?",
    ], found.stderr

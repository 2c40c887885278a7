"""System checks: each says what is wrong or risky, and how to change it."""

import os
import subprocess
import sys
import types

import pytest
from django.core.checks import run_checks
from django.core.management import call_command
from places import SITE

from hoptoad.exceptional.middleware import ExceptionalMiddleware
from hoptoad.middleware import HoptoadNotifierMiddleware

OURS = "hoptoad.middleware.HoptoadNotifierMiddleware"
KEY = {"HOPTOAD_API_KEY": "x"}


class Subclass(HoptoadNotifierMiddleware):
    pass


def found(**options):
    """All but W011, which depends on what other tests have imported."""
    return {m.id: m for m in run_checks(tags=["hoptoad"], **options) if m.id != "hoptoad.W011"}


class Answering(ExceptionalMiddleware):
    pass


@pytest.mark.parametrize(
    ("settings", "is_warned"),
    [
        ({"MIDDLEWARE": [OURS]}, True),
        ({"MIDDLEWARE": [OURS, "nowhere.Middleware"]}, True),
        ({"MIDDLEWARE": [OURS], "ROOT_URLCONF": "shop.plain_answering_urls"}, True),
        ({"MIDDLEWARE": [OURS, "hoptoad.exceptional.middleware.ExceptionalMiddleware"]}, False),
        ({"MIDDLEWARE": [OURS, f"{__name__}.Answering"]}, False),
        ({"MIDDLEWARE": [OURS], "ROOT_URLCONF": "shop.answering_urls"}, False),
    ],
)
def test_raised_statuses_that_nothing_answers_are_a_warning(settings_for, settings, is_warned):
    settings_for(**settings)

    warnings = [m for m in run_checks(tags=["hoptoad"]) if m.id == "hoptoad.W011"]

    assert bool(warnings) is is_warned
    assert all("ExceptionalMiddleware" in warning.hint for warning in warnings)


def test_a_good_configuration_says_nothing(settings_for):
    settings_for(HOPTOAD_HANDLER="threadpool")

    assert found() == {}


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("", "https://api.airbrake.io/notifier_api/v2/notices"),
        ("https://errbit.test/@shop/notices", "https://errbit.test/@shop/notices"),
        ("https://bob:pw@errbit.test/x", "https://errbit.test/x"),
        ("https://bob:p@w@errbit.test:8443/x", "https://errbit.test:8443/x"),
        ("https://bob:1/pw@errbit.test/x", "https://errbit.test/x"),
        ("https://errbit.test/x?key=abcdef&project=1#pw", "https://errbit.test/x"),
    ],
)
def test_before_deployment_it_says_where_notices_go(settings_for, url, shown):
    settings_for(HOPTOAD_HANDLER="threadpool", HOPTOAD_NOTIFICATION_URL=url)

    messages = found(include_deployment_checks=True)

    assert list(messages) == ["hoptoad.I001"]
    assert messages["hoptoad.I001"].msg == f"Failures are reported to {shown}"


@pytest.mark.parametrize(
    ("names", "identity", "says"),
    [
        ({"HOPTOAD_SETTINGS": {}}, "hoptoad.W001", "HOPTOAD_API_KEY is not set"),
        (
            {"HOPTOAD_SETTINGS": {**KEY, "HOPTOAD_TIMEOUT": 3}, "HOPTOAD_TIMEOUT": 4},
            "hoptoad.W002",
            "HOPTOAD_TIMEOUT is given twice",
        ),
        (
            {"HOPTOAD_NOTIFICATION_URL": "https://errbit/", "HOPTOAD_USE_SSL": False},
            "hoptoad.W003",
            "has no effect",
        ),
        ({"HOPTOAD_NOTIFICATION_URL": "http://errbit/"}, "hoptoad.W005", "unencrypted"),
        (
            {"HOPTOAD_NOTIFICATION_URL": "http://errbit/", "HOPTOAD_USE_SSL": False},
            "hoptoad.W005",
            "unencrypted",
        ),
        (
            {"HOPTOAD_NOTIFICATION_URL": "http://errbit/", "HOPTOAD_NO_SSL_FALLBACK": True},
            "hoptoad.W005",
            "unencrypted",
        ),
        ({"HOPTOAD_USE_SSL": False}, "hoptoad.W005", "unencrypted"),
        ({"HOPTOAD_NO_SSL_FALLBACK": True}, "hoptoad.W006", "unencrypted"),
        ({"HOPTOAD_HANDLER": __file__, "HOPTOAD_HANDLER_CLASS": "OldHandler"}, "hoptoad.W007", "deprecated"),
        ({"MIDDLEWARE": []}, "hoptoad.W009", "not in MIDDLEWARE"),
        ({"HOPTOAD_HANDLER": "mail"}, "hoptoad.W016", "ADMINS is empty"),
        ({"HOPTOAD_FALLBACK_HANDLER": "mail"}, "hoptoad.W016", "ADMINS is empty"),
        ({"MIDDLEWARE": ["shop.middleware.Outer", OURS]}, "hoptoad.W004", "shop.middleware.Outer"),
    ],
)
def test_what_is_risky_is_a_warning_with_a_hint(settings_for, names, identity, says):
    settings_for(**{"HOPTOAD_HANDLER": "threadpool", **names})

    messages = found()

    assert set(messages) == {identity}
    assert says in messages[identity].msg
    assert messages[identity].hint


def test_a_name_given_twice_alike_is_no_contradiction(settings_for):
    settings_for(
        HOPTOAD_HANDLER="threadpool", HOPTOAD_SETTINGS={**KEY, "HOPTOAD_TIMEOUT": 3}, HOPTOAD_TIMEOUT=3
    )

    assert found() == {}


def test_a_subclass_is_the_middleware_too(settings_for):
    settings_for(HOPTOAD_HANDLER="threadpool", MIDDLEWARE=[f"{__name__}.Subclass"])

    assert found() == {}


def test_a_handler_that_cannot_be_had_is_an_error(settings_for):
    settings_for(HOPTOAD_HANDLER="shop.nowhere.Handler")

    [error] = run_checks(tags=["hoptoad"])

    assert error.id == "hoptoad.E004"
    assert "shop.nowhere.Handler" in error.msg


def test_the_memory_handler_outside_tests_is_a_warning(settings_for, monkeypatch):
    settings_for(HOPTOAD_HANDLER="memory")
    monkeypatch.setattr("hoptoad.conf.loading._is_testing", lambda: False)

    assert "hoptoad.W008" in found()


def test_while_debugging_nothing_is_said_of_where_notices_go(settings_for):
    settings_for(HOPTOAD_HANDLER="threadpool", DEBUG=True)

    assert found(include_deployment_checks=True) == {}


def test_malformed_settings_are_errors_before_deployment_too(settings_for):
    settings_for(HOPTOAD_TIMEOUT="soon")

    assert list(found(include_deployment_checks=True)) == ["hoptoad.E002"]


def test_manage_py_check_deploy_prints_it(settings_for, capsys):
    settings_for(HOPTOAD_HANDLER="threadpool")

    call_command("check", tags=["hoptoad"], deploy=True)

    assert "api.airbrake.io" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["check", "diffsettings", "sqlflush", "dumpdata"])
def test_the_commands_of_a_good_site_print_nothing_of_ours(command):
    done = subprocess.run(
        [sys.executable, "manage.py", command],
        cwd=SITE,
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "shop.served",
            "SHOP_SETTINGS": repr({"HOPTOAD_HANDLER": repr("threadpool")}),
        },
        capture_output=True,
        text=True,
        check=False,
    )

    assert "hoptoad." not in done.stderr
    assert "Failures are reported" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    "names",
    [
        {"HOPTOAD_NOTIFICATION_URL": "http://errbit.test/x"},
        {"HOPTOAD_NOTIFICATION_URL": "http://errbit.test/x", "HOPTOAD_USE_SSL": False},
        {"HOPTOAD_USE_SSL": False},
        {"HOPTOAD_NOTIFICATION_URL": "https://errbit.test/x", "HOPTOAD_USE_SSL": False},
    ],
)
def test_the_advice_about_https_ends_the_warning(settings_for, names):
    settings_for(HOPTOAD_HANDLER="threadpool", **names)
    [warning] = found().values()

    followed = dict(names)
    if "HOPTOAD_USE_SSL = True" in warning.hint:
        followed["HOPTOAD_USE_SSL"] = True
    if 'HOPTOAD_NOTIFICATION_URL with "https://"' in warning.hint:
        followed["HOPTOAD_NOTIFICATION_URL"] = "https://errbit.test/x"
    settings_for(**followed)

    assert found() == {}


def test_the_fallback_is_told_for_what_it_is(settings_for):
    settings_for(HOPTOAD_HANDLER="threadpool", HOPTOAD_NO_SSL_FALLBACK=True)

    [warning] = found().values()

    assert "despite its name enables a fallback" in warning.msg
    assert "402, 403" in warning.msg


class OldHandler:
    def enqueue(self, payload, timeout):
        pass


@pytest.mark.parametrize(
    ("options", "handler", "warned"),
    [
        ({b"http-socket": b":80"}, "threadpool", True),
        ({"http-socket": ":80"}, "spool", True),
        ({b"enable-threads": True}, "threadpool", False),
        ({b"threads": b"4"}, "threadpool", False),
        ({b"http-socket": b":80"}, "blocking", False),
    ],
)
def test_uwsgi_without_threads_is_a_warning(
    settings_for, monkeypatch, caplog, tmp_path, options, handler, warned
):
    """With a stand-in for the module uWSGI puts into its processes."""
    monkeypatch.setitem(sys.modules, "uwsgi", types.SimpleNamespace(opt=options))
    settings_for(HOPTOAD_HANDLER=handler, HOPTOAD_SPOOL_DIR=tmp_path / "spool")

    HoptoadNotifierMiddleware(lambda request: None)

    assert ("hoptoad.W010" in found()) is warned
    assert ("uWSGI runs without threads" in caplog.text) is warned


@pytest.mark.parametrize("is_link", [True, False])
def test_a_spool_that_is_a_symbolic_link_is_a_warning(settings_for, tmp_path, is_link):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")

    settings_for(HOPTOAD_HANDLER="spool", HOPTOAD_SPOOL_DIR=tmp_path / ("link" if is_link else "real"))

    assert ("hoptoad.W012" in found()) is is_link

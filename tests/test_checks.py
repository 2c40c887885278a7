import sys
import types

import pytest
from django.core.checks import run_checks
from django.core.management import call_command

from hoptoad.middleware import HoptoadNotifierMiddleware

OURS = "hoptoad.middleware.HoptoadNotifierMiddleware"
KEY = {"HOPTOAD_API_KEY": "x"}


class Subclass(HoptoadNotifierMiddleware):
    pass


def found():
    return {message.id: message for message in run_checks(tags=["hoptoad"])}


def test_a_good_configuration_says_only_where_notices_go(settings_for):
    settings_for(HOPTOAD_HANDLER="threadpool")

    messages = found()

    assert list(messages) == ["hoptoad.I001"]
    assert messages["hoptoad.I001"].msg == (
        "Failures are reported to https://api.airbrake.io/notifier_api/v2/notices"
    )


@pytest.mark.parametrize(
    ("names", "identity", "says"),
    [
        ({"HOPTOAD_SETTINGS": {}}, "hoptoad.W001", "HOPTOAD_API_KEY is not set"),
        (
            {"HOPTOAD_SETTINGS": {**KEY, "HOPTOAD_TIMEOUT": 3}, "HOPTOAD_TIMEOUT": 4},
            "hoptoad.W002",
            "HOPTOAD_TIMEOUT is given twice",
        ),
        ({"HOPTOAD_NOTIFICATION_URL": "http://errbit/"}, "hoptoad.W003", "the URL wins"),
        ({"HOPTOAD_USE_SSL": False}, "hoptoad.W005", "in clear"),
        ({"HOPTOAD_NO_SSL_FALLBACK": True}, "hoptoad.W006", "in clear"),
        ({"HOPTOAD_HANDLER": __file__, "HOPTOAD_HANDLER_CLASS": "OldHandler"}, "hoptoad.W007", "deprecated"),
        ({"MIDDLEWARE": []}, "hoptoad.W009", "not in MIDDLEWARE"),
        ({"MIDDLEWARE": ["shop.middleware.Outer", OURS]}, "hoptoad.W004", "shop.middleware.Outer"),
    ],
)
def test_what_is_risky_is_a_warning_with_a_hint(settings_for, names, identity, says):
    settings_for(**{"HOPTOAD_HANDLER": "threadpool", **names})

    messages = found()

    assert set(messages) - {"hoptoad.I001"} == {identity}
    assert says in messages[identity].msg
    assert messages[identity].hint


def test_a_name_given_twice_alike_is_no_contradiction(settings_for):
    settings_for(
        HOPTOAD_HANDLER="threadpool", HOPTOAD_SETTINGS={**KEY, "HOPTOAD_TIMEOUT": 3}, HOPTOAD_TIMEOUT=3
    )

    assert list(found()) == ["hoptoad.I001"]


def test_a_subclass_is_the_middleware_too(settings_for):
    settings_for(HOPTOAD_HANDLER="threadpool", MIDDLEWARE=[f"{__name__}.Subclass"])

    assert list(found()) == ["hoptoad.I001"]


def test_a_handler_that_cannot_be_had_is_an_error(settings_for):
    settings_for(HOPTOAD_HANDLER="shop.nowhere.Handler")

    [error] = run_checks(tags=["hoptoad"])

    assert error.id == "hoptoad.E004"
    assert "shop.nowhere.Handler" in error.msg


def test_the_memory_handler_outside_tests_is_a_warning(settings_for, monkeypatch):
    settings_for(HOPTOAD_HANDLER="memory")
    monkeypatch.setattr("hoptoad.conf._testing", lambda: False)

    assert "hoptoad.W008" in found()


def test_while_debugging_nothing_is_said_of_where_notices_go(settings_for):
    settings_for(HOPTOAD_HANDLER="threadpool", DEBUG=True)

    assert found() == {}


def test_manage_py_check_prints_it(settings_for, capsys):
    settings_for(HOPTOAD_HANDLER="threadpool")

    call_command("check", tags=["hoptoad"])

    assert "api.airbrake.io" in capsys.readouterr().err


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

    assert ("hoptoad.W011" in found()) is is_link

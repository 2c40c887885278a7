"""HOPTOAD_API: version 2, version 3, or one of the site's own."""

import io
import json
import sys
import types

import pytest
from django.core.checks import run_checks
from django.core.management import CommandError, call_command

from hoptoad import get_hoptoad_settings
from hoptoad.api import htv2, v3
from hoptoad.api.registry import get_api, report, url_of
from hoptoad.conf.loading import get_settings
from hoptoad.conf.settings import APIS, ApiRow
from hoptoad.conf.validators import HEADER_CHARACTERS
from hoptoad.errors import ConfigurationError
from hoptoad.handlers.registry import close_handlers
from hoptoad.testing import outbox


class Own:
    """An API of the site's own."""

    CONTENT_TYPE = "text/plain"
    sent = []

    @staticmethod
    def encode(notice):
        return notice.error.message.encode()

    @staticmethod
    def report(payload, timeout=None):
        Own.sent.append(payload)


class Half:
    CONTENT_TYPE = "text/plain"
    encode = None


def test_version_2_is_the_default():
    assert get_api() is htv2
    assert url_of(get_settings()) == "https://api.airbrake.io/notifier_api/v2/notices"


def test_version_3_has_an_address_of_its_own(settings_for):
    settings_for(HOPTOAD_API="v3", HOPTOAD_PROJECT_ID=113743)

    assert get_api() is v3
    assert url_of(get_settings()) == "https://api.airbrake.io/api/v3/projects/113743/notices"
    assert get_hoptoad_settings()["HOPTOAD_PROJECT_ID"] == "113743"


def test_version_3_needs_a_project_or_an_address(settings_for):
    settings_for(HOPTOAD_API="v3")
    [error] = run_checks(tags=["hoptoad"])
    assert error.id == "hoptoad.E007"

    settings_for(HOPTOAD_NOTIFICATION_URL="https://errbit.test/api/v3/projects/1/notices")
    assert url_of(get_settings()) == "https://errbit.test/api/v3/projects/1/notices"


def test_a_sites_own_api_is_used(client, settings_for):
    Own.sent.clear()
    settings_for(HOPTOAD_API=f"{__name__}.Own", HOPTOAD_HANDLER="blocking")
    close_handlers()

    assert client.get("/boom/").status_code == 500

    assert Own.sent == [b"ValueError: something broke"]
    assert report(b"x").verdict.value == "accepted"


def test_the_outbox_keeps_what_it_cannot_read(client, settings_for):
    settings_for(HOPTOAD_API=f"{__name__}.Own")

    client.get("/boom/")

    assert outbox[0].error.message == "ValueError: something broke"


def test_a_module_can_be_named(settings_for):
    settings_for(HOPTOAD_API="hoptoad.api.v3")

    assert get_api() is v3


API_MODULE = """
CONTENT_TYPE = "text/plain"
sent = []


def encode(notice):
    return notice.error.message.encode()


def report(payload, timeout=None):
    sent.append(payload)
"""


@pytest.fixture
def modules(tmp_path, monkeypatch):
    """Writes modules that can be imported until the end of the test."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(tmp_path)

    def write(name, text):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)

    yield write
    for name in set(sys.modules) - before:
        del sys.modules[name]


@pytest.mark.parametrize(
    ("file", "named"),
    [
        ("topapi.py", "topapi"),
        ("top_package/__init__.py", "top_package"),
        ("eigene_schnittstelle.py", " eigene_schnittstelle "),
    ],
)
def test_a_module_without_a_dot_can_be_named(client, settings_for, modules, file, named):
    modules(file, API_MODULE)
    settings_for(HOPTOAD_API=named, HOPTOAD_HANDLER="blocking")
    close_handlers()

    client.get("/boom/")

    assert not any(check.is_serious() for check in run_checks(tags=["hoptoad"]))
    assert get_api().sent == [b"ValueError: something broke"]


def test_a_module_that_was_put_together_can_be_named(settings_for, monkeypatch):
    made = types.ModuleType("made_api")
    made.encode, made.report, made.CONTENT_TYPE = Own.encode, Own.report, Own.CONTENT_TYPE
    monkeypatch.setitem(sys.modules, "made_api", made)
    settings_for(HOPTOAD_API="made_api")

    assert get_api() is made


@pytest.mark.parametrize(
    ("file", "text", "why"),
    [
        ("lacking.py", "CONTENT_TYPE = ''", "has no encode"),
        ("failing.py", "import nowhere_at_all", "ModuleNotFoundError: No module named 'nowhere_at_all'"),
        ("raising.py", "raise RuntimeError('not today')", "RuntimeError: not today"),
    ],
)
def test_a_module_without_a_dot_that_cannot_be_used_says_why(settings_for, modules, file, text, why):
    modules(file, text)
    settings_for(HOPTOAD_API=file.removesuffix(".py"))

    with pytest.raises(ConfigurationError, match=why):
        get_api()


@pytest.mark.parametrize("named", ["v4", "V3", "nowhere_at_all", "3", "v3.", "-", "shop/api.py", b"v3"])
def test_what_is_no_module_is_a_malformed_value(settings_for, named):
    settings_for(HOPTOAD_API=named)

    [error] = run_checks(tags=["hoptoad"])
    assert error.id == "hoptoad.E002"
    assert '"v2", "v3", "sentry", or the dotted path of a module or object' in error.msg


@pytest.mark.parametrize(
    ("named", "why"),
    [
        (f"{__name__}.Half", "has no report"),
        (f"{__name__}.Nowhere", "ImportError"),
        ("shop.nowhere.Api", "ModuleNotFoundError"),
        ("shop.broken_urls", "SyntaxError|has no encode|ImportError|Error"),
    ],
)
def test_what_cannot_be_used_stops_the_start(client, settings_for, named, why):
    settings_for(HOPTOAD_API=named)

    with pytest.raises(ConfigurationError, match=why):
        get_api()
    with pytest.raises(ConfigurationError, match="HOPTOAD_API is "):
        client.get("/")
    [error] = run_checks(tags=["hoptoad"])
    assert error.id == "hoptoad.E004"
    with pytest.raises(CommandError, match="HOPTOAD_API is "):
        call_command("hoptoad_test", stdout=io.StringIO())


FROG_API = """
import json

from hoptoad.conf.loading import get_settings
from hoptoad.delivery import transport

CONTENT_TYPE = "application/json"


def encode(notice):
    return json.dumps({"croak": notice.error.message}).encode()


def default_url(settings):
    return f"https://frogs.test/{settings.project_id}/croaks"


def report(payload, timeout=None):
    return send(get_settings(), "", payload)


def deploy(settings, deployment):
    return send(settings, "/deploys", json.dumps(deployment).encode())


def send(settings, path, body):
    url = (settings.notification_url or default_url(settings)) + path
    return transport.post(url, body, headers={"X-Key": settings.api_key}, timeout=settings.timeout)
"""


@pytest.fixture
def frog_api(modules, monkeypatch, settings_for):
    """An API that is one file and one row."""
    modules("frog_api.py", FROG_API)
    row = ApiRow("frog_api", key=HEADER_CHARACTERS, needs="HOPTOAD_PROJECT_ID")
    monkeypatch.setitem(APIS, "frog", row)
    settings_for(HOPTOAD_API="frog", HOPTOAD_PROJECT_ID=7, HOPTOAD_HANDLER="blocking")


def printed(command, **options):
    out = io.StringIO()
    call_command(command, stdout=out, no_color=True, **options)
    return out.getvalue()


def test_an_api_of_one_file_and_one_row_is_checked(frog_api, settings_for):
    [info] = [m for m in run_checks(tags=["hoptoad"], include_deployment_checks=True) if m.id[8] == "I"]
    assert info.msg == "Failures are reported to https://frogs.test/7/croaks"

    settings_for(HOPTOAD_PROJECT_ID="")
    [error] = run_checks(tags=["hoptoad"])
    assert error.id == "hoptoad.E007"
    assert error.msg == 'HOPTOAD_API is "frog", and its address needs HOPTOAD_PROJECT_ID, which is not set.'

    settings_for(HOPTOAD_SETTINGS={"HOPTOAD_API_KEY": "0123456789\nabcdef"}, HOPTOAD_PROJECT_ID=7)
    [error] = run_checks(tags=["hoptoad"])
    assert error.id == "hoptoad.E002"

    settings_for(HOPTOAD_API="forg")
    [error] = run_checks(tags=["hoptoad"])
    assert 'expected "v2", "v3", "sentry", "frog", or the dotted path' in error.msg


def test_an_api_of_one_file_and_one_row_reports(frog_api, collector, client, settings_for):
    settings_for(HOPTOAD_NOTIFICATION_URL=f"http://127.0.0.1:{collector.port}/croaks")
    close_handlers()

    assert client.get("/boom/").status_code == 500
    assert "The notice was accepted." in printed("hoptoad_test", message="ribbit")
    assert "The deployment was accepted." in printed("hoptoad_deploy", environment="pond")
    assert "bytes as frog to http://127.0.0.1" in printed("hoptoad_preview")

    boom, test, deployment = collector.received
    assert {received.headers["X-Key"] for received in collector.received} == {
        "0123456789abcdef0123456789abcdef"
    }
    assert json.loads(boom.body) == {"croak": "ValueError: something broke"}
    assert "ribbit" in json.loads(test.body)["croak"]
    assert deployment.path == "/croaks/deploys"
    assert json.loads(deployment.body)["environment"] == "pond"


def test_an_api_without_deployments_says_so(settings_for):
    settings_for(HOPTOAD_API=f"{__name__}.Own")

    with pytest.raises(CommandError, match="cannot announce deployments. HOPTOAD_APP_VERSION"):
        printed("hoptoad_deploy")

import asyncio
import inspect
import os
import time

import pytest
from certificates import Authority
from clocks import Clock
from collector import Collector
from django.test import AsyncClient, Client, override_settings
from event_rules import check_envelope, check_event
from places import PYTHONPATH
from rules import check_v2, check_v3

from hoptoad import hooks
from hoptoad.api.parsers import parse
from hoptoad.api.sentry import wire
from hoptoad.capture import context
from hoptoad.delivery import transport
from hoptoad.delivery.stats import stats
from hoptoad.reporting.pipeline import pipeline
from hoptoad.testing import outbox

os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = ""
os.environ["PYTHONPATH"] = PYTHONPATH  # for the processes that tests start


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def tls(authority):
    return authority.context()


@pytest.fixture
def collector(authority, tls, monkeypatch):
    """A server; every notice it has received must be a good one by the end of the test."""
    for name in ("CURL_CA_BUNDLE", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.bundle))
    collector = Collector(tls)
    yield collector
    collector.close()
    for received in collector.received:
        if received.path.endswith("/notifier_api/v2/notices") and received.body[:1] == b"<":
            check_v2(received.body)
            check_event(wire.encode(parse(received.body)))
        elif "/api/v3/" in received.path and received.path.endswith("/notices"):
            check_v3(received.body)
            check_event(wire.encode(parse(received.body)))
        elif received.path.endswith("/envelope/") and b"\n" in received.document:
            check_envelope(received)


@pytest.fixture
def settings_for(request):
    """Overrides settings until the end of the test: `settings_for(HOPTOAD_TIMEOUT=1)`."""

    def override(**names):
        override = override_settings(**names)
        override.enable()
        request.addfinalizer(override.disable)

    return override


@pytest.fixture
def reported(collector, settings_for):
    """Notices go to the collector from the request itself, so that a test need not wait."""
    settings_for(HOPTOAD_HANDLER="blocking", HOPTOAD_NOTIFICATION_URL=collector.url)
    return Reported(collector)


class Reported:
    """What arrived at the collector, as validated element trees."""

    def __init__(self, collector):
        self._collector = collector

    def __len__(self):
        return len(self._collector.received)

    def __iter__(self):
        return iter([check_v2(received.body) for received in self._collector.received])

    @property
    def bytes(self):
        return b"\n".join(received.document for received in self._collector.received)

    def one(self):
        """The only notice. Fails where there is none or more than one."""
        [notice] = self
        return notice

    def classes(self):
        return [notice.findtext("error/class") for notice in self]


@pytest.fixture(autouse=True)
def fresh_start():
    """Nothing in the outbox, nothing counted, and every line of the log is news again."""
    outbox.clear()
    stats.start_over()
    transport.start_over()
    pipeline.start_over()
    context.forget()
    hooks.remove()  # what fails in one test's threads is no other test's notice


@pytest.fixture
def client():
    return Client(raise_request_exception=False)


@pytest.fixture
def async_client():
    return AsyncClient(raise_request_exception=False)


@pytest.fixture
def deadline():
    """Fails the test where waiting for something outside took longer than it may."""
    start = time.monotonic()
    return lambda seconds: time.monotonic() - start < seconds


@pytest.fixture
def view(request):
    """Decorates what the page /exception/ does in this test."""
    from shop import views

    def use(function):
        views.anything_goes[0] = function
        return function

    yield use
    views.anything_goes[0] = lambda request: None


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    """Runs `async def` tests, each in an event loop of its own."""
    function = pyfuncitem.obj
    if not inspect.iscoroutinefunction(function):
        return None
    names = pyfuncitem._fixtureinfo.argnames
    asyncio.run(function(**{name: pyfuncitem.funcargs[name] for name in names}))
    return True


@pytest.fixture
def clock():
    return Clock()

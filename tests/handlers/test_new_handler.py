"""A new handler is one file and one row of HANDLERS: all that uses handlers finds it there."""

import sys
from io import StringIO

import pytest
from collector import Reply
from django.core.management import CommandError, call_command

import hoptoad
from hoptoad import stats
from hoptoad.api import htv2
from hoptoad.conf.settings import HANDLERS
from hoptoad.delivery.spool.directory import SpoolDirectory
from hoptoad.errors import ConfigurationError
from hoptoad.handlers import get_handler
from hoptoad.middleware import HoptoadNotifierMiddleware
from hoptoad.notice import ErrorInfo, Notice

DOCUMENT = htv2.encode(Notice(id="1", error=ErrorInfo("E", "E: waits")))
REFUSED = Reply(422, "Your API key is unknown")


@pytest.fixture(autouse=True)
def carried(monkeypatch, settings_for, collector):
    monkeypatch.setitem(HANDLERS, "carrier", "shop.carrier.CarrierNotifier")
    settings_for(HOPTOAD_NOTIFICATION_URL=collector.url)
    from shop.carrier import carried

    yield carried
    carried.clear()


@pytest.fixture
def carrier(settings_for):
    settings_for(HOPTOAD_HANDLER="Carrier")


def test_it_delivers(client, collector, carrier, carried):
    client.get("/boom/")

    [received] = collector.wait()
    assert carried == [received.body]


def test_the_check_accepts_it(carrier):
    call_command("check")


def test_a_misspelt_name_is_answered_with_its_own(settings_for):
    settings_for(HOPTOAD_HANDLER="carier")

    with pytest.raises(ConfigurationError, match='"threadpool", .*, "carrier", or the dotted path'):
        get_handler()


def test_the_start_of_the_site_builds_it(carrier, monkeypatch):
    monkeypatch.setitem(HANDLERS, "carrier", "shop.carrier.Missing")

    with pytest.raises(ConfigurationError, match="Missing"):
        HoptoadNotifierMiddleware(lambda request: None)


def test_a_warm_up_imports_it(carrier, monkeypatch):
    monkeypatch.delitem(sys.modules, "shop.carrier")

    hoptoad.warm_up()

    assert "shop.carrier" in sys.modules


def test_it_takes_what_another_handler_has_failed_to_deliver(client, settings_for, carried):
    settings_for(HOPTOAD_HANDLER="shop.queues.Lossy", HOPTOAD_FALLBACK_HANDLER="carrier")

    client.get("/boom/")

    assert len(carried) == 1
    assert stats()["dropped"] == 0


def test_as_the_fallback_it_drops_what_it_cannot_deliver_either(client, collector, settings_for, carried):
    collector.default = REFUSED
    settings_for(HOPTOAD_HANDLER="shop.queues.Lossy", HOPTOAD_FALLBACK_HANDLER="carrier")

    client.get("/boom/")

    assert len(carried) == 1
    assert stats()["dropped"] == 1


def test_the_spool_command_hands_it_what_the_server_refuses(collector, settings_for, carried, tmp_path):
    collector.replies.append(REFUSED)
    settings_for(HOPTOAD_SPOOL_DIR=tmp_path / "spool", HOPTOAD_FALLBACK_HANDLER="carrier")
    spool = SpoolDirectory(tmp_path / "spool", fsync=False)
    spool.open()
    spool.write(DOCUMENT)

    call_command("hoptoad_spool", "--send", stdout=StringIO())

    assert carried == [DOCUMENT]


def test_the_test_command_reports_its_failure_and_counts_nothing_as_lost(collector, carrier):
    collector.default = REFUSED

    with pytest.raises(CommandError, match="The server refuses the notice"):
        call_command("hoptoad_test", stdout=StringIO())

    assert stats()["dropped"] == 0

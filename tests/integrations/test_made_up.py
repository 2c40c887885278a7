"""An integration is one file and one row of HOOKS."""

import pytest
from django.dispatch import Signal

from hoptoad import hooks
from hoptoad.conf import settings
from hoptoad.conf.loading import get_settings
from hoptoad.conf.settings import Integration
from hoptoad.testing import outbox

LANTERNS = """
from django.dispatch import Signal
from hoptoad.reporting import reporter

lantern_failed = Signal()

def connect():
    lantern_failed.connect(_failed)

def disconnect():
    lantern_failed.disconnect(_failed)

def _failed(sender, error, **details):
    reporter.report(error, component="lanterns", action=sender)
"""


@pytest.fixture
def lantern_failed(tmp_path, monkeypatch, settings_for) -> Signal:
    """The signal of a package that a made-up integration connects to."""
    (tmp_path / "lantern_integration.py").write_text(LANTERNS)
    monkeypatch.syspath_prepend(tmp_path)
    row = Integration("lantern_integration", ("lanterns",), "LANTERNS")
    monkeypatch.setitem(settings.HOOKS, "lanterns", row)
    settings_for(HOPTOAD_HOOKS=["lanterns"], LANTERNS={})
    from lantern_integration import lantern_failed

    return lantern_failed


def test_an_integration_is_one_file_and_one_row(lantern_failed):
    hooks.install(get_settings().hooks)

    lantern_failed.send("green", error=ValueError("it went out"))

    [notice] = outbox
    assert (notice.request.component, notice.request.action) == ("lanterns", "green")


def test_it_is_disconnected_with_the_hooks(lantern_failed):
    hooks.install(get_settings().hooks)
    hooks.remove()

    lantern_failed.send("green", error=ValueError("it went out"))

    assert outbox == []

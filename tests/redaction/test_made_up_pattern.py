"""A pattern is one entry of BUILT_IN: the validator, the preview and the notice follow."""

import io
import re

import pytest
from django.core.management import call_command

from hoptoad.conf.loading import get_settings
from hoptoad.errors import ConfigurationError
from hoptoad.redaction import patterns
from hoptoad.redaction.patterns import Pattern
from hoptoad.testing import outbox

TICKET = "FT-20417001"


@pytest.fixture(autouse=True)
def frog_ticket(monkeypatch):
    """The entry."""
    entry = Pattern("frog_ticket", re.compile(r"\bFT-[0-9]{8}\b"), hints=("FT-",))
    monkeypatch.setattr(patterns, "BUILT_IN", (*patterns.BUILT_IN, entry))


def test_the_notice_is_masked(client, settings_for):
    settings_for(HOPTOAD_ENV_NAME="pond")  # the settings are read anew

    client.get("/boom/", {"q": f"lost {TICKET}"})

    [notice] = outbox
    assert TICKET not in repr(notice)
    assert notice.request.params["q"].startswith("lost *")


def test_the_setting_switches_it_off(client, settings_for):
    settings_for(HOPTOAD_PATTERNS={"frog_ticket": False})

    client.get("/boom/", {"q": f"lost {TICKET}"})

    assert outbox[0].request.params["q"] == f"lost {TICKET}"


def test_the_message_of_a_malformed_setting_names_it(settings_for):
    settings_for(HOPTOAD_PATTERNS={"frog_tickets": False})

    with pytest.raises(ConfigurationError, match="frog_ticket, not 'frog_tickets'"):
        get_settings()


def test_the_preview_names_it(settings_for):
    settings_for(HOPTOAD_ENV_NAME="pond")  # the settings are read anew
    shown = io.StringIO()

    call_command("hoptoad_preview", path=f"/boom/?q={TICKET}", stdout=shown, no_color=True)

    assert TICKET not in shown.getvalue()
    assert "[frog_ticket]" in shown.getvalue()


def test_the_docs_are_asked_for_it():
    assert patterns.names()[-1] == "frog_ticket"  # `test_every_built_in_pattern_is_documented` reads these

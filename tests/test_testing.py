"""The assertions, the mixin and the fixture for the tests of a site."""

import os
import subprocess
import sys
import unittest
from pathlib import Path

import pytest
from django.test import SimpleTestCase

import hoptoad
from hoptoad.testing import HoptoadTestMixin, assert_nothing_notified, assert_notified, outbox


def test_what_was_reported_is_found(client):
    client.get("/boom/")
    client.get("/boom/class/7/")

    notice = assert_notified(ValueError, message="something broke", component="shop.views", count=1)
    assert notice.request.action == "boom"
    assert assert_notified("ValueError", action="get").error.message == "ValueError: something broke in get"
    assert assert_notified(count=2) is outbox[-1]


@pytest.mark.parametrize(
    "wanted", [{"exception_class": KeyError}, {"message": "other"}, {"component": "x"}, {"action": "x"}]
)
def test_what_was_not_reported_is_told_with_what_was(client, wanted):
    client.get("/boom/")

    with pytest.raises(AssertionError, match="Matching notices: 0. .*ValueError: something broke"):
        assert_notified(**wanted)


def test_the_number_counts(client):
    client.get("/boom/")

    with pytest.raises(AssertionError, match="Matching notices: 1; expected: 2"):
        assert_notified(ValueError, count=2)
    with pytest.raises(
        AssertionError, match="Nothing should have been reported. The outbox holds: 'ValueError"
    ):
        assert_nothing_notified()


def test_an_empty_outbox_says_so():
    assert_nothing_notified()
    with pytest.raises(AssertionError, match="The outbox holds: nothing"):
        assert_notified()


def test_the_fixture_is_known_to_pytest(hoptoad_outbox):
    hoptoad.notify(message="x")

    assert len(hoptoad_outbox) == 1
    assert hoptoad_outbox is outbox


def test_the_plug_in_needs_no_settings(tmp_path):
    (tmp_path / "test_plain.py").write_text("def test_nothing(): pass")
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:django", "-p", "no:cacheprovider", str(tmp_path)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, done.stdout
    assert Path(tmp_path, "test_plain.py").exists()


class Mixed(HoptoadTestMixin, SimpleTestCase):
    def runTest(self):
        self.assertNothingNotified()
        hoptoad.notify(message="x")
        self.assertNotified(message="x", count=1)


def test_the_mixin_clears_the_outbox():
    hoptoad.notify(message="before")

    result = unittest.TestResult()
    Mixed().run(result)

    assert result.wasSuccessful(), result.errors + result.failures

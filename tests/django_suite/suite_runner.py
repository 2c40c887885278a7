"""Django's test runner, which puts our middleware into every chain and writes down what did not pass."""

import json
import logging
import os
from pathlib import Path

from django.conf import settings
from django.core.handlers import base
from django.test.runner import DiscoverRunner

MIDDLEWARE = "hoptoad.middleware.HoptoadNotifierMiddleware"


class SettingsWithUs:
    """What `BaseHandler.load_middleware` reads instead of the settings: our middleware comes first."""

    def __init__(self):
        self.chains = 0

    def __getattr__(self, name):
        return getattr(settings, name)

    @property
    def MIDDLEWARE(self):
        self.chains += 1
        return [MIDDLEWARE, *settings.MIDDLEWARE]


class SuiteRunner(DiscoverRunner):
    """Writes to the file HOPTOAD_SUITE_RESULT how many tests ran, which did not pass, and what we logged."""

    def run_suite(self, suite, **kwargs):
        self.logged = []
        self.with_us = SettingsWithUs()
        if settings.is_overridden("HOPTOAD_SETTINGS"):
            self.put_us_in()
        return super().run_suite(suite, **kwargs)

    def put_us_in(self):
        from hoptoad import hooks
        from hoptoad.conf.loading import get_settings

        base.settings = self.with_us
        in_force = get_settings()
        hooks.install(in_force.hooks, trail=in_force.trail)
        # Not a handler: the tests of logging remove handlers and disable loggers.
        make_record = logging.getLogRecordFactory()

        def make_and_keep(*args, **kwargs):
            record = make_record(*args, **kwargs)
            if str(record.name).partition(".")[0] == "hoptoad" and record.levelno >= logging.WARNING:
                self.logged.append(logging.Formatter("%(name)s %(levelname)s: %(message)s").format(record))
            return record

        logging.setLogRecordFactory(make_and_keep)

    def suite_result(self, suite, result, **kwargs):
        failed = [test for test, _ in result.failures + result.errors] + result.unexpectedSuccesses
        outcome = {
            "tests": result.testsRun,
            "chains": self.with_us.chains,
            "failed": sorted({identity(test) for test in failed}),
            "skipped": sorted({identity(test) for test, _ in result.skipped}),
            "logged": self.logged,
        }
        Path(os.environ["HOPTOAD_SUITE_RESULT"]).write_text(json.dumps(outcome))
        return super().suite_result(suite, result, **kwargs)


def identity(test):
    """The test's dotted name; a subtest counts as the test it is part of."""
    return getattr(test, "test_case", test).id()

"""Settings for Django's own tests: Django's, and where notices go in the run with django-hoptoad."""

import os

from test_sqlite import *  # noqa: F403 - lies beside Django's runtests.py

TEST_RUNNER = "suite_runner.SuiteRunner"

if "HOPTOAD_SUITE_URL" in os.environ:
    HOPTOAD_SETTINGS = {
        "HOPTOAD_API_KEY": "0123456789abcdef0123456789abcdef",
        "HOPTOAD_NOTIFICATION_URL": os.environ["HOPTOAD_SUITE_URL"],
        "HOPTOAD_HANDLER": "blocking",
        "HOPTOAD_TIMEOUT": 60,
        # Every failure, and as much of it as there is.
        "HOPTOAD_NOTIFY_STATUSES": list(range(400, 600)),
        "HOPTOAD_NOTIFY_WHILE_DEBUG": True,
        "HOPTOAD_IGNORE_EXCEPTIONS": [],
        "HOPTOAD_DIGEST_404": 0,
        "HOPTOAD_STORM_LIMIT": 0,
        "HOPTOAD_SEND_USER": "full",
        "HOPTOAD_LOCAL_VARIABLES": True,
        "HOPTOAD_SOURCE_CONTEXT": 3,
        "HOPTOAD_TRAIL": 20,
    }

"""Where the tests' own site and helpers are, for the processes that tests start."""

import os
from pathlib import Path

SUPPORT = Path(__file__).resolve().parent
TESTS = SUPPORT.parent
SITE = TESTS / "site"
PYTHONPATH = os.pathsep.join([str(SITE), str(SUPPORT)])

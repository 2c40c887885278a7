"""The fixture `hoptoad_outbox`, known to pytest by this package's entry point."""

from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture
def hoptoad_outbox() -> Iterator[list[Any]]:
    """What would have been sent in this test: `hoptoad_before.notice.Notice` objects, oldest first."""
    from hoptoad_before.testing import outbox  # late: pytest loads this before Django has settings

    outbox.clear()
    yield outbox
    outbox.clear()

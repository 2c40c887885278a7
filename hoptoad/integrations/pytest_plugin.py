"""The fixture `hoptoad_outbox`, which pytest finds by this package's entry point."""

from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture
def hoptoad_outbox() -> Iterator[list[Any]]:
    """The notices that this test would have sent, `hoptoad.notice.Notice` objects, oldest first."""
    from hoptoad.testing import outbox  # late: pytest loads this before Django has settings

    outbox.clear()
    yield outbox
    outbox.clear()

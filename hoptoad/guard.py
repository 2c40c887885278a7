"""Reading something that may fail: what is broken costs only itself."""

from asyncio import CancelledError
from collections.abc import Callable
from typing import TypeVar

from hoptoad.messages import get_logger

# What code of the site may raise without meaning the end of the process; not KeyboardInterrupt.
OF_THE_SITE = (Exception, SystemExit, GeneratorExit, CancelledError)

logger = get_logger(__name__)

T = TypeVar("T")


def guarded(section: str, read: Callable[[], T], otherwise: T) -> T:
    """What `read` returns, or `otherwise` and a line in the log where it fails."""
    try:
        return read()
    except OF_THE_SITE:
        logger.exception("Could not read the %s of a failing request; the rest is reported.", section)
        return otherwise

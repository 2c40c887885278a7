"""Reading something that may fail: what is broken costs only itself."""

import contextlib
import logging
from asyncio import CancelledError
from collections.abc import Callable
from typing import TypeVar

from hoptoad_before.messages import get_logger

# What code of the site may raise without meaning the end of the process; not KeyboardInterrupt.
OF_THE_SITE = (Exception, SystemExit, GeneratorExit, CancelledError)

logger = get_logger(__name__)

T = TypeVar("T")


def guarded(section: str, read: Callable[[], T], otherwise: T) -> T:
    """What `read` returns, or `otherwise` and a line in the log where it fails."""
    try:
        return read()
    except OF_THE_SITE:
        log_exception(logger, "Could not read the %s of a failing request; the rest is reported.", section)
        return otherwise


def log_exception(logger: logging.Logger, message: str, *args: object) -> None:
    """Logs the exception that is being handled, and raises nothing.

    A metaclass that refuses `__qualname__` makes the traceback fail, and a handler of the site may fail.
    """
    try:
        logger.error(message, *args, exc_info=True, stacklevel=2)  # noqa: LOG014 - called in handlers
    except OF_THE_SITE:
        with contextlib.suppress(*OF_THE_SITE):
            logger.error(f"{message} (Its traceback could not be logged.)", *args)  # noqa: G004, TRY400

"""Guards: a read that fails costs only itself, and delivering causes no further notice (feedback loop)."""

import contextlib
import logging
import threading
from asyncio import CancelledError
from collections.abc import Callable
from typing import Any, TypeVar

from hoptoad.runtime.messages import get_logger

# Exceptions of the site's code that do not end the process; KeyboardInterrupt does.
OF_THE_SITE = (Exception, SystemExit, GeneratorExit, CancelledError)

logger = get_logger(__name__)

T = TypeVar("T")
_thread = threading.local()


def guarded(section: str, read: Callable[..., T], otherwise: T, *args: Any) -> T:
    """What `read(*args)` returns. Where it fails, logs that and returns `otherwise`."""
    try:
        return read(*args)
    except OF_THE_SITE:
        log_exception(logger, "Could not read the %s of a failing request; the rest is reported.", section)
        return otherwise


def log_exception(logger: logging.Logger, message: str, *args: object) -> None:
    """Logs the exception that is being handled, and raises nothing.

    The traceback fails where a metaclass refuses `__qualname__`, and a log handler of the site may fail.
    """
    try:
        logger.error(message, *args, exc_info=True, stacklevel=2)  # noqa: LOG014 - called in handlers
    except OF_THE_SITE:
        with contextlib.suppress(*OF_THE_SITE):
            logger.error(f"{message} (Its traceback could not be logged.)", *args)  # noqa: G004, TRY400


class delivering:  # noqa: N801 - read as a phrase in a with statement
    """Set while this thread delivers, so that its log records are not reported (feedback loop)."""

    def __enter__(self) -> None:
        _thread.is_delivering = True

    def __exit__(self, *args: object) -> None:
        _thread.is_delivering = False


def is_delivering() -> bool:
    """Whether this thread is inside such a block."""
    return getattr(_thread, "is_delivering", False)

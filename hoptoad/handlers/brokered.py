"""What handlers that hand on to a broker share: where it is down, nothing is lost."""

import time
from collections.abc import Callable

from django.db import connections

from hoptoad.api.choice import report
from hoptoad.conf import get_settings
from hoptoad.handlers.base import Send, get_spool
from hoptoad.messages import get_logger

logger = get_logger(__name__)

_SAY_EVERY = 60.0  # seconds


def publisher(publish: Callable[[str], None], broker: str) -> Send:
    """A `send` that publishes a document as text, and else spools it, or delivers it itself."""
    said_at = float("-inf")

    def send(payload: bytes, timeout: float) -> object:
        nonlocal said_at
        try:
            publish(payload.decode())
        # Brokers, and the libraries that speak to them, raise whatever they like.
        except Exception as error:
            now = time.monotonic()
            if now - said_at >= _SAY_EVERY:
                said_at = now
                logger.warning("%s does not take notices: %s. They are delivered here.", broker, error)
        else:
            return None
        finally:
            connections.close_all()  # a broker in the database has opened one in this thread
        if get_settings().spool_dir:
            get_spool().enqueue(payload, timeout)
            return None
        return report(payload, timeout)

    return send

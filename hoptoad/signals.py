"""Django signals for those who want to know what became of a notice.

They are sent in the thread that delivered. A receiver that raises is logged by Django and changes
nothing.
"""

import logging
from typing import Any

from django.dispatch import Signal

from hoptoad.guard import log_exception

logger = logging.getLogger(__name__)

# After each attempt. Argument: `answer`, a hoptoad.answers.Answer.
notice_answered = Signal()

# Once for each notice that a server accepted. Argument: `answer`.
notice_sent = Signal()

# Once for each notice that is lost. Arguments: `payload` (bytes), `reason` (one line), and
# `answer`, the last one, or None.
notice_dropped = Signal()


def tell(signal: Signal, sender: Any, **named: Any) -> None:
    """Sends a signal. Raises nothing: Django logs a receiver that fails, and what it logs to may fail too."""
    try:
        signal.send_robust(sender=sender, **named)
    except Exception:
        log_exception(logger, "A receiver of a signal failed, and so did the log of its failure.")

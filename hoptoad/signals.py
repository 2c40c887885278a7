"""Django signals about the delivery of notices.

They are sent in the thread that delivers. Django logs a receiver that raises; nothing else changes.
"""

import contextlib
from collections.abc import Iterator
from queue import SimpleQueue
from typing import Any

from django.dispatch import Signal

from hoptoad.runtime.guards import log_exception
from hoptoad.runtime.messages import get_logger

logger = get_logger(__name__)

# After each attempt. Argument: `answer`, a hoptoad.delivery.answer.Answer. A receiver that returns SAID has
# reported itself why a notice was not accepted: then the log has no warning.
notice_answered = Signal()
SAID = object()

# Once for each notice that a server accepted. Argument: `answer`.
notice_sent = Signal()

# Once for each notice that is lost. Arguments: `payload` (bytes), `reason` (one line), and
# `answer`, the last one or None.
notice_dropped = Signal()


def emit(signal: Signal, sender: Any, **named: Any) -> list[Any]:
    """Sends a signal and returns what the receivers return.

    Raises nothing: Django logs a receiver that fails, and that log may fail too.
    """
    try:
        return [returned for _, returned in signal.send_robust(sender=sender, **named)]
    except Exception:
        log_exception(logger, "A receiver of a signal failed, and so did the log of its failure.")
        return []


@contextlib.contextmanager
def heard_answers() -> "Iterator[SimpleQueue[Any]]":
    """A queue of the answers that arrive while the block runs, in place of warnings in the log."""
    answers: SimpleQueue[Any] = SimpleQueue()

    def remember(answer: Any, **kwargs: Any) -> object:
        answers.put(answer)
        return SAID

    notice_answered.connect(remember, weak=False)
    try:
        yield answers
    finally:
        notice_answered.disconnect(remember)

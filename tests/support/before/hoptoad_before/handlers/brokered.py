"""What handlers that hand on to a broker share: where it is down, nothing is lost."""

import time
from collections.abc import Callable
from typing import Any

from django.db import connections

from hoptoad_before import messages
from hoptoad_before.answers import Answer, Verdict
from hoptoad_before.circuit import Circuit
from hoptoad_before.conf import get_settings
from hoptoad_before.guard import log_exception
from hoptoad_before.handlers.base import GiveUp, get_spool, give_up
from hoptoad_before.handlers.threaded import NOT_NOW, ThreadedNotifier
from hoptoad_before.messages import get_logger
from hoptoad_before.tally import tally

logger = get_logger(__name__)

LONGEST_PAUSE = 30.0  # seconds; a broker is near, and asking it costs less than asking a server
_SAY_EVERY = 60.0  # seconds


class BrokeredNotifier(ThreadedNotifier):
    """Publishes from threads. Where the broker is down, the spool or this process delivers.

    The broker has a circuit of its own: while it is down one notice at a time finds out whether it
    is back, and the others do not wait for its timeout. `publish` takes a document as text, and
    raises whatever it likes.
    """

    def __init__(
        self,
        publish: Callable[[str], None],
        broker: str,
        *,
        give_up: GiveUp = give_up,
        broker_circuit: Circuit | None = None,
        **kwargs: Any,
    ) -> None:
        self._publish = publish
        self._broker = broker
        self._broker_circuit = broker_circuit or Circuit(longest=LONGEST_PAUSE)
        self._said_at = float("-inf")
        self._is_said = False
        super().__init__(give_up=_spooling(give_up), **kwargs)

    def close(self, timeout: float | None = None) -> bool:
        """Like that of all pools; broker and server are asked once more."""
        self._broker_circuit.end_pause()
        self._circuit.end_pause()
        return super().close(timeout)

    def abandon(self) -> None:
        """Spools what is being published, which may so arrive twice; without a spool it is unknown."""
        if not get_settings().spool_dir:
            super().abandon()
            return
        with self._changed:
            left = list(self._sending)
        for item in left:
            self._give_up(item.payload, item.timeout, "the process ended while it was being published", None)

    def _wait(self) -> float:
        if get_settings().spool_dir:
            return 0.0
        return min(self._broker_circuit.wait(), self._circuit.wait())

    def _permit(self) -> float:
        return self._wait()  # `_attempt` takes the permit of whom it asks

    def _attempt(self, payload: bytes, timeout: float) -> object:
        if not self._broker_circuit.permit() and self._is_published(payload):
            self._circuit.answered(None)
            return None
        if get_settings().spool_dir:
            get_spool().enqueue(payload, timeout)
            return None
        return NOT_NOW if self._circuit.permit() else super()._attempt(payload, timeout)

    def _is_published(self, payload: bytes) -> bool:
        if self._broker_circuit.attempt(lambda: self._published(payload)) is not None:
            return False
        tally.count("published")
        if self._is_said:
            self._is_said = False
            logger.warning("%s takes notices again: 1 published, %d waiting.", self._broker, len(self._queue))
        return True

    def _published(self, payload: bytes) -> Answer | None:
        try:
            self._publish(payload.decode())
        # Brokers, and the libraries that speak to them, raise whatever they like.
        except Exception as error:
            self._say_down(error)
            return Answer(verdict=Verdict.UNREACHABLE, url="", fault="network", text=messages.quoted(error))
        finally:
            connections.close_all()  # a broker in the database has opened one in this thread
        return None

    def _say_down(self, error: Exception) -> None:
        now = time.monotonic()
        if now - self._said_at >= _SAY_EVERY:
            self._said_at = now
            self._is_said = True
            logger.warning("%s does not take notices: %s. They are delivered here.", self._broker, error)


def _spooling(last_resort: GiveUp) -> GiveUp:
    """A `give_up` that spools what no server has answered, where there is a spool."""

    def give_up(payload: bytes, timeout: float, why: str, answer: Answer | None) -> None:
        if answer is None and get_settings().spool_dir:
            try:
                get_spool().enqueue(payload, timeout)
                return
            except Exception:
                log_exception(logger, "The spool failed too.")
        last_resort(payload, timeout, why, answer)

    return give_up

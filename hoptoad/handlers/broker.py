"""Base of the handlers that publish to a broker. While it is down, the spool or this process delivers."""

from collections.abc import Callable
from typing import Any

from django.db import connections

from hoptoad.conf.loading import get_settings
from hoptoad.delivery.answer import Answer, Verdict
from hoptoad.delivery.circuit_breaker import CircuitBreaker
from hoptoad.delivery.log_once import OnceAMinute, log_end_of_outage
from hoptoad.delivery.stats import stats
from hoptoad.handlers.fallback import fall_back, get_spool
from hoptoad.handlers.registry import FallBack
from hoptoad.handlers.threaded import NOT_NOW, ThreadedNotifier
from hoptoad.runtime.guards import log_exception
from hoptoad.runtime.messages import get_logger

logger = get_logger(__name__)

LONGEST_PAUSE = 30.0  # seconds; a broker is near, and a probe is cheap


class BrokeredNotifier(ThreadedNotifier):
    """Publishes from threads.

    The broker has a circuit breaker of its own: while it is down one notice at a time probes it, and the
    others do not wait for its timeout. `publish` takes a document as text, and may raise anything.
    """

    takes_reports = False

    def __init__(
        self,
        publish: Callable[[str], None],
        broker: str,
        *,
        fall_back: FallBack = fall_back,
        broker_circuit: CircuitBreaker | None = None,
        **kwargs: Any,
    ) -> None:
        self._publish = publish
        self._broker = broker
        self._broker_circuit = broker_circuit or CircuitBreaker(longest=LONGEST_PAUSE)
        self._once = OnceAMinute()
        self._outage_logged = False
        super().__init__(fall_back=_spooling(fall_back), **kwargs)

    def close(self, timeout: float | None = None) -> bool:
        """Closes the pool, after one more attempt with the broker and the server."""
        self._broker_circuit.end_pause()
        self._circuit.end_pause()
        return super().close(timeout)

    def abandon(self) -> None:
        """Spools notices that are being published, so they may arrive twice; without a spool, counts them."""
        if not get_settings().spool_dir:
            super().abandon()
            return
        with self._changed:
            left = list(self._sending)
        for item in left:
            self._fall_back(
                item.payload, item.timeout, "the process ended while it was being published", None
            )

    def _permit_in(self) -> float:
        if get_settings().spool_dir:
            return 0.0
        return min(self._broker_circuit.wait(), self._circuit.wait())

    def _permit(self) -> float:
        return self._permit_in()  # `_attempt` takes the permit of the broker or of the server

    def _attempt(self, payload: bytes, timeout: float) -> object:
        if self._broker_circuit.permit() == 0 and self._publish_notice(payload):
            self._circuit.answered(None)
            return None
        if get_settings().spool_dir:
            get_spool().enqueue(payload, timeout)
            return None
        return NOT_NOW if self._circuit.permit() > 0 else super()._attempt(payload, timeout)

    def _publish_notice(self, payload: bytes) -> bool:
        """Publishes a notice, with a permit of the broker's. Returns whether the broker accepted it."""
        if self._broker_circuit.attempt(lambda: self._try_to_publish(payload)) is not None:
            return False
        stats.count("published")
        if self._outage_logged:
            self._outage_logged = False
            log_end_of_outage(logger, self._broker, "1 published", len(self._queue))
        return True

    def _try_to_publish(self, payload: bytes) -> Answer | None:
        """None, or an Answer for the circuit breaker if the broker failed."""
        try:
            self._publish(payload.decode())
        # Brokers and their client libraries may raise anything.
        except Exception as error:
            self._log_outage(error)
            return Answer(verdict=Verdict.UNREACHABLE, url="", fault="network")
        finally:
            connections.close_all()  # a broker in the database has opened one in this thread
        return None

    def _log_outage(self, error: Exception) -> None:
        if self._once.is_due("outage"):
            self._outage_logged = True
            logger.warning("%s does not accept notices: %s. They are delivered here.", self._broker, error)


def _spooling(otherwise: FallBack) -> FallBack:
    """Spools a notice that no server has answered; without a spool, or where it fails, calls `otherwise`."""

    def fall_back(payload: bytes, timeout: float, why: str, answer: Answer | None) -> None:
        if answer is None and get_settings().spool_dir:
            try:
                get_spool().enqueue(payload, timeout)
                return
            except Exception:
                log_exception(logger, "The spool failed too.")
        otherwise(payload, timeout, why, answer)

    return fall_back

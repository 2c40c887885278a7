"""Delivery in the failing request itself: for processes in which no thread may run."""

from hoptoad.api.registry import report
from hoptoad.delivery.answer import Answer, Verdict
from hoptoad.delivery.circuit_breaker import CircuitBreaker
from hoptoad.delivery.transport import log_recovery
from hoptoad.handlers.fallback import fall_back
from hoptoad.handlers.registry import FallBack, Send


class BlockingNotifier:
    """Returns when the server has answered or the timeout has passed; tries once.

    While the server is down or asks for a pause, notices go to the fallback at once: a dead server holds
    one request at a time, not each of them.
    """

    needs_threads = False

    def __init__(
        self, *, send: Send = report, fall_back: FallBack = fall_back, circuit: CircuitBreaker | None = None
    ) -> None:
        self._send = send
        self._fall_back = fall_back
        self._circuit = circuit or CircuitBreaker()

    def enqueue(self, payload: bytes, timeout: float) -> None:
        """Sends now. Blocks up to `timeout` seconds for connecting and again for the answer."""
        if self._circuit.permit() > 0:
            why = 'the server is down or busy, and HOPTOAD_HANDLER = "blocking" does not wait for it'
            self._fall_back(payload, timeout, why, None)
            return
        answer = self._circuit.attempt(lambda: self._send(payload, timeout))
        if not isinstance(answer, Answer):
            return
        if answer.verdict is Verdict.ACCEPTED:
            log_recovery(answer, waiting=0)
        else:
            self._fall_back(payload, timeout, str(answer), answer)

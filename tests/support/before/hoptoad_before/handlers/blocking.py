"""Delivery in the failing request itself: for processes in which no thread may run."""

from hoptoad_before.answers import Answer, Verdict
from hoptoad_before.api.choice import report
from hoptoad_before.circuit import Circuit
from hoptoad_before.handlers.base import GiveUp, Send, give_up
from hoptoad_before.transport import log_recovery


class BlockingNotifier:
    """Returns when the server has answered or the timeout has passed; tries once.

    While the server is down or asks for a pause, notices are given up at once: a dead server holds
    one request at a time, not each of them.
    """

    def __init__(
        self, *, send: Send = report, give_up: GiveUp = give_up, circuit: Circuit | None = None
    ) -> None:
        self._send = send
        self._give_up = give_up
        self._circuit = circuit or Circuit()

    def enqueue(self, payload: bytes, timeout: float) -> None:
        """Sends now. Blocks up to `timeout` seconds for connecting and again for the answer."""
        if self._circuit.permit():
            why = 'the server is down or busy, and HOPTOAD_HANDLER = "blocking" does not wait for it'
            self._give_up(payload, timeout, why, None)
            return
        answer = self._circuit.attempt(lambda: self._send(payload, timeout))
        if not isinstance(answer, Answer):
            return
        if answer.verdict is Verdict.ACCEPTED:
            log_recovery(answer, waiting=0)
        else:
            self._give_up(payload, timeout, str(answer), answer)

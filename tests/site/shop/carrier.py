"""A made-up handler of django-hoptoad: this file and one row of HANDLERS."""

from hoptoad.api.registry import report
from hoptoad.delivery.answer import Verdict
from hoptoad.handlers.fallback import fall_back

carried = []


class CarrierNotifier:
    def __init__(self, *, fall_back=fall_back):
        self._fall_back = fall_back

    def enqueue(self, payload, timeout):
        carried.append(payload)
        answer = report(payload, timeout)
        if answer.verdict is not Verdict.ACCEPTED:
            self._fall_back(payload, timeout, str(answer), answer)

"""What texts cost that were made to hurt: `python benchmarks/hostile_text.py`. Milliseconds, and how the
cost grows where the text is four times as long: about 4 is linear, 16 would be a square. Then what redacting
a large harmless form costs, and how many times a small one: the allowance of a notice must suffice for it.
"""

import json
import time
from collections.abc import Callable
from urllib.parse import quote

from hoptoad.capture.data import DataReader, Origin
from hoptoad.notice import ErrorInfo, Notice, Owner, RequestInfo, Snapshot
from hoptoad.redaction.cutting import Room
from hoptoad.redaction.names import Names
from hoptoad.redaction.patterns import BUILT_IN, Patterns
from hoptoad.redaction.policy import Policy
from hoptoad.redaction.redact import redact
from hoptoad.redaction.secrets import OwnSecrets

TEXTS = {
    "brackets and escaped quotes": "password=[" + '\\"' * 2040,
    "a list of escaped quotes": '["' + '\\"' * 2000,
    "schemes": "://" * 1300,
    "schemes, ports and an at": "://a:" * 800 + "@",
    "half tokens": "eyJ-" * 1000,
    "bearers": "Bearer " * 600,
    "percent signs": "%41" * 1300,
    "private keys": "-----BEGIN PRIVATE KEY-----" * 150,
    "digits": "4" * 4000,
    "pairs": "a=" * 2000,
    "secret pairs": "password=" * 450,
    "opening brackets": "[" * 4000,
    "entities": "&quot;password&quot;:" * 200,
    "service tokens": "sk-" * 1300,
    "brackets that cross": "pin=([) " * 510,
    "tokens to an at": "://:@a" * 680,
    "secrets begun and not ended": "".join(f"={n:03d}xQ9-& pin=1&{n:x}" for n in range(200)),
}


LOG_LINE = (
    "2026-11-27 18:00:01,123 INFO shop.views: user_id=42 path=/basket/?page=2&sort=price took=0.12s"
    " status=200 ref=https://shop.example/a?x=1\n"
)
PROSE = "The payment of Freda Example (order 4711) failed: please ring twice, the bell is quiet. "
ITEMS = json.dumps([{"id": number, "key": "size", "value": "XL", "price": 1.5} for number in range(20)])


def texts(number: int, text: str) -> dict[str, str]:
    return {f"field{at}": (text * (2_048 // len(text) + 1))[:2_048] for at in range(number)}


FORMS = {
    "a small form": {"name": "Freda", "remark": "Please ring twice: the bell is quiet."},
    "2,000 fields": {f"field{number}": f"value: {number}" for number in range(2_000)},
    "64 kB of prose": texts(32, PROSE),
    "64 kB of log lines": texts(32, LOG_LINE),
    "64 kB of JSON": texts(32, ITEMS),
    "64 kB of encoded text": texts(32, quote(PROSE)),
    "200 kB of prose": texts(97, PROSE),
    "200 kB of log lines": texts(97, LOG_LINE),
    "200 kB of JSON": texts(97, ITEMS),
}
SECRETS = {"password": "correct horse battery staple", "csrf_token": "kq3J8sLw0PzXv2Rm7Tn4Yb6Gd1Hf5Ac9"}

POLICY = Policy(Names(), Patterns(BUILT_IN), OwnSecrets(()))


def cost(text: str) -> float:
    """Looking for secrets in the text, which is also a secret itself, in seconds."""
    reader = DataReader(POLICY.names, {})
    reader.hide(text, "password", "x", Origin("params"))
    raw = Notice(id="1", error=ErrorInfo("ValueError", f"ValueError: {text}"))
    return best_of_five(lambda: redact(Snapshot(raw=raw, hidden=reader.hidden), POLICY))


def cost_of_form(form: dict[str, str]) -> tuple[float, str]:
    """Redacting the form, in seconds, and why its texts were withheld."""
    reader = DataReader(POLICY.names, {})
    room = Room(values=2_000, chars=204_096, text=2_048, depth=20)
    params = reader.mapping({**SECRETS, **form}, room, Origin("params", Owner.FORM))
    raw = Notice(id="1", error=ErrorInfo("ValueError", "ValueError"), request=RequestInfo(params=params))
    snapshot = Snapshot(raw=raw, hidden=reader.hidden)
    return best_of_five(lambda: redact(snapshot, POLICY)), redact(snapshot, POLICY).problem


def best_of_five(run: Callable[[], object]) -> float:
    best = float("inf")
    for _ in range(5):
        start = time.thread_time()
        run()
        best = min(best, time.thread_time() - start)
    return best


if __name__ == "__main__":
    print(f"{'text of about 4 KB':30} {'ms':>8} {'x 4':>6}")
    for name, text in TEXTS.items():
        once, four = cost(text), cost(text * 4)
        print(f"{name:30} {1000 * once:8.2f} {four / once:6.1f}")
    print(f"\n{'harmless form':30} {'ms':>8} {'to the first':>13}")
    small = cost_of_form(FORMS["a small form"])[0]
    for name, form in FORMS.items():
        seconds, problem = cost_of_form(form)
        print(f"{name:30} {1000 * seconds:8.2f} {seconds / small:13.1f}  {problem}")

"""What texts cost that were made to hurt: `python benchmarks/hostile_text.py`. Milliseconds, and how the
cost grows where the text is four times as long: about 4 is linear, 16 would be a square.
"""

import time

from hoptoad.capture.data import DataReader, Origin
from hoptoad.notice import ErrorInfo, Notice, Snapshot
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


POLICY = Policy(Names(), Patterns(BUILT_IN), OwnSecrets(()))


def cost(text: str) -> float:
    """Looking for secrets in the text, which is also a secret itself: the best of five, in seconds."""
    best = float("inf")
    for _ in range(5):
        start = time.process_time()
        reader = DataReader(POLICY.names, {})
        reader.hide(text, "password", "x", Origin("params"))
        raw = Notice(id="1", error=ErrorInfo("ValueError", f"ValueError: {text}"))
        redact(Snapshot(raw=raw, hidden=reader.hidden), POLICY)
        best = min(best, time.process_time() - start)
    return best


if __name__ == "__main__":
    print(f"{'text of about 4 KB':30} {'ms':>8} {'x 4':>6}")
    for name, text in TEXTS.items():
        once, four = cost(text), cost(text * 4)
        print(f"{name:30} {1000 * once:8.2f} {four / once:6.1f}")

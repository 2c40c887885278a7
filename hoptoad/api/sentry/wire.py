"""Sentry's protocol, which GlitchTip and Bugsink speak as well: one event in an envelope.

https://develop.sentry.dev/sdk/data-model/envelopes/
"""

import gzip
import json
from datetime import datetime, timezone

from hoptoad import NAME, __version__
from hoptoad.api.parsers import parse
from hoptoad.api.sentry.event import event, id_of, is_event
from hoptoad.api.sentry.truncation import SENTRY
from hoptoad.api.truncation import encoded, fitted
from hoptoad.conf.loading import get_settings
from hoptoad.delivery import transport
from hoptoad.delivery.answer import Answer
from hoptoad.errors import ParseError
from hoptoad.notice import Notice

CONTENT_TYPE = "application/json"  # of an event; it travels in an envelope
MAX_BYTES = 1_000_000  # Sentry and Bugsink refuse above 1 MiB
_SMALLER_BYTES = 100_000
_MIN_GZIPPED = 1024  # fewer bytes fit into one packet anyway
_CLIENT = f"{NAME}/{__version__}"


def encode(notice: Notice) -> bytes:
    """The notice as an event: JSON in UTF-8, at most MAX_BYTES. Cut texts and lists are marked."""
    return fitted(event(notice), MAX_BYTES, SENTRY)


def report(payload: bytes, timeout: float | None = None) -> Answer:
    """Sends an event and returns the server's answer. If the event is too large, sends a smaller one.

    Blocks up to `timeout` seconds, twice for each. None means HOPTOAD_TIMEOUT. Raises nothing.
    A document of another API, spooled before HOPTOAD_API was changed, is converted to an event.
    """
    payload = _as_event(payload)
    answer = _post(payload, timeout)
    if answer.status != 413 or len(payload) <= _SMALLER_BYTES:
        return answer
    try:
        smaller = fitted(json.loads(payload), _SMALLER_BYTES, SENTRY)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):  # no event of ours
        return answer
    return _post(smaller, timeout)


def envelope(payload: bytes) -> bytes:
    """The event in an envelope. `sent_at` is now: Sentry corrects the event's clock by it."""
    sent_at = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    header = {"event_id": id_of(payload), "sent_at": sent_at}
    item = {"type": "event", "length": len(payload)}
    return b"\n".join((encoded(header), encoded(item), payload, b""))


def _as_event(payload: bytes) -> bytes:
    if is_event(payload):
        return payload
    try:
        return encode(parse(payload))
    except ParseError:
        return payload


def _post(payload: bytes, timeout: float | None) -> Answer:
    settings = get_settings()
    # Bytes of an unknown format are sent unchanged, so that the server refuses them with a reason.
    body = envelope(payload) if is_event(payload) else payload
    headers = {
        "Content-Type": "application/x-sentry-envelope",
        "Accept": "application/json",
        "X-Sentry-Auth": f"Sentry sentry_version=7, sentry_client={_CLIENT}, sentry_key={settings.api_key}",
    }
    if len(body) >= _MIN_GZIPPED:
        body = gzip.compress(body, mtime=0)
        headers["Content-Encoding"] = "gzip"
    return transport.post(
        settings.notification_url,
        body,
        headers=headers,
        timeout=timeout or settings.timeout,
        plain_fallback=settings.no_ssl_fallback,
    )

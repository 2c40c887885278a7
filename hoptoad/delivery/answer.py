"""The meaning of a server's answer, and advice on it: one table for the log and for `hoptoad_test`.

Statuses and texts are those of Airbrake, Errbit, the Redmine plug-ins, Sentry and Bugsink.
"""

import re
from collections.abc import Mapping
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from enum import Enum

from hoptoad.runtime import messages


class Verdict(Enum):
    ACCEPTED = "accepted"
    REFUSED = "refused for good"
    LATER = "refused for now"
    UNREACHABLE = "unreachable"


class Answer:
    """The outcome of one attempt to deliver a notice.

    `text` is the server's, or the reason why there is none: one printable line of at most 2,000
    characters, with the site's secrets masked. `fault` says why there is no status: "dns", "refused",
    "tls", "timeout", "proxy", "network" or "database" (unreachable), "document" or "mail" (refused).
    `is_distrusted` says that the certificate was refused.
    `delay` is in seconds, where the server asked for one, and at most LONGEST_DELAY; it may ask while it
    accepts. `id` and `link` are those the server gave; the link leads to http or https. Where they are
    not passed, they are found in the text of an accepted notice.
    """

    # No dataclass: the text is masked when it is read, and that of an accepted notice seldom is.
    __slots__ = ("_id", "_link", "_text", "delay", "fault", "is_distrusted", "status", "url", "verdict")

    def __init__(
        self,
        *,
        verdict: Verdict,
        url: str,
        status: int = 0,
        text: str = "",
        fault: str = "",
        is_distrusted: bool = False,
        delay: float | None = None,
        id: str = "",  # noqa: A002 - as the attribute
        link: str = "",
    ) -> None:
        self.verdict = verdict
        self.url = url
        self.status = status
        self.fault = fault
        self.is_distrusted = is_distrusted
        # min first, because it turns NaN into a number
        self.delay = None if delay is None else max(min(LONGEST_DELAY, delay), 0.0)
        self._text = text
        self._id = id
        self._link = link

    @property
    def text(self) -> str:
        return messages.safe_line(self._text, _MAX_TEXT)

    @property
    def id(self) -> str:
        return messages.safe_line(self._id) if self._id else messages.one_line(self._found(_ID, _JSON_ID))

    @property
    def link(self) -> str:
        found = messages.redacted(self._link) if self._link else self._found(_LINK, _JSON_LINK)
        return messages.web_link(found)

    @property
    def outcome(self) -> str:
        """Such as "refused for good (HTTP 422)"."""
        reason = f"HTTP {self.status}" if self.status else self.fault
        return f"{self.verdict.value} ({reason})" if reason else self.verdict.value

    def __str__(self) -> str:
        return f"{self.outcome}: {self.text.rstrip('.') or 'no text'}"

    def __repr__(self) -> str:
        return f"<Answer: {self}>"

    def _found(self, *patterns: "re.Pattern[str]") -> str:
        """The first match in the text of an accepted notice, with secrets masked."""
        if self.verdict is not Verdict.ACCEPTED:
            return ""
        start = messages.redacted(self._text)[:_MAX_LOOKED_AT]
        texts = (found[1].strip() for pattern in patterns if (found := pattern.search(start)))
        return next(filter(None, texts), "")


LONGEST_DELAY = 3600.0  # seconds, whatever a server asks for
PAUSE_WHEN_TOLD_TO_WAIT = 60.0  # where the server does not say how long
FIRST_PAUSE = 1.0  # after no answer at all, doubled with each further failure
LONGEST_PAUSE = 300.0
_MAX_DOUBLINGS = 16

_LATER = frozenset({408, 420, 429, 502, 503, 504})
_OLD_VERSION = "Notice for old app version ignored"
_MAX_TEXT = 2000

# Never parsed as XML: Redmine answers in plain text, proxies in HTML.
_ID = re.compile(r"<id\b[^<>]{0,100}>([^<]{1,200})</id>")
_JSON_ID = re.compile(r'"(?:issue_)?id"\s*:\s*"?([\w-]{1,200})')
_JSON_LINK = re.compile(r'"(?:issue_)?url"\s*:\s*"([^"\\\s]{1,2000})"')
_LINK = re.compile(r"<url\b[^<>]{0,100}>([^<]{1,2000})</url>")
_MAX_LOOKED_AT = 8192
_SECONDS = re.compile(r"-?[0-9]+(?:\.[0-9]*)?")
_MAX_DELAY_TEXT = 100
# https://develop.sentry.dev/sdk/expected-features/rate-limiting/
_LIMIT = re.compile(r"(?:^|,)\s*([0-9]+(?:\.[0-9]*)?)\s*:?([^:,]*)")
_OURS = {"", "error", "default"}
_MAX_LIMITS = 2000


def judge(url: str, status: int, headers: Mapping[str, str], body: str) -> Answer:
    """The verdict on an HTTP answer."""
    delay = _rate_limit(headers)
    if 200 <= status < 300 and _OLD_VERSION not in body:
        return Answer(verdict=Verdict.ACCEPTED, url=url, status=status, text=body, delay=delay)
    verdict = Verdict.LATER if status in _LATER else Verdict.REFUSED
    if delay is None and verdict is Verdict.LATER:
        delay = _delay(headers)
    return Answer(verdict=verdict, url=url, status=status, text=body, delay=delay)


def pause_after(answer: Answer, failures: int) -> float:
    """The seconds to wait before another attempt, after `failures` earlier ones without an answer."""
    if answer.delay is not None:
        return answer.delay
    if answer.verdict is Verdict.LATER:
        return PAUSE_WHEN_TOLD_TO_WAIT
    return min(FIRST_PAUSE * 2.0 ** min(failures, _MAX_DOUBLINGS), LONGEST_PAUSE)


def advice(answer: Answer) -> str:
    """What to do next; empty where nothing is to be done."""
    if answer.verdict is Verdict.ACCEPTED:
        return ""
    if not answer.url.rstrip("/").endswith("/envelope"):
        return _advice(answer)
    # A Sentry: its address and key come from a DSN.
    said = _SENTRY.get(answer.status) or _advice(answer).replace(_OTHER, _DSN).replace(_KEY, _DSN)
    return said.replace("HOPTOAD_NOTIFICATION_URL", "HOPTOAD_DSN")


def _advice(answer: Answer) -> str:
    if answer.verdict is Verdict.UNREACHABLE:
        if answer.is_distrusted:
            return _DISTRUSTED
        speaks_http = "WRONG_VERSION_NUMBER" in answer.text
        return _NO_HTTPS if speaks_http else _UNREACHABLE.get(answer.fault, _UNREACHABLE["network"])
    if answer.fault in _REFUSED:
        return _REFUSED[answer.fault]
    if _OLD_VERSION in answer.text:
        return _OLD_VERSION_ADVICE
    return _on_status(answer.status, is_https=answer.url.lower().startswith("https:"))


def _on_status(status: int, *, is_https: bool) -> str:
    if is_https and status in (402, 403):
        return _PLAN_OR_KEY
    if status in _STATUS:
        return _STATUS[status]
    if status < 300:
        return _OLD_VERSION_ADVICE
    if status < 400:
        return _REDIRECT
    return _SERVER_ERROR if status >= 500 else _OTHER


def _rate_limit(headers: Mapping[str, str]) -> float | None:
    """The seconds for which a Sentry wants no errors; it may say so while it accepts one.

    `60::key, 2700:transaction;span:organization` gives 60.0: the second is not for errors.
    """
    limits = _LIMIT.finditer(headers.get("X-Sentry-Rate-Limits", "")[:_MAX_LIMITS])
    ours = [float(limit[1]) for limit in limits if _OURS & {*map(str.strip, limit[2].split(";"))}]
    return max(ours, default=None)


def _delay(headers: Mapping[str, str]) -> float | None:
    for name in ("X-RateLimit-Delay", "Retry-After"):
        value = headers.get(name, "").strip()[:_MAX_DELAY_TEXT]
        if _SECONDS.fullmatch(value):
            return float(value)
        try:
            when = parsedate_to_datetime(value)
            if when.tzinfo is None:
                when = when.replace(tzinfo=timezone.utc)
            return (when - datetime.now(timezone.utc)).total_seconds()
        except (TypeError, ValueError, OverflowError):
            continue
    return None


_OLD_VERSION_ADVICE = (
    "The server drops notices of old versions of the site. Set HOPTOAD_APP_VERSION to at least "
    "the version it wants, or remove that version from the application's page on the server."
)
_NO_HTTPS = (
    "The port does not speak https. Put http:// into HOPTOAD_NOTIFICATION_URL, which sends key and "
    "data in clear, or the server's https port."
)
_DISTRUSTED = (
    "The server's certificate is not trusted. For a private authority, point the environment variable "
    "REQUESTS_CA_BUNDLE to its certificate; for an expired or foreign one, mend the server's."
)
_REDIRECT = (
    "The server redirects, and a redirected notice loses its body, so redirects are not followed. "
    "Put the final address, with its scheme, into HOPTOAD_NOTIFICATION_URL."
)
_SERVER_ERROR = (
    "The server failed. Look into its own log; an Errbit answers 500 to a HOPTOAD_APP_VERSION "
    "that is not like 1.2.3."
)
_OTHER = "Compare HOPTOAD_NOTIFICATION_URL and HOPTOAD_API_KEY with the server's project page."
_KEY = "Compare HOPTOAD_API_KEY with the key on the server's project page."
_PLAN_OR_KEY = (
    f"The key is wrong, the server's API is switched off, or its plan has no SSL. {_KEY} "
    "Only if the server truly cannot do https, and you accept that key and data travel in clear, "
    "set HOPTOAD_NO_SSL_FALLBACK = True."
)
_LIMITED = "The server limits how many notices it takes. Wait, or raise the project's limit there."

_STATUS = {
    400: "The server found no notice in the request. Is a proxy between that changes requests?",
    401: f"The server does not know the key. {_KEY}",
    402: f"The server wants to be paid, or its API is switched off. {_KEY}",
    403: f"The key is wrong, or the server's API is switched off. {_KEY}",
    404: (
        "Nothing answers at this address. HOPTOAD_NOTIFICATION_URL must name the whole URL, such as "
        "https://errbit.example.com/notifier_api/v2/notices."
    ),
    413: "The notice is too large for the server. Lower HOPTOAD_MAX_CHARS or HOPTOAD_MAX_FRAMES.",
    422: f"The server refuses the notice; mostly it does not know the key. {_KEY}",
    420: _LIMITED,
    429: _LIMITED,
    503: "The server is overloaded, in maintenance, or the project is over its quota. Try later.",
}
_DSN = "Compare HOPTOAD_DSN with the DSN on the project's page."
_SENTRY = {
    400: f"The server cannot read the event. Is the key misspelt, or a proxy between? {_DSN}",
    401: f"The server does not know the key. {_DSN}",
    403: f"The key or the project is wrong, or the project takes no events. {_DSN}",
    404: f"No Sentry answers at this address, or one older than 20.6, which knows no envelopes. {_DSN}",
    429: (
        "The quota of the project or of the key is used up. Wait, or raise it on the project's page; "
        "HOPTOAD_SAMPLE_RATE and HOPTOAD_STORM_LIMIT make fewer notices of the same failures."
    ),
}
_REFUSED = {
    "document": "Set HOPTOAD_API to an API that the inbox reads.",
    "mail": "Compare ADMINS, MANAGERS, SERVER_EMAIL and the settings of Django's mail with the mail server.",
}
_UNREACHABLE = {
    "dns": (
        "The host name cannot be resolved. Check its spelling in HOPTOAD_NOTIFICATION_URL, and this "
        "machine's DNS."
    ),
    "refused": (
        "Nothing listens there. Is the server running, and the port in HOPTOAD_NOTIFICATION_URL right?"
    ),
    "tls": (
        "The secure connection failed. Does the port speak https, in a version of TLS that this machine "
        "allows, and does it want a certificate of the client's?"
    ),
    "timeout": (
        "The server did not answer in time. Does a firewall drop the connection? "
        "HOPTOAD_TIMEOUT sets how many seconds to wait."
    ),
    "proxy": "The proxy refuses. Check HTTPS_PROXY, HTTP_PROXY and NO_PROXY in the environment.",
    "database": "Is the database of the inbox running, and was manage.py migrate run?",
    "network": "The connection broke. Check that the address speaks HTTP, and https where the URL says so.",
}

"""Delivers bytes to the server and tells what became of them."""

import logging
import os
import time
from collections.abc import Mapping

from hoptoad.answers import Answer, Verdict, advice
from hoptoad.delivering import delivering
from hoptoad.imports import when_needed
from hoptoad.signals import notice_answered, notice_sent, tell
from hoptoad.tally import tally

logger = logging.getLogger(__name__)

SAY_EVERY = 60.0  # seconds
_SSL_REFUSED = (402, 403)
_said: "dict[tuple[str, int, str], float]" = {}


def start_over() -> None:
    """Makes every refusal news again, to be said in the log: for a forked child."""
    _said.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=start_over)


def post(
    url: str,
    body: bytes,
    *,
    headers: Mapping[str, str],
    timeout: float,
    plain_fallback: bool = False,
) -> Answer:
    """The server's answer, or what kept it from giving one. Blocks; raises nothing.

    `timeout` is in seconds, once for connecting and once for the whole answer. Proxies, the
    certificate authorities and .netrc are found as `requests` finds them. With `plain_fallback`
    an https address that refuses SSL (402, 403, or no secure connection) is tried once over http.
    """
    answer = _exchange(url, body, headers, timeout)
    refuses_ssl = answer.status in _SSL_REFUSED or answer.fault == "tls"
    if plain_fallback and refuses_ssl and url.startswith("https://"):
        logger.warning(
            "%s does not take the notice over https (%s). It goes over plain http, key and data in "
            "clear, because HOPTOAD_NO_SSL_FALLBACK is on.",
            url,
            answer,
        )
        answer = _exchange(f"http://{url[len('https://') :]}", body, headers, timeout)
    _tell(answer)
    return answer


def _exchange(url: str, body: bytes, headers: Mapping[str, str], timeout: float) -> Answer:
    with delivering():
        try:
            connection = when_needed("hoptoad.connection")
        except (ImportError, OSError) as error:  # of a process that may open no more files: later it may
            return Answer(
                verdict=Verdict.UNREACHABLE, url=url, fault="network", text=f"not imported: {error}"
            )
        answer: Answer = connection.exchange(url, body, headers, timeout)
        return answer


def _tell(answer: Answer) -> None:
    tell(notice_answered, post, answer=answer)
    if answer.verdict is Verdict.ACCEPTED:
        tally.count("sent")
        tell(notice_sent, post, answer=answer)
        logger.debug("Notice accepted by %s: id %s, %s", answer.url, answer.id, answer.link)
        return
    if answer.verdict is Verdict.REFUSED:
        tally.count("refused")
    level = logging.WARNING if _is_news(answer) else logging.DEBUG
    logger.log(level, "Notice not accepted by %s: %s. %s", answer.url, answer, advice(answer))


def _is_news(answer: Answer) -> bool:
    """Whether the same was not said within the last minute: a storm must not fill the log."""
    key = (answer.url, answer.status, answer.fault)
    now = time.monotonic()
    if now - _said.get(key, float("-inf")) < SAY_EVERY:
        return False
    _said[key] = now
    return True

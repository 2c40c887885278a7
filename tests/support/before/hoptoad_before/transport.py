"""Delivers bytes to the server and tells what became of them."""

import logging
import os
import sys
import time
from collections.abc import Mapping

from hoptoad_before import messages
from hoptoad_before.answers import Answer, Verdict, advice
from hoptoad_before.delivering import delivering
from hoptoad_before.imports import when_needed
from hoptoad_before.messages import get_logger
from hoptoad_before.signals import SAID, notice_answered, notice_sent, tell
from hoptoad_before.tally import tally

logger = get_logger(__name__)

SAY_EVERY = 60.0  # seconds
_SSL_REFUSED = (402, 403)
_said: "dict[tuple[str | int, ...], float]" = {}
_sent_before: dict[str, int] = {}  # by the address of a server whose outage was logged


def start_over() -> None:
    """Makes every refusal news again, to be said in the log: for a forked child."""
    _said.clear()
    _sent_before.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=start_over)


def close_connections() -> None:
    """Closes the connections of all threads, for the end of the process: after all that still sends."""
    if "hoptoad_before.connection" in sys.modules:
        when_needed("hoptoad_before.connection").close_connections()


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
    an https address that refuses SSL (402, 403, or no secure connection) is tried once over http;
    one whose certificate is not trusted is not, because somebody else may answer there.
    """
    answer = _exchange(url, body, headers, timeout)
    refuses_ssl = answer.status in _SSL_REFUSED or (answer.fault == "tls" and not answer.is_distrusted)
    if plain_fallback and refuses_ssl and url.lower().startswith("https://"):
        logger.log(
            logging.WARNING if _is_news(url, "fallback") else logging.DEBUG,
            "%s does not take the notice over https (%s). It goes over plain http, key and data in "
            "clear, because HOPTOAD_NO_SSL_FALLBACK is on.",
            messages.address(url),
            answer,
        )
        answer = _exchange(f"http://{url[len('https://') :]}", body, headers, timeout)
    _tell(answer)
    return answer


def log_recovery(answer: Answer, waiting: int) -> None:
    """Logs, once for each outage that was logged, that the server accepts notices again.

    For handlers, after an accepted notice; `waiting` is the number that still wait.
    """
    before = _sent_before.pop(answer.url, None) if _sent_before else None
    if before is not None:
        logger.warning(
            "Notices are accepted again by %s: %d delivered, %d waiting.",
            messages.address(answer.url),
            tally.counts()["sent"] - before,
            waiting,
        )


def _exchange(url: str, body: bytes, headers: Mapping[str, str], timeout: float) -> Answer:
    with delivering():
        try:
            connection = when_needed("hoptoad_before.connection")
        except (ImportError, OSError) as error:  # of a process that may open no more files: later it may
            return Answer(
                verdict=Verdict.UNREACHABLE, url=url, fault="network", text=f"not imported: {error}"
            )
        answer: Answer = connection.exchange(url, body, headers, timeout)
        return answer


def _tell(answer: Answer) -> None:
    heard = tell(notice_answered, post, answer=answer)
    if answer.verdict is Verdict.ACCEPTED:
        tally.count("sent")
        tell(notice_sent, post, answer=answer)
        if logger.isEnabledFor(logging.DEBUG):
            where = messages.address(answer.url)
            logger.debug("Notice accepted by %s: id %s, %s", where, answer.id, answer.link)
        return
    is_news = _is_news(answer.url, answer.status, answer.fault) and SAID not in heard
    if answer.verdict is Verdict.REFUSED:
        tally.count("refused")
        _sent_before.pop(answer.url, None)
    elif is_news:
        _sent_before.setdefault(answer.url, tally.counts()["sent"])
    level = logging.WARNING if is_news else logging.DEBUG
    if logger.isEnabledFor(level):
        where = messages.address(answer.url)
        logger.log(level, "Notice not accepted by %s: %s. %s", where, answer, advice(answer))


def _is_news(*what: str | int) -> bool:
    """Whether the same was not said within the last minute: a storm must not fill the log."""
    now = time.monotonic()
    if now - _said.get(what, float("-inf")) < SAY_EVERY:
        return False
    _said[what] = now
    return True

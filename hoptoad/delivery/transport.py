"""Posts a notice to a server, and counts, signals and logs the answer."""

import logging
from collections.abc import Mapping

from hoptoad.delivery import log_once
from hoptoad.delivery.answer import Answer, Verdict, advice
from hoptoad.delivery.stats import stats
from hoptoad.runtime import lifecycle, messages
from hoptoad.runtime.guards import delivering
from hoptoad.runtime.lifecycle import importing
from hoptoad.runtime.messages import get_logger
from hoptoad.signals import SAID, emit, notice_answered, notice_sent

logger = get_logger(__name__)

_SSL_REFUSED = (402, 403)
_once = log_once.OnceAMinute()
_sent_before: dict[str, int] = {}  # notices sent before an outage that was logged, by the server's URL


def start_over() -> None:
    """Forgets which answers and outages were logged: in a forked child nothing was."""
    _once.start_over()
    _sent_before.clear()


lifecycle.reset_after_fork(start_over)


def post(
    url: str,
    body: bytes,
    *,
    headers: Mapping[str, str],
    timeout: float,
    plain_fallback: bool = False,
) -> Answer:
    """Posts `body` and returns the server's answer, or why there is none. Blocks; raises nothing.

    `timeout` is in seconds, once for connecting and once for the whole answer. Proxies, certificate
    authorities and .netrc are those that `requests` would use. With `plain_fallback`, an https URL that
    refuses SSL (402, 403, or no secure connection) is tried once over http, but not one whose certificate
    is not trusted: somebody else may answer there.
    """
    answer = _exchange(url, body, headers, timeout)
    refuses_ssl = answer.status in _SSL_REFUSED or (answer.fault == "tls" and not answer.is_distrusted)
    if plain_fallback and refuses_ssl and url.lower().startswith("https://"):
        logger.log(
            logging.WARNING if _once.is_due((url, "fallback")) else logging.DEBUG,
            "%s does not take the notice over https (%s). It goes over plain http, key and data in "
            "clear, because HOPTOAD_NO_SSL_FALLBACK is on.",
            messages.safe_url(url),
            answer,
        )
        answer = _exchange(f"http://{url[len('https://') :]}", body, headers, timeout)
    _record(answer)
    return answer


def log_recovery(answer: Answer, waiting: int) -> None:
    """Logs the end of an outage that was logged.

    For handlers, after an accepted notice. `waiting` is the number of notices in the queue.
    """
    before = _sent_before.pop(answer.url, None) if _sent_before else None
    if before is not None:
        done = f"{stats.counts()['sent'] - before} delivered"
        log_once.log_end_of_outage(logger, messages.safe_url(answer.url), done, waiting)


def _exchange(url: str, body: bytes, headers: Mapping[str, str], timeout: float) -> Answer:
    with delivering():
        try:
            with importing:
                from hoptoad.delivery import connection
        except (ImportError, OSError) as error:  # too many open files: try again later
            return Answer(
                verdict=Verdict.UNREACHABLE, url=url, fault="network", text=f"not imported: {error}"
            )
        return connection.exchange(url, body, headers, timeout)


def _record(answer: Answer) -> None:
    returned = emit(notice_answered, post, answer=answer)
    if answer.verdict is Verdict.ACCEPTED:
        stats.count("sent")
        emit(notice_sent, post, answer=answer)
        if logger.isEnabledFor(logging.DEBUG):
            where = messages.safe_url(answer.url)
            logger.debug("Notice accepted by %s: id %s, %s", where, answer.id, answer.link)
        return
    is_news = _once.is_due((answer.url, answer.status, answer.fault)) and SAID not in returned
    if answer.verdict is Verdict.REFUSED:
        stats.count("refused")
        _sent_before.pop(answer.url, None)
    elif is_news:
        _sent_before.setdefault(answer.url, stats.counts()["sent"])
    level = logging.WARNING if is_news else logging.DEBUG
    if logger.isEnabledFor(level):
        where = messages.safe_url(answer.url)
        logger.log(level, "Notice not accepted by %s: %s. %s", where, answer, advice(answer))

"""One attempt to send a spooled notice, and the consequence of the server's answer."""

from hoptoad.conf.loading import get_settings
from hoptoad.conf.settings import Settings
from hoptoad.delivery.answer import Answer, Verdict
from hoptoad.delivery.spool.directory import SpoolDirectory, Waiting
from hoptoad.delivery.stats import stats
from hoptoad.errors import HoptoadError
from hoptoad.handlers.registry import FallBack, Send


class SendingFailed(HoptoadError):
    """`send` raised an exception, the cause of this one."""


def attempt(directory: SpoolDirectory, notice: Waiting, *, send: Send, fall_back: FallBack) -> Answer:
    """Sends a notice. A refused one goes to the fallback handler, if there is one.

    Raises OSError where the file cannot be read, and SendingFailed.
    """
    settings = get_settings()
    payload = directory.read(notice)
    try:
        answer = send(payload, settings.timeout)
    except Exception as error:
        raise SendingFailed(f"sending {notice.path} raised {type(error).__name__}") from error
    if not isinstance(answer, Answer):
        return Answer(verdict=Verdict.ACCEPTED, url="")
    if answer.verdict is Verdict.REFUSED and _has_fallback(settings):
        fall_back(payload, settings.timeout, str(answer), answer)
    return answer


def put_away(directory: SpoolDirectory, notice: Waiting, answer: Answer) -> None:
    """Deletes an accepted notice, keeps or deletes a refused one. Raises OSError."""
    settings = get_settings()
    if answer.verdict is Verdict.ACCEPTED:
        directory.take(notice)
    elif settings.spool_keep_refused:
        directory.keep(notice, str(answer))
    else:
        directory.take(notice)
        if not _has_fallback(settings):
            stats.drop(1, str(answer))


def _has_fallback(settings: Settings) -> bool:
    return settings.fallback_handler not in ("", "spool")

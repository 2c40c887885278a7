"""Sends one spooled notice, and acts on the server's answer."""

from hoptoad_before.answers import Answer, Verdict
from hoptoad_before.conf import Settings, get_settings
from hoptoad_before.errors import ConfigurationError, HoptoadError
from hoptoad_before.handlers.base import GiveUp, Send
from hoptoad_before.spooldir import SpoolDirectory, Waiting
from hoptoad_before.tally import tally


class SendingFailed(HoptoadError):
    """`send` raised something, which its cause is."""


def directory_of(settings: Settings) -> SpoolDirectory:
    """The directory the settings name; it may not exist yet. Raises ConfigurationError without one."""
    if not settings.spool_dir:  # of a handler that is named by its class, which no rule looks through
        raise ConfigurationError(
            'HOPTOAD_SPOOL_DIR is not set. For example: HOPTOAD_SPOOL_DIR = "/var/spool/shop-errors"'
        )
    return SpoolDirectory(settings.spool_dir, fsync=settings.spool_fsync)


def attempt(directory: SpoolDirectory, notice: Waiting, *, send: Send, give_up: GiveUp) -> Answer:
    """Sends a notice; what is refused is handed to the fallback handler, where there is one.

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
    if answer.verdict is Verdict.REFUSED and _has_last_resort(settings):
        give_up(payload, settings.timeout, str(answer), answer)
    return answer


def put_away(directory: SpoolDirectory, notice: Waiting, answer: Answer) -> None:
    """Deletes a notice that needs no other attempt, or keeps the refused one. Raises OSError."""
    settings = get_settings()
    if answer.verdict is Verdict.ACCEPTED:
        directory.take(notice)
    elif settings.spool_keep_refused:
        directory.keep(notice, str(answer))
    else:
        directory.take(notice)
        if not _has_last_resort(settings):
            tally.drop(1, str(answer))


def _has_last_resort(settings: Settings) -> bool:
    return settings.fallback_handler not in ("", "spool")

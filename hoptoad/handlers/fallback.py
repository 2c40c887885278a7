"""A notice that finally failed goes to the HOPTOAD_FALLBACK_HANDLER, or is counted as lost."""

from hoptoad.conf.loading import get_settings
from hoptoad.delivery.answer import Answer
from hoptoad.delivery.stats import stats
from hoptoad.handlers.registry import Handler, Slot
from hoptoad.runtime.guards import log_exception
from hoptoad.runtime.messages import get_logger
from hoptoad.signals import emit, notice_dropped

logger = get_logger(__name__)


def fall_back(payload: bytes, timeout: float, why: str, answer: Answer | None = None) -> None:
    """Hands a failed notice to the fallback handler. Without one, or where it fails too, drops the notice."""
    try:
        handler = get_fallback_handler()
        if handler is not None:
            handler.enqueue(payload, timeout)
            return
    except Exception:
        log_exception(logger, "The fallback handler failed too.")
    drop(payload, timeout, why, answer)


def drop(payload: bytes, timeout: float, why: str, answer: Answer | None = None) -> None:
    """Counts a notice as lost, logs it at most once a minute, and sends `notice_dropped`."""
    stats.drop(1, why)
    emit(notice_dropped, drop, payload=payload, reason=why, answer=answer)


def get_fallback_handler() -> Handler | None:
    """The HOPTOAD_FALLBACK_HANDLER, or None."""
    settings = get_settings()
    if not settings.fallback_handler:
        return None
    return _fallback.get(settings, settings.fallback_handler)


def get_spool() -> Handler:
    """The handler of HOPTOAD_SPOOL_DIR, for handlers that spool while their broker is down."""
    return _spool.get(get_settings(), "spool")


# They have no fallback themselves.
_fallback = Slot("HOPTOAD_FALLBACK_HANDLER", fall_back=drop)
_spool = Slot("HOPTOAD_SPOOL_DIR", fall_back=drop)

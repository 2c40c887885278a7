"""The way of a failure that is to be reported: filters, storms, capture, the site's functions, a handler."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from django.http import HttpRequest

from hoptoad import before, capture, digest, filters, once, storm
from hoptoad.api.choice import encode
from hoptoad.conf import get_settings
from hoptoad.guard import guarded
from hoptoad.handlers import get_handler
from hoptoad.marks import NOTICE_ID
from hoptoad.messages import get_logger
from hoptoad.notice import Incident, Notice
from hoptoad.tally import tally

logger = get_logger(__name__)


def exception(
    request: HttpRequest, error: BaseException, unless: Callable[[], bool] | None = None
) -> str | None:
    """An uncaught exception, once. Returns the notice's id where one was handed over."""
    if not once.first_exception(request, error):
        return None
    return _pass_on(capture.incident(request, exception=error), unless)


def status(request: HttpRequest, code: int, unless: Callable[[], bool] | None = None) -> str | None:
    """An answer by its status, where nothing else was seen on its request."""
    if not once.first_status(request):
        return None
    return _pass_on(capture.incident(request, status=code), unless)


def anything(error: BaseException | None, request: HttpRequest | None, **said: Any) -> str | None:
    """What another door than the middleware has seen; `said` are fields of Incident."""
    if error is not None and not once.first_exception(request, error):
        return None
    incident = capture.incident(request, exception=error) if request is not None else Incident()
    return _pass_on(replace(incident, is_request=False, exception=error, **said), None)


def _pass_on(incident: Incident, unless: Callable[[], bool] | None) -> str | None:
    settings = get_settings()
    if not settings.enabled:
        return None
    rule = filters.suppressed_by(incident, settings)
    if rule is not None:
        logger.debug("Not reported, because of %s: %s", rule, incident.path)
        return None
    if unless is not None and guarded("is_ignorable", unless, False):
        logger.debug("Not reported, because of is_ignorable: %s", incident.path)
        return None
    if not digest.admits(incident, settings, send=_hand_over):
        tally.count("suppressed")
        return None

    def noticed() -> Notice:
        return capture.notice(incident, settings)

    if not storm.admits(incident, settings, capture=noticed, send=_hand_over):
        tally.count("suppressed")
        return None
    return _numbered(incident, _hand_over(noticed()))


def _hand_over(notice: Notice) -> str | None:
    settings = get_settings()
    tally.count("captured")
    if tally.dropped:
        notice = replace(notice, lost=tally.dropped)
    wanted = before.noticed(notice, settings.before_notify)
    if wanted is None:
        tally.count("suppressed")
        return None
    get_handler().enqueue(_encoded(wanted), settings.timeout)
    return wanted.id


def _numbered(incident: Incident, identity: str | None) -> str | None:
    """Puts the notice's id on its request, so that the page the user sees can tell it."""
    if identity is not None and incident.request is not None:
        incident.request.__dict__.setdefault(NOTICE_ID, identity)
    return identity


def _encoded(notice: Notice) -> bytes:
    try:
        return encode(notice)
    except Exception:  # what a function of HOPTOAD_BEFORE_NOTIFY has put there may be no text
        logger.exception("A notice could not be encoded as it is: it goes without details.")
        return encode(before.bare(notice))

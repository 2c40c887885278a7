"""The pipeline every failure goes through, and the one guard that keeps it from the site."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import FrameType
from typing import Any

from django.http import HttpRequest

from hoptoad import before, capture, digest, filters, once, storm
from hoptoad.api.choice import encode
from hoptoad.conf import get_settings
from hoptoad.guard import guarded
from hoptoad.handlers import get_handler
from hoptoad.notice import Incident, Notice
from hoptoad.tally import tally

logger = logging.getLogger(__name__)

_FAILED = "A failure of the site could not be reported: django-hoptoad itself failed."


def report_exception(
    request: HttpRequest, error: BaseException, *, unless: Callable[[], bool] | None = None
) -> str | None:
    """Reports an uncaught exception, once. Returns the notice's id where one was handed over.

    Like everything here it raises nothing, and returns as soon as the handler has the bytes.
    `unless` is asked last whether the site has a reason to ignore this one.
    """
    try:
        if not once.first_exception(request, error):
            return None
        return _pass_on(capture.incident(request, exception=error), unless)
    except Exception:
        logger.exception(_FAILED)
        return None


def report(
    error: BaseException | None = None,
    *,
    message: str = "",
    kind: str = "Message",
    request: HttpRequest | None = None,
    component: str = "",
    action: str = "",
    params: Mapping[str, Any] | None = None,
    extra: Mapping[str, Any] | None = None,
    stack: FrameType | None = None,
    site: tuple[str, int, str] | None = None,
    severity: str = "error",
) -> str | None:
    """Reports from any door but the middleware. Returns the notice's id where one was handed over.

    An exception is reported once, whichever door sees it first. Raises nothing.
    """
    try:
        if not get_settings().enabled:
            return None
        if error is not None and not once.first_exception(request, error):
            return None
        incident = capture.incident(request, exception=error) if request is not None else Incident()
        incident = replace(
            incident,
            is_request=False,
            exception=error,
            kind=kind,
            message=message,
            component=component,
            action=action,
            params=params or {},
            extra=extra or {},
            stack=stack,
            site=site,
            severity=severity,
        )
        return _pass_on(incident, None)
    except Exception:
        logger.exception(_FAILED)
        return None


def wants_status(status: int) -> bool:
    """Whether answers of this status are reported at all; cheap enough for an event loop."""
    try:
        return status in get_settings().statuses
    except Exception:
        logger.exception(_FAILED)
        return False


def report_status(
    request: HttpRequest, status: int, *, unless: Callable[[], bool] | None = None
) -> str | None:
    """Reports an answer by its status, where the settings want it and nothing else was seen."""
    try:
        if once.is_seen(request) or not wants_status(status) or not once.first_status(request):
            return None
        return _pass_on(capture.incident(request, status=status), unless)
    except Exception:
        logger.exception(_FAILED)
        return None


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
        incident.request.__dict__.setdefault("hoptoad_notice_id", identity)
    return identity


def _encoded(notice: Notice) -> bytes:
    try:
        return encode(notice)
    except Exception:  # what a function of HOPTOAD_BEFORE_NOTIFY has put there may be no text
        logger.exception("A notice could not be encoded as it is: it goes without details.")
        return encode(before.bare(notice))

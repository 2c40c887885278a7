"""The pipeline every failure goes through, and the one guard that keeps it from the site."""

import logging
from dataclasses import replace

from django.http import HttpRequest

from hoptoad import capture, filters, once, storm
from hoptoad.api import htv2
from hoptoad.conf import get_settings
from hoptoad.handlers import get_handler
from hoptoad.notice import Incident, Notice
from hoptoad.tally import tally

logger = logging.getLogger(__name__)

_FAILED = "A failure of the site could not be reported: django-hoptoad itself failed."


def report_exception(request: HttpRequest, error: BaseException) -> str | None:
    """Reports an uncaught exception, once. Returns the notice's id where one was handed over.

    Like everything here it raises nothing, and returns as soon as the handler has the bytes.
    """
    try:
        if not once.first_exception(request, error):
            return None
        return _pass_on(capture.incident(request, exception=error))
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


def report_status(request: HttpRequest, status: int) -> str | None:
    """Reports an answer by its status, where the settings want it and nothing else was seen."""
    try:
        if not wants_status(status) or not once.first_status(request):
            return None
        return _pass_on(capture.incident(request, status=status))
    except Exception:
        logger.exception(_FAILED)
        return None


def _pass_on(incident: Incident) -> str | None:
    settings = get_settings()
    if not settings.enabled:
        return None
    rule = filters.suppressed_by(incident, settings)
    if rule is not None:
        logger.debug("Not reported, because of %s: %s", rule, incident.path)
        return None

    def noticed() -> Notice:
        return capture.notice(incident, settings)

    if not storm.admits(incident, settings, capture=noticed, send=_hand_over):
        tally.count("suppressed")
        return None
    return _hand_over(noticed())


def _hand_over(notice: Notice) -> str:
    settings = get_settings()
    tally.count("captured")
    notice = replace(notice, lost=tally.counts()["dropped"])
    get_handler().enqueue(htv2.encode(notice), settings.timeout)
    return notice.id

"""The way of a failure that is to be reported: filters, storms, capture, the site's functions, a handler."""

from collections.abc import Callable
from contextvars import copy_context
from dataclasses import replace
from functools import partial
from typing import Any

from django.http import HttpRequest

from hoptoad_before import before, capture, digest, filters, once, scope, storm
from hoptoad_before.api.choice import encode
from hoptoad_before.conf import Settings, get_settings
from hoptoad_before.guard import guarded, log_exception
from hoptoad_before.handlers import get_handler
from hoptoad_before.marks import NOTICE_ID, REASON
from hoptoad_before.messages import get_logger
from hoptoad_before.notice import Incident, Notice
from hoptoad_before.tally import tally

logger = get_logger(__name__)

_MAX_UNANSWERED = 15


def exception(
    request: HttpRequest, error: BaseException, unless: Callable[[], bool] | None = None
) -> str | None:
    """An uncaught exception, once. Returns the notice's id where one was handed over."""

    def report() -> str | None:
        if not once.first_exception(request, error, uncaught=True):
            return None
        return _pass_on(capture.incident(request, exception=error), unless)

    return None if _waits_for_its_answer(request, error, report) else report()


def unanswered(code: int) -> None:
    """Reports the HTTP statuses raised in the current request that are not its answer."""
    unit = scope.current()
    if unit is None:
        return
    waiting, unit.unanswered = unit.unanswered, ()
    for error, report in waiting:
        if getattr(error, "http_code", 0) != code:
            report()


def status(request: HttpRequest, code: int, unless: Callable[[], bool] | None = None) -> str | None:
    """An answer by its status, where no exception led to it."""
    if not once.first_status(request, code):
        return None
    return _pass_on(capture.incident(request, status=code), unless)


def remember_reason(request: HttpRequest, error: BaseException, code: int) -> None:
    """Keeps the first reason for an answer that would be reported."""
    settings = get_settings()
    if REASON in request.__dict__:
        return
    if filters.suppressed_by(capture.incident(request, status=code), settings) is None:
        once.is_reason(request, error)
        request.__dict__[REASON] = capture.reason(request, error, settings)


def anything(
    error: BaseException | None, request: HttpRequest | None, *, uncaught: bool, **said: Any
) -> str | None:
    """What another integration than the middleware has seen; `said` are fields of Incident.

    Without a request, the one that the calling code works for is told.
    """
    if request is None:
        request = scope.current_request()

    def report() -> str | None:
        if error is not None and not once.first_exception(request, error, uncaught=uncaught):
            return None
        incident = capture.incident(request, exception=error) if request is not None else Incident()
        return _pass_on(replace(incident, is_request=False, exception=error, **said), None)

    is_waiting = error is not None and not uncaught and _waits_for_its_answer(request, error, report)
    return None if is_waiting else report()


def _waits_for_its_answer(
    request: HttpRequest | None, error: BaseException, report: Callable[[], str | None]
) -> bool:
    """Keeps a raised HTTP status until its request is answered, where that can be seen.

    With the context, because the block of `hoptoad_before.context` or the task it was raised in ends before.
    """
    if request is None or scope.current_request() is not request or not filters.is_answer(error):
        return False
    unit = scope.current()
    if unit is None or not unit.merges or unit.is_answered:
        return False
    unit.unanswered = (*unit.unanswered[-_MAX_UNANSWERED:], (error, partial(copy_context().run, report)))
    return True


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
    if _is_suppressed(incident, settings):
        tally.count("suppressed")
        return None
    return _numbered(incident, _hand_over(capture.notice(incident, settings)))


def _is_suppressed(incident: Incident, settings: Settings) -> bool:
    """Whether the 404 digest, chance or the rate limit keeps `incident` back."""
    is_link = digest.collects(incident, settings)
    if is_link and not digest.is_first(incident, settings):
        digest.add(incident, settings, send=_hand_over)
        return True
    if not storm.is_sampled(settings):
        return True
    key = storm.over_limit(incident, settings)
    if key is None:
        return False
    if is_link:  # not reported by itself, so the digest lists it
        digest.add(incident, settings, send=_hand_over)
    else:
        storm.suppress(key, capture=lambda: capture.notice(incident, settings), send=_hand_over)
    return True


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
        log_exception(logger, "A notice could not be encoded as it is: it goes without details.")
        return encode(before.bare(notice))

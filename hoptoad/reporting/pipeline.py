"""The steps of a report: duplicates, filters, rate limit, capture, HOPTOAD_BEFORE_NOTIFY, the handler."""

from collections.abc import Callable
from contextvars import copy_context
from dataclasses import replace
from functools import partial
from typing import Any, cast

from django.http import HttpRequest

from hoptoad.capture import build
from hoptoad.conf.loading import get_settings
from hoptoad.conf.settings import Settings
from hoptoad.delivery.stats import stats
from hoptoad.handlers.registry import TakesReports, handler_of, takes_reports
from hoptoad.notice import Incident, Notice, Snapshot
from hoptoad.reporting import duplicates, filters
from hoptoad.reporting.missing_pages import MissingPages, is_missing_page
from hoptoad.reporting.rate_limit import RateLimiter, is_sampled
from hoptoad.reporting.report import Report
from hoptoad.runtime import lifecycle, scope
from hoptoad.runtime.guards import guarded
from hoptoad.runtime.lifecycle import Ending
from hoptoad.runtime.messages import get_logger
from hoptoad.runtime.scope import NOTICE_ID, REASON

logger = get_logger(__name__)

_MAX_UNANSWERED = 15

Ignorable = Callable[[], bool]


class Pipeline:
    """Reports failures. What is suppressed in this process is counted here, and summed up.

    Its methods may raise; `reporter` guards the site from that. Threads may share it.
    """

    def __init__(self) -> None:
        self._rate_limiter = RateLimiter(_send)
        self._missing_pages = MissingPages(_send)
        lifecycle.track(self)
        lifecycle.at_exit(Ending.DIGESTS, self._missing_pages.flush)
        lifecycle.at_exit(Ending.SUMMARIES, self._rate_limiter.flush)

    def report_exception(
        self, request: HttpRequest, error: BaseException, unless: Ignorable | None = None
    ) -> str | None:
        """Reports an uncaught exception. Returns the notice's id where one was handed over."""

        def report() -> str | None:
            if not duplicates.first_exception(request, error, uncaught=True):
                return None
            return self._report(build.incident(request, exception=error), unless)

        return None if _is_kept_until_answered(request, error, report) else report()

    def report_unanswered(self, status: int) -> None:
        """Reports the HTTP statuses raised in the current request, unless they are its answer."""
        unit = scope.current()
        if unit is None:
            return
        waiting, unit.unanswered = unit.unanswered, ()
        for error, report in waiting:
            if getattr(error, "http_code", 0) != status:
                report()

    def report_status(self, request: HttpRequest, status: int, unless: Ignorable | None = None) -> str | None:
        """Reports an answer by its status, where no exception led to it."""
        if not duplicates.first_status(request, status):
            return None
        return self._report(build.incident(request, status=status), unless)

    def remember_reason(self, request: HttpRequest, error: BaseException, status: int) -> None:
        """Keeps the first exception that leads to an answer of this status, where that is reported."""
        settings = get_settings()
        if REASON in request.__dict__:
            return
        if filters.suppressed_by(build.incident(request, status=status), settings) is None:
            duplicates.set_reason(request, error)
            request.__dict__[REASON] = build.reason(request, error, settings)

    def report(
        self, error: BaseException | None, request: HttpRequest | None, *, uncaught: bool, **fields: Any
    ) -> str | None:
        """Reports a failure from outside the middleware; `fields` are those of Incident.

        Without a request, that of the calling code is used.
        """
        if request is None:
            request = scope.current_request()

        def report() -> str | None:
            if error is not None and not duplicates.first_exception(request, error, uncaught=uncaught):
                return None
            incident = build.incident(request, exception=error) if request is not None else Incident()
            return self._report(replace(incident, is_request=False, exception=error, **fields), None)

        is_kept = error is not None and not uncaught and _is_kept_until_answered(request, error, report)
        return None if is_kept else report()

    def flush_summaries(self) -> None:
        """Sends the 404 digest and the summaries of the rate limit now: for tests."""
        self._missing_pages.flush()
        self._rate_limiter.flush()

    def start_over(self) -> None:
        """Forgets what was counted: for a forked child, and for tests."""
        self._missing_pages.start_over()
        self._rate_limiter.start_over()

    def _report(self, incident: Incident, unless: Ignorable | None) -> str | None:
        settings = get_settings()
        if not settings.enabled:
            return None
        rule = filters.suppressed_by(incident, settings)
        if rule is None and unless is not None and guarded("is_ignorable", unless, False):
            rule = "is_ignorable"
        if rule is not None:
            logger.debug("Not reported, because of %s: %s", rule, incident.path)
            return None
        if self._is_suppressed(incident, settings):
            stats.count("suppressed")
            return None
        identity = _hand_over(build.snapshot(incident, settings), settings)
        if identity is not None and incident.request is not None:
            incident.request.__dict__.setdefault(NOTICE_ID, identity)  # for the page that the user sees
        return identity

    def _is_suppressed(self, incident: Incident, settings: Settings) -> bool:
        """Whether the 404 digest, chance or the rate limit suppresses `incident`."""
        in_digest = is_missing_page(incident, settings)
        if in_digest and not self._missing_pages.is_first(incident, settings):
            self._missing_pages.add(incident, settings)
            return True
        if not is_sampled(settings):
            return True
        key = self._rate_limiter.over_limit(incident, settings)
        if key is None:
            return False
        if in_digest:  # listed there, so no summary is needed
            self._missing_pages.add(incident, settings)
        else:
            self._rate_limiter.suppress(key, capture=lambda: build.notice(incident, settings))
        return True


def _is_kept_until_answered(
    request: HttpRequest | None, error: BaseException, report: Callable[[], str | None]
) -> bool:
    """Keeps a raised HTTP status until its request is answered. False where the answer cannot be seen.

    `report` later runs in a copy of this context: the block of `hoptoad.context` has ended by then.
    """
    if request is None or not filters.is_answer(error) or scope.current_request() is not request:
        return False
    unit = scope.current()
    if unit is None or not unit.merges or unit.is_answered:
        return False
    unit.unanswered = (*unit.unanswered[-_MAX_UNANSWERED:], (error, partial(copy_context().run, report)))
    return True


def _send(counted: Notice) -> None:
    """Sends what was counted in this process: a summary, or the digest of missing pages."""
    _hand_over(counted, get_settings())


def _hand_over(captured: Snapshot | Notice, settings: Settings) -> str | None:
    """Gives a report to the handler, or its bytes where that takes no reports. Returns the notice's id."""
    report = Report(captured, settings)
    stats.count("captured")
    handler = handler_of(settings)
    if takes_reports(type(handler)):
        cast(TakesReports, handler).submit(report)
        return report.id
    payload = report.payload()
    if payload is None:
        return None
    handler.enqueue(payload, report.timeout)
    return report.id


pipeline = Pipeline()

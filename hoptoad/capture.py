"""From an exception or a status, and the request it belongs to, to a scrubbed Notice."""

import platform
import re
import socket
import uuid
from dataclasses import replace
from functools import lru_cache
from http import HTTPStatus

import django
from django.conf import settings as django_settings
from django.http import HttpRequest
from django.utils.encoding import escape_uri_path

from hoptoad.conf import Settings
from hoptoad.failures import Describer
from hoptoad.guard import guarded
from hoptoad.httprequest import RequestReader, full_path, header, host
from hoptoad.masked import SLACK, Masked
from hoptoad.notice import ErrorInfo, Frame, Incident, Notice, RequestInfo, Server
from hoptoad.reporterclass import additions, path_of
from hoptoad.reporterfilter import ReporterFilter
from hoptoad.scrub import Budget, Names, Scrubber
from hoptoad.settled import settled
from hoptoad.text import cut
from hoptoad.variables import VariableReader
from hoptoad.viewname import UNKNOWN

_MAX_WHERE = 500
_SHARE_OF_FRAMES = 0.4  # what variables and source lines may take of a notice
_MAX_LINK = 1024
_NO_FRAME = (Frame("unknown", 0, "unknown"),)


def incident(request: HttpRequest, *, exception: BaseException | None = None, status: int = 0) -> Incident:
    """The cheap look that the filters judge by."""
    return Incident(
        exception=exception,
        status=status,
        path=guarded("path", lambda: full_path(request), ""),
        agent=guarded("agent", lambda: header(request, "HTTP_USER_AGENT"), ""),
        referrer=guarded("referrer", lambda: header(request, "HTTP_REFERER"), ""),
        host=guarded("host", lambda: host(request), ""),
        request=request,
    )


def notice(incident: Incident, settings: Settings, *, masked: Masked | None = None) -> Notice:
    """The whole story, already scrubbed: an unscrubbed Notice never exists.

    `masked` collects what was masked, and by which rule.
    """
    request = incident.request
    masked = Masked(settings.known_secrets) if masked is None else masked
    contract = ReporterFilter(request)
    scrubber = _scrubber(settings, contract, masked)
    budget = Budget(
        variables=settings.max_vars,
        chars=settings.max_chars,
        text=settings.max_text,
        depth=settings.max_depth,
    )
    error, causes = _errors(incident, contract, scrubber, budget, settings)
    request_info, user = RequestInfo(component=UNKNOWN), None
    if request is not None:
        reader = RequestReader(request, contract, scrubber, budget, settings)
        request_info, user = reader.info(), reader.user()
    masked.section = "extra"
    nothing: dict[object, object] = {}
    extra = guarded("exception reporter", lambda: additions(contract.request, incident.exception), nothing)
    if named := path_of(request):
        request_info = replace(request_info, cgi_data={"EXCEPTION_REPORTER": named, **request_info.cgi_data})
    built = replace(
        blank(error, settings),
        causes=causes,
        request=request_info,
        user=user,
        extra=scrubber.mapping(extra, budget) if extra else {},
    )
    return settled(built, budget, masked)


def link(incident: Incident, settings: Settings) -> tuple[str, str]:
    """The path of a request and where it came from, both scrubbed, without query strings of the path."""
    masked = Masked(settings.known_secrets)
    scrubber = _scrubber(settings, ReporterFilter(incident.request), masked)
    match = getattr(incident.request, "resolver_match", None)
    for name, value in (match.kwargs if match is not None else {}).items():
        if rule := scrubber.rule(name):
            scrubber.hide(value, name, rule)
    path = scrubber.text(incident.path.partition("?")[0][:_MAX_LINK])
    referrer = scrubber.text(incident.referrer[:_MAX_LINK])
    erase = masked.reappearing((path, referrer))
    return (erase(path), erase(referrer)) if erase is not None else (path, referrer)


def blank(error: ErrorInfo, settings: Settings) -> Notice:
    """A notice of `error` from this process, and nothing else in it."""
    return Notice(
        id=uuid.uuid4().hex,
        error=error,
        server=Server(
            project_root=settings.project_root,
            environment_name=settings.env_name,
            app_version=settings.app_version,
            hostname=socket.gethostname(),
        ),
        framework=f"Django: {django.get_version()}",
        language=f"Python/{platform.python_version()}",
    )


def _errors(
    incident: Incident, contract: ReporterFilter, scrubber: Scrubber, budget: Budget, settings: Settings
) -> tuple[ErrorInfo, tuple[ErrorInfo, ...]]:
    scrubber.masked.section, scrubber.masked.field = "error", "message"
    if incident.exception is None:
        return _status_error(incident, scrubber, budget), ()
    wants_detail = settings.local_variables or bool(settings.source_context)
    variables = VariableReader(
        contract,
        scrubber,
        budget.part(_SHARE_OF_FRAMES if wants_detail else 0),
        wanted=settings.local_variables,
        source_lines=settings.source_context,
    )
    failure = incident.exception
    guarded("marked variables", lambda: variables.remember_marked(failure, settings.max_frames), None)
    describer = Describer(
        scrub=scrubber.text,
        spend=budget.spend,
        project_root=settings.project_root,
        max_text=budget.window,
        max_frames=settings.max_frames,
        gem_paths=settings.gem_paths,
        short_class_names=settings.short_class_names,
        detail=variables.detailed if wants_detail else None,
    )
    error, causes = describer.describe(failure)
    return error if error.frames else replace(error, frames=_NO_FRAME), causes


def _status_error(incident: Incident, scrubber: Scrubber, budget: Budget) -> ErrorInfo:
    kind = f"Http{incident.status}"
    match = getattr(incident.request, "resolver_match", None)
    # A route groups all its pages into one problem; a path that no route knows stands for itself.
    if match is not None:
        where = f"/{match.route}"
    else:  # scrubbed before it is quoted: `;jsessionid=` is none after
        path = getattr(incident.request, "path", "")
        where = escape_uri_path(scrubber.text(cut(path, _MAX_WHERE + SLACK)))
    message = budget.spend(f"{kind}: {_phrase(incident.status)} at {where}", _MAX_WHERE)
    return ErrorInfo(kind, message, _NO_FRAME)


def _phrase(status: int) -> str:
    if status == HTTPStatus.NOT_FOUND:
        return "Page not found"  # as it has read since 0.2
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown status"


def _scrubber(settings: Settings, contract: ReporterFilter, masked: Masked) -> Scrubber:
    marked = dict.fromkeys(contract.sensitive, "sensitive_post_parameters")
    marked[django_settings.SESSION_COOKIE_NAME] = "SESSION_COOKIE_NAME"
    marked[django_settings.CSRF_COOKIE_NAME] = "CSRF_COOKIE_NAME"
    return Scrubber(
        _names(settings.protected_params), masked=masked, recognisers=settings.recognisers, marked=marked
    )


@lru_cache(maxsize=8)
def _names(protected: "tuple[str | re.Pattern[str], ...]") -> Names:
    return Names(protected)

"""From an exception or a status, and the request it belongs to, to a scrubbed Notice."""

import platform
import re
import socket
import uuid
from dataclasses import replace
from functools import lru_cache
from http import HTTPStatus
from typing import Any

import django
from django.conf import settings as django_settings
from django.http import HttpRequest

from hoptoad_before import contextvalues
from hoptoad_before.budget import Budget
from hoptoad_before.conf import Settings
from hoptoad_before.errorinfo import NO_FRAME, errors_of, finished, reason_of
from hoptoad_before.guard import guarded
from hoptoad_before.httprequest import RequestReader, full_path, header, host
from hoptoad_before.marks import REASON
from hoptoad_before.masked import Masked
from hoptoad_before.names import Names
from hoptoad_before.notice import ErrorInfo, Incident, Notice, Reason, RequestInfo, Server
from hoptoad_before.reporterclass import additions, path_of
from hoptoad_before.reporterfilter import ReporterFilter
from hoptoad_before.scrub import Scrubber
from hoptoad_before.settled import settled
from hoptoad_before.sqlguard import no_sql
from hoptoad_before.text import class_name, cut
from hoptoad_before.viewname import UNKNOWN

MAX_LINK = 512  # characters of a path or referrer in the digest of missing pages
_MAX_LINK_VARS = 200
_MAX_LINK_CHARS = 16_000
_FRAMEWORK = f"Django: {django.get_version()}"
_LANGUAGE = f"Python/{platform.python_version()}"


def incident(request: HttpRequest, *, exception: BaseException | None = None, status: int = 0) -> Incident:
    """The cheap look that the filters judge by."""
    is_missing = status == HTTPStatus.NOT_FOUND  # only then it matters who has the broken link
    return Incident(
        exception=exception,
        status=status,
        reason=request.__dict__.pop(REASON, None) if status else None,
        path=guarded("path", lambda: full_path(request), ""),
        agent=guarded("agent", lambda: header(request, "HTTP_USER_AGENT"), ""),
        referrer=guarded("referrer", lambda: header(request, "HTTP_REFERER"), "") if is_missing else "",
        host=guarded("host", lambda: host(request), "") if is_missing else "",
        request=request,
    )


def reason(request: HttpRequest, error: BaseException, settings: Settings) -> Reason:
    """What an exception says that Django answers with a status."""
    with no_sql():
        contract = ReporterFilter(request)
        scrubber = _scrubber(settings, contract, Masked())
        return reason_of(error, contract, scrubber, _budget(settings), settings)


def notice(incident: Incident, settings: Settings, *, masked: Masked | None = None) -> Notice:
    """The whole story, already scrubbed: an unscrubbed Notice never exists.

    `masked` collects what was masked, and by which rule.
    """
    with no_sql():
        return _notice(incident, settings, Masked(settings.known_secrets) if masked is None else masked)


def _notice(incident: Incident, settings: Settings, masked: Masked) -> Notice:
    request = incident.request
    contract = ReporterFilter(request)
    scrubber = _scrubber(settings, contract, masked)
    budget = _budget(settings)
    unread: tuple[ErrorInfo, tuple[ErrorInfo, ...]] = (_unread(incident), ())
    error, causes = guarded(
        "error", lambda: errors_of(incident, contract, scrubber, budget, settings), unread
    )
    if request is None:
        request_info, user = RequestInfo(component=UNKNOWN), None
    else:
        reader = RequestReader(request, contract, scrubber, budget, settings, error=incident.exception)
        request_info, user = reader.info(), reader.user()
    request_info = _completed(request_info, incident, scrubber, budget)
    masked.section = "extra"
    nothing: dict[object, object] = {}
    own = guarded("exception reporter", lambda: additions(contract, incident.exception), nothing)
    if named := path_of(request):
        request_info = replace(request_info, cgi_data={"EXCEPTION_REPORTER": named, **request_info.cgi_data})
    extra: dict[object, object] = {}
    for more in (incident.extra, contextvalues.values_for(incident.exception), own):
        extra.update(more)
    if incident.exception is not None and incident.message:
        extra["message"] = incident.message
    more_data = scrubber.mapping(extra, budget) if extra else {}
    if trail := contextvalues.trail():
        masked.field = "trail"
        more_data = {**more_data, "trail": scrubber.lines(trail, budget)}
    built = blank(
        error,
        settings,
        severity=incident.severity,
        causes=causes,
        request=request_info,
        user=user,
        extra=more_data,
    )
    return finished(settled(built, budget, masked), incident, settings)


def _budget(settings: Settings) -> Budget:
    return Budget(
        variables=settings.max_vars,
        chars=settings.max_chars,
        text=settings.max_text,
        depth=settings.max_depth,
    )


def _unread(incident: Incident) -> ErrorInfo:
    """The little that is certain of a failure."""
    error = incident.exception
    kind = class_name(type(error)) if error is not None else incident.kind or f"Http{incident.status}"
    return ErrorInfo(kind, f"{kind}: [could not be read]", NO_FRAME)


def link(incident: Incident, settings: Settings) -> tuple[str, str]:
    """The path of a request and its referrer, masked as in a notice. Far cheaper than a notice."""
    request = incident.request
    if request is None:
        return "", ""
    with no_sql():
        masked = Masked(settings.known_secrets)
        contract = ReporterFilter(request)
        budget = Budget(
            variables=_MAX_LINK_VARS, chars=_MAX_LINK_CHARS, text=MAX_LINK, depth=settings.max_depth
        )
        for text in incident.reason.hidden if incident.reason is not None else ():
            masked.remember(text)
        reader = RequestReader(request, contract, _scrubber(settings, contract, masked), budget, settings)
        read = blank(ErrorInfo("Http404", "Http404"), settings, request=reader.link())
        told = settled(read, budget, masked).request
    # Not by urlsplit, which refuses a host that a visitor has made up.
    path = "/" + "".join(told.url.split("/", 3)[3:]).partition("?")[0]
    return cut(path, MAX_LINK), cut(str(told.cgi_data.get("HTTP_REFERER", "")), MAX_LINK)


def blank(error: ErrorInfo, settings: Settings, **more: Any) -> Notice:
    """A notice of `error` from this process, and of `more` only what is given."""
    return Notice(
        id=uuid.uuid4().hex,
        error=error,
        server=_server(
            settings.project_root,
            settings.env_name,
            settings.app_version,
            socket.gethostname(),
            settings.revision,
        ),
        framework=_FRAMEWORK,
        language=_LANGUAGE,
        **more,
    )


@lru_cache(maxsize=8)
def _server(
    project_root: str, environment_name: str, app_version: str, hostname: str, revision: str
) -> Server:
    return Server(
        project_root=project_root,
        environment_name=environment_name,
        app_version=app_version,
        hostname=hostname,
        revision=revision,
    )


def _completed(request: RequestInfo, incident: Incident, scrubber: Scrubber, budget: Budget) -> RequestInfo:
    """The request with what the door has to say of itself."""
    if incident.component or incident.action:
        request = replace(request, component=incident.component or UNKNOWN, action=incident.action)
    if incident.params:
        scrubber.masked.section = "params"
        given: dict[object, object] = guarded("params", lambda: dict(incident.params.items()), {})
        params = scrubber.mapping(given, budget)
        request = replace(request, params={**request.params, **params})
    return request


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

"""From an exception or a status, and the request it belongs to, to a Snapshot."""

import platform
import secrets
import socket
import time
from dataclasses import replace
from functools import lru_cache
from typing import Any

import django
from django.http import HttpRequest

from hoptoad.capture import context
from hoptoad.capture.data import DataReader, Origin
from hoptoad.capture.exception import MAX_WHERE, NO_FRAME, arguments_of, errors_of, finished, reason_of
from hoptoad.capture.meta import header, host
from hoptoad.capture.project import revision_of
from hoptoad.capture.reporter_filter import ReporterFilter, additions, path_of
from hoptoad.capture.request import RequestReader, full_path
from hoptoad.capture.values import class_name
from hoptoad.capture.view import UNKNOWN
from hoptoad.conf.loading import get_settings
from hoptoad.conf.settings import Settings
from hoptoad.notice import (
    NOTHING,
    Data,
    ErrorInfo,
    Incident,
    Limits,
    Notice,
    Reason,
    RequestInfo,
    Server,
    Snapshot,
    User,
)
from hoptoad.redaction.cutting import SLACK, Room, cut
from hoptoad.redaction.policy import policy_of
from hoptoad.redaction.redact import Redacted, redact
from hoptoad.runtime import scope
from hoptoad.runtime.guards import guarded
from hoptoad.runtime.messages import get_logger
from hoptoad.runtime.no_sql import no_sql
from hoptoad.runtime.scope import REASON

logger = get_logger(__name__)

_SHARE_OF_DETAILS = 0.4  # of HOPTOAD_MAX_CHARS, for variables and source lines
MAX_ADDRESS = 512  # characters of a path or referrer in the digest of missing pages
_MAX_ADDRESS_VALUES = 200
_MAX_ADDRESS_CHARS = 16_000
_FRAMEWORK = f"Django: {django.get_version()}"
_LANGUAGE = f"Python/{platform.python_version()}"


def incident(request: HttpRequest, *, exception: BaseException | None = None, status: int = 0) -> Incident:
    """An Incident: the little that the filters need, cheap to read."""
    is_missing = status == 404  # only the 404 digest needs referrer and host
    return Incident(
        exception=exception,
        status=status,
        reason=request.__dict__.pop(REASON, None) if status else None,
        path=guarded("path", full_path, "", request),
        agent=guarded("agent", header, "", request, "HTTP_USER_AGENT"),
        referrer=guarded("referrer", header, "", request, "HTTP_REFERER") if is_missing else "",
        host=guarded("host", host, "", request, get_settings()) if is_missing else "",
        request=request,
    )


def reason(request: HttpRequest, error: BaseException, settings: Settings) -> Reason:
    """The text of an exception that Django turns into a response, such as PermissionDenied."""
    with no_sql():
        reporter_filter = ReporterFilter(request, settings)
        return reason_of(
            error, reporter_filter, _reader(settings, reporter_filter), _room(settings), settings
        )


def notice(incident: Incident, settings: Settings) -> Notice:
    """A notice of the incident, captured and redacted in this thread."""
    return redacted(snapshot(incident, settings), settings).notice


def redacted(snapshot: Snapshot, settings: Settings) -> Redacted:
    """The notice of a snapshot, and what was masked in it."""
    done = redact(snapshot, policy_of(settings))
    if done.problem:  # without a traceback, which would hold what is not redacted
        logger.error("A notice goes without details: %s", done.problem)
    return done._replace(notice=finished(done.notice, snapshot, settings))


def snapshot(incident: Incident, settings: Settings) -> Snapshot:
    """A Snapshot of what is in memory. Asks the site's filter and reporter class, and runs no SQL."""
    with no_sql():
        return _snapshot(incident, settings)


def _snapshot(incident: Incident, settings: Settings) -> Snapshot:
    request, failure = incident.request, incident.exception
    reporter_filter = ReporterFilter(request, settings)
    reader, room = _reader(settings, reporter_filter), _room(settings)
    wants_details = settings.local_variables or bool(settings.source_context)
    details = room.part(_SHARE_OF_DETAILS) if wants_details and failure is not None else None
    share = int(settings.max_chars * _SHARE_OF_DETAILS) if details is not None else 0
    limits = Limits(
        text=settings.max_text,
        chars=settings.max_chars - share,
        details=share,
        message=MAX_WHERE if incident.status else 0,
    )
    errors = guarded(
        "error",
        lambda: errors_of(incident, reporter_filter, reader, settings, room=room, details=details),
        None,
    )
    error, causes = errors or (_unread(incident), ())
    request_info, user = _request(incident, reporter_filter, reader, room, settings)
    raw = blank(
        error,
        settings,
        severity=incident.severity,
        causes=causes,
        request=request_info,
        user=user,
        extra=_extra(incident, reporter_filter, reader, room),
    )
    match = getattr(request, "resolver_match", None)
    return Snapshot(
        raw=raw,
        hidden=reader.hidden,
        limits=limits,
        marked=reader.marked,
        is_status=bool(incident.status),
        is_routed=bool(incident.status) and match is not None,
        arguments=arguments_of(request) if incident.status else {},
        is_full=reader.is_full,
    )


def _request(
    incident: Incident, reporter_filter: ReporterFilter, reader: DataReader, room: Room, settings: Settings
) -> tuple[RequestInfo, User | None]:
    more: dict[Any, Any] = {}
    if incident.params:
        more = guarded("params", lambda: dict(incident.params.items()), more)
    if incident.request is None:
        params: Data = reader.mapping(more, room, Origin("params")) if more else NOTHING
        request_info, user = RequestInfo(component=UNKNOWN, params=params), None
    else:
        request_reader = RequestReader(
            incident.request, reporter_filter, reader, room, settings, error=incident.exception
        )
        request_info, user = request_reader.info(more), request_reader.user()
    if named := path_of(incident.request):
        request_info = replace(request_info, cgi_data={"EXCEPTION_REPORTER": named, **request_info.cgi_data})
    if incident.component or incident.action:
        request_info = replace(request_info, component=incident.component or UNKNOWN, action=incident.action)
    return request_info, user


def _extra(incident: Incident, reporter_filter: ReporterFilter, reader: DataReader, room: Room) -> Data:
    """The values that the site adds, and the breadcrumbs."""
    failure = incident.exception
    nothing: dict[object, object] = {}
    unit = scope.current()
    own = guarded("exception reporter", additions, nothing, reporter_filter, failure)
    given: dict[Any, Any] = {**incident.extra, **context.values_for(failure, unit), **own}
    if failure is not None and incident.message:
        given["message"] = incident.message
    extra: Data = reader.mapping(given, room, Origin("extra")) if given else NOTHING
    trail = context.trail(unit)
    return {**extra, "trail": reader.lines([line for line, _ in trail], room)} if trail else extra


def _room(settings: Settings) -> Room:
    return Room(
        values=settings.max_vars,
        chars=settings.max_chars + 2 * SLACK,  # a masked text takes less room than what it hides
        text=settings.max_text,
        depth=settings.max_depth,
    )


def _reader(settings: Settings, reporter_filter: ReporterFilter) -> DataReader:
    marked = dict.fromkeys(reporter_filter.sensitive, "sensitive_post_parameters")
    marked[settings.django.session_cookie_name] = "SESSION_COOKIE_NAME"
    marked[settings.django.csrf_cookie_name] = "CSRF_COOKIE_NAME"
    return DataReader(policy_of(settings).names, marked)


def _unread(incident: Incident) -> ErrorInfo:
    """The error where reading it has failed: its class alone."""
    error = incident.exception
    kind = class_name(type(error)) if error is not None else incident.kind or f"Http{incident.status}"
    return ErrorInfo(kind, f"{kind}: [could not be read]", NO_FRAME)


def path_and_referrer(incident: Incident, settings: Settings) -> tuple[str, str]:
    """The path and the referrer of a request for the 404 digest, redacted. Far cheaper than a notice."""
    request = incident.request
    if request is None:
        return "", ""
    with no_sql():
        reporter_filter = ReporterFilter(request, settings)
        reader = _reader(settings, reporter_filter)
        room = Room(
            values=_MAX_ADDRESS_VALUES, chars=_MAX_ADDRESS_CHARS, text=MAX_ADDRESS, depth=settings.max_depth
        )
        for secret in incident.reason.hidden if incident.reason is not None else ():
            reader.add(secret.value, secret.name, secret.rule, Origin("error"))
        read = RequestReader(request, reporter_filter, reader, room, settings).address_and_referrer()
    raw = blank(ErrorInfo("Http404", "Http404"), settings, request=read)
    limits = Limits(text=MAX_ADDRESS, chars=_MAX_ADDRESS_CHARS)
    taken = Snapshot(
        raw=raw, hidden=reader.hidden, limits=limits, marked=reader.marked, is_full=reader.is_full
    )
    shown = redacted(taken, settings).notice.request
    # Not urlsplit: it raises ValueError for a malformed host.
    path = "/" + "".join(shown.url.split("/", 3)[3:]).partition("?")[0]
    return cut(path, MAX_ADDRESS), cut(str(shown.cgi_data.get("HTTP_REFERER", "")), MAX_ADDRESS)


def blank(error: ErrorInfo, settings: Settings, **more: Any) -> Notice:
    """A notice of `error` from this process, with no request. `more` are further fields."""
    return Notice(
        id=secrets.token_hex(16),
        error=error,
        server=_server(settings),
        framework=_FRAMEWORK,
        language=_LANGUAGE,
        time=time.time(),
        **more,
    )


@lru_cache(maxsize=8)
def _server(settings: Settings) -> Server:
    return Server(
        project_root=settings.project_root,
        environment_name=settings.env_name,
        app_version=settings.app_version,
        hostname=socket.gethostname(),
        revision=revision_of(settings),
    )

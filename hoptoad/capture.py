"""From an exception or a status, and the request it belongs to, to a scrubbed Notice."""

import platform
import re
import socket
import uuid
from dataclasses import replace
from functools import lru_cache
from http import HTTPStatus

import django
from django.http import HttpRequest
from django.utils.encoding import escape_uri_path

from hoptoad.conf import Settings
from hoptoad.failures import Describer
from hoptoad.httprequest import RequestReader, full_path, guarded, header
from hoptoad.notice import ErrorInfo, Frame, Incident, Notice, RequestInfo, Server
from hoptoad.scrub import Budget, Scrubber
from hoptoad.text import cut
from hoptoad.viewname import UNKNOWN

_MAX_WHERE = 500
_NO_FRAME = (Frame("unknown", 0, "unknown"),)


def incident(request: HttpRequest, *, exception: BaseException | None = None, status: int = 0) -> Incident:
    """The cheap look that the filters judge by."""
    return Incident(
        exception=exception,
        status=status,
        path=guarded("path", lambda: full_path(request), ""),
        agent=guarded("agent", lambda: header(request, "HTTP_USER_AGENT"), ""),
        request=request,
    )


def notice(incident: Incident, settings: Settings) -> Notice:
    """The whole story, already scrubbed: an unscrubbed Notice never exists."""
    scrubber = _scrubber(settings.protected_params)
    budget = Budget(
        variables=settings.max_vars,
        chars=settings.max_chars,
        text=settings.max_text,
        depth=settings.max_depth,
    )
    error, causes = _errors(incident, scrubber, budget, settings)
    request_info, user = RequestInfo(component=UNKNOWN), None
    if incident.request is not None:
        reader = RequestReader(incident.request, scrubber, budget, settings)
        request_info, user = reader.info(), reader.user()
    return Notice(
        id=uuid.uuid4().hex,
        error=error,
        causes=causes,
        request=request_info,
        server=Server(
            project_root=settings.project_root,
            environment_name=settings.env_name,
            app_version=settings.app_version,
            hostname=socket.gethostname(),
        ),
        user=user,
        framework=f"Django: {django.get_version()}",
        language=f"Python/{platform.python_version()}",
    )


def _errors(
    incident: Incident, scrubber: Scrubber, budget: Budget, settings: Settings
) -> tuple[ErrorInfo, tuple[ErrorInfo, ...]]:
    if incident.exception is None:
        return _status_error(incident, scrubber), ()
    describer = Describer(
        scrub=scrubber.text,
        spend=budget.spend,
        project_root=settings.project_root,
        max_text=settings.max_text,
        max_frames=settings.max_frames,
        gem_paths=settings.gem_paths,
        short_class_names=settings.short_class_names,
    )
    error, causes = describer.describe(incident.exception)
    return error if error.frames else replace(error, frames=_NO_FRAME), causes


def _status_error(incident: Incident, scrubber: Scrubber) -> ErrorInfo:
    kind = f"Http{incident.status}"
    match = getattr(incident.request, "resolver_match", None)
    # A route groups all its pages into one problem; a path that no route knows stands for itself.
    if match is not None:
        where = f"/{match.route}"
    else:  # scrubbed before it is quoted: `;jsessionid=` is none after
        where = escape_uri_path(scrubber.text(getattr(incident.request, "path", "")))
    message = f"{kind}: {_phrase(incident.status)} at {cut(where, _MAX_WHERE)}"
    return ErrorInfo(kind, message, _NO_FRAME)


def _phrase(status: int) -> str:
    if status == HTTPStatus.NOT_FOUND:
        return "Page not found"  # as it has read since 0.2
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown status"


@lru_cache(maxsize=8)
def _scrubber(protected: "tuple[str | re.Pattern[str], ...]") -> Scrubber:
    return Scrubber(protected)

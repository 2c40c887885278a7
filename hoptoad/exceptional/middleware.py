"""The middleware that answers the statuses that views raise."""

import logging
import sys
from collections.abc import Callable
from typing import Any, cast

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.core.exceptions import BadRequest, PermissionDenied, SuspiciousOperation
from django.core.signals import got_request_exception
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.http.multipartparser import MultiPartParserError
from django.utils.log import log_response

from hoptoad.exceptional import rendering
from hoptoad.exceptional.base import RareHttpResponse
from hoptoad.exceptional.rendering import set_renderer
from hoptoad.exceptional.responses import (
    HttpBadRequest,
    HttpForbidden,
    HttpNotFound,
    HttpServerError,
)

__all__ = ["ExceptionalMiddleware", "set_renderer"]


class ExceptionalMiddleware:
    """Answers RareHttpResponse, or with EXCEPTIONAL_INVASION every exception, from a view. Sync and async.

    While DEBUG is on it answers only redirects, so that Django shows its debug page.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponseBase | None:
        """The answer to the exception of a view, or None to leave it to Django."""
        return respond(request, exception, render=self.render)

    def render(self, request: HttpRequest, template_name: str, context: dict[str, Any]) -> HttpResponseBase:
        """Renders every page; status and headers are set afterwards. Subclasses may override it."""
        return rendering.chosen()(request, template_name, context)


def respond(
    request: HttpRequest, exception: BaseException, *, render: "rendering.Renderer"
) -> HttpResponseBase | None:
    """The answer to `exception`, or None to leave it to Django."""
    rare = _rare(exception)
    if rare is None or (settings.DEBUG and rare.http_code >= 400):
        return None
    _log_suspicion(request, exception)
    if rare.http_code >= 500:
        # As Django does with unanswered exceptions. Receivers, such as a notifier, find the original
        # exception by sys.exc_info().
        got_request_exception.send_robust(sender=None, request=request)
    response = rendering.answer(request, rare, render=render)
    if rare.http_code >= 500:
        log_response(
            "%s: %s",
            response.reason_phrase,
            request.path,
            response=cast(HttpResponse, response),
            request=request,
            exception=exception if isinstance(exception, Exception) else None,
        )
    return response


def current_answer(request: HttpRequest, otherwise: type[RareHttpResponse]) -> HttpResponseBase:
    """The answer to the exception being handled, for the handlers of a URLconf.

    Django has sent its signal before, and logs the answer afterwards.
    """
    error = sys.exc_info()[1]
    rare = _rare(error, invade=True) if error is not None else None
    return rendering.answer(request, rare if rare is not None else otherwise())


def _rare(exception: BaseException, *, invade: bool | None = None) -> RareHttpResponse | None:
    if isinstance(exception, RareHttpResponse):
        return exception
    if invade is None:
        invade = bool(getattr(settings, "EXCEPTIONAL_INVASION", False))
    if not invade or not isinstance(exception, Exception):
        return None
    rare = _counterpart(exception)()
    rare.__cause__ = exception  # with its traceback, for templates and notifiers
    return rare


def _counterpart(exception: Exception) -> type[RareHttpResponse]:
    if isinstance(exception, Http404):
        return HttpNotFound
    if isinstance(exception, PermissionDenied):
        return HttpForbidden
    if isinstance(exception, (BadRequest, SuspiciousOperation, MultiPartParserError)):
        return HttpBadRequest
    return HttpServerError


def _log_suspicion(request: HttpRequest, exception: BaseException) -> None:
    """Logs as Django does when it answers with 400."""
    if isinstance(exception, SuspiciousOperation):
        logging.getLogger(f"django.security.{type(exception).__name__}").error(
            str(exception), exc_info=exception, extra={"status_code": 400, "request": request}
        )

"""The middleware that answers what was raised."""

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
from hoptoad.exceptional.rendering import set_renderer
from hoptoad.exceptional.responses import (
    HttpBadRequest,
    HttpForbidden,
    HttpNotFound,
    HttpServerError,
    RareHttpResponse,
)

__all__ = ["ExceptionalMiddleware", "set_renderer"]


class ExceptionalMiddleware:
    """Answers RareHttpResponse raised in a view, with EXCEPTIONAL_INVASION any exception. Sync and async.

    While DEBUG is on only redirects are answered, so that the debug page stays what it is.
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
        """Called by Django with what a view raised; None leaves it to Django."""
        return respond(request, exception, render=self.render)

    def render(self, request: HttpRequest, template_name: str, context: dict[str, Any]) -> HttpResponseBase:
        """For subclasses: renders every page. Its status and headers are set afterwards."""
        return rendering.chosen()(request, template_name, context)


def respond(
    request: HttpRequest, exception: BaseException, *, render: "rendering.Renderer | None" = None
) -> HttpResponseBase | None:
    """The answer to `exception`, or None where it is Django's to answer."""
    rare = _rare(exception)
    if rare is None or (settings.DEBUG and rare.http_code >= 400):
        return None
    _log_suspicion(request, exception)
    if rare.http_code >= 500:
        # As Django does where nobody answers: whoever listens, a notifier for one, finds the
        # original exception to be the current one.
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
    """For the handlers of a URLconf: the answer to what is being handled just now.

    Django has told its signal by then, and logs the answer itself.
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
    rare.__cause__ = exception  # with its traceback, for templates and for whoever reports it
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
    """As Django does for what it answers with 400 itself."""
    if isinstance(exception, SuspiciousOperation):
        logging.getLogger(f"django.security.{type(exception).__name__}").error(
            str(exception), exc_info=exception, extra={"status_code": 400, "request": request}
        )

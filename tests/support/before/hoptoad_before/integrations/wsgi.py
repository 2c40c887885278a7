"""Failures of a WSGI application outside Django's handlers: what the server alone would see."""

import io
from collections.abc import Callable, Iterable
from typing import Any

from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest

from hoptoad_before import reporter
from hoptoad_before.messages import get_logger
from hoptoad_before.scope import begin_server_request, end

logger = get_logger(__name__)

Environ = dict[str, Any]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]


class HoptoadWSGI:
    """`application = HoptoadWSGI(get_wsgi_application())`, or around a middleware of WSGI.

    Reports what reaches the server: a middleware that returned None, a request that could not be
    made, and SystemExit, by which gunicorn ends a request that takes too long. Exceptions are
    reported and go on; what the middleware has seen is not reported again.
    """

    def __init__(self, application: Application) -> None:
        self._application = application

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        unit = begin_server_request()  # shared with the middleware's
        try:
            return self._application(environ, start_response)
        except (Exception, SystemExit) as error:
            unit.request = _request(environ)
            _report(error, environ, unit.request)
            raise
        finally:
            end(unit)


def _report(error: BaseException, environ: Environ, request: HttpRequest | None) -> None:
    path = environ.get("PATH_INFO", "")
    extra = {"wsgi": {"path": path}}
    reporter.report(error, request=request, component="wsgi", action="http", extra=extra, uncaught=True)


def _request(environ: Environ) -> HttpRequest | None:
    """The environ as a request whose body nobody has read. None where that is the very failure."""
    try:
        return WSGIRequest({**environ, "wsgi.input": io.BytesIO()})
    except Exception:
        logger.debug("No request could be made of a failing environ.", exc_info=True)
        return None

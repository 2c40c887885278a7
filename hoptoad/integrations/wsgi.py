"""Reports failures of a WSGI application outside Django, which only the server would see."""

import io
from collections.abc import Callable, Iterable
from typing import Any

from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest

from hoptoad.reporting import reporter
from hoptoad.runtime.messages import get_logger
from hoptoad.runtime.scope import begin_server_request, end

logger = get_logger(__name__)

Environ = dict[str, Any]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]


class HoptoadWSGI:
    """`application = HoptoadWSGI(get_wsgi_application())`, or around a middleware of WSGI.

    Reports exceptions that reach the server: from a middleware that returned None, a malformed
    request, and SystemExit, by which gunicorn ends a request that takes too long. They are raised on.
    What the middleware has seen is not reported again.
    """

    def __init__(self, application: Application) -> None:
        self._application = application

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        unit = begin_server_request()  # shared with the middleware
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
    """The environ as a request without its body. None where it is too malformed for one."""
    try:
        return WSGIRequest({**environ, "wsgi.input": io.BytesIO()})
    except Exception:
        logger.debug("A failure is reported without its request: the environ is malformed.", exc_info=True)
        return None

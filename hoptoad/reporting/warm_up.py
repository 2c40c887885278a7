"""Loads what reporting needs before the first failure, which would wait for it."""

from io import BytesIO

from django.core.handlers.wsgi import WSGIRequest

from hoptoad.conf.loading import get_settings
from hoptoad.handlers.registry import handler_class
from hoptoad.notice import Incident
from hoptoad.runtime import threads
from hoptoad.runtime.lifecycle import importing
from hoptoad.runtime.messages import get_logger

logger = get_logger(__name__)


def warm_up() -> None:
    """Imports what reporting needs, and encodes one notice that is not sent. Raises nothing."""
    try:
        settings = get_settings()
        if not settings.enabled:
            return
        with importing:
            from hoptoad.api.registry import encode
            from hoptoad.capture import build
            from hoptoad.delivery import connection  # noqa: F401 - loaded only
            from hoptoad.reporting import manual, pipeline  # noqa: F401 - loaded only

            handler_class(settings.handler, settings.handler_class)
            threads.may_start()
            encode(build.notice(Incident(exception=_error(), request=_request()), settings))
    except Exception:
        logger.exception("hoptoad.warm_up() failed. The first failing request will take longer.")


def _error() -> Exception:
    try:
        raise LookupError("hoptoad.warm_up()")
    except LookupError as error:
        return error


def _request() -> WSGIRequest:
    return WSGIRequest(
        {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": "/",
            "QUERY_STRING": "q=hoptoad.warm_up()",
            "HTTP_COOKIE": "q=hoptoad",
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "wsgi.url_scheme": "http",
            "wsgi.input": BytesIO(),
        }
    )

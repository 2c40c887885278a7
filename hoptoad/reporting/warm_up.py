"""What the first failing request would otherwise wait for, done before there is one."""

from io import BytesIO

from django.core.handlers.wsgi import WSGIRequest

from hoptoad.conf.loading import get_settings
from hoptoad.handlers.registry import handler_class
from hoptoad.notice import Incident
from hoptoad.runtime import threads
from hoptoad.runtime.lifecycle import importing, when_needed
from hoptoad.runtime.messages import get_logger

logger = get_logger(__name__)


def warm_up() -> None:
    """Imports what reporting needs, and makes one notice that goes nowhere. Raises nothing."""
    try:
        settings = get_settings()
        if not settings.enabled:
            return
        with importing:
            handler_class(settings.handler, settings.handler_class)
            when_needed("hoptoad.reporting.pipeline")
            when_needed("hoptoad.delivery.connection")
            when_needed("hoptoad.reporting.manual")
            threads.may_start()
            incident = Incident(exception=_made_up(), request=_request())
            notice = when_needed("hoptoad.capture.build").notice(incident, settings)
            when_needed("hoptoad.api.registry").encode(notice)
    except Exception:
        logger.exception("django-hoptoad could not be warmed up. The first failing request will take longer.")


def _made_up() -> Exception:
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

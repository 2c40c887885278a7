"""What the first failing request would otherwise wait for, done before there is one."""

from io import BytesIO

from django.core.handlers.wsgi import WSGIRequest

from hoptoad_before import threads
from hoptoad_before.conf import get_settings
from hoptoad_before.handlers.base import handler_class
from hoptoad_before.imports import importing, when_needed
from hoptoad_before.messages import get_logger
from hoptoad_before.notice import Incident

logger = get_logger(__name__)


def warm_up() -> None:
    """Imports what reporting needs, and makes one notice that goes nowhere. Raises nothing."""
    try:
        settings = get_settings()
        if not settings.enabled:
            return
        with importing:
            handler_class(settings.handler, settings.handler_class)
            when_needed("hoptoad_before.pipeline")
            when_needed("hoptoad_before.connection")
            when_needed("hoptoad_before.doors")
            threads.may_start()
            incident = Incident(exception=_made_up(), request=_request())
            notice = when_needed("hoptoad_before.capture").notice(incident, settings)
            when_needed("hoptoad_before.api.choice").encode(notice)
    except Exception:
        logger.exception("django-hoptoad could not be warmed up. The first failing request will take longer.")


def _made_up() -> Exception:
    try:
        raise LookupError("hoptoad_before.warm_up()")
    except LookupError as error:
        return error


def _request() -> WSGIRequest:
    return WSGIRequest(
        {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": "/",
            "QUERY_STRING": "q=hoptoad_before.warm_up()",
            "HTTP_COOKIE": "q=hoptoad_before",
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "wsgi.url_scheme": "http",
            "wsgi.input": BytesIO(),
        }
    )

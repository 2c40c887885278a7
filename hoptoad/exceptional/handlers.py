"""`handler400`, `handler403`, `handler404` and `handler500` for a URLconf.

They answer what no middleware's `process_exception` is asked about: URLs that no pattern matches, and
statuses that are raised in other middleware.
"""

from typing import Any

from django.http import HttpRequest, HttpResponseBase

from hoptoad.exceptional.middleware import current_answer
from hoptoad.exceptional.responses import HttpBadRequest, HttpForbidden, HttpNotFound, HttpServerError


def handler400(request: HttpRequest, exception: Any = None) -> HttpResponseBase:
    """Answers a bad or suspicious request."""
    return current_answer(request, HttpBadRequest)


def handler403(request: HttpRequest, exception: Any = None) -> HttpResponseBase:
    """Answers a request that was refused."""
    return current_answer(request, HttpForbidden)


def handler404(request: HttpRequest, exception: Any = None) -> HttpResponseBase:
    """Answers a request for what is not there."""
    return current_answer(request, HttpNotFound)


def handler500(request: HttpRequest) -> HttpResponseBase:
    """Answers what nobody has answered; a status that was raised in a middleware keeps its code."""
    return current_answer(request, HttpServerError)

"""`handler400`, `handler403`, `handler404` and `handler500` for a URLconf.

They answer what Django does not pass to a middleware's `process_exception`: URLs that no pattern matches,
and statuses that other middleware raises.
"""

from typing import Any

from django.http import HttpRequest, HttpResponseBase

from hoptoad.exceptional.middleware import current_answer
from hoptoad.exceptional.responses import HttpBadRequest, HttpForbidden, HttpNotFound, HttpServerError


def handler400(request: HttpRequest, exception: Any = None) -> HttpResponseBase:
    """Answers a bad or suspicious request."""
    return current_answer(request, HttpBadRequest)


def handler403(request: HttpRequest, exception: Any = None) -> HttpResponseBase:
    """Answers a refused request."""
    return current_answer(request, HttpForbidden)


def handler404(request: HttpRequest, exception: Any = None) -> HttpResponseBase:
    """Answers a request for a missing page."""
    return current_answer(request, HttpNotFound)


def handler500(request: HttpRequest) -> HttpResponseBase:
    """Answers any other exception. A status that a middleware raised keeps its code."""
    return current_answer(request, HttpServerError)

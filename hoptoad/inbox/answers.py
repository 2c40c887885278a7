"""The answers of the ingest views, as the servers of the protocol give them."""

import json
import math
from xml.sax.saxutils import escape

from django.http import HttpRequest, HttpResponse

CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "POST, OPTIONS",
    "Access-Control-Allow-Headers": "Content-Type, Authorization, X-Airbrake-Token, Origin, Accept",
    "Access-Control-Expose-Headers": "Retry-After, X-RateLimit-Delay",  # @airbrake/browser waits for it
    "Access-Control-Max-Age": "86400",
}


class Refused(Exception):
    """An ingest view refuses a document. `app_id` is its app, if known."""

    def __init__(self, status: int, reason: str, *, delay: float = 0.0, app_id: int | None = None) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.delay = delay  # seconds until the client should come again
        self.app_id = app_id


def accepted_v2(identity: str, url: str) -> HttpResponse:
    """`<notice><id>..</id><url>..</url></notice>`"""
    body = f"<notice><id>{escape(identity)}</id><url>{escape(url)}</url></notice>"
    return HttpResponse(body, content_type="text/xml; charset=utf-8")


def accepted_v3(identity: str, url: str) -> HttpResponse:
    """201 with `id` and `url`."""
    return _json(201, {"id": identity, "url": url})


def refused_v2(refused: Refused) -> HttpResponse:
    """The documented `<errors>`, with the reason that a client's log shows."""
    body = f"<errors><error>{escape(refused.reason)}</error></errors>"
    return _delayed(
        HttpResponse(body, status=refused.status, content_type="text/xml; charset=utf-8"), refused
    )


def refused_v3(refused: Refused) -> HttpResponse:
    """`message`, which the clients log."""
    return _delayed(_json(refused.status, {"code": refused.status, "message": refused.reason}), refused)


def preflight(request: HttpRequest) -> HttpResponse:
    """The answer to a browser that asks whether it may send."""
    return HttpResponse(status=200, headers=CORS)


def _json(status: int, value: object) -> HttpResponse:
    return HttpResponse(json.dumps(value), status=status, content_type="application/json", headers=CORS)


def _delayed(answer: HttpResponse, refused: Refused) -> HttpResponse:
    if refused.delay:
        seconds = str(math.ceil(refused.delay))
        answer["Retry-After"] = answer["X-RateLimit-Delay"] = seconds
    return answer

"""The exceptions: one for each status of HTTP from 400 to 599, and one for redirects.

Statuses: RFC 9110, section 15, and the registry at
https://www.iana.org/assignments/http-status-codes/http-status-codes.xhtml
"""

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import BadRequest, PermissionDenied
from django.http import Http404
from django.shortcuts import resolve_url
from django.urls import NoReverseMatch
from django.utils.encoding import iri_to_uri

from hoptoad.exceptional.base import Challenging, Waiting
from hoptoad.exceptional.base import RareHttpResponse as RareHttpResponse  # noqa: PLC0414 - public here

_SCHEMES = ("", "http", "https", "ftp")  # those of Django's own redirects


class HttpBadRequest(RareHttpResponse, BadRequest):
    http_code = 400


class HttpUnauthorized(Challenging):
    http_code = 401
    challenge_header = "WWW-Authenticate"


class HttpPaymentRequired(RareHttpResponse):
    http_code = 402


class HttpForbidden(RareHttpResponse, PermissionDenied):
    http_code = 403


class HttpNotFound(RareHttpResponse, Http404):
    http_code = 404


class HttpMethodNotAllowed(RareHttpResponse):
    """`allow` lists the allowed methods, which the answer must name."""

    http_code = 405

    def __init__(self, message: object = "", *args: object, allow: Iterable[str] = (), **kwargs: Any) -> None:
        super().__init__(message, *args, **kwargs)
        self.set_header("Allow", ", ".join(allow))


class HttpNotAcceptable(RareHttpResponse):
    http_code = 406


class HttpProxyAuthenticationRequired(Challenging):
    http_code = 407
    challenge_header = "Proxy-Authenticate"


class HttpRequestTimeout(RareHttpResponse):
    http_code = 408


class HttpConflict(RareHttpResponse):
    http_code = 409


class HttpGone(RareHttpResponse):
    http_code = 410


class HttpLengthRequired(RareHttpResponse):
    http_code = 411


class HttpPreconditionFailed(RareHttpResponse):
    http_code = 412


class HttpRequestEntityTooLarge(Waiting):
    http_code = 413


class HttpRequestURITooLong(RareHttpResponse):
    http_code = 414


class HttpUnsupportedMediaType(RareHttpResponse):
    http_code = 415


class HttpRequestedRangeNotSatisfiable(RareHttpResponse):
    """`length` is the size of the whole resource in bytes."""

    http_code = 416

    def __init__(self, message: object = "", *args: object, length: int | None = None, **kwargs: Any) -> None:
        super().__init__(message, *args, **kwargs)
        if length is not None:
            self.set_header("Content-Range", f"bytes */{int(length)}")


class HttpExpectationFailed(RareHttpResponse):
    http_code = 417


class HttpImATeapot(RareHttpResponse):
    http_code = 418


class HttpMisdirectedRequest(RareHttpResponse):
    http_code = 421


class HttpUnprocessableEntity(RareHttpResponse):
    http_code = 422


class HttpLocked(RareHttpResponse):
    http_code = 423


class HttpFailedDependency(RareHttpResponse):
    http_code = 424


class HttpTooEarly(RareHttpResponse):
    http_code = 425


class HttpUpgradeRequired(RareHttpResponse):
    """`upgrade` lists the protocols to change to, which the answer must name."""

    http_code = 426

    def __init__(self, message: object = "", *args: object, upgrade: str = "HTTP/2.0", **kwargs: Any) -> None:
        super().__init__(message, *args, **kwargs)
        self.set_header("Upgrade", upgrade)


class HttpPreconditionRequired(RareHttpResponse):
    http_code = 428


class HttpTooManyRequests(Waiting):
    http_code = 429


class HttpRequestHeaderFieldsTooLarge(RareHttpResponse):
    http_code = 431


class HttpUnavailableForLegalReasons(RareHttpResponse):
    http_code = 451


class HttpServerError(RareHttpResponse):
    http_code = 500


class HttpNotImplemented(RareHttpResponse):
    http_code = 501


class HttpBadGateway(RareHttpResponse):
    http_code = 502


class HttpServiceUnavailable(Waiting):
    http_code = 503


class HttpGatewayTimeout(RareHttpResponse):
    http_code = 504


class HttpVersionNotSupported(RareHttpResponse):
    http_code = 505


class HttpVariantAlsoNegotiates(RareHttpResponse):
    http_code = 506


class HttpInsufficientStorage(RareHttpResponse):
    http_code = 507


class HttpLoopDetected(RareHttpResponse):
    http_code = 508


class HttpNotExtended(RareHttpResponse):
    http_code = 510


class HttpNetworkAuthenticationRequired(RareHttpResponse):
    http_code = 511


class HttpRedirect(RareHttpResponse):
    """A redirect to a URL, a path, a view's name or an object with `get_absolute_url`.

    302 by default; `permanent` and `preserve_request` (the browser keeps method and body) choose
    301, 307 or 308, and `code` any of these or 303. Raises ValueError for another code or scheme.
    """

    http_code = 302

    def __init__(
        self,
        url: Any,
        *,
        code: int | None = None,
        permanent: bool = False,
        preserve_request: bool = False,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        chosen = {(False, False): 302, (True, False): 301, (False, True): 307, (True, True): 308}
        if code is None:
            code = chosen[permanent, preserve_request]
        elif permanent or preserve_request:
            raise ValueError("A redirect takes either a code, or permanent and preserve_request.")
        if code not in (301, 302, 303, 307, 308):
            raise ValueError(f"A redirect's code is {code!r}: expected 301, 302, 303, 307 or 308.")
        self.http_code = code
        target = _target(url)
        super().__init__(target, headers=headers)
        if urlsplit(target).scheme not in _SCHEMES:
            raise ValueError(f"A redirect must not lead to {target!r}: only to http, https, ftp or a path.")
        self.set_header("Location", iri_to_uri(target))


BY_CODE: dict[int, type[RareHttpResponse]] = {
    kind.http_code: kind
    for kind in tuple(globals().values())
    if isinstance(kind, type) and issubclass(kind, RareHttpResponse) and kind.http_code >= 400
}


def by_code(code: int) -> type[RareHttpResponse]:
    """The class of a status from 400 to 599. Raises ValueError if HTTP does not define the status."""
    try:
        return BY_CODE[code]
    except KeyError:
        raise ValueError(f"{code!r} is not a status of HTTP from 400 to 599.") from None


def _target(url: Any) -> str:
    try:
        return str(resolve_url(url))
    except NoReverseMatch:
        if isinstance(url, str) and ":" in url:  # neither a known view nor a scheme that HttpRedirect accepts
            return url
        raise

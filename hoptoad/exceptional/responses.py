"""The exceptions: one for each status of HTTP from 400 to 599, and one for redirects.

Statuses: RFC 9110, section 15, and the registry at
https://www.iana.org/assignments/http-status-codes/http-status-codes.xhtml
"""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import BadRequest, PermissionDenied
from django.http import Http404, HttpResponseBase
from django.shortcuts import resolve_url
from django.urls import NoReverseMatch
from django.utils.encoding import iri_to_uri
from django.utils.http import http_date

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, section 5.6.2
# Control characters except the tab, and everything else that `str.splitlines` takes for a line break.
_BREAKS_A_HEADER = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")
_SCHEMES = ("", "http", "https", "ftp")  # those of Django's own redirects


class RareHttpResponse(Exception):
    """Can be raised anywhere, and is answered with `http_code`. `message` is shown to the user.

    `headers` are added to the answer. Raises ValueError if the code is not from 300 to 599, or if HTTP
    does not allow a header.
    """

    http_code = 0
    # Read by the notifier: a status below 500 is a failure only if nothing answers it.
    hoptoad_ignore: "bool | str" = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        is_failure = isinstance(cls.http_code, int) and cls.http_code >= 500
        cls.hoptoad_ignore = False if is_failure else "answered"

    def __init__(self, message: object = "", *args: object, headers: Mapping[str, str] | None = None) -> None:
        if (
            isinstance(self.http_code, bool)
            or not isinstance(self.http_code, int)
            or not 300 <= self.http_code <= 599
        ):
            raise ValueError(
                f"{type(self).__name__}.http_code is {self.http_code!r}: expected a status from 300 to 599."
            )
        super().__init__(*((message, *args) if message != "" or args else ()))
        self.message = message
        self.headers: dict[str, str] = {}
        for name, value in (headers or {}).items():
            self.set_header(name, value)

    @property
    def original(self) -> BaseException | None:
        """The exception that this one stands for, or None."""
        return self.__cause__

    @property
    def http_message(self) -> str:
        """The status in English words, such as "Not Found"."""
        return PHRASES.get(self.http_code) or _phrase(self.http_code)

    def set_header(self, name: str, value: object) -> None:
        """Adds a header to the answer. Raises ValueError if it would break the header section."""
        text = str(value)
        if not _TOKEN.fullmatch(str(name)):
            raise ValueError(f"{name!r} is not the name of a header: use letters, digits and dashes.")
        if _BREAKS_A_HEADER.search(text):
            raise ValueError(f"The header {name} is {text!r}: a header's value is one line.")
        self.headers[str(name)] = text

    def augment_response(self, response: HttpResponseBase) -> None:
        """Changes the answer last, for example sets a cookie. Subclasses may override it."""


class _Waiting(RareHttpResponse):
    """A status that may say when to try again: in seconds, or at a time with a time zone."""

    def __init__(
        self, message: object = "", *args: object, retry_after: "int | datetime | None" = None, **kwargs: Any
    ) -> None:
        super().__init__(message, *args, **kwargs)
        if retry_after is not None:
            self.set_header("Retry-After", _retry_after(retry_after))


class _Challenging(RareHttpResponse):
    """A status whose answer must say how to authenticate: RFC 9110, section 11.6."""

    challenge_header = ""

    def __init__(self, message: object = "", *args: object, challenge: str = "Bearer", **kwargs: Any) -> None:
        super().__init__(message, *args, **kwargs)
        self.set_header(self.challenge_header, challenge)


class HttpBadRequest(RareHttpResponse, BadRequest):
    http_code = 400


class HttpUnauthorized(_Challenging):
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


class HttpProxyAuthenticationRequired(_Challenging):
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


class HttpRequestEntityTooLarge(_Waiting):
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


class HttpTooManyRequests(_Waiting):
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


class HttpServiceUnavailable(_Waiting):
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


# The phrases of RFC 9110 and its successors, which versions of Python spell differently.
PHRASES = {
    413: "Content Too Large",
    414: "URI Too Long",
    416: "Range Not Satisfiable",
    418: "I'm a Teapot",
    422: "Unprocessable Content",
}
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


def _retry_after(when: "int | datetime") -> str:
    if isinstance(when, datetime):
        if when.tzinfo is None:
            raise ValueError(f"retry_after is {when!r}: a time needs its time zone.")
        return http_date(when.timestamp())
    if isinstance(when, bool) or not isinstance(when, int) or when < 0:
        raise ValueError(f"retry_after is {when!r}: expected whole seconds from now, or a datetime.")
    return str(when)


def _phrase(code: int) -> str:
    try:
        return HTTPStatus(code).phrase
    except ValueError:
        return "Unknown Status"

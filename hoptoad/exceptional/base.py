"""The base classes of the exceptions, and what HTTP demands of their headers."""

import re
from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any

from django.http import HttpResponseBase
from django.utils.http import http_date

# The phrases of RFC 9110 and its successors, which versions of Python spell differently.
_PHRASES = {
    413: "Content Too Large",
    414: "URI Too Long",
    416: "Range Not Satisfiable",
    418: "I'm a Teapot",
    422: "Unprocessable Content",
}
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, section 5.6.2
# Control characters except the tab, and everything else that `str.splitlines` takes for a line break.
_BREAKS_A_HEADER = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")


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
        return _PHRASES.get(self.http_code) or _phrase(self.http_code)

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


class Waiting(RareHttpResponse):
    """A status that may say when to try again: in seconds, or at a time with a time zone."""

    def __init__(
        self, message: object = "", *args: object, retry_after: "int | datetime | None" = None, **kwargs: Any
    ) -> None:
        super().__init__(message, *args, **kwargs)
        if retry_after is not None:
            self.set_header("Retry-After", _retry_after(retry_after))


class Challenging(RareHttpResponse):
    """A status whose answer must say how to authenticate: RFC 9110, section 11.6."""

    challenge_header = ""

    def __init__(self, message: object = "", *args: object, challenge: str = "Bearer", **kwargs: Any) -> None:
        super().__init__(message, *args, **kwargs)
        self.set_header(self.challenge_header, challenge)


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

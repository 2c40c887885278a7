"""Reads `request.META`: headers and CGI variables, without the environment of the process."""

import os
from typing import Any

from django.http import HttpRequest

from hoptoad.capture.values import exact
from hoptoad.conf.settings import Settings

# RFC 3875, section 4.1, and variables that servers add. Not REMOTE_USER: that is a person.
# An allow list, because META holds the process environment too under `runserver`.
_CGI_NAMES = frozenset(
    "CONTENT_LENGTH CONTENT_TYPE GATEWAY_INTERFACE HTTPS PATH_INFO QUERY_STRING RAW_URI REMOTE_ADDR"
    " REMOTE_HOST REMOTE_PORT REQUEST_METHOD REQUEST_SCHEME REQUEST_URI SCRIPT_NAME SERVER_NAME"
    " SERVER_PORT SERVER_PROTOCOL SERVER_SOFTWARE".split()
)
# Of these, META holds one where the process environment is in it.
_OF_PROCESS = ("PATH", "HOME", "PWD", "LANG", next(iter(os.environ), ""))


def header(request: HttpRequest, name: str) -> str:
    """A text of META; empty where there is none."""
    value = request.META.get(name, "")
    if type(value) is str:
        return value
    return exact(value) if issubclass(type(value), str) else ""


def host(request: HttpRequest, settings: Settings) -> str:
    """The host and port from the headers, without the checks of `get_host()`."""
    if settings.django.use_x_forwarded_host and (named := header(request, "HTTP_X_FORWARDED_HOST")):
        return named
    if named := header(request, "HTTP_HOST"):
        return named
    port = header(request, "SERVER_PORT")
    is_default = port == ("443" if request.scheme == "https" else "80")
    return header(request, "SERVER_NAME") + (f":{port}" if port and not is_default else "")


def headers_of(meta: "dict[Any, Any]") -> "dict[str, str]":
    """The CGI variables and headers of META, without the process environment."""
    # `runserver` copies all of that, or nothing. HTTP_PROXY is no header then.
    has_environment = not meta.keys().isdisjoint(_OF_PROCESS)
    named = {
        name if type(name) is str else exact(name): value
        for name, value in tuple(meta.items())
        if type(name) is str or issubclass(type(name), str)
    }
    return {
        name: value if type(value) is str else exact(value)
        for name, value in named.items()
        if (
            name in _CGI_NAMES
            or (
                name[:5] == "HTTP_"
                and name[-11:] != "REMOTE_USER"
                and not (has_environment and name in os.environ)
            )
        )
        and (type(value) is str or issubclass(type(value), str))
    }

"""What a request has in memory: the only reader of HttpRequest.

On behalf of a failing request nothing is evaluated, read or changed. What is in memory is
reported; what is not is named `[not loaded]`.
"""

import json
import logging
import os
from collections.abc import Callable
from typing import Any, TypeVar

from django.http import HttpRequest, QueryDict
from django.utils.encoding import escape_uri_path, iri_to_uri
from django.utils.functional import LazyObject, empty

from hoptoad.conf import Settings
from hoptoad.notice import Data, RequestInfo, User
from hoptoad.scrub import Budget, Scrubber
from hoptoad.text import NOT_LOADED, cut, exact
from hoptoad.viewname import UNKNOWN, component_and_action

logger = logging.getLogger(__name__)

_MAX_URL = 2048
_MAX_JSON = 64 * 1024
_MAX_QUERY_FIELDS = 1000
_MAX_NAME = 255

# RFC 3875, section 4.1, and what servers add to it. Not REMOTE_USER: that is a person.
# A list of what may pass, because under `runserver` META holds the process environment too.
_CGI_NAMES = frozenset(
    "CONTENT_LENGTH CONTENT_TYPE GATEWAY_INTERFACE HTTPS PATH_INFO QUERY_STRING RAW_URI REMOTE_ADDR"
    " REMOTE_HOST REMOTE_PORT REQUEST_METHOD REQUEST_SCHEME REQUEST_URI SCRIPT_NAME SERVER_NAME"
    " SERVER_PORT SERVER_PROTOCOL SERVER_SOFTWARE".split()
)

T = TypeVar("T")


class RequestReader:
    """Reads one request; each section on its own, so that a broken one costs only itself."""

    def __init__(self, request: HttpRequest, scrubber: Scrubber, budget: Budget, settings: Settings) -> None:
        self._request = request
        self._scrubber = scrubber
        self._budget = budget
        self._settings = settings

    def info(self) -> RequestInfo:
        nothing: Data = {}
        no_params: Data = {"[parameters]": "[could not be read]"}
        no_session: Data = {"[session]": "[could not be read]"}
        component, action = guarded("view", self._view, (UNKNOWN, ""))
        # Headers first: a giant form must not push them out of the budget.
        cgi_data = guarded("headers", self._cgi_data, nothing)
        params = guarded("parameters", self._params, no_params)
        session = guarded("session", self._session, no_session)
        return RequestInfo(
            url=guarded("URL", self._url, ""),
            component=component,
            action=action,
            params=params,
            session=session,
            cgi_data=cgi_data,
        )

    def user(self) -> User | None:
        return guarded("user", self._user, None)

    def _view(self) -> tuple[str, str]:
        match = getattr(self._request, "resolver_match", None)
        method = self._request.method or ""
        return component_and_action(match.func if match is not None else None, method)

    def _url(self) -> str:
        # Never get_host(): it raises again what may be the very failure reported here.
        request = self._request
        scheme = request.scheme or "http"
        path = escape_uri_path(self._scrubber.text(request.path[:_MAX_URL]))
        query = self._query()
        url = f"{scheme}://{_host(request, scheme)}{path}{f'?{query}' if query else ''}"
        return iri_to_uri("".join(url.split()))[:_MAX_URL]  # ASCII, as a URL must be

    def _query(self) -> str:
        """The query string, masked; no more of it is looked at than can be sent."""
        return self._scrubber.query(header(self._request, "QUERY_STRING")[:_MAX_URL])

    def _cgi_data(self) -> Data:
        shown: dict[object, object] = {}
        for name, value in tuple(self._request.META.items()):
            if issubclass(type(name), str) and issubclass(type(value), str) and _is_cgi(name):
                shown[name] = exact(value)
        cookies = str(shown.pop("HTTP_COOKIE", ""))[: self._settings.max_text]
        data = self._scrubber.mapping(shown, self._budget)
        if shown.get("QUERY_STRING"):
            data["QUERY_STRING"] = self._budget.spend(self._query())
        if cookies:
            data["HTTP_COOKIE"] = self._budget.spend(self._scrubber.cookies(cookies))
        return data

    def _params(self) -> Data:
        params: dict[object, object] = {}
        match = getattr(self._request, "resolver_match", None)
        for source in (
            match.kwargs if match is not None else {},
            guarded("query", self._get, {"[query]": "[could not be read]"}),
            guarded("body", self._body, {"[body]": "[could not be read]"}),
        ):
            for name, value in dict.items(source):
                params[name] = _merged(params[name], value) if name in params else value
        return self._scrubber.mapping(params, self._budget)

    def _get(self) -> dict[Any, Any]:
        parsed = self._request.__dict__.get("GET")
        if parsed is None:
            query = header(self._request, "QUERY_STRING")
            if query.count("&") > _MAX_QUERY_FIELDS:
                return {"[query]": f"[not parsed: more than {_MAX_QUERY_FIELDS} fields]"}
            parsed = QueryDict(query)
        return _unlisted(parsed)

    def _body(self) -> dict[Any, Any]:
        memory = self._request.__dict__
        form, files = memory.get("_post"), memory.get("_files")
        if form or files:
            shown = _unlisted(form or {})
            for name, uploads in dict.items(files or {}):
                uploaded: Any = [_upload(upload) for upload in uploads]
                shown[name] = _merged(shown[name], uploaded) if name in shown else _single(uploaded)
            return shown
        if "_body" in memory:
            return self._json(memory["_body"])
        if form is None and header(self._request, "CONTENT_LENGTH") not in ("", "0"):
            return {"[body]": NOT_LOADED}
        return {}

    def _json(self, body: bytes) -> dict[Any, Any]:
        if not body or "json" not in header(self._request, "CONTENT_TYPE").lower():
            return {"[body]": f"[not parsed: {len(body)} bytes]"} if body else {}
        if len(body) > _MAX_JSON:
            return {"[json]": f"[not parsed: {len(body)} bytes]"}
        try:
            parsed = json.loads(body)
        except (ValueError, RecursionError):
            return {"[json]": f"[malformed: {len(body)} bytes]"}
        return parsed if type(parsed) is dict else {"[json]": parsed}

    def _session(self) -> Data:
        session = self._request.__dict__.get("session")
        if session is None:
            return {}
        loaded = _memory(session).get("_session_cache")
        if loaded is None:
            return {"[session]": NOT_LOADED}
        return self._scrubber.mapping(dict(loaded), self._budget)

    def _user(self) -> User | None:
        wanted = self._settings.send_user
        user = _loaded_user(self._request.__dict__) if wanted else None
        memory = _memory(user)
        meta = getattr(type(user), "_meta", None)
        key = memory.get(meta.pk.attname if meta is not None else "id")
        if key is None:
            return None  # nobody, or nobody with an identity
        if wanted == "id":
            return User(id=cut(str(key), _MAX_NAME))
        names = (_field(memory, "first_name"), _field(memory, "last_name"))
        return User(
            id=cut(str(key), _MAX_NAME),
            name=" ".join(filter(None, names)),
            email=_field(memory, getattr(type(user), "EMAIL_FIELD", "email")),
            username=_field(memory, getattr(type(user), "USERNAME_FIELD", "username")),
        )


def guarded(section: str, read: Callable[[], T], otherwise: T) -> T:
    """What `read` returns, or `otherwise` and a line in the log where it fails."""
    try:
        return read()
    except Exception:
        logger.exception("Could not read the %s of a failing request; the rest is reported.", section)
        return otherwise


def header(request: HttpRequest, name: str) -> str:
    value = request.META.get(name, "")
    return exact(value) if issubclass(type(value), str) else ""


def full_path(request: HttpRequest) -> str:
    query = header(request, "QUERY_STRING")
    return escape_uri_path(request.path) + (f"?{iri_to_uri(query)}" if query else "")


def _host(request: HttpRequest, scheme: str) -> str:
    if named := header(request, "HTTP_HOST"):
        return named
    port = header(request, "SERVER_PORT")
    is_default = port == ("443" if scheme == "https" else "80")
    return header(request, "SERVER_NAME") + (f":{port}" if port and not is_default else "")


def _is_cgi(name: str) -> bool:
    # A variable HTTP_PROXY and its like of the process environment are no headers.
    is_header = name.startswith("HTTP_") and name not in os.environ
    return name in _CGI_NAMES or (is_header and not name.endswith("REMOTE_USER"))


def _unlisted(fields: Any) -> dict[Any, Any]:
    """The fields of a QueryDict: one value as itself, repeated ones as a list."""
    return {name: _single(values) for name, values in dict.items(fields)}


def _single(values: Any) -> Any:
    return values[0] if len(values) == 1 else values


def _merged(one: Any, other: Any) -> list[Any]:
    return [*(one if type(one) is list else [one]), *(other if type(other) is list else [other])]


def _memory(thing: object) -> dict[str, Any]:
    """The instance's own attributes, past whatever its class would compute."""
    try:
        memory = object.__getattribute__(thing, "__dict__")
    except AttributeError:
        return {}
    return memory if type(memory) is dict else {}


def _loaded_user(memory: dict[str, Any]) -> object | None:
    """The user someone has already asked for, never the one a lazy object would fetch."""
    for name in ("_cached_user", "_acached_user", "user"):
        user = memory.get(name)
        if issubclass(type(user), LazyObject):
            user = _memory(user).get("_wrapped")
            user = None if user is empty else user
        if user is not None:
            return user  # type: ignore[no-any-return]
    return None


def _field(memory: dict[str, Any], name: str) -> str:
    value = memory.get(name)
    return cut(exact(value), _MAX_NAME) if issubclass(type(value), str) else ""  # type: ignore[arg-type]


def _upload(upload: Any) -> str:
    memory = _memory(upload)
    return f"[file] {memory.get('_name')} ({memory.get('size')} bytes)"

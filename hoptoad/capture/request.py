"""Reads what a request has in memory: its URL, view, parameters and body.

Nothing is evaluated, read from the connection or changed. What is not in memory is shown as `[not loaded]`.
"""

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

from django.http import HttpRequest
from django.utils.encoding import escape_uri_path, iri_to_uri

from hoptoad.capture.data import DataReader, Origin
from hoptoad.capture.meta import header, headers_of, host
from hoptoad.capture.reporter_filter import HIDDEN, ReporterFilter
from hoptoad.capture.values import NOT_LOADED, memory_of
from hoptoad.capture.view import EVERYTHING, UNKNOWN, component_and_action, parsed_data
from hoptoad.capture.visitor import FILTER, HeaderReader, session_of, user_of
from hoptoad.conf.settings import DjangoSettings, Settings
from hoptoad.notice import NOTHING, Data, Owner, RequestInfo, User, Value
from hoptoad.redaction.cutting import MASK, SLACK, Room
from hoptoad.redaction.redact import MAX_URL
from hoptoad.runtime.guards import guarded

_LOOKED_AT = MAX_URL + SLACK
# Fast path: nothing in these needs escaping.
_PLAIN_PATH = re.compile(r"[\w./-]*", re.ASCII)
_PLAIN_URL = re.compile(r"[\w./&=%+?:*-]*", re.ASCII)
_PLAIN_QUERY = re.compile(r"[\w./&=%+-]*", re.ASCII)
# Not the no-break space: it is half a letter where UTF-8 was read as Latin-1.
_NO_BLANKS = dict.fromkeys(map(ord, " \t\r\n\f\v"))
_MAX_JSON = 64 * 1024
_MAX_QUERY_FIELDS = 1000
_MAX_QUERY = 16 * 1024
_ADDRESS_HEADERS = frozenset(
    {"HTTP_COOKIE", "HTTP_REFERER", "HTTP_X_FORWARDED_FOR", "QUERY_STRING", "REMOTE_ADDR"}
)
_ROUTE = Origin("params", Owner.SITE)
_QUERY = Origin("params", Owner.CLIENT)
_FORM = Origin("params", Owner.FORM)
_HIDDEN_FIELD = Origin("params", Owner.SITE)


class RequestReader:
    """Reads one request; each section on its own, so that a broken one costs only itself."""

    def __init__(
        self,
        request: HttpRequest,
        reporter_filter: ReporterFilter,
        reader: DataReader,
        room: Room,
        settings: Settings,
        *,
        error: BaseException | None = None,
    ) -> None:
        self._request = request
        self._error = error
        self._filter = reporter_filter
        self._reader = reader
        self._room = room
        self._settings = settings
        self._headers = HeaderReader(request, reporter_filter, reader, room, settings)

    def info(self, more: "dict[Any, Any] | None" = None) -> RequestInfo:
        """The request. `more` are parameters that an integration adds."""
        no_session: Data = {"[session]": "[could not be read]"}
        component, action = guarded("view", self._view, (UNKNOWN, ""))
        # Headers first: a giant form must not push them out of their room.
        cgi_data = guarded("headers", self._read_headers, NOTHING)
        return RequestInfo(
            url=guarded("URL", self._url, ""),
            component=component,
            action=action,
            cgi_data=cgi_data,
            params=self._params(more or {}),
            session=guarded("session", session_of, no_session, self._request, self._reader, self._room),
        )

    def address_and_referrer(self) -> RequestInfo:
        """The URL and the referrer only, without body and session.

        Of the headers, those are read whose secrets the URL may repeat.
        """
        rule = self._reader.rule
        few = {
            name: value
            for name, value in headers_of(self._request.META).items()
            if name in _ADDRESS_HEADERS or rule(name)
        }
        cgi_data = guarded("headers", self._headers.read, NOTHING, few)
        for read, origin in ((self._route, _ROUTE), (self._get, _QUERY)):  # for what they hide
            guarded("parameters", self._copied, NOTHING, read, origin)
        return RequestInfo(url=guarded("URL", self._url, ""), cgi_data=cgi_data)

    def user(self) -> User | None:
        """The user who is signed in. None if not loaded or not wanted (HOPTOAD_SEND_USER)."""
        return guarded("user", user_of, None, self._request, self._settings)

    def _read_headers(self) -> Data:
        return self._headers.read(headers_of(self._request.META))

    def _view(self) -> tuple[str, str]:
        match = getattr(self._request, "resolver_match", None)
        method = self._request.method or ""
        return component_and_action(match.func if match is not None else None, method)

    def _url(self) -> str:
        # Never get_host(): it may raise the very exception that is reported here.
        request = self._request
        address = f"{request.scheme or 'http'}://{host(request, self._settings)}"
        if not _PLAIN_URL.fullmatch(address):
            address = address.translate(_NO_BLANKS)
        path = request.path
        url = address + _path(path[:_LOOKED_AT])
        # A path that is cut may end in half a secret: the end goes, and so nothing may stand behind it.
        if self._headers.query_string and len(path) <= _LOOKED_AT:
            url = f"{url}?{self._headers.query_string[:_LOOKED_AT]}"
        return url if _PLAIN_URL.fullmatch(url) else iri_to_uri(url)

    def _params(self, more: "dict[Any, Any]") -> Data:
        params: dict[str, Value] = {}
        for section, read, origin in (
            ("route", self._route, _ROUTE),
            ("query", self._get, _QUERY),
            ("body", self._body, _FORM),
        ):
            lost: Data = {f"[{section}]": "[could not be read]"}
            for name, value in guarded(section, self._copied, lost, read, origin).items():
                params[name] = _both(params[name], value) if name in params else value
        if more:
            params.update(guarded("parameters", self._copied, NOTHING, lambda: more, _ROUTE))
        return params

    def _copied(self, read: "Callable[[], dict[Any, Any]]", origin: Origin) -> Data:
        found = read()
        return self._reader.mapping(found, self._room, origin) if found else {}

    def _route(self) -> dict[Any, Any]:
        """The arguments of the route; those without names are `[route]`."""
        match = getattr(self._request, "resolver_match", None)
        if match is None or not match.args:
            return match.kwargs if match is not None else {}
        return {"[route]": _single([*match.args]), **match.kwargs}

    def _get(self) -> dict[Any, Any]:
        parsed = self._request.__dict__.get("GET")
        query, django = self._headers.query_string, self._settings.django
        if query != header(self._request, "QUERY_STRING"):
            return {"[query]": MASK}  # the site's filter hides it
        if parsed is None:
            if query.count("&") > _MAX_QUERY_FIELDS:
                self._reader.know([_parsed(query[:_MAX_QUERY], django, None)], _QUERY)
                return {"[query]": f"[not parsed: more than {_MAX_QUERY_FIELDS} fields]"}
            return _unlisted(_parsed(query, django, django.data_upload_max_number_fields))
        return _unlisted(parsed)

    def _body(self) -> dict[Any, Any]:
        memory = self._request.__dict__
        form, files = memory.get("_post"), memory.get("_files")
        if form or files:
            shown = self._form(form or {})
            for name, uploads in dict.items(files or {}):
                uploaded: Any = [_upload(upload) for upload in uploads]
                shown[name] = _merged(shown[name], uploaded) if name in shown else _single(uploaded)
            return self._all_hidden(shown)
        if "_body" in memory:
            return self._all_hidden(self._json(memory["_body"]))
        data = parsed_data(self._request, self._error)
        if data is not None:
            return self._all_hidden(dict(data))
        if form is None and header(self._request, "CONTENT_LENGTH") not in ("", "0"):
            return {"[body]": NOT_LOADED}
        return {}

    def _form(self, form: Any) -> dict[Any, Any]:
        """The form as the site's filter shows it. What that hides is set aside as secrets."""
        allowed = self._filter.post(form) if form else {}
        if allowed is form:
            return _unlisted(form)
        for name, values in dict.items(form):
            if allowed is None or allowed.get(name) != list(values):
                self._reader.hide(list(values), str(name), FILTER, _HIDDEN_FIELD)
        if allowed is None:
            return {"[body]": HIDDEN}
        return {name: _single(values) for name, values in allowed.items()}

    def _all_hidden(self, body: dict[Any, Any]) -> dict[Any, Any]:
        """`sensitive_post_parameters()` without names hides uploads and JSON as well."""
        if EVERYTHING not in self._filter.sensitive:
            return body
        self._reader.hide(body, "[body]", "sensitive_post_parameters", _HIDDEN_FIELD)
        return dict.fromkeys(body, MASK)

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


def full_path(request: HttpRequest) -> str:
    query = header(request, "QUERY_STRING")
    if query and not _PLAIN_QUERY.fullmatch(query):
        query = iri_to_uri(query)
    return _path(request.path) + (f"?{query}" if query else "")


def _path(path: str) -> str:
    return path if _PLAIN_PATH.fullmatch(path) else escape_uri_path(path)


def _parsed(query: str, django: DjangoSettings, max_fields: int | None) -> "dict[str, list[str]]":
    """As QueryDict has it, in a dictionary of lists."""
    fields: dict[str, list[str]] = {}
    for name, value in parse_qsl(
        query,
        keep_blank_values=True,
        encoding=django.default_charset,
        max_num_fields=max_fields,
    ):
        fields.setdefault(name, []).append(value)
    return fields


def _unlisted(fields: Any) -> dict[Any, Any]:
    """The fields of a QueryDict: one value as itself, repeated ones as a list."""
    return {name: values[0] if values and not values[1:] else values for name, values in dict.items(fields)}


def _single(values: Any) -> Any:
    return values[0] if len(values) == 1 else values


def _merged(one: Any, other: Any) -> list[Any]:
    return [*(one if type(one) is list else [one]), *(other if type(other) is list else [other])]


def _both(one: Value, other: Value) -> Value:
    """The values of a name that stands in two places, as one list; a secret in both stays one mask."""
    if one == other == MASK:
        return MASK
    return (*(one if type(one) is tuple else (one,)), *(other if type(other) is tuple else (other,)))


def _upload(upload: Any) -> str:
    memory = memory_of(upload)
    return f"[file] {memory.get('_name')} ({memory.get('size')} bytes)"

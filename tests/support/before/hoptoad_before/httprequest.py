"""What a request has in memory: the only reader of HttpRequest.

On behalf of a failing request nothing is evaluated, read or changed. What is in memory is
reported; what is not is named `[not loaded]`.
"""

import json
import os
import re
from typing import Any
from urllib.parse import parse_qsl

from django.conf import settings as django_settings
from django.http import HttpRequest
from django.utils.encoding import escape_uri_path, iri_to_uri
from django.utils.functional import LazyObject, empty

from hoptoad_before.addresses import holds_addresses, public, truncated
from hoptoad_before.budget import Budget
from hoptoad_before.cleaned import joined, mapped, origin
from hoptoad_before.conf import Settings
from hoptoad_before.guard import guarded
from hoptoad_before.integrations.drf import parsed_data
from hoptoad_before.lazily import compiled
from hoptoad_before.masked import MASK
from hoptoad_before.notice import Data, RequestInfo, User
from hoptoad_before.reporterfilter import EVERYTHING, HIDDEN, ReporterFilter
from hoptoad_before.scrub import Scrubber
from hoptoad_before.text import NOT_LOADED, SLACK, exact, memory_of, slots_of
from hoptoad_before.viewname import UNKNOWN, component_and_action

_MAX_URL = 2048
# In which nothing is to be escaped.
_PLAIN_PATH = compiled(r"[\w./-]*", re.ASCII)
_PLAIN_URL = compiled(r"[\w./&=%+?:*-]*", re.ASCII)
_PLAIN_QUERY = compiled(r"[\w./&=%+-]*", re.ASCII)
# Not the no-break space, which is a part of letters where UTF-8 was read as Latin-1.
_NO_BLANKS = dict.fromkeys(map(ord, " \t\r\n\f\v"))
_MAX_JSON = 64 * 1024
_MAX_QUERY_FIELDS = 1000
_MAX_QUERY = 16 * 1024
_MAX_NAME = 255
_MAX_COOKIES = 64 * 1024

# RFC 3875, section 4.1, and what servers add to it. Not REMOTE_USER: that is a person.
# A list of what may pass, because under `runserver` META holds the process environment too.
_CGI_NAMES = frozenset(
    "CONTENT_LENGTH CONTENT_TYPE GATEWAY_INTERFACE HTTPS PATH_INFO QUERY_STRING RAW_URI REMOTE_ADDR"
    " REMOTE_HOST REMOTE_PORT REQUEST_METHOD REQUEST_SCHEME REQUEST_URI SCRIPT_NAME SERVER_NAME"
    " SERVER_PORT SERVER_PROTOCOL SERVER_SOFTWARE".split()
)

_LINK_HEADERS = frozenset(
    {"HTTP_COOKIE", "HTTP_REFERER", "HTTP_X_FORWARDED_FOR", "QUERY_STRING", "REMOTE_ADDR"}
)

FILTER = "exception reporter filter"
_HIDDEN = object()


class RequestReader:
    """Reads one request; each section on its own, so that a broken one costs only itself."""

    def __init__(
        self,
        request: HttpRequest,
        contract: ReporterFilter,
        scrubber: Scrubber,
        budget: Budget,
        settings: Settings,
        *,
        error: BaseException | None = None,
    ) -> None:
        self._request = request
        self._error = error
        self._contract = contract
        self._scrubber = scrubber
        self._budget = budget
        self._settings = settings
        self._clean_query = ""
        self._query_string = guarded("query", lambda: header(request, "QUERY_STRING"), "")

    def info(self) -> RequestInfo:
        nothing: Data = {}
        no_params: Data = {"[parameters]": "[could not be read]"}
        no_session: Data = {"[session]": "[could not be read]"}
        component, action = guarded("view", self._view, (UNKNOWN, ""))
        # Headers first: a giant form must not push them out of the budget.
        masked = self._scrubber.masked
        masked.section = "cgi-data"
        cgi_data = guarded("headers", lambda: self._cgi_data(_headers(self._request.META)), nothing)
        masked.section = "params"
        params = guarded("parameters", self._params, no_params)
        masked.section = "session"
        session = guarded("session", self._session, no_session)
        masked.section, masked.field = "request", "url"
        return RequestInfo(
            url=guarded("URL", self._url, ""),
            component=component,
            action=action,
            params=params,
            session=session,
            cgi_data=cgi_data,
        )

    def link(self) -> RequestInfo:
        """The address and the referrer only. Neither the body nor the session is looked at, and of the
        headers only those that may hold a secret which the address repeats.
        """
        nothing: Data = {}
        rule = self._scrubber.rule
        few = {
            name: value
            for name, value in _headers(self._request.META).items()
            if name in _LINK_HEADERS or rule(name)
        }
        cgi_data = guarded("headers", lambda: self._cgi_data(few), nothing)
        for read in (self._link_route, self._link_query):  # for what they mask
            guarded("parameters", read, nothing)
        return RequestInfo(url=guarded("URL", self._url, ""), cgi_data=cgi_data)

    def _link_route(self) -> Data:
        return self._scrubber.mapping(self._route(), self._budget)

    def _link_query(self) -> Data:
        return self._scrubber.mapping(self._get(), self._budget)

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
        looked_at = _MAX_URL + SLACK
        address = f"{scheme}://{host(request)}"
        if not _PLAIN_URL.fullmatch(address):
            address = self._scrubber.text(address.translate(_NO_BLANKS))
        path = mapped(_path, self._scrubber.text(request.path[:looked_at]))
        # A path that is cut may end in half a secret: the end goes, and so nothing may stand behind it.
        query = self._query() if len(request.path) <= looked_at else ""
        url = joined(address, path, *(("?", query) if query else ()))
        is_cut = max(len(request.path), len(self._query_string)) > looked_at
        if not _PLAIN_URL.fullmatch(origin(url)[0]):
            url = mapped(iri_to_uri, url)
        return self._budget.spend(url, _MAX_URL, is_cut=is_cut, mark="")

    def _query(self) -> str:
        """The query string, masked; no more of it is looked at than can be sent."""
        query = self._query_string[: _MAX_URL + SLACK]
        if query == self._clean_query:
            return query
        masked = self._scrubber.query(query)
        if masked == query:
            self._clean_query = query  # told twice: among the headers and in the address
        return masked

    def _cgi_data(self, wanted: dict[str, str]) -> Data:
        allowed = self._contract.meta(wanted)
        shown: dict[object, object] = {}
        for name, value in wanted.items():
            told = _HIDDEN if allowed is None else allowed.get(name, _HIDDEN)
            if told is not _HIDDEN:
                shown[name] = told
            # Not cookies: those are hidden one by one, and their names may be seen.
            if told is not value and told != value and (told is _HIDDEN or name != "HTTP_COOKIE"):
                self._scrubber.hide(value, name, FILTER, strict=True)
        if allowed is None:
            self._query_string = ""
            return {"[headers]": HIDDEN}
        cookies = self._cookies() if shown.pop("HTTP_COOKIE", "") else ""
        self._hide_addresses(shown)
        self._query_string = str(shown.pop("QUERY_STRING", ""))
        masked = self._scrubber.masked
        masked.strict = True  # a header's secret is a token, and a word in it the state of something
        try:
            data = self._scrubber.mapping(shown, self._budget)
        finally:
            masked.strict = False
        if self._query_string:
            query = self._query()
            self._scrubber.masked.field = "QUERY_STRING"
            data["QUERY_STRING"] = self._budget.spend(
                query, is_cut=len(self._query_string) > _MAX_URL + SLACK
            )
        if cookies:
            data["HTTP_COOKIE"] = self._budget.spend(cookies)
        return data

    def _cookies(self) -> str:
        """The names of the cookies that the site's filter lets be seen; never a value."""
        names = []
        for part in header(self._request, "HTTP_COOKIE")[:_MAX_COOKIES].split(";"):
            name, _, value = part.strip().partition("=")
            if name:
                self._scrubber.cookie(name, value)
                names.append(name)
        allowed = self._contract.cookies()
        if allowed is None:
            return HIDDEN
        return "; ".join(f"{name}={MASK}" for name in names if name in allowed)

    def _hide_addresses(self, shown: dict[object, object]) -> None:
        wanted = self._settings.send_ip
        if shown.get("REMOTE_ADDR") in django_settings.INTERNAL_IPS:
            shown["INTERNAL_IP"] = "yes"  # for the subject of a mail, which may not know the address
        if wanted == "full":
            return
        for name, whole in [(str(name), str(value)) for name, value in shown.items()]:
            if not holds_addresses(name, whole):
                continue
            del shown[name]
            for address in public(whole):
                self._scrubber.masked.remember(address)
            if wanted == "truncated":
                shown[name] = truncated(whole)

    def _params(self) -> Data:
        params: dict[object, object] = {}
        for source in (
            guarded("route", self._route, {"[route]": "[could not be read]"}),
            guarded("query", self._get, {"[query]": "[could not be read]"}),
            guarded("body", self._body, {"[body]": "[could not be read]"}),
        ):
            for name, value in dict.items(source):
                params[name] = _merged(params[name], value) if name in params else value
        return self._scrubber.mapping(params, self._budget)

    def _route(self) -> dict[Any, Any]:
        """The arguments of the route; those without names are `[route]`."""
        match = getattr(self._request, "resolver_match", None)
        if match is None or not match.args:
            return match.kwargs if match is not None else {}
        return {"[route]": self._unnamed(match.args), **match.kwargs}

    def _unnamed(self, arguments: tuple[Any, ...]) -> Any:
        """What has no name to be judged by is masked where it is in the path that it comes from."""
        self._scrubber.masked.field = "[route]"
        path = self._scrubber.text(self._request.path[: _MAX_URL + SLACK])
        return _single([MASK if type(arg) is str and arg not in path else arg for arg in arguments])

    def _get(self) -> dict[Any, Any]:
        parsed = self._request.__dict__.get("GET")
        query = self._query_string
        if query != header(self._request, "QUERY_STRING"):
            return {"[query]": MASK}  # the site's filter hides it
        if parsed is None:
            if query.count("&") > _MAX_QUERY_FIELDS:
                self._scrubber.know([_parsed(query[:_MAX_QUERY], None)])
                return {"[query]": f"[not parsed: more than {_MAX_QUERY_FIELDS} fields]"}
            return _unlisted(_parsed(query, django_settings.DATA_UPLOAD_MAX_NUMBER_FIELDS))
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
        """The form as the site's filter shows it; what that hides is remembered."""
        allowed = self._contract.post(form) if form else {}
        if allowed is form:
            return _unlisted(form)
        for name, values in dict.items(form):
            if allowed is None or allowed.get(name) != list(values):
                self._scrubber.hide(list(values), str(name), FILTER)
        if allowed is None:
            return {"[body]": HIDDEN}
        return {name: _single(values) for name, values in allowed.items()}

    def _all_hidden(self, body: dict[Any, Any]) -> dict[Any, Any]:
        """`sensitive_post_parameters()` without names hides uploads and JSON as well."""
        if EVERYTHING not in self._contract.sensitive:
            return body
        self._scrubber.hide(body, "[body]", "sensitive_post_parameters")
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

    def _session(self) -> Data:
        session = self._request.__dict__.get("session")
        if session is None:
            return {}
        loaded = memory_of(session).get("_session_cache")
        if loaded is None:
            return {"[session]": NOT_LOADED}
        return self._scrubber.mapping(dict(loaded), self._budget)

    def _user(self) -> User | None:
        wanted, keep = self._settings.send_user, self._budget.keep
        user = _loaded_user(self._request.__dict__) if wanted else None
        memory = memory_of(user) or slots_of(user)
        key = _key(user, memory)
        if key is None:
            return None  # nobody, or nobody with an identity
        if wanted == "id":
            return User(id=keep(key, _MAX_NAME))
        names = (_field(memory, "first_name"), _field(memory, "last_name"))
        return User(
            id=keep(key, _MAX_NAME),
            name=keep(" ".join(filter(None, names)), 2 * _MAX_NAME),
            email=keep(_field(memory, getattr(type(user), "EMAIL_FIELD", "email")), _MAX_NAME),
            username=keep(_field(memory, getattr(type(user), "USERNAME_FIELD", "username")), _MAX_NAME),
        )


def _key(user: object, memory: dict[str, Any]) -> str | None:
    """The primary key, as far as it is in memory; the parts of a composite one with commas between."""
    meta = getattr(type(user), "_meta", None)
    values = [memory.get(name) for name in ([field.attname for field in meta.pk_fields] if meta else ["id"])]
    return None if None in values else ",".join(map(str, values))


def header(request: HttpRequest, name: str) -> str:
    value = request.META.get(name, "")
    return exact(value) if issubclass(type(value), str) else ""


def full_path(request: HttpRequest) -> str:
    query = header(request, "QUERY_STRING")
    if query and not _PLAIN_QUERY.fullmatch(query):
        query = iri_to_uri(query)
    return _path(request.path) + (f"?{query}" if query else "")


def _path(path: str) -> str:
    return path if _PLAIN_PATH.fullmatch(path) else escape_uri_path(path)


def host(request: HttpRequest) -> str:
    """The host and port that the browser asked for."""
    scheme = request.scheme or "http"
    if django_settings.USE_X_FORWARDED_HOST and (named := header(request, "HTTP_X_FORWARDED_HOST")):
        return named
    if named := header(request, "HTTP_HOST"):
        return named
    port = header(request, "SERVER_PORT")
    is_default = port == ("443" if scheme == "https" else "80")
    return header(request, "SERVER_NAME") + (f":{port}" if port and not is_default else "")


def _headers(meta: "dict[Any, Any]") -> "dict[str, str]":
    """The variables of CGI, headers included, and nothing of the process environment."""
    headers = {}
    # `runserver` copies all of that, or nothing. HTTP_PROXY is no header then.
    has_environment = not meta.keys().isdisjoint(("PATH", "HOME", "PWD", "LANG", next(iter(os.environ), "")))
    for name, value in tuple(meta.items()):
        if type(value) is not str or type(name) is not str:
            if not (issubclass(type(name), str) and issubclass(type(value), str)):
                continue
            name, value = exact(name), exact(value)
        is_header = name.startswith("HTTP_") and not name.endswith("REMOTE_USER")
        if name in _CGI_NAMES or (is_header and not (has_environment and name in os.environ)):
            headers[name] = value
    return headers


def _parsed(query: str, max_fields: int | None) -> "dict[str, list[str]]":
    """As QueryDict has it, in a dictionary of lists."""
    fields: dict[str, list[str]] = {}
    for name, value in parse_qsl(
        query,
        keep_blank_values=True,
        encoding=django_settings.DEFAULT_CHARSET,
        max_num_fields=max_fields,
    ):
        fields.setdefault(name, []).append(value)
    return fields


def _unlisted(fields: Any) -> dict[Any, Any]:
    """The fields of a QueryDict: one value as itself, repeated ones as a list."""
    return {name: _single(values) for name, values in dict.items(fields)}


def _single(values: Any) -> Any:
    return values[0] if len(values) == 1 else values


def _merged(one: Any, other: Any) -> list[Any]:
    return [*(one if type(one) is list else [one]), *(other if type(other) is list else [other])]


def _loaded_user(memory: dict[str, Any]) -> object | None:
    """The user someone has already asked for, never the one a lazy object would fetch."""
    for name in ("_cached_user", "_acached_user", "user"):
        user = memory.get(name)
        if issubclass(type(user), LazyObject):
            user = memory_of(user).get("_wrapped")
            user = None if user is empty else user
        if user is not None:
            return user  # type: ignore[no-any-return]
    return None


def _field(memory: dict[str, Any], name: str) -> str:
    value = memory.get(name)
    return exact(value) if issubclass(type(value), str) else ""  # type: ignore[arg-type]


def _upload(upload: Any) -> str:
    memory = memory_of(upload)
    return f"[file] {memory.get('_name')} ({memory.get('size')} bytes)"

"""Reads headers, cookies, IP addresses, session and user of a request.

Session and user are read only if they are loaded already.
"""

from typing import Any

from django.http import HttpRequest
from django.utils.functional import LazyObject, empty

from hoptoad.capture.data import MAX_NAME, DataReader, Origin
from hoptoad.capture.meta import header
from hoptoad.capture.reporter_filter import HIDDEN, ReporterFilter
from hoptoad.capture.values import NOT_LOADED, exact, memory_of, slots_of
from hoptoad.conf.settings import Settings
from hoptoad.notice import Data, Owner, User
from hoptoad.redaction.cutting import MASK, SLACK, Room
from hoptoad.redaction.ip_addresses import Addresses
from hoptoad.runtime.guards import guarded

_MAX_COOKIES = 64 * 1024
FILTER = "exception reporter filter"
_SESSION = Origin("session")
# Secrets in headers are tokens; a plain word there is a state, such as `keep-alive`.
_HEADERS = Origin("cgi-data", Owner.CLIENT, as_word=False)
_CREDENTIALS = Origin("cgi-data", Owner.SITE, as_word=False)
_ADDRESSES = Origin("cgi-data")


class HeaderReader:
    """Reads the headers and CGI variables of one request, and what they hide."""

    def __init__(
        self,
        request: HttpRequest,
        reporter_filter: ReporterFilter,
        reader: DataReader,
        room: Room,
        settings: Settings,
    ) -> None:
        self._request = request
        self._filter = reporter_filter
        self._reader = reader
        self._room = room
        self._settings = settings
        # The query; after `read`, as the site's filter shows it.
        self.query_string = guarded("query", header, "", request, "QUERY_STRING")

    def read(self, wanted: dict[str, str]) -> Data:
        """The headers as the site's filter shows them. What that hides is set aside as secrets."""
        reader = self._reader
        allowed = self._filter.meta(wanted)
        shown: dict[Any, Any] = {name: allowed[name] for name in wanted if name in allowed} if allowed else {}
        for name, value in wanted.items():
            # The Cookie header is no secret as a whole: its values are hidden one by one.
            if name not in shown or (shown[name] is not value and shown[name] != value):
                if name != "HTTP_COOKIE" or name not in shown:
                    reader.hide(value, name, reader.rule(name) or FILTER, _CREDENTIALS)
            elif name[-13:] == "AUTHORIZATION" and (rule := reader.rule(name)):
                reader.hide(value, name, rule, _CREDENTIALS)
        if allowed is None:
            self.query_string = ""
            return {"[headers]": HIDDEN}
        cookies = self._cookies() if shown.pop("HTTP_COOKIE", "") else ""
        self._hide_addresses(shown)
        query = self.query_string = str(shown.pop("QUERY_STRING", ""))
        data = reader.mapping(shown, self._room, _HEADERS)
        if query:
            data["QUERY_STRING"] = self._room.take(query)
        if cookies:
            data["HTTP_COOKIE"] = self._room.take(cookies)
        return data

    def _cookies(self) -> str:
        """The names of the cookies that the site's filter shows, without values."""
        of_the_site = self._reader.marked
        names = []
        for part in header(self._request, "HTTP_COOKIE")[:_MAX_COOKIES].split(";"):
            name, has_value, value = part.strip().partition("=")
            if name:
                self._reader.cookie(name, value, Owner.SITE if name in of_the_site else Owner.CLIENT)
            if has_value:  # else it is a value without a name
                names.append(name)
        allowed = self._filter.cookies(names)
        if allowed is None:
            return HIDDEN
        return "; ".join([f"{name}={MASK}" for name in names if name in allowed])

    def _hide_addresses(self, shown: dict[Any, Any]) -> None:
        wanted = self._settings.send_ip
        if shown.get("REMOTE_ADDR") in self._settings.django.internal_ips:
            shown["INTERNAL_IP"] = (
                "yes"  # for the subject of a mail, because the address itself may be removed below
            )
        if wanted == "full":
            return
        addresses = Addresses()
        for name, whole in [(str(name), str(value)) for name, value in shown.items()]:
            if not addresses.are_in(name, whole):
                continue
            del shown[name]
            for address in addresses.public(whole):
                self._reader.add(address, name, "HOPTOAD_SEND_IP", _ADDRESSES)
            if wanted == "truncated":
                shown[name] = addresses.truncated(whole)


def session_of(request: HttpRequest, reader: DataReader, room: Room) -> Data:
    """The session's data, if it is loaded."""
    session = request.__dict__.get("session")
    if session is None:
        return {}
    loaded = memory_of(session).get("_session_cache")
    if loaded is None:
        return {"[session]": NOT_LOADED}
    return reader.mapping(dict(loaded), room, _SESSION)


def user_of(request: HttpRequest, settings: Settings) -> User | None:
    """The user who is signed in. None if not loaded or not wanted (HOPTOAD_SEND_USER)."""
    wanted, keep = settings.send_user, MAX_NAME + SLACK
    user = _loaded_user(request.__dict__) if wanted else None
    if user is None:
        return None
    memory = memory_of(user) or slots_of(user)
    key = _key(user, memory)
    if key is None:
        return None  # anonymous, or not saved yet
    if wanted == "id":
        return User(id=key[:keep])
    names = (_field(memory, "first_name"), _field(memory, "last_name"))
    return User(
        id=key[:keep],
        name=" ".join(filter(None, names))[: MAX_NAME + keep],
        email=_field(memory, getattr(type(user), "EMAIL_FIELD", "email"))[:keep],
        username=_field(memory, getattr(type(user), "USERNAME_FIELD", "username"))[:keep],
    )


def _key(user: object, memory: dict[str, Any]) -> str | None:
    """The primary key, as far as it is in memory; the parts of a composite one with commas between."""
    meta = getattr(type(user), "_meta", None)
    values = [memory.get(name) for name in ([field.attname for field in meta.pk_fields] if meta else ["id"])]
    return None if None in values else ",".join(map(str, values))


def _loaded_user(memory: dict[str, Any]) -> object | None:
    """The user if the site has loaded it. Never evaluates a lazy object."""
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

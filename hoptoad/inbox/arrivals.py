"""A notice on its way into the inbox: what its document says, read once, and the columns made of it."""

import uuid
import zlib
from dataclasses import dataclass
from datetime import datetime

from hoptoad.api import parsers
from hoptoad.inbox.grouping import Group, group
from hoptoad.notice import ErrorInfo, User
from hoptoad.notice import Notice as Content

MAX_MESSAGE = 1000
_LEVEL = 6  # of zlib: 9 takes twice as long and saves a hundredth


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A notice that was read, and waits to be stored. Its texts fit their columns."""

    app_id: int
    received: datetime
    client_id: str
    kind: str
    document: bytes  # compressed
    group: Group
    message: str
    component: str
    action: str
    severity: str
    host: str
    user: str
    url: str
    agent: str
    version: str


def arrival(app_id: int, document: bytes, received: datetime) -> Arrival:
    """Reads a document of either version. Raises ParseError."""
    kind = "v3" if document.lstrip()[:1] == b"{" else "v2"
    content = parsers.parse_v3(document) if kind == "v3" else parsers.parse_v2(document)
    request = content.request
    return Arrival(
        app_id=app_id,
        received=received,
        client_id=content.id[:64] or uuid.uuid4().hex,
        kind=kind,
        document=zlib.compress(document, _LEVEL),
        group=group(content),
        message=without_class(content.error)[:MAX_MESSAGE],
        component=request.component[:255],
        action=request.action[:255],
        severity=content.severity[:20],
        host=content.server.hostname[:255],
        user=_user(content.user),
        url=request.url[:2000],
        agent=_agent(content),
        version=content.server.app_version[:100],
    )


def without_class(error: ErrorInfo) -> str:
    """The message without the class that version 2 writes before it, with its module or without.

    >>> without_class(ErrorInfo("shop.errors.Declined", "Declined: no funds"))
    'no funds'
    """
    whole, name = error.class_name, error.class_name.rpartition(".")[2]
    return error.message.removeprefix(f"{whole}: ").removeprefix(f"{name}: ")


def _user(user: User | None) -> str:
    return "" if user is None else (user.email or user.username or user.name or user.id).strip()[:255]


def _agent(content: Content) -> str:
    found = content.request.cgi_data.get("HTTP_USER_AGENT", "")
    return found[:500] if isinstance(found, str) else ""

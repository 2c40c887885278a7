"""One notice, parsed again and made fit to be shown."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from hoptoad.errors import ParseError
from hoptoad.inbox.models import Notice
from hoptoad.inbox.pages import visible
from hoptoad.inbox.pages.backtrace import ShownError, ShownFrame, errors_of, innermost_own
from hoptoad.inbox.pages.visible import Row
from hoptoad.notice import ErrorInfo, Value
from hoptoad.notice import Notice as Content

# Shown at a place of their own, or of no use to a reader.
_ELSEWHERE = ("FRAME_", "FRAMES_LEFT_OUT", "EXCEPTION_", "HOPTOAD_")
_NAMED = {"LANGUAGE", "REVISION", "SEVERITY", "EXTRA"}


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the notice: a title and a table."""

    anchor: str
    title: str
    rows: tuple[Row, ...]
    is_open: bool = True


class ShownNotice:
    """One notice, parsed and made fit to be shown."""

    def __init__(self, notice: Notice) -> None:
        self.notice = notice
        self.refusal = ""
        try:
            self.content = notice.content()
        except ParseError as error:
            self.refusal = visible.line(str(error))
            self.content = Content(id="", error=ErrorInfo("", ""))

    @cached_property
    def errors(self) -> tuple[ShownError, ...]:
        return () if self.refusal else errors_of(self.content)

    @property
    def number(self) -> str:
        return f"{self.notice.number:,}"

    @property
    def frame(self) -> ShownFrame | None:
        """The innermost frame of the project."""
        return innermost_own(self.errors[0].frames) if self.errors else None

    @property
    def url(self) -> str:
        return visible.url(self.content.request.url)

    @property
    def href(self) -> str:
        return visible.link(self.url)

    @property
    def method(self) -> str:
        return visible.line(str(self.content.request.cgi_data.get("REQUEST_METHOD", "")), 20)

    @cached_property
    def request(self) -> tuple[Row, ...]:
        """What was requested and by which client: only what is known."""
        request, data = self.content.request, self.content.request.cgi_data
        return _named(
            ("Address", self.url),
            ("Method", data.get("REQUEST_METHOD", "")),
            ("View", visible.place("#".join(filter(None, (request.component, request.action))))),
            ("Referrer", data.get("HTTP_REFERER", "")),
            ("User agent", data.get("HTTP_USER_AGENT", "") or self.notice.agent),
            ("Client's address", data.get("REMOTE_ADDR", "")),
        )

    @cached_property
    def server(self) -> tuple[Row, ...]:
        """The release and the process that failed: only what is known."""
        server, data = self.content.server, self.content.request.cgi_data
        return _named(
            ("Host", server.hostname or self.notice.host),
            ("Version", server.app_version or self.notice.version),
            ("Revision", server.revision or data.get("REVISION", "")),
            ("Severity", "" if self.content.severity == "error" else self.content.severity),
            ("Framework", self.content.framework),
            ("Language", self.content.language),
            ("Root directory", server.project_root),
            ("Notice id", self.notice.client_id),
            ("Lost before it", f"{self.content.lost:,} notices of this process" if self.content.lost else ""),
        )

    @cached_property
    def user(self) -> tuple[Row, ...]:
        user = self.content.user
        if user is None:
            return _named(("User", self.notice.user))
        return _named(
            ("Id", user.id), ("Name", user.name), ("Username", user.username), ("E-mail", user.email)
        )

    @cached_property
    def trail(self) -> tuple[str, ...]:
        """Log lines before the failure, oldest first."""
        found = self._extra.get("trail", ())
        return (
            tuple(visible.url(item) for item in found if isinstance(item, str))
            if isinstance(found, tuple)
            else ()
        )

    @cached_property
    def sections(self) -> list[Section]:
        """The tables below the backtrace; empty ones are left out."""
        request = self.content.request
        more = {name: value for name, value in self._extra.items() if name != "trail"}
        headers = {name: value for name, value in request.cgi_data.items() if not _is_elsewhere(name)}
        found = (
            Section("request", "Request", self.request),
            Section("parameters", "Parameters and form", visible.rows(request.params)),
            Section("user", "User", self.user),
            Section("session", "Session", visible.rows(request.session)),
            Section("additions", "Added by the site", visible.rows(more)),
            Section("server", "Release and server", self.server),
            Section("headers", "Headers and environment", visible.rows(headers), is_open=False),
        )
        return [section for section in found if section.rows]

    @property
    def _extra(self) -> Mapping[str, Value]:
        extra = self.content.extra or self.content.request.cgi_data.get("EXTRA", {})
        return extra if isinstance(extra, Mapping) else {"extra": extra}


def _named(*pairs: tuple[str, Value]) -> tuple[Row, ...]:
    return tuple(visible.row(name, value) for name, value in pairs if value and isinstance(value, str))


def _is_elsewhere(name: str) -> bool:
    return name in _NAMED or name.startswith(_ELSEWHERE)

"""A server that takes notices like Errbit, keeps them in memory, and shows them."""

import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from hoptoad.api.parsers import parse_v2
from hoptoad.errors import ParseError
from hoptoad.handlers.letter import flat, where
from hoptoad.management.demo.pages import page
from hoptoad.notice import Notice, Value

PATH = "/notifier_api/v2/notices"
_MAX_BYTES = 16 * 1024 * 1024


class Receiver:
    """Listens on a free port of 127.0.0.1. Each notice is added to `documents` as bytes and to `notices`."""

    def __init__(self) -> None:
        self.documents: list[bytes] = []
        self.notices: list[Notice] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_for(self))
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.url = self.address + PATH

    def start(self) -> None:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def take(self, document: bytes) -> str:
        """Keeps a notice and returns its number. Raises ParseError."""
        self.notices.append(parse_v2(document))
        self.documents.append(document)
        return str(len(self.notices))


def _handler_for(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            if self.path != PATH or not 0 < length <= _MAX_BYTES:
                self.close_connection = True
                return self._answer(404, "text/plain", "notices go to " + PATH)
            try:
                number = receiver.take(self.rfile.read(length))
            except ParseError as error:
                return self._answer(422, "text/plain", str(error))
            link = f"{receiver.address}/locate/{number}"
            answer = f"<notice><id>{number}</id><url>{link}</url></notice>"
            return self._answer(200, "text/xml", answer)

        def do_GET(self) -> None:
            number = self.path.removeprefix("/locate/")
            if self.path == "/":
                return self._answer(200, "text/html", _list(receiver.notices))
            if number.isdigit() and 0 < int(number) <= len(receiver.notices):
                return self._answer(200, "text/html", _detail(receiver.notices[int(number) - 1]))
            return self._answer(404, "text/plain", "no such notice")

        def _answer(self, status: int, content_type: str, body: str) -> None:
            encoded = body.encode()
            self.send_response(status)
            self.send_header("Content-Type", f"{content_type}; charset=utf-8")
            self.send_header("Content-Length", str(len(encoded)))
            self.end_headers()
            self.wfile.write(encoded)

        def log_message(self, *args: Any) -> None:
            """Logs nothing: the demo prints a table of its own."""

    return Handler


def _list(notices: list[Notice]) -> SafeString:
    rows = format_html_join(
        "",
        '<tr><td><a href="/locate/{}">{}</a></td><td>{}</td></tr>',
        [
            (number, notice.error.message, where(notice))
            for number, notice in reversed(list(enumerate(notices, 1)))
        ],
    )
    if not notices:
        return page("Notices", format_html('<p class="quiet">{}</p>', "Nothing has arrived yet."))
    return page("Notices", format_html("<table><tr><th>Error<th>Where</tr>{}</table>", rows))


def _detail(notice: Notice) -> SafeString:
    request = notice.request
    frames = [f"{frame.file}:{frame.line} in {frame.function}" for frame in notice.error.frames]
    parts = [
        _table("Request", {"URL": request.url, "Where": where(notice)}),
        _table("Backtrace", {str(number): frame for number, frame in enumerate(frames, 1)}),
        _table("Parameters", request.params),
        _table("Session", request.session),
        _table("Environment", request.cgi_data),
    ]
    back = format_html('<p><a href="/">All notices</a></p>{}', format_html_join("", "{}", zip(parts)))
    return page(notice.error.message, back)


def _table(title: str, data: "Mapping[str, Value]") -> SafeString:
    if not data:
        return SafeString()
    rows = format_html_join("", "<tr><th>{}</th><td>{}</td></tr>", flat(data))
    return format_html("<h2>{}</h2><table>{}</table>", title, rows)

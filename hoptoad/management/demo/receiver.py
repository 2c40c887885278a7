"""A server that takes notices like Errbit, and keeps them in memory."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from hoptoad.api.parsers import parse_v2
from hoptoad.errors import ParseError
from hoptoad.notice import Notice

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
            return self._answer(200, "text/xml", f"<notice><id>{number}</id></notice>")

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

"""A real server on 127.0.0.1 that speaks HTTP and, on the same port, HTTPS, and answers as scripted."""

import contextlib
import gzip
import queue
import socket
import ssl
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

DEADLINE = 20  # seconds a test waits for what must come
TLS_HANDSHAKE = 0x16

ACCEPTED = "<notice><id>64e5f0b2a1c3d4e5f6a7b8c9</id><url>https://errbit.test/locate/64e5f0b2</url></notice>"


@dataclass
class Reply:
    status: int = 200
    body: str = ACCEPTED
    headers: dict = field(default_factory=dict)


@dataclass
class Received:
    path: str
    headers: dict
    body: bytes
    secure: bool
    connection: int

    @property
    def document(self):
        """The body, without the compression of its way."""
        is_compressed = self.headers.get("Content-Encoding") == "gzip"
        return gzip.decompress(self.body) if is_compressed else self.body


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = DEADLINE
    disable_nagle_algorithm = True  # or each answer waits 40 ms for an acknowledgement

    def setup(self):
        if self.request.recv(1, socket.MSG_PEEK)[:1] == bytes([TLS_HANDSHAKE]):
            try:
                self.request = self.server.collector.tls.wrap_socket(self.request, server_side=True)
            except OSError:
                self.request.close()
                raise
        super().setup()
        self.connection_number = self.server.collector.count_connection()

    def finish(self):
        super().finish()
        self.request.close()  # the server knows only the socket below TLS

    def do_POST(self):
        collector = self.server.collector
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length)
        if len(body) < length:  # the client is gone; no server takes half a document
            self.close_connection = True
            return
        received = Received(
            self.path,
            dict(self.headers),
            body,
            isinstance(self.request, ssl.SSLSocket),
            self.connection_number,
        )
        collector.received.append(received)
        reply = collector.replies.popleft() if collector.replies else collector.default
        if callable(reply):
            reply(self)
        else:
            self.answer(reply)
        collector.arrivals.put(received)

    do_GET = do_POST

    def answer(self, reply):
        body = reply.body.encode()
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass  # a client that goes away is what many tests are about


class Collector:
    """`received` holds everything that came; `arrivals` the same, to be waited for."""

    def __init__(self, tls=None):
        self.tls = tls
        self.received = []
        self.arrivals = queue.Queue()
        self.replies = deque()
        self.default = Reply()
        self.connections = 0
        self.over = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.collector = self
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/notifier_api/v2/notices"
        self.https_url = f"https://localhost:{self.port}/notifier_api/v2/notices"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def count_connection(self):
        self.connections += 1
        return self.connections

    def wait(self, count=1):
        """The next `count` requests, in the order in which they were answered."""
        return [self.arrivals.get(timeout=DEADLINE) for _ in range(count)]

    def close(self):
        self.over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def hang(handler):
    """Never answers, until the collector closes."""
    handler.server.collector.over.wait(DEADLINE)
    handler.close_connection = True


def hang_after_headers(handler):
    handler.send_response(200)
    handler.send_header("Content-Length", "100")
    handler.end_headers()
    hang(handler)


def drip_headers(handler):
    _drip(handler, b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nslow!")


def drip_body(handler):
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    _drip(handler, b"x" * 1000)


def _drip(handler, data):
    with contextlib.suppress(OSError):
        for index in range(len(data)):
            handler.wfile.write(data[index : index + 1])
            if handler.server.collector.over.wait(0.2):
                break
    handler.close_connection = True


def reset(handler):
    """Closes with RST, after the request was read."""
    handler.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    handler.request.close()
    handler.close_connection = True


def answer_then_close(handler):
    """Says that the connection is kept alive, and closes it."""
    handler.answer(Reply())
    handler.close_connection = True


def endless(handler):
    handler.send_response(200)
    handler.send_header("Content-Length", str(2**30))
    handler.end_headers()
    chunk = b"x" * 65536
    deadline = time.monotonic() + DEADLINE
    with contextlib.suppress(OSError):
        while time.monotonic() < deadline:
            handler.wfile.write(chunk)
    handler.close_connection = True

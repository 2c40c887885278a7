"""A server that takes notices in every language the subjects speak, and counts them.

It runs in a process of its own. Its ports are the first line it prints; it ends with its input.
"""

import asyncio
import itertools
import json
import os
import re
import sys
import threading
import zlib

_LENGTH = re.compile(rb"\r\ncontent-length:\s*(\d+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:\s*chunked", re.IGNORECASE)
_CLOSE = re.compile(rb"\r\nconnection:\s*close", re.IGNORECASE)
_ENCODING = re.compile(rb"\r\ncontent-encoding:\s*(\w+)", re.IGNORECASE)
_ID = "64e5f0b2a1c3d4e5f6a7b8c9"
_XML = f"<notice><id>{_ID}</id><url>http://127.0.0.1/locate/{_ID}</url></notice>"
_ANSWERS = (
    (b"/notifier_api/", "200 OK", "text/xml", _XML),
    (b"/api/v3/", "201 Created", "application/json", '{"id":"1","url":"http://127.0.0.1/locate/1"}'),
    (b"/api/1/envelope/", "200 OK", "application/json", f'{{"id":"{_ID}"}}'),
    (b"/api/1/item/", "200 OK", "application/json", '{"err":0,"result":{}}'),
    (b"/bugsnag", "200 OK", "text/plain", "OK"),
    (b"/v1/notices", "201 Created", "application/json", f'{{"id":"{_ID}"}}'),
)
_ENVELOPE = b"/api/1/envelope/"
_LOOK_EVERY = 0.002  # seconds


class Counts:
    """What has arrived since the last reset."""

    def __init__(self):
        self.hanging = 0
        self.reset()

    def reset(self):
        self._waiting = []  # looked at when somebody asks, not while answering
        self._notices = self._bytes = 0
        self._connections = set()

    def add(self, connection, path, head, body):
        self._waiting.append((connection, path, head, body))

    def now(self):
        """Notices, their bytes on the wire, and the connections they came by."""
        for connection, path, head, body in self._waiting:
            if not path.startswith(_ENVELOPE) or _holds_event(head, body):
                self._notices += 1
                self._bytes += len(body)
                self._connections.add(connection)
        self._waiting.clear()
        return {
            "notices": self._notices,
            "bytes": self._bytes,
            "connections": len(self._connections),
            "hanging": self.hanging,
        }


class Http(asyncio.Protocol):
    """As much of HTTP/1.1 as the subjects use."""

    _numbers = itertools.count()

    def __init__(self, counts):
        self._counts = counts
        self._buffer = b""

    def connection_made(self, transport):
        self._transport = transport
        self._number = next(self._numbers)

    def data_received(self, data):
        self._buffer += data
        while (request := _taken(self._buffer)) is not None:
            head, body, self._buffer = request
            self._answer(head, body)

    def _answer(self, head, body):
        path = head.split(b" ", 2)[1]
        found = next((answer for answer in _ANSWERS if path.startswith(answer[0])), None)
        _, status, kind, text = found or (b"", "404 Not Found", "text/plain", "")
        self._transport.write(
            f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(text)}\r\n\r\n{text}".encode()
        )
        if _CLOSE.search(head):
            self._transport.close()
        if found:
            self._counts.add(self._number, path, head, body)


class Hanging(asyncio.Protocol):
    """Takes everything and never answers."""

    def __init__(self, counts):
        self._counts = counts

    def connection_made(self, transport):
        self._counts.hanging += 1


class Mails:
    """What aiosmtpd hands messages to."""

    def __init__(self, counts):
        self._counts = counts

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - aiosmtpd's name
        self._counts.add(session.peer, b"", b"", envelope.content)
        return "250 OK"


def _taken(buffer):
    """The first request's head and body, and what follows it; None where it is not whole yet."""
    end = buffer.find(b"\r\n\r\n")
    if end < 0:
        return None
    head, start = buffer[:end], end + 4
    if _CHUNKED.search(head):
        return _unchunked(head, buffer, start)
    length = _LENGTH.search(head)
    stop = start + (int(length[1]) if length else 0)
    return (head, buffer[start:stop], buffer[stop:]) if len(buffer) >= stop else None


def _unchunked(head, buffer, start):
    body = b""
    while (end := buffer.find(b"\r\n", start)) >= 0:
        size = int(buffer[start:end].split(b";")[0], 16)
        start = end + 2 + size + 2
        if len(buffer) < start:
            return None
        body += buffer[end + 2 : end + 2 + size]
        if not size:
            return head, body, buffer[start:]
    return None


def _holds_event(head, body):
    """Whether an envelope of Sentry holds an error, and not only a report of the client's own."""
    encoding = _ENCODING.search(head)
    if encoding and encoding[1] == b"br":
        import brotli

        body = brotli.decompress(body)
    elif encoding:
        body = zlib.decompress(body, wbits=47)  # gzip or deflate
    _, _, rest = body.partition(b"\n")
    while rest:
        line, _, rest = rest.partition(b"\n")
        if not line.strip():
            continue
        item = json.loads(line)
        if item.get("type") == "event":
            return True
        rest = rest[item["length"] + 1 :] if "length" in item else rest.partition(b"\n")[2]
    return False


async def _obey(counts, reader, writer):
    """Commands, a line of JSON each: to forget everything, or to wait for a number of notices."""
    loop = asyncio.get_running_loop()
    while line := await reader.readline():
        command = json.loads(line)
        if command.get("reset"):
            counts.reset()
        deadline = loop.time() + command.get("timeout", 0)
        while counts.now()["notices"] < command.get("wait", 0) and loop.time() < deadline:
            await asyncio.sleep(_LOOK_EVERY)
        writer.write(json.dumps(counts.now()).encode() + b"\n")
        await writer.drain()
    writer.close()


async def _serve():
    loop = asyncio.get_running_loop()
    counts = Counts()
    servers = {
        "http": await loop.create_server(lambda: Http(counts), "127.0.0.1", 0, backlog=4096),
        "hanging": await loop.create_server(lambda: Hanging(counts), "127.0.0.1", 0, backlog=4096),
        "control": await asyncio.start_server(lambda *streams: _obey(counts, *streams), "127.0.0.1", 0),
    }
    try:
        from aiosmtpd.smtp import SMTP
    except ImportError:
        pass
    else:
        servers["smtp"] = await loop.create_server(
            lambda: SMTP(Mails(counts), hostname="localhost"), "127.0.0.1", 0, backlog=4096
        )
    ports = {name: server.sockets[0].getsockname()[1] for name, server in servers.items()}
    print(json.dumps(ports), flush=True)
    await asyncio.Event().wait()


def _end_with_input():
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    threading.Thread(target=_end_with_input, daemon=True).start()
    asyncio.run(_serve())

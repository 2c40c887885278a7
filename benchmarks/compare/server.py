"""The server on 127.0.0.1 of all subjects: it can be down or hang, and it keeps what it is sent."""

import asyncio
import contextlib
import quopri
import re
import socket
import threading
import time
import zlib

from receiver import Counts, Hanging, Http, Mails

_ENCODING = re.compile(rb"\r\ncontent-encoding:\s*(\w+)", re.IGNORECASE)


class Kept(Counts):
    """Counts, and keeps the texts."""

    def reset(self):
        super().reset()
        self.texts = []

    def add(self, connection, path, head, body):
        super().add(connection, path, head, body)
        self.texts.append(_plain(head, body))


def _plain(head, body):
    found = _ENCODING.search(head)
    if found and found[1] == b"br":
        import brotli

        return brotli.decompress(body)
    if found:
        return zlib.decompress(body, wbits=47)
    return body if head else quopri.decodestring(body)  # a mail has no head of HTTP


class Server:
    """Two ports of 127.0.0.1, of HTTP and of SMTP; each state may follow each."""

    def __init__(self):
        self.counts = Kept()
        self.ports = {"http": _free_port(), "smtp": _free_port()}
        self._loop = asyncio.new_event_loop()
        self._servers = []
        threading.Thread(target=self._loop.run_forever, daemon=True).start()

    def up(self):
        self._listen({"http": lambda: Http(self.counts), "smtp": self._smtp})

    def hanging(self):
        self._listen(dict.fromkeys(self.ports, lambda: Hanging(self.counts)))

    def down(self):
        self._run(self._close())

    def wait(self, enough, seconds):
        """Returns once `enough` is true of the texts, or after `seconds`."""
        deadline = time.monotonic() + seconds
        while not enough(self.counts.texts) and time.monotonic() < deadline:
            time.sleep(0.02)

    def notices(self):
        """How many notices have arrived; the sessions and reports of Sentry's client are none."""
        return self._run(_call(lambda: self.counts.now()["notices"]))

    def _smtp(self):
        from aiosmtpd.smtp import SMTP

        return SMTP(Mails(self.counts), hostname="localhost", loop=self._loop)

    def _listen(self, protocols):
        self.down()
        self._run(self._open(protocols))

    async def _open(self, protocols):
        for name, protocol in protocols.items():
            port = self.ports[name]
            server = await self._loop.create_server(protocol, "127.0.0.1", port, backlog=4096)
            self._servers.append(server)

    async def _close(self):
        for server in self._servers:
            server.close()
            with contextlib.suppress(AttributeError):
                server.abort_clients()  # from Python 3.13 on
        self._servers.clear()

    def _run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()


async def _call(function):
    return function()


def _free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@contextlib.contextmanager
def serving():
    server = Server()
    server.up()
    try:
        yield server
    finally:
        server.down()

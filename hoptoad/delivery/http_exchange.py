"""One HTTP exchange over an open connection, with a deadline for the whole answer."""

import http.client
import io
import socket
import time
from collections.abc import Mapping
from typing import Any


class _TimedSocket(io.RawIOBase):
    """Reads a socket until a deadline, however slowly its bytes drip.

    A socket's own timeout is for each `recv`, so an answer of 1,000 bytes may take 1,000 times as long:

        sock.settimeout(5)
        raw = _TimedSocket(sock.makefile("rb").detach(), sock)
        raw.readinto(buffer)    # TimeoutError after 5 seconds in all

    `test_the_deadline_is_one_for_the_whole_answer` fails without it.
    """

    def __init__(self, raw: io.RawIOBase, sock: socket.socket) -> None:
        timeout = sock.gettimeout()
        self._raw = raw
        self._sock = sock
        self._deadline = None if timeout is None else time.monotonic() + timeout

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self._deadline is not None:
            left = self._deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError("the answer took too long")
            self._sock.settimeout(left)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
            super().close()


class _TimedResponse(http.client.HTTPResponse):
    """An answer with a deadline, and without the interim answers before it (RFC 9110, 15.2).

    `http.client` skips `100 Continue` only, and takes any other interim answer for the final one:

        HTTP/1.1 103 Early Hints            <- its status would be 103
        HTTP/1.1 422 Unprocessable Content  <- and this the answer to the next notice

    `test_the_final_answer_counts_and_none_is_left_for_the_next_notice` fails without it.
    """

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = io.BufferedReader(_TimedSocket(self.fp.detach(), sock))

    def begin(self) -> None:
        super().begin()
        while 100 <= self.status < 200:
            if self.status == http.HTTPStatus.SWITCHING_PROTOCOLS:
                raise http.client.HTTPException("the server switches to another protocol")
            self.headers = self.msg = None  # type: ignore[assignment]  # else `begin` does nothing
            super().begin()


class Exchange(http.client.HTTPConnection):
    """A base class that gives a connection of urllib3 the exchange of `http.client`.

    urllib3's own takes half as much processor time again; for bytes posted at once it does no more:

        class Connection(Exchange, urllib3.connection.HTTPConnection): ...
        connection.connect()                                            # urllib3: proxy, TLS
        connection.exchange("/", b"<notice/>", {}, timeout=5).status    # http.client: 200

    `TestOverAConnection` holds that both answer the same, and
    `test_a_notice_over_a_kept_alive_connection_is_one_piece` fails without `send`.
    """

    response_class = _TimedResponse
    putheader = http.client.HTTPConnection.putheader  # urllib3's asks each header whether to skip it
    _unsent: "list[bytes] | None" = None  # inside of `exchange`

    def exchange(
        self, target: str, body: bytes, headers: Mapping[str, str], timeout: float
    ) -> http.client.HTTPResponse:
        """Posts `body` over the open connection, headers and body in one piece.

        `timeout` is in seconds, once for sending and once for the whole answer.
        """
        unsent: list[bytes] = []
        self._unsent = unsent
        try:
            http.client.HTTPConnection.request(self, "POST", target, body, headers)
        finally:
            self._unsent = None
        self.sock.settimeout(timeout)
        self.sock.sendall(b"".join(unsent))
        return http.client.HTTPConnection.getresponse(self)

    def send(self, data: Any) -> None:
        if self._unsent is None:
            super().send(data)
        else:
            self._unsent.append(data)

"""Reads an HTTP answer within a deadline for the whole of it, however slowly its bytes drip."""

import http.client
import io
import socket
import time
from typing import Any


class _TimedSocket(io.RawIOBase):
    """Reads a socket until a deadline, however slowly its bytes drip."""

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


class TimedResponse(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = io.BufferedReader(_TimedSocket(self.fp.detach(), sock))

    def begin(self) -> None:
        """Reads on until the final answer: `http.client` takes 102 and 103 for that (RFC 9110, 15.2)."""
        super().begin()
        while 100 <= self.status < 200:
            if self.status == http.HTTPStatus.SWITCHING_PROTOCOLS:
                raise http.client.HTTPException("the server switches to another protocol")
            self.headers = self.msg = None  # type: ignore[assignment]  # else `begin` does nothing
            super().begin()

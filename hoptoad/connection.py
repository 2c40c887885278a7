"""One exchange with the server, over this thread's kept-alive connection; it always ends.

The only module that imports `requests`, which takes longer than everything else here together:
`transport` imports it when there is something to send.
"""

import encodings.idna  # noqa: F401 - with netrc, imported by `requests` in mid-flight: see transport
import http.client
import io
import netrc  # noqa: F401
import os
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter

from hoptoad import NAME, __version__
from hoptoad.answers import Answer, Verdict, judge

MAX_ANSWER_BYTES = 64 * 1024
LOOK_AGAIN = 60.0  # seconds after which the environment and .netrc are read again
_MAX_PREPARED = 8  # addresses: one, unless the settings change
_USER_AGENT = f"{NAME}/{__version__}"

_thread = threading.local()


def _forget_session() -> None:
    _thread.session = None  # a socket shared with the parent would mix two conversations


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_session)


def exchange(url: str, body: bytes, headers: Mapping[str, str], timeout: float) -> Answer:
    """Posts `body` and judges what comes back, or what keeps it from coming. Raises nothing.

    `timeout` is in seconds, once for connecting and once for the whole answer.
    """
    try:
        return _answer(url, body, headers, timeout)
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
        return Answer(verdict=Verdict.UNREACHABLE, url=url, fault=_fault(error), text=_reason(error))


def _answer(url: str, body: bytes, headers: Mapping[str, str], timeout: float) -> Answer:
    session = _session()
    reuses_connection = _thread.last_url == url
    _thread.last_url = None
    try:
        response = _send(session, url, body, headers, timeout)
    except requests.ConnectionError as error:
        # A server may close a kept-alive connection just as the next notice is being written.
        if not reuses_connection or not _was_dropped(error):
            raise
        response = _send(session, url, body, headers, timeout)
    _thread.last_url = url
    with response:
        text = response.raw.read(MAX_ANSWER_BYTES, decode_content=False)
        if len(text) == MAX_ANSWER_BYTES:
            response.raw.close()  # rather than reading the rest of who knows how much
        return judge(url, response.status_code, response.headers, text.decode("utf-8", "replace"))


def _send(
    session: requests.Session, url: str, body: bytes, headers: Mapping[str, str], timeout: float
) -> requests.Response:
    prepared, surroundings = _prepared(session, url, headers)
    prepared.body = body
    prepared.headers["Content-Length"] = str(len(body))
    # Not session.send: it keeps cookies, and reads a redirect's whole body to see where it leads.
    return session.get_adapter(url).send(prepared, timeout=timeout, **surroundings)


def _prepared(
    session: requests.Session, url: str, headers: Mapping[str, str]
) -> tuple[requests.PreparedRequest, dict[str, Any]]:
    """The request without its body, with the credentials of .netrc; and the proxies and authorities.

    Finding these costs as much as sending, so this thread looks for them once in LOOK_AGAIN seconds.
    """
    key = (url, *headers.items())
    found = _thread.prepared.get(key)
    now = time.monotonic()
    if found is None or now - found[0] >= LOOK_AGAIN:
        prepared = session.prepare_request(requests.Request("POST", url, headers=dict(headers)))
        surroundings = dict(session.merge_environment_settings(url, {}, True, None, None))
        if len(_thread.prepared) >= _MAX_PREPARED:
            _thread.prepared.clear()
        found = _thread.prepared[key] = (now, prepared, surroundings)
    return found[1], found[2]


def _session() -> requests.Session:
    """This thread's session, made when it first has something to send."""
    session: requests.Session | None = getattr(_thread, "session", None)
    if session is None:
        session = requests.Session()
        session.headers.update({"User-Agent": _USER_AGENT, "Accept-Encoding": "identity"})
        for scheme in ("https://", "http://"):
            session.mount(scheme, _Adapter())
        _thread.session = session
        _thread.prepared = {}
        _thread.last_url = None
    return session


def _fault(error: BaseException) -> str:
    led = tuple(_led_to(error))

    def found(*kinds: type[BaseException]) -> bool:
        return any(isinstance(step, kinds) for step in led)

    if found(requests.exceptions.ProxyError, urllib3.exceptions.ProxyError):
        return "proxy"
    if found(socket.gaierror):
        return "dns"
    if found(requests.exceptions.SSLError, ssl.SSLError):
        return "tls"
    if found(ConnectionRefusedError):
        return "refused"
    if found(requests.exceptions.Timeout, urllib3.exceptions.TimeoutError, TimeoutError):
        return "timeout"
    return "network"


def _was_dropped(error: BaseException) -> bool:
    dropped = (ConnectionResetError, BrokenPipeError, http.client.RemoteDisconnected)
    return any(isinstance(step, dropped) for step in _led_to(error))


def _reason(error: BaseException) -> str:
    """The innermost cause that says anything, as plainly as the operating system put it."""
    texts = [str(step) for step in _led_to(error) if isinstance(step, OSError) and str(step)]
    return (texts[-1] if texts else str(error) or type(error).__name__)[:500]


def _led_to(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    step: BaseException | None = error
    while step is not None and id(step) not in seen:
        seen.add(id(step))
        yield step
        # urllib3 hands some causes on as `reason`, without chaining them.
        reason = getattr(step, "reason", None)
        step = reason if isinstance(reason, BaseException) else step.__cause__ or step.__context__


class _Adapter(HTTPAdapter):
    """Connections whose answers have a deadline as a whole, not only for each byte."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = _POOLS
        return manager


class _RawUntil(io.RawIOBase):
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


class _Response(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = io.BufferedReader(_RawUntil(self.fp.detach(), sock))


class _HTTPConnection(urllib3.connection.HTTPConnection):
    response_class = _Response


class _HTTPSConnection(urllib3.connection.HTTPSConnection):
    response_class = _Response


class _HTTPPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _HTTPConnection


class _HTTPSPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _HTTPSConnection


_POOLS = {"http": _HTTPPool, "https": _HTTPSPool}

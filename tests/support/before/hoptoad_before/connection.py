"""One exchange with the server, over this thread's kept-alive connection; it always ends.

The only module that imports `requests`, which takes longer than everything else here together:
`transport` imports it when there is something to send.
"""

import contextlib
import encodings.idna  # noqa: F401 - with netrc, imported by `requests` in mid-flight: see transport
import http.client
import io
import logging
import netrc  # noqa: F401
import os
import socket
import ssl
import threading
import time
import weakref
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import requests
import urllib3
from requests.adapters import HTTPAdapter

from hoptoad_before import NAME, __version__, messages
from hoptoad_before.answers import Answer, Verdict, judge
from hoptoad_before.delivering import is_delivering

MAX_ANSWER_BYTES = 64 * 1024
LOOK_AGAIN = 60.0  # seconds after which the environment and .netrc are read again
_MAX_WAYS = 8  # one, unless the settings change
_FAULTS = (requests.RequestException, urllib3.exceptions.HTTPError, OSError)
_KINDS: dict[str, tuple[type[BaseException], ...]] = {
    "proxy": (requests.exceptions.ProxyError, urllib3.exceptions.ProxyError),
    "dns": (socket.gaierror,),
    "tls": (requests.exceptions.SSLError, ssl.SSLError),
    "refused": (ConnectionRefusedError,),
    "timeout": (requests.exceptions.Timeout, urllib3.exceptions.TimeoutError, TimeoutError),
}
_ONCE = urllib3.Retry(0, read=False)
_USER_AGENT = f"{NAME}/{__version__}"

_thread = threading.local()
_pools: "weakref.WeakSet[urllib3.HTTPConnectionPool]" = weakref.WeakSet()  # those of all threads


def _is_of_the_site(record: logging.LogRecord) -> bool:
    return not is_delivering()


# What urllib3 logs of our deliveries, addresses included, is not for the site's log; of the site's own
# requests everything is.
for _name in [name for name in logging.root.manager.loggerDict if name.partition(".")[0] == "urllib3"]:
    logging.getLogger(_name).addFilter(_is_of_the_site)


def _forget_session() -> None:
    _thread.session = None  # a socket shared with the parent would mix two conversations
    _pools.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_session)


def close_connections() -> None:
    """Closes what is kept alive, for the end of the process."""
    for pool in list(_pools):
        pool.close()


def exchange(url: str, body: bytes, headers: Mapping[str, str], timeout: float) -> Answer:
    """Posts `body` and judges what comes back, or what keeps it from coming. Raises nothing.

    `timeout` is in seconds, once for connecting and once for the whole answer.
    """
    try:
        return _answer(url, body, headers, timeout)
    except (*_FAULTS, ValueError) as error:  # ValueError: of an address or a header that HTTP cannot carry
        return Answer(
            verdict=Verdict.UNREACHABLE,
            url=url,
            fault=_fault(error),
            is_distrusted=_is_distrusted(error),
            text=messages.quoted(_reason(error)),
        )


def _answer(url: str, body: bytes, headers: Mapping[str, str], timeout: float) -> Answer:
    session = _session()
    reuses_connection = _thread.last_url == url
    _thread.last_url = None
    way = _way(session, url, headers)
    response = _send_again(way, body, timeout) if reuses_connection else None
    if response is None:
        response = _send(way, body, timeout)
    _thread.last_url = url
    with contextlib.closing(response):
        text = response.read(MAX_ANSWER_BYTES, decode_content=False)
        if len(text) == MAX_ANSWER_BYTES:
            response.close()  # rather than reading the rest of who knows how much
        return judge(url, response.status, response.headers, text.decode("utf-8", "replace"))


def _send_again(way: "_Way", body: bytes, timeout: float) -> urllib3.BaseHTTPResponse | None:
    """Sends over a kept-alive connection; None where the server has closed that meanwhile.

    The caller tries once more, outside the `except`: the error of that attempt must not lead to this one.
    """
    try:
        return _send(way, body, timeout)
    except (urllib3.exceptions.HTTPError, OSError) as error:
        if not _was_dropped(error):
            raise
        return None


class _Way(NamedTuple):
    """How an address is reached, as `requests` found it."""

    found_at: float
    pool: urllib3.HTTPConnectionPool
    target: str  # the path, or for a proxy the whole address
    headers: Mapping[str, str]


def _send(way: _Way, body: bytes, timeout: float) -> urllib3.BaseHTTPResponse:
    return way.pool.urlopen(
        "POST",
        way.target,
        body=body,
        headers={**way.headers, "Content-Length": str(len(body))},
        timeout=urllib3.Timeout(connect=timeout, read=timeout),
        retries=_ONCE,
        redirect=False,
        assert_same_host=False,
        preload_content=False,
        decode_content=False,
    )


def _way(session: requests.Session, url: str, headers: Mapping[str, str]) -> _Way:
    """The proxy, the authorities and the credentials of .netrc, as `requests` finds them.

    This thread looks for them once in LOOK_AGAIN seconds.
    """
    key = (url, *headers.items())
    way: _Way | None = _thread.ways.get(key)
    if way is not None and way.pool.pool is None:  # closed at the end of the process, and still needed
        _thread.session = None
        session, way = _session(), None
    if way is None or time.monotonic() - way.found_at >= LOOK_AGAIN:
        if len(_thread.ways) >= _MAX_WAYS:
            _thread.ways.clear()
        way = _thread.ways[key] = _found(session, url, headers)
    return way


def _found(session: requests.Session, url: str, headers: Mapping[str, str]) -> _Way:
    prepared = session.prepare_request(requests.Request("POST", url, headers=dict(headers)))
    around: dict[str, Any] = dict(session.merge_environment_settings(url, {}, None, None, None))
    adapter: Any = session.get_adapter(url)
    pool = adapter.get_connection_with_tls_context(
        prepared, around["verify"], proxies=around["proxies"], cert=around["cert"]
    )
    adapter.cert_verify(pool, url, around["verify"], around["cert"])
    _pools.add(pool)
    target = adapter.request_url(prepared, around["proxies"])
    return _Way(time.monotonic(), pool, target, {**prepared.headers})


def _session() -> requests.Session:
    """This thread's session, made when it first has something to send."""
    session: requests.Session | None = getattr(_thread, "session", None)
    if session is None:
        session = requests.Session()
        session.headers.update({"User-Agent": _USER_AGENT, "Accept-Encoding": "identity"})
        for scheme in ("https://", "http://"):
            session.mount(scheme, _Adapter())
        _thread.session = session
        _thread.ways = {}
        _thread.last_url = None
    return session


def _fault(error: BaseException) -> str:
    if _is_distrusted(error):
        return "tls"  # also where a proxy is between
    led = tuple(_led_to(error))
    for fault, kinds in _KINDS.items():
        if any(isinstance(step, kinds) for step in led):
            return fault
    return "network"


def _is_distrusted(error: BaseException) -> bool:
    distrust = (ssl.SSLCertVerificationError, urllib3.util.ssl_match_hostname.CertificateError)
    return any(isinstance(step, distrust) for step in _led_to(error))


def _was_dropped(error: BaseException) -> bool:
    dropped = (ConnectionResetError, BrokenPipeError, http.client.RemoteDisconnected)
    return any(isinstance(step, dropped) for step in _led_to(error))


def _reason(error: BaseException) -> str:
    """The innermost cause that says anything, as plainly as the operating system put it."""
    texts = [str(step) for step in _led_to(error) if isinstance(step, OSError) and str(step)]
    return texts[-1] if texts else str(error) or type(error).__name__


def _led_to(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    step: BaseException | None = error
    while step is not None and id(step) not in seen:
        seen.add(id(step))
        yield step
        # urllib3 hands some causes on as `reason` or as an argument, without chaining them.
        handed_on = (getattr(step, "reason", None), *step.args[:1])
        causes = [cause for cause in handed_on if isinstance(cause, BaseException)]
        step = causes[0] if causes else step.__cause__ or step.__context__


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

    def begin(self) -> None:
        """Reads on until the final answer: `http.client` takes 102 and 103 for that (RFC 9110, 15.2)."""
        super().begin()
        while 100 <= self.status < 200:
            if self.status == http.HTTPStatus.SWITCHING_PROTOCOLS:
                raise http.client.HTTPException("the server switches to another protocol")
            self.headers = self.msg = None  # type: ignore[assignment]  # else `begin` does nothing
            super().begin()


class _HTTPConnection(urllib3.connection.HTTPConnection):
    response_class = _Response


class _HTTPSConnection(urllib3.connection.HTTPSConnection):
    response_class = _Response


class _HTTPPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _HTTPConnection


class _HTTPSPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _HTTPSConnection


_POOLS = {"http": _HTTPPool, "https": _HTTPSPool}

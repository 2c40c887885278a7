"""One exchange with the server, over this thread's kept-alive connection; it always ends.

The only module that imports `requests`, which takes longer than everything else here together:
`transport` imports it when there is something to send.
"""

import contextlib
import encodings.idna  # noqa: F401 - with netrc, imported by `requests` in mid-flight: see transport
import http.client
import logging
import netrc  # noqa: F401
import socket
import ssl
import threading
import time
import weakref
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, cast

import requests
import urllib3
from requests.adapters import HTTPAdapter

from hoptoad import NAME, __version__
from hoptoad.delivery.answer import Answer, Verdict, judge
from hoptoad.delivery.deadline import TimedResponse
from hoptoad.delivery.delivering import is_delivering
from hoptoad.runtime import lifecycle, messages
from hoptoad.runtime.lifecycle import Ending

MAX_ANSWER_BYTES = 64 * 1024
LOOK_AGAIN = 60.0  # seconds after which the environment and .netrc are read again
_MAX_ENDPOINTS = 8  # one, unless the settings change
_FAULTS = (requests.RequestException, urllib3.exceptions.HTTPError, http.client.HTTPException, OSError)
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
_endpoints: "weakref.WeakSet[_Endpoint]" = weakref.WeakSet()  # those of all threads


def _is_of_the_site(record: logging.LogRecord) -> bool:
    return not is_delivering()


# What urllib3 logs of our deliveries, addresses included, is not for the site's log; of the site's own
# requests everything is.
for _name in [name for name in logging.root.manager.loggerDict if name.partition(".")[0] == "urllib3"]:
    logging.getLogger(_name).addFilter(_is_of_the_site)


def _forget_session() -> None:
    _thread.session = None  # a socket shared with the parent would mix two conversations
    _endpoints.clear()


lifecycle.reset_after_fork(_forget_session)


def close_connections() -> None:
    """Closes what is kept alive, for the end of the process."""
    for endpoint in list(_endpoints):
        if endpoint.idle is not None:
            endpoint.idle.close()


lifecycle.at_exit(Ending.CONNECTIONS, close_connections)


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
    endpoint = _endpoint(url, headers)
    connection, endpoint.idle = endpoint.idle, None
    response = _send_again(connection, endpoint, body, timeout) if connection is not None else None
    if response is None:
        response = _send(endpoint, body, timeout)
        connection = response.connection
    text = _read(response, connection)
    endpoint.idle = connection
    return judge(url, response.status, response.headers, text.decode("utf-8", "replace"))


def _read(response: Any, connection: Any) -> bytes:
    """The text of an answer. Closes the connection where more may follow, of this answer or of another."""
    is_whole = False
    try:
        with contextlib.closing(response):
            text: bytes = response.read(MAX_ANSWER_BYTES)
            is_whole = response.isclosed()
    finally:
        if not is_whole:
            connection.close()
    return text


class _Endpoint:
    """How an address is reached, as `requests` found it, and the connection that is kept alive."""

    def __init__(self, pool: urllib3.HTTPConnectionPool, target: str, headers: Mapping[str, str]) -> None:
        self.found_at = time.monotonic()
        self.pool = pool
        self.target = target  # the path, or for a proxy the whole address
        self.headers = headers
        self.idle: Any = None  # not closed by this thread, and not in use


def _send(endpoint: _Endpoint, body: bytes, timeout: float) -> Any:
    """Sends by the pool of urllib3, which opens the connection: through the proxy, over TLS."""
    return endpoint.pool.urlopen(
        "POST",
        endpoint.target,
        body=body,
        headers=endpoint.headers,
        timeout=urllib3.Timeout(connect=timeout, read=timeout),
        retries=_ONCE,
        redirect=False,
        assert_same_host=False,
        preload_content=False,
        decode_content=False,
    )


def _send_again(connection: Any, endpoint: _Endpoint, body: bytes, timeout: float) -> Any:
    """Sends over a kept-alive connection; None where the server has closed that meanwhile.

    The caller tries once more, outside the `except`: the error of that attempt must not lead to this one.
    What arrives before the request is no answer to it, and such a connection is not used either.
    """
    if not connection.is_connected:
        return None
    try:
        return connection.exchange(endpoint.target, body, endpoint.headers, timeout)
    except BaseException as error:
        connection.close()
        if not _was_dropped(error):
            raise
        return None


def _endpoint(url: str, headers: Mapping[str, str]) -> _Endpoint:
    """The proxy, the authorities and the credentials of .netrc, as `requests` finds them.

    This thread looks for them once in LOOK_AGAIN seconds.
    """
    session = _session()
    key = (url, *headers.items())
    known: _Endpoint | None = _thread.endpoints.get(key)
    if known is not None and time.monotonic() - known.found_at < LOOK_AGAIN:
        return known
    if len(_thread.endpoints) >= _MAX_ENDPOINTS:
        _thread.endpoints.clear()
    found = _thread.endpoints[key] = _found(session, url, headers)
    if known is not None and known.pool is found.pool:
        found.idle = known.idle
    return found


def _found(session: requests.Session, url: str, headers: Mapping[str, str]) -> _Endpoint:
    prepared = session.prepare_request(requests.Request("POST", url, headers=dict(headers)))
    around: dict[str, Any] = dict(session.merge_environment_settings(url, {}, None, None, None))
    adapter: Any = session.get_adapter(url)
    pool = adapter.get_connection_with_tls_context(
        prepared, around["verify"], proxies=around["proxies"], cert=around["cert"]
    )
    adapter.cert_verify(pool, url, around["verify"], around["cert"])
    target = adapter.request_url(prepared, around["proxies"])
    del prepared.headers["Content-Length"]  # of no body: each request has its own
    for_proxy = {} if target.startswith("/") else pool.proxy_headers
    endpoint = _Endpoint(pool, target, {**prepared.headers, **for_proxy})
    _endpoints.add(endpoint)
    return endpoint


def _session() -> requests.Session:
    """This thread's session, made when it first has something to send."""
    session: requests.Session | None = getattr(_thread, "session", None)
    if session is None:
        session = requests.Session()
        session.headers.update({"User-Agent": _USER_AGENT, "Accept-Encoding": "identity"})
        for scheme in ("https://", "http://"):
            session.mount(scheme, _Adapter())
        _thread.session = session
        _thread.endpoints = {}
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
    """Opens connections that are `_Exchange` as well, whatever proxy is between."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        _extend(self.poolmanager)

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(*args, **kwargs)
        _extend(manager)
        return manager


class _Exchange(http.client.HTTPConnection):
    """An exchange as `http.client` makes it, over a connection that urllib3 has opened.

    For bytes that are posted, urllib3's own request and answer do no more and take half as long again.

        connection = pool.urlopen("POST", "/", ...).connection          # opened by urllib3, kept alive
        connection.exchange("/", b"<notice/>", {}, timeout=5).status    # 200

    `tests/delivery/test_transport.py`, TestOverAConnection: both ways come to the same.
    """

    response_class = TimedResponse
    putheader = http.client.HTTPConnection.putheader
    _unsent: "list[bytes] | None" = None  # what `exchange` sends at once

    def exchange(
        self, target: str, body: bytes, headers: Mapping[str, str], timeout: float
    ) -> http.client.HTTPResponse:
        """Posts `body`. `timeout` is in seconds, once for sending and once for the whole answer."""
        self.sock.settimeout(timeout)
        unsent: list[bytes] = []
        self._unsent = unsent
        try:
            http.client.HTTPConnection.request(self, "POST", target, body, headers)
        finally:
            self._unsent = None
        self.sock.sendall(b"".join(unsent))
        return http.client.HTTPConnection.getresponse(self)

    def send(self, data: Any) -> None:
        if self._unsent is None:
            super().send(data)
        else:
            self._unsent.append(data)


def _extend(manager: Any) -> None:
    manager.pool_classes_by_scheme = {
        scheme: _extended(pool) for scheme, pool in manager.pool_classes_by_scheme.items()
    }


@cache
def _extended(pool: Any) -> type:
    """The class of pools with connections that are `_Exchange` as well: of HTTP, HTTPS or SOCKS."""
    if issubclass(pool.ConnectionCls, _Exchange):
        return cast("type", pool)
    connection = type("Connection", (_Exchange, pool.ConnectionCls), {})
    return type("Pool", (pool,), {"ConnectionCls": connection})

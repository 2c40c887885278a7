"""Posts to a server over this thread's kept-alive connection, within a deadline.

`requests` finds the proxy, the certificate authorities and the credentials; the pool of urllib3 opens
connections; `Exchange` uses those that are kept alive. No other module imports these two packages:
importing them takes longer than all the rest, so `transport` waits until there is something to send.
"""

import encodings.idna  # noqa: F401 - this and netrc `requests` would import while it sends
import http.client
import logging
import netrc  # noqa: F401
import socket
import ssl
import threading
import time
import weakref
from collections import deque
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, cast

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.util.connection import is_connection_dropped

from hoptoad import NAME, __version__
from hoptoad.delivery.answer import Answer, Verdict, judge
from hoptoad.delivery.http_exchange import Exchange
from hoptoad.runtime import lifecycle
from hoptoad.runtime.guards import is_delivering
from hoptoad.runtime.lifecycle import Ending

MAX_ANSWER_BYTES = 64 * 1024
LOOK_AGAIN = 60.0  # seconds after which the environment and .netrc are read again
_MAX_ENDPOINTS = 8  # one, unless the settings change
_FAILURES = (requests.RequestException, urllib3.exceptions.HTTPError, http.client.HTTPException, OSError)
_FAULTS: dict[str, tuple[type[BaseException], ...]] = {
    "proxy": (urllib3.exceptions.ProxyError,),
    "dns": (socket.gaierror,),
    "tls": (ssl.SSLError,),
    "refused": (ConnectionRefusedError,),
    "timeout": (urllib3.exceptions.TimeoutError, TimeoutError),
}
_DISTRUSTED = (ssl.SSLCertVerificationError, urllib3.util.ssl_match_hostname.CertificateError)
_DROPPED = (ConnectionResetError, BrokenPipeError)  # RemoteDisconnected is the first
_NO_RETRIES = urllib3.Retry(0, read=False)
_USER_AGENT = f"{NAME}/{__version__}"

_thread = threading.local()
_endpoints: "weakref.WeakSet[_Endpoint]" = weakref.WeakSet()  # those of all threads


def _is_by_the_site(record: logging.LogRecord) -> bool:
    return not is_delivering()


# urllib3 logs addresses. What it logs of our deliveries does not go into the site's log; what it logs of
# the site's own requests does.
for _name in [name for name in logging.root.manager.loggerDict if name.partition(".")[0] == "urllib3"]:
    logging.getLogger(_name).addFilter(_is_by_the_site)


def _forget_session() -> None:
    _thread.session = None  # a socket shared with the parent would mix two conversations
    _endpoints.clear()


lifecycle.reset_after_fork(_forget_session)


def close_connections() -> None:
    """Closes the idle connections of all threads, for the end of the process."""
    for endpoint in list(_endpoints):
        endpoint.close()


lifecycle.at_exit(Ending.CONNECTIONS, close_connections)


def exchange(url: str, body: bytes, headers: Mapping[str, str], timeout: float) -> Answer:
    """Posts `body` and returns the verdict on the answer, or on the failure. Raises nothing.

    `timeout` is in seconds, once for connecting and once for the whole answer.
    """
    try:
        return _answer(url, body, headers, timeout)
    except (*_FAILURES, ValueError) as error:  # ValueError: the URL or a header is not valid in HTTP
        return Answer(
            verdict=Verdict.UNREACHABLE,
            url=url,
            fault=_fault(error),
            is_distrusted=_is_caused_by(error, _DISTRUSTED),
            text=_reason(error),
        )


def _answer(url: str, body: bytes, headers: Mapping[str, str], timeout: float) -> Answer:
    endpoint = _endpoint(url, headers)
    connection = endpoint.take()
    response = _send_over_kept(connection, endpoint, body, timeout) if connection is not None else None
    if response is None:
        response = _send(endpoint, body, timeout)
        connection = response.connection
    text = _read(response, connection)
    endpoint.keep(connection)
    return judge(url, response.status, response.headers, text.decode("utf-8", "replace"))


class _Endpoint:
    """Where to send and how, and the connection that is kept alive."""

    def __init__(self, pool: urllib3.HTTPConnectionPool, target: str, headers: Mapping[str, str]) -> None:
        self.found_at = time.monotonic()
        self.pool = pool
        self.target = target  # the path; through an HTTP proxy the whole URL
        self.headers = headers
        self._idle: deque[Any] = deque(maxlen=1)

    def take(self) -> Any:
        """The idle connection or None. The thread that gets it owns it: another may be closing them all."""
        try:
            return self._idle.pop()
        except IndexError:
            return None

    def keep(self, connection: Any) -> None:
        """Keeps a connection for the next exchange."""
        self._idle.append(connection)

    def close(self) -> None:
        """Closes the idle connection."""
        connection = self.take()
        if connection is not None:
            connection.close()

    __del__ = close  # when its thread ends


def _send(endpoint: _Endpoint, body: bytes, timeout: float) -> Any:
    """Sends through urllib3's pool, which opens the connection."""
    return endpoint.pool.urlopen(
        "POST",
        endpoint.target,
        body=body,
        headers=endpoint.headers,
        timeout=urllib3.Timeout(connect=timeout, read=timeout),
        retries=_NO_RETRIES,
        redirect=False,
        assert_same_host=False,
        preload_content=False,
        decode_content=False,
    )


def _send_over_kept(connection: Any, endpoint: _Endpoint, body: bytes, timeout: float) -> Any:
    """Sends over a kept-alive connection; None where the server has closed it in the meantime.

    The caller then opens another, outside of this `except`, so that an error of that attempt has no
    `__context__` of this one. A connection with unread bytes is not used: they answer no request.
    """
    if is_connection_dropped(connection):
        connection.close()
        return None
    try:
        return connection.exchange(endpoint.target, body, endpoint.headers, timeout)
    except BaseException as error:
        connection.close()
        if not _is_caused_by(error, _DROPPED):
            raise
        return None


def _read(response: Any, connection: Any) -> bytes:
    """Reads an answer, or the beginning of a long one. Closes the connection unless all of it was read."""
    is_whole = False
    try:
        text: bytes = response.read(MAX_ANSWER_BYTES)
        is_whole = response.isclosed()
    finally:
        if not is_whole:
            response.close()
            connection.close()
    return text


def _endpoint(url: str, headers: Mapping[str, str]) -> _Endpoint:
    """This thread's endpoint for `url`. The environment and .netrc are read once in LOOK_AGAIN seconds."""
    session = _session()
    key = (url, *headers.items())
    known: _Endpoint | None = _thread.endpoints.get(key)
    if known is not None and time.monotonic() - known.found_at < LOOK_AGAIN:
        return known
    if len(_thread.endpoints) >= _MAX_ENDPOINTS:
        _forget_endpoints()
    found = _thread.endpoints[key] = _find(session, url, headers)
    _endpoints.add(found)
    if known is not None and known.pool is found.pool:
        found.keep(known.take())
    elif known is not None:
        known.close()
    return found


def _find(session: requests.Session, url: str, headers: Mapping[str, str]) -> _Endpoint:
    """Asks `requests` for the proxy, the certificate authorities and the credentials of .netrc."""
    prepared = session.prepare_request(requests.Request("POST", url, headers=dict(headers)))
    environment: dict[str, Any] = dict(session.merge_environment_settings(url, {}, None, None, None))
    verify, cert, proxies = environment["verify"], environment["cert"], environment["proxies"]
    adapter: Any = session.get_adapter(url)
    pool = adapter.get_connection_with_tls_context(prepared, verify, proxies=proxies, cert=cert)
    adapter.cert_verify(pool, url, verify, cert)
    target = adapter.request_url(prepared, proxies)
    del prepared.headers["Content-Length"]  # 0, because `prepared` has no body
    for_proxy = {} if target.startswith("/") else pool.proxy_headers
    return _Endpoint(pool, target, {**prepared.headers, **for_proxy})


def _forget_endpoints() -> None:
    for endpoint in _thread.endpoints.values():
        endpoint.close()
    _thread.endpoints.clear()


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
    if _is_caused_by(error, _DISTRUSTED):
        return "tls"  # also through a proxy
    return next((fault for fault, kinds in _FAULTS.items() if _is_caused_by(error, kinds)), "network")


def _is_caused_by(error: BaseException, kinds: tuple[type[BaseException], ...]) -> bool:
    return any(isinstance(cause, kinds) for cause in _causes(error))


def _reason(error: BaseException) -> str:
    """The text of the innermost OSError, or of `error`."""
    texts = [str(cause) for cause in _causes(error) if isinstance(cause, OSError) and str(cause)]
    return texts[-1] if texts else str(error) or type(error).__name__


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and its causes, down to the innermost."""
    seen: set[int] = set()
    step: BaseException | None = error
    while step is not None and id(step) not in seen:
        seen.add(id(step))
        yield step
        # urllib3 passes some causes on as `reason` or as an argument, without chaining them.
        passed_on = (getattr(step, "reason", None), *step.args[:1])
        causes = [cause for cause in passed_on if isinstance(cause, BaseException)]
        step = causes[0] if causes else step.__cause__ or step.__context__


class _Adapter(HTTPAdapter):
    """Makes pools whose connections have `exchange`, also for proxies.

        adapter = _Adapter()
        pool = adapter.get_connection_with_tls_context(prepared, verify=True)
        isinstance(pool.urlopen("POST", "/", preload_content=False).connection, Exchange)    # True

    `test_one_connection_is_kept_alive` and the tests of proxies fail without it.
    """

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        _extend(self.poolmanager)

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(*args, **kwargs)
        _extend(manager)
        return manager


def _extend(manager: Any) -> None:
    manager.pool_classes_by_scheme = {
        scheme: _extended(pool) for scheme, pool in manager.pool_classes_by_scheme.items()
    }


@cache
def _extended(pool: Any) -> type:
    """A pool class whose connections have `exchange`: for HTTP, HTTPS or SOCKS."""
    if issubclass(pool.ConnectionCls, Exchange):
        return cast("type", pool)
    connection = type("Connection", (Exchange, pool.ConnectionCls), {})
    return type("Pool", (pool,), {"ConnectionCls": connection, "_put_conn": _leave_to_endpoint})


def _leave_to_endpoint(pool: Any, connection: Any) -> None:
    """Puts no connection into the pool: at exit, urllib3 closes those in it while our threads still send.

    `test_a_kept_connection_is_not_urllib3s_to_close` fails without it.
    """

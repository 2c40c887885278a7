"""Reports failures of an ASGI application outside Django: websocket consumers, lifespan, routers."""

import io
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest

from hoptoad.reporting import manual, reporter
from hoptoad.runtime.guards import guarded, log_exception
from hoptoad.runtime.messages import get_logger
from hoptoad.runtime.scope import begin, begin_server_request, end

logger = get_logger(__name__)

_DETAILS = ("path", "channel")  # the latter is from a channel layer

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


class HoptoadASGI:
    """`application = HoptoadASGI(get_asgi_application())`, or around Channels' ProtocolTypeRouter.

    Exceptions are reported and raised on. What the middleware has seen is not reported again. When the
    server shuts down, waiting notices are sent within HOPTOAD_FLUSH_TIMEOUT: some servers end by a
    signal that leaves no later moment. For an application without lifespan support, like Django's,
    this class answers the lifespan messages.
    """

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(scope, receive, send)
            return
        # A request shares its unit with the middleware; a connection may fail more than once.
        is_http = scope["type"] == "http"
        unit = begin_server_request() if is_http else begin(merges=False, request=_request_or_none(scope))
        try:
            await self._application(scope, receive, send)
        except Exception as error:
            if is_http:
                unit.request = _request_or_none(scope)
            await self._report(error, scope, unit.request)
            raise
        finally:
            end(unit)

    async def _report(self, error: Exception, scope: Scope, request: HttpRequest | None) -> None:
        kind = str(scope["type"])
        # Channel layers, lifespan and custom protocols have no path.
        extra = {"asgi": {"type": kind, **{name: scope[name] for name in _DETAILS if name in scope}}}
        trace = error.__traceback__  # asgiref raises the exception in its thread as well
        try:
            # Not in the event loop: the handler may block.
            await sync_to_async(reporter.report, thread_sensitive=False)(
                error, request=request, component="asgi", action=kind, extra=extra, uncaught=True
            )
        except RuntimeError:  # the event loop's threads are shut down
            log_exception(logger, "A failure of the site could not be reported: no thread could be started.")
        error.__traceback__ = trace

    async def _lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        lifespan = _Lifespan(receive, send)
        try:
            await self._application(scope, lifespan.receive, lifespan.send)
        except Exception as error:
            if lifespan.was_used:
                await self._report(error, scope, None)
                await _flush()
                raise
        if not lifespan.was_used:  # the application has raised or returned, as Django's does
            await _empty_lifespan(receive, send)


class _Lifespan:
    """Passes the messages on. Sends waiting notices before the shutdown is complete."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self.was_used = False

    async def receive(self) -> Message:
        self.was_used = True
        return await self._receive()

    async def send(self, message: Message) -> None:
        self.was_used = True
        if message["type"].startswith("lifespan.shutdown"):
            await _flush()
        await self._send(message)


async def _empty_lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        elif message["type"] == "lifespan.shutdown":
            await _flush()
            await send({"type": "lifespan.shutdown.complete"})
            return


async def _flush() -> None:
    try:
        await sync_to_async(manual.flush, thread_sensitive=False)()
    except Exception:
        log_exception(logger, "Waiting notices could not be sent.")


def _request_or_none(scope: Scope) -> HttpRequest | None:
    return guarded("scope", _request, None, scope) if "path" in scope else None


def _request(scope: Scope) -> HttpRequest:
    """The scope as a request without its body."""
    as_http = {"method": "GET", **scope, "type": "http"}
    as_http.pop("user", None)  # lazy in Channels
    return ASGIRequest(as_http, io.BytesIO())

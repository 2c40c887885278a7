"""The middleware. Django's signal reports exceptions, the final answer reports statuses."""

import sys
from collections.abc import Callable
from functools import partial
from threading import get_ident
from types import TracebackType
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.conf import settings as django_settings
from django.core.exceptions import MiddlewareNotUsed
from django.core.signals import got_request_exception
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse

from hoptoad.api.registry import get_api
from hoptoad.conf.loading import get_settings
from hoptoad.conf.problems import NO_KEY
from hoptoad.conf.settings import APIS
from hoptoad.handlers import get_handler
from hoptoad.handlers.registry import BUILT_WHEN_NEEDED, NO_THREADS, lacks_threads
from hoptoad.reporting import refusals, reporter
from hoptoad.runtime.guards import log_exception
from hoptoad.runtime.lifecycle import imported
from hoptoad.runtime.messages import get_logger
from hoptoad.runtime.scope import (
    CURRENT,
    NO_THREAD,
    NOTICE_ID,
    Scope,
    begin_request,
    begin_thread,
    has_unanswered,
    leave,
    moved,
)

logger = get_logger(__name__)

MIDDLEWARE = "hoptoad.middleware.HoptoadNotifierMiddleware"

# Bound once: `CURRENT.get` would make a bound method for each request.
_current_scope = CURRENT.get

GetResponse = Callable[[HttpRequest], Any]


class HoptoadNotifierMiddleware:
    """Reports failing requests, under WSGI and ASGI. The first of MIDDLEWARE sees what the user sees.

    Raises MiddlewareNotUsed where HOPTOAD_API_KEY is missing or blank, and ConfigurationError where
    a setting is malformed.
    """

    __slots__ = ("__dict__", "__weakref__", "_is_async", "get_response")  # slots are faster
    sync_capable = True
    async_capable = True

    def __init__(self, get_response: GetResponse) -> None:
        settings = get_settings()
        if not settings.enabled:
            logger.warning(NO_KEY)
            raise MiddlewareNotUsed("HOPTOAD_API_KEY is not set")
        # A path that cannot be imported must stop the start. Built-in names need no check.
        if settings.api not in APIS:
            get_api()
        if settings.handler not in BUILT_WHEN_NEEDED:
            get_handler()
        if lacks_threads(settings):
            logger.warning(NO_THREADS)
        self.get_response = get_response
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)
        refusals.watch_log()
        # A weak connection: it ends with the handler that this middleware belongs to.
        got_request_exception.connect(self.on_exception)

    def __call__(self, request: HttpRequest) -> Any:
        if self._is_async:
            return self._respond(request)
        scope = _current_scope()
        if scope.thread != get_ident() or scope.request is not None:
            return self._with_own_scope(request, scope)
        scope.request = request
        try:
            response = self.get_response(request)
            # Fast path: a plain HttpResponse below 400 neither failed nor streams.
            if type(response) is HttpResponse and response.status_code < 400 and scope.unit is None:
                return response
            return self._finished(request, response, scope)
        finally:
            scope.request = None
            if scope.unit is not None:
                leave(scope)

    def _with_own_scope(self, request: HttpRequest, outer: Scope) -> Any:
        """Answers the first request of a thread, or one inside another unit of work."""
        begin_thread(outer)
        try:
            return HoptoadNotifierMiddleware.__call__(self, request)
        finally:
            if outer.thread != NO_THREAD:  # else the thread keeps its scope for later requests
                CURRENT.set(outer)

    async def _respond(self, request: HttpRequest) -> HttpResponseBase:
        outer = CURRENT.get()
        scope = begin_request(request, outer)
        try:
            response: HttpResponseBase = await self.get_response(request)
            if type(response) is HttpResponse and response.status_code < 400 and scope.unit is None:
                return response
            status = getattr(response, "status_code", 0)
            if status >= 400 or has_unanswered():
                if reporter.wants_status(status) or has_unanswered():
                    await _call_in_thread(self._report_answer, request, response, status)
                self._set_notice_id(request, response)
            if getattr(response, "streaming", False):
                _watch_stream(request, response, scope)
            return response
        finally:
            CURRENT.set(outer)
            leave(scope)

    def _finished(self, request: HttpRequest, response: Any, scope: Scope) -> Any:
        status = getattr(response, "status_code", 0)  # a class of the site's own may have none
        if status >= 400 or has_unanswered():
            self._report_answer(request, response, status)
            self._set_notice_id(request, response)
        if getattr(response, "streaming", False):
            _watch_stream(request, response, scope)
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> None:
        """Keeps the reason of a 404, 403 or 400. Reports nothing: another middleware may still answer."""
        refusals.remember(request, exception)

    def on_exception(self, *, request: HttpRequest | None = None, **kwargs: Any) -> None:
        """Receives Django's `got_request_exception`, under ASGI in a thread."""
        error = sys.exc_info()[1]
        if error is not None and request is not None:
            ignorable = partial(self.is_ignorable, request, exception=error)
            reporter.report_exception(request, error, unless=ignorable)

    def is_ignorable(
        self,
        request: HttpRequest,
        *,
        response: HttpResponseBase | None = None,
        exception: BaseException | None = None,
    ) -> bool:
        """For subclasses: returns True for a failure that should not be reported.

        Called in the request's thread, only for a failure, with either the final response or the
        exception. Must not read the body. If it raises, the failure is reported.
        """
        return False

    def _report_answer(self, request: HttpRequest, response: HttpResponseBase, status: int) -> None:
        if has_unanswered():
            reporter.report_unanswered(status)
        ignorable = partial(self.is_ignorable, request, response=response)
        reporter.report_status(request, status, unless=ignorable)

    def _set_notice_id(self, request: HttpRequest, response: HttpResponseBase) -> None:
        identity = request.__dict__.get(NOTICE_ID)
        if not identity:
            return
        try:
            if name := get_settings().notice_id_header:
                response.headers[name] = identity
        except Exception:
            log_exception(
                logger, "The header of HOPTOAD_NOTICE_ID_HEADER could not be set: the answer goes without it."
            )


async def _call_in_thread(report: Callable[..., Any], *args: Any) -> None:
    try:
        # Not thread-sensitive: a blocking handler must not hold up the site's synchronous code.
        await sync_to_async(report, thread_sensitive=False)(*args)
    except RuntimeError:  # the event loop's threads are shut down
        log_exception(logger, "A failure of the site could not be reported: no thread could be started.")


def _watch_stream(request: HttpRequest, response: HttpResponseBase, scope: Scope) -> None:
    """Reports exceptions raised while the body is produced, after the status was sent."""
    if isinstance(response, FileResponse) or not isinstance(response, StreamingHttpResponse):
        return  # the server sends a file itself, without its iterator
    try:
        watch = _WatchedAsync if response.is_async else _Watched
        # The request's unit of work ends with its body.
        response.streaming_content = watch(request, response.streaming_content, moved(scope))
    except Exception:
        log_exception(logger, "A streaming response could not be watched: its failures will not be reported.")


class _Stream:
    """The content of a streaming response, produced in the unit of work of its request."""

    def __init__(self, request: HttpRequest, content: Any, scope: Scope) -> None:
        self._request = request
        self._content = content
        self._scope = scope

    def close(self) -> None:
        """Ends the unit of work. Django calls it, too, when the response is closed."""
        leave(self._scope)


class _Watched(_Stream):
    def __iter__(self) -> "_Watched":
        return self

    def __next__(self) -> Any:
        outer = CURRENT.get()
        CURRENT.set(self._scope)
        try:
            return next(self._content)
        except StopIteration:
            self.close()
            raise
        except Exception as error:
            seen = error.__traceback__
            reporter.report_exception(self._request, error)
            self.close()
            error.__traceback__ = _without_own_frames(seen)
            raise  # bare: adds no frame
        finally:
            CURRENT.set(outer)


class _WatchedAsync(_Stream):
    def __aiter__(self) -> "_WatchedAsync":
        return self

    async def __anext__(self) -> Any:
        outer = CURRENT.get()
        CURRENT.set(self._scope)
        try:
            return await self._content.__anext__()
        except StopAsyncIteration:
            self.close()
            raise
        except Exception as error:
            seen = error.__traceback__  # asgiref raises the exception in its thread as well
            await _call_in_thread(reporter.report_exception, self._request, error)
            self.close()
            error.__traceback__ = _without_own_frames(seen)
            raise
        finally:
            CURRENT.set(outer)


def _without_own_frames(trace: TracebackType | None) -> TracebackType | None:
    """The traceback that the server would log without us (Python 3.10 logs our frame all the same).

    Left out are our frame, the outermost, and for async content Django's second wrapper around it.
    """
    if trace is not None:
        trace = trace.tb_next
    if trace is not None and trace.tb_frame.f_code.co_name == "awrapper":
        trace = trace.tb_next
    return trace


def notifiers() -> list[str]:
    """The entries of MIDDLEWARE that are HoptoadNotifierMiddleware or a subclass."""
    return [path for path in django_settings.MIDDLEWARE if _is_notifier(path)]


def _is_notifier(path: str) -> bool:
    if path == MIDDLEWARE:
        return True
    try:
        found = imported(path)
    except ImportError:
        return False  # Django reports it
    return isinstance(found, type) and issubclass(found, HoptoadNotifierMiddleware)

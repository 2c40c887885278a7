"""Where a Django site's failures are seen: crashes by signal, everything else by the final answer."""

import sys
from collections.abc import Callable
from functools import partial
from threading import get_ident
from types import TracebackType
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.core.exceptions import MiddlewareNotUsed
from django.core.signals import got_request_exception
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse

from hoptoad_before import refusals, reporter
from hoptoad_before.api.choice import BUILT_IN_APIS, get_api
from hoptoad_before.conf import get_settings
from hoptoad_before.guard import log_exception
from hoptoad_before.handlers import get_handler
from hoptoad_before.handlers.base import ALWAYS_THERE, NO_THREADS, threads_never_run
from hoptoad_before.marks import NOTICE_ID
from hoptoad_before.messages import get_logger
from hoptoad_before.scope import CURRENT, Scope, begin_request, begin_thread, is_unanswered, leave, moved

logger = get_logger(__name__)

# Bound once: Python makes a bound method at each call on a name that was imported.
_scope_here = CURRENT.get

GetResponse = Callable[[HttpRequest], Any]


class HoptoadNotifierMiddleware:
    """Put it first in MIDDLEWARE, so that it judges the answer the user sees.

    Raises MiddlewareNotUsed where HOPTOAD_API_KEY is missing or blank, and ConfigurationError where
    a setting is malformed. Works under WSGI and ASGI.
    """

    __slots__ = ("__dict__", "__weakref__", "_is_async", "get_response")  # slots are read faster
    sync_capable = True
    async_capable = True

    def __init__(self, get_response: GetResponse) -> None:
        settings = get_settings()
        if not settings.enabled:
            logger.warning("HOPTOAD_API_KEY is not set: nothing is reported.")
            raise MiddlewareNotUsed("HOPTOAD_API_KEY is not set")
        # What cannot be found must stop the start, not the first notice. Our own can be.
        if settings.api not in BUILT_IN_APIS:
            get_api()
        if settings.handler not in ALWAYS_THERE:
            get_handler()
        if threads_never_run() and settings.handler != "blocking":
            logger.warning(NO_THREADS)
        self.get_response = get_response
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)
        refusals.watch_log()
        # Connected weakly: with the handler that this middleware belongs to, it goes.
        got_request_exception.connect(self.on_exception)

    def __call__(self, request: HttpRequest) -> Any:
        if self._is_async:
            return self._respond(request)
        scope = _scope_here()
        if scope.thread != get_ident() or scope.request is not None:
            return self._with_own_scope(request, scope)
        scope.request = request
        try:
            response = self.get_response(request)
            # Fast path: a plain HttpResponse below 400 neither failed nor streams.
            if type(response) is HttpResponse and response.status_code < 400 and scope.unit is None:
                return response
            return self._judged(request, response, scope)
        finally:
            scope.request = None
            if scope.unit is not None:
                leave(scope)

    def _with_own_scope(self, request: HttpRequest, outer: Scope) -> Any:
        """The first request of a thread, and one inside another unit of work."""
        begin_thread(outer)
        try:
            return HoptoadNotifierMiddleware.__call__(self, request)
        finally:
            if outer.thread != -1:  # else the thread keeps its own for the requests to come
                CURRENT.set(outer)

    async def _respond(self, request: HttpRequest) -> HttpResponseBase:
        outer = CURRENT.get()
        scope = begin_request(request, outer)
        try:
            response: HttpResponseBase = await self.get_response(request)
            if type(response) is HttpResponse and response.status_code < 400 and scope.unit is None:
                return response
            if is_unanswered() or not _is_fine(response):
                await self._judge_async(request, response)
            if getattr(response, "streaming", False):
                _watch_stream(request, response, scope)
            return response
        finally:
            CURRENT.set(outer)
            leave(scope)

    def _judged(self, request: HttpRequest, response: Any, scope: Scope) -> Any:
        if is_unanswered() or not _is_fine(response):
            status = response.status_code if hasattr(response, "status_code") else 0
            if status >= 400 or is_unanswered():
                self._report_answer(request, response)
                self._set_notice_id(request, response)
        if getattr(response, "streaming", False):
            _watch_stream(request, response, scope)
        return response

    async def _judge_async(self, request: HttpRequest, response: Any) -> None:
        status = response.status_code if hasattr(response, "status_code") else 0
        if status < 400 and not is_unanswered():
            return
        if reporter.wants_status(status) or is_unanswered():
            await _off_loop(self._report_answer, request, response)
        self._set_notice_id(request, response)

    def process_exception(self, request: HttpRequest, exception: Exception) -> None:
        """Remembers why a view refuses to answer. Reports nothing: a middleware above may still answer."""
        refusals.remember(request, exception)

    def on_exception(self, *, request: HttpRequest | None = None, **kwargs: Any) -> None:
        """Receives Django's `got_request_exception`; under ASGI it comes in a thread."""
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
        """For subclasses: whether a failure that would be reported should not be.

        Called in the request's thread, only where something failed, with either the final response
        or the exception. Must not read the body. One that raises ignores nothing.
        """
        return False

    def _report_answer(self, request: HttpRequest, response: HttpResponseBase) -> None:
        if is_unanswered():
            reporter.report_unanswered(response.status_code)
        ignorable = partial(self.is_ignorable, request, response=response)
        reporter.report_status(request, response.status_code, unless=ignorable)

    def _set_notice_id(self, request: HttpRequest, response: HttpResponseBase) -> None:
        identity = request.__dict__.get(NOTICE_ID)
        if not identity:
            return
        try:
            if name := get_settings().notice_id_header:
                response.headers[name] = identity
        except Exception:
            log_exception(logger, "The header of HOPTOAD_NOTICE_ID_HEADER could not be set.")


def _is_fine(response: Any) -> bool:
    try:
        return response.status_code < 400 and not response.streaming
    except AttributeError:  # of a class that is neither HttpResponse nor StreamingHttpResponse
        return False


async def _off_loop(report: Callable[..., Any], *args: Any) -> None:
    try:
        # Not thread-sensitive: a blocking handler must not hold up the site's synchronous code.
        await sync_to_async(report, thread_sensitive=False)(*args)
    except RuntimeError:  # the event loop's threads are shut down
        log_exception(logger, "A failure of the site could not be reported: no thread was to be had.")


def _watch_stream(request: HttpRequest, response: HttpResponseBase, scope: Scope) -> None:
    """Reports what fails while the body is being made, after the status has long been sent."""
    if isinstance(response, FileResponse) or not isinstance(response, StreamingHttpResponse):
        return  # a file is sent by the server itself, past its iterator
    try:
        watch = _WatchedAsync if response.is_async else _Watched
        # The unit of the request goes on with its body.
        response.streaming_content = watch(request, response.streaming_content, moved(scope))
    except Exception:
        log_exception(logger, "A streaming response could not be watched; it is sent as it is.")


class _Stream:
    """The content of a streaming response, made inside the unit of its request."""

    def __init__(self, request: HttpRequest, content: Any, scope: Scope) -> None:
        self._request = request
        self._content = content
        self._scope = scope

    def close(self) -> None:
        """Ends the unit. Called by Django, too, when the response is closed."""
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
            await _off_loop(reporter.report_exception, self._request, error)
            self.close()
            error.__traceback__ = _without_own_frames(seen)
            raise
        finally:
            CURRENT.set(outer)


def _without_own_frames(trace: TracebackType | None) -> TracebackType | None:
    """What the server would log without us (Python 3.10 logs our frame all the same).

    We add the outermost frame and, for async content, the generator that Django puts around it again.
    """
    if trace is not None:
        trace = trace.tb_next
    if trace is not None and trace.tb_frame.f_code.co_name == "awrapper":
        trace = trace.tb_next
    return trace

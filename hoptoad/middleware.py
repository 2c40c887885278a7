"""Where a Django site's failures are seen: crashes by signal, everything else by the final answer."""

import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import partial
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.core.exceptions import MiddlewareNotUsed
from django.core.signals import got_request_exception
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse

from hoptoad import reporter
from hoptoad.api.choice import BUILT_IN_APIS, get_api
from hoptoad.conf import get_settings
from hoptoad.handlers import get_handler
from hoptoad.handlers.base import ALWAYS_THERE, NO_THREADS, threads_never_run
from hoptoad.marks import NOTICE_ID, SEEN
from hoptoad.messages import get_logger

logger = get_logger(__name__)

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
        # Connected weakly: with the handler that this middleware belongs to, it goes.
        got_request_exception.connect(self.on_exception)

    def __call__(self, request: HttpRequest) -> Any:
        response = self.get_response(request)
        # Nearly every answer. Nothing is read faster than its type, which says that it does not stream.
        if type(response) is HttpResponse and response.status_code < 400:
            return response
        if self._is_async:
            return self._awaited(request, response)
        if not _is_fine(response):
            self._look_at(request, response)
        return response

    async def _awaited(self, request: HttpRequest, answer: "Awaitable[HttpResponseBase]") -> HttpResponseBase:
        response = await answer
        if type(response) is HttpResponse and response.status_code < 400:
            return response
        if not _is_fine(response):
            await self._alook_at(request, response)
        return response

    def _look_at(self, request: HttpRequest, response: Any) -> None:
        if getattr(response, "status_code", 0) >= 400:
            if SEEN not in request.__dict__:  # the exception that led to this answer
                self._report_status(request, response)
            self._tell_number(request, response)
        if getattr(response, "streaming", False):
            _watch_stream(request, response)

    async def _alook_at(self, request: HttpRequest, response: Any) -> None:
        status = getattr(response, "status_code", 0)
        if status >= 400:
            if SEEN not in request.__dict__ and reporter.wants_status(status):
                await _off_loop(self._report_status, request, response)
            self._tell_number(request, response)
        if getattr(response, "streaming", False):
            _watch_stream(request, response)

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

    def _report_status(self, request: HttpRequest, response: HttpResponseBase) -> None:
        ignorable = partial(self.is_ignorable, request, response=response)
        reporter.report_status(request, response.status_code, unless=ignorable)

    def _tell_number(self, request: HttpRequest, response: HttpResponseBase) -> None:
        identity = request.__dict__.get(NOTICE_ID)
        if not identity:
            return
        try:
            if name := get_settings().notice_id_header:
                response.headers[name] = identity
        except Exception:
            logger.exception("The number of a notice could not be told.")


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
        logger.exception("A failure of the site could not be reported: no thread was to be had.")


def _watch_stream(request: HttpRequest, response: HttpResponseBase) -> None:
    """Reports what fails while the body is being made, after the status has long been sent."""
    if isinstance(response, FileResponse) or not isinstance(response, StreamingHttpResponse):
        return  # a file is sent by the server itself, past its iterator
    try:
        watch = _watched_async if response.is_async else _watched
        response.streaming_content = watch(request, response.streaming_content)
    except Exception:
        logger.exception("A streaming response could not be watched; it is sent as it is.")


def _watched(request: HttpRequest, content: Any) -> Iterator[bytes]:
    try:
        yield from content
    except Exception as error:
        reporter.report_exception(request, error)
        raise


async def _watched_async(request: HttpRequest, content: Any) -> AsyncIterator[bytes]:
    try:
        async for part in content:
            yield part
    except Exception as error:
        await _off_loop(reporter.report_exception, request, error)
        raise

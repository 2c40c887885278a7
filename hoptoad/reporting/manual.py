"""The functions for programmers: notify, watch, context and flush."""

import functools
import sys
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from types import FrameType, TracebackType
from typing import Any, ParamSpec, TypeVar, cast, overload

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.http import HttpRequest

from hoptoad.capture.context import Context
from hoptoad.capture.values import bounded_repr, class_name
from hoptoad.conf.loading import get_settings
from hoptoad.handlers import get_handler
from hoptoad.reporting import reporter
from hoptoad.runtime.guards import guarded
from hoptoad.runtime.messages import get_logger
from hoptoad.runtime.scope import Scope, begin, current, end

logger = get_logger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

_HOW = (
    'hoptoad.notify() takes an exception, or message="…", or both; inside an except block it finds the '
    "exception itself."
)


def notify(
    exception: BaseException | None = None,
    *,
    message: str | None = None,
    request: HttpRequest | None = None,
    component: str | None = None,
    action: str | None = None,
    params: Mapping[str, Any] | None = None,
    tags: Mapping[str, Any] | None = None,
) -> str | None:
    """Reports an exception or a message, and returns the notice's id: a UUID, 32 hexadecimal digits.

    Returns None where it was not reported: because of DEBUG, a filter or the rate limit, or because
    the same exception was reported before. Raises TypeError where the arguments have wrong types, or
    there is neither an exception nor a message. Nothing that fails afterwards raises.
    """
    if exception is None and message is None:
        exception = sys.exc_info()[1]
        if exception is None:
            raise TypeError(f"{_HOW} Here there is neither.")
    if exception is not None and not issubclass(type(exception), BaseException):
        raise TypeError(f"{_HOW} {bounded_repr(exception, 80)} is not an exception. Pass a text as message.")
    if message is not None and not issubclass(type(message), str):
        raise TypeError(f"{_HOW} The message is a {class_name(type(message))}.")
    if request is not None and not isinstance(request, HttpRequest):
        request = getattr(request, "_request", None)  # that of Django REST framework
        if not isinstance(request, HttpRequest):
            raise TypeError(f"{_HOW} The request is not an HttpRequest.")
    for name, value in (("params", params), ("tags", tags)):
        if value is not None and not isinstance(value, Mapping):
            raise TypeError(f"{_HOW} {name} is a {class_name(type(value))}, and must be a mapping.")
    stack = _caller() if exception is None else None
    return reporter.report(
        exception,
        message=message or "",
        request=request,
        component=component or "",
        action=action or "",
        params=params,
        extra=_tagged(tags),
        stack=stack,
    )


# For each `watch` block around the calling code the unit that it began, or None inside another unit.
_blocks: "ContextVar[tuple[Scope | None, ...]]" = ContextVar("hoptoad_watch", default=())


class Watch:
    """Reports exceptions, as a context manager or as a decorator of functions, async or not.

    The exception is raised on, unless `reraise` is False: then the function returns None. Outside
    requests and tasks the block is a unit of work: values of `hoptoad.context` and breadcrumbs end
    with it.
    """

    def __init__(
        self,
        *,
        reraise: bool = True,
        component: str | None = None,
        action: str | None = None,
        params: Mapping[str, Any] | None = None,
        tags: Mapping[str, Any] | None = None,
    ) -> None:
        self._reraise = reraise
        self._details: dict[str, Any] = {
            "component": component or "",
            "action": action or "",
            "params": params,
            "extra": _tagged(tags),
        }

    def __enter__(self) -> None:
        scope = begin(merges=False) if current() is None else None
        _blocks.set((*_blocks.get(), scope))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        try:
            if not isinstance(error, Exception):  # SystemExit, KeyboardInterrupt, CancelledError
                return False
            reporter.report(error, **self._details)
            return not self._reraise
        finally:
            _end_block()

    async def __aenter__(self) -> None:
        self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        try:
            if not isinstance(error, Exception):
                return False
            trace = error.__traceback__  # asgiref raises the exception in its thread as well
            # Not in the event loop: the handler may block.
            await sync_to_async(reporter.report, thread_sensitive=False)(error, **self._details)
            error.__traceback__ = trace
            return not self._reraise
        finally:
            _end_block()

    def __call__(self, function: Callable[P, T]) -> Callable[P, T]:
        if iscoroutinefunction(function):

            @functools.wraps(function)
            async def watched_async(*args: P.args, **kwargs: P.kwargs) -> Any:
                async with self:
                    return await cast(Any, function)(*args, **kwargs)

            return cast(Callable[P, T], watched_async)

        @functools.wraps(function)
        def watched(*args: P.args, **kwargs: P.kwargs) -> Any:
            with self:
                return function(*args, **kwargs)

        return watched


def _end_block() -> None:
    blocks = _blocks.get()
    if blocks:  # empty where an async generator was entered in another context
        _blocks.set(blocks[:-1])
        if blocks[-1] is not None:
            end(blocks[-1])


@overload
def watch(function: Callable[P, T], /) -> Callable[P, T]: ...
@overload
def watch(
    *,
    reraise: bool = ...,
    component: str | None = ...,
    action: str | None = ...,
    params: Mapping[str, Any] | None = ...,
    tags: Mapping[str, Any] | None = ...,
) -> Watch: ...
def watch(function: Any = None, /, **details: Any) -> Any:
    """`@watch`, `@watch(component="import")`, `with watch():`, `async with watch():`."""
    if function is not None:
        if not callable(function):
            raise TypeError("hoptoad.watch() takes keyword arguments, or the function that it decorates.")
        return Watch()(function)
    return Watch(**details)


def context(**values: Any) -> Context:
    """Adds values to every notice of the current task or thread. They are redacted, too."""
    return Context(values)


def flush(timeout: float | None = None) -> bool:
    """Waits until the notices of this process are delivered, at most `timeout` seconds.

    None means HOPTOAD_FLUSH_TIMEOUT. Returns whether none are left; a handler without `flush` keeps
    none. Raises nothing.
    """
    try:
        settings = get_settings()
        flush_handler = getattr(get_handler(), "flush", None)
        if flush_handler is None:
            return True
        return bool(flush_handler(settings.flush_timeout if timeout is None else timeout))
    except Exception:
        logger.exception("Waiting notices could not be sent.")
        return False


def _tagged(tags: Mapping[str, Any] | None) -> "dict[str, Any] | None":
    """A copy of the tags, because the caller may change them later."""
    if tags is None:
        return None
    found: dict[str, Any] = guarded("tags", dict, {}, tags)
    return {"tags": found} if found else None


def _caller() -> FrameType | None:
    return sys._getframe(2)  # noqa: SLF001 - as `inspect` does, which is slow to import

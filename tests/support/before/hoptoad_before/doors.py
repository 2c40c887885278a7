"""The doors a programmer opens: notify, watch, context and flush."""

import functools
import sys
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from types import FrameType, TracebackType
from typing import Any, ParamSpec, TypeVar, cast, overload

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.http import HttpRequest

from hoptoad_before import reporter
from hoptoad_before.conf import get_settings
from hoptoad_before.contextvalues import Context
from hoptoad_before.guard import guarded
from hoptoad_before.handlers import get_handler
from hoptoad_before.messages import get_logger
from hoptoad_before.scope import Scope, begin, current, end
from hoptoad_before.text import bounded_repr, class_name

logger = get_logger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

_HOW = (
    'hoptoad_before.notify() takes an exception, or message="…", or both; inside an except block it finds the '
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

    None means that it was not reported: because of DEBUG, a filter, a storm, or because the same
    exception was reported before. Raises TypeError where it is called with neither an exception
    nor a message, or with something else as one. Nothing that goes wrong afterwards raises.
    """
    if exception is None and message is None:
        exception = sys.exc_info()[1]
        if exception is None:
            raise TypeError(f"{_HOW} Here there is neither.")
    if exception is not None and not issubclass(type(exception), BaseException):
        raise TypeError(f"{_HOW} {bounded_repr(exception, 80)} is no exception; a text goes into message.")
    if message is not None and not issubclass(type(message), str):
        raise TypeError(f"{_HOW} The message is a {class_name(type(message))}.")
    if request is not None and not isinstance(request, HttpRequest):
        request = getattr(request, "_request", None)  # that of Django REST framework
        if not isinstance(request, HttpRequest):
            raise TypeError(f"{_HOW} The request is no HttpRequest.")
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


# The units that the blocks of `watch` around the calling code have begun, None for a block inside a unit.
_blocks: "ContextVar[tuple[Scope | None, ...]]" = ContextVar("hoptoad_watch", default=())


class Watch:
    """Reports what fails inside, as a context manager and as a decorator of functions, async or not.

    The exception goes on, unless `reraise` is False: then the block ends, and the function returns None.
    Outside of requests and tasks the block is a unit of its own: values of `hoptoad_before.context` and
    breadcrumbs end with it.
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
            if not isinstance(error, Exception):  # not the end of the process, nor of a task
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
    if blocks:  # none where an async generator was entered in another context
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
            raise TypeError("hoptoad_before.watch() takes keyword arguments, or the function that it decorates.")
        return Watch()(function)
    return Watch(**details)


def context(**values: Any) -> Context:
    """Adds values to every notice of the current task or thread, scrubbed like the rest."""
    return Context(values)


def flush(timeout: float | None = None) -> bool:
    """Waits until what this process has handed over is delivered, at most `timeout` seconds.

    None means HOPTOAD_FLUSH_TIMEOUT. Returns whether nothing is left; a handler that has no
    `flush` keeps nothing. Raises nothing.
    """
    try:
        settings = get_settings()
        flush_handler = getattr(get_handler(), "flush", None)
        if flush_handler is None:
            return True
        return bool(flush_handler(settings.flush_timeout if timeout is None else timeout))
    except Exception:
        logger.exception("What still waited could not be sent.")
        return False


def _tagged(tags: Mapping[str, Any] | None) -> "dict[str, Any] | None":
    """A copy of the tags, because the caller may go on to change them."""
    if tags is None:
        return None
    found: dict[str, Any] = guarded("tags", lambda: dict(tags), {})
    return {"tags": found} if found else None


def _caller() -> FrameType | None:
    return sys._getframe(2)  # noqa: SLF001 - as `inspect` does, which is slow to import

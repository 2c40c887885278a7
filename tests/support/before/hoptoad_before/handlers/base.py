"""What a handler is, and which one the settings name."""

import contextlib
import importlib.machinery
import importlib.util
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol, cast

from hoptoad_before import messages, safefile
from hoptoad_before.conf import Settings, get_settings
from hoptoad_before.errors import ConfigurationError
from hoptoad_before.guard import log_exception
from hoptoad_before.imports import imported, importing
from hoptoad_before.messages import get_logger
from hoptoad_before.shapes import BUILT_IN_HANDLERS
from hoptoad_before.signals import notice_dropped, tell
from hoptoad_before.tally import tally

if TYPE_CHECKING:
    from hoptoad_before.answers import Answer

logger = get_logger(__name__)

NO_THREADS = (
    "uWSGI runs without threads, so those that deliver may stand still: add enable-threads to its "
    'configuration, or set HOPTOAD_HANDLER = "blocking".'
)

_MAX_SOURCE = 1_000_000  # bytes
ALWAYS_THERE = ("threadpool", "blocking", "mail", "memory")  # they need no package and no folder


class Handler(Protocol):
    """Built without arguments. `flush(timeout)` and `close()` are called where it has them."""

    def enqueue(self, payload: bytes, timeout: float) -> Any:
        """Takes an encoded notice; `timeout` (seconds) is how long delivering it may take."""


# What delivers one notice. Whatever is not an Answer counts as accepted.
Send = Callable[[bytes, float], object]
# What becomes of a notice that cannot be delivered: payload, timeout, why, and the last answer.
GiveUp = Callable[[bytes, float, str, "Answer | None"], None]


def get_handler(*args: Any, **kwargs: Any) -> Handler:
    """The process's handler, built once for the settings in force.

    Arguments are passed to its class; with any, a handler of the caller's own is built.
    Raises ConfigurationError where the class cannot be found.
    """
    settings = get_settings()
    if args or kwargs:
        return cast(Handler, handler_class(settings.handler, settings.handler_class)(*args, **kwargs))
    return _main.get(settings, settings.handler, settings.handler_class)


@contextlib.contextmanager
def separate_handler(give_up: GiveUp) -> Iterator[Handler]:
    """Like `get_handler`, but one of ours is built anew, loses to `give_up`, and is closed at the end."""
    if get_settings().handler not in BUILT_IN_HANDLERS:
        yield get_handler()
        return
    handler = get_handler(give_up=give_up)
    try:
        yield handler
    finally:
        close = getattr(handler, "close", None)
        if callable(close):
            close()


def get_fallback_handler() -> Handler | None:
    """What gets a notice that the handler has finally failed to deliver, where one is named."""
    settings = get_settings()
    if not settings.fallback_handler:
        return None
    return _fallback.get(settings, settings.fallback_handler, "")


def get_spool() -> Handler:
    """The handler of HOPTOAD_SPOOL_DIR, for handlers that use the disk when all else fails."""
    return _spool.get(get_settings(), "spool", "")


def give_up(payload: bytes, timeout: float, why: str, answer: "Answer | None" = None) -> None:
    """Hands a notice that cannot be delivered to the fallback handler, or counts it as lost."""
    try:
        fallback = get_fallback_handler()
        if fallback is not None:
            fallback.enqueue(payload, timeout)
            return
    except Exception:
        log_exception(logger, "The fallback handler failed too.")
    drop(payload, timeout, why, answer)


def drop(payload: bytes, timeout: float, why: str, answer: "Answer | None" = None) -> None:
    """Counts a notice as lost, tells the signal, and the log at most once a minute."""
    tally.drop(1, why)
    tell(notice_dropped, drop, payload=payload, reason=why, answer=answer)


def start_over() -> None:
    """Closes every handler; the next notice builds new ones."""
    for slot in (_main, _fallback, _spool):
        slot.close()


def handler_class(named: str, class_name: str = "", setting: str = "HOPTOAD_HANDLER") -> type:
    """The class a setting names. Raises ConfigurationError that says what was found instead."""
    try:
        if named in BUILT_IN_HANDLERS:
            return cast(type, imported(BUILT_IN_HANDLERS[named]))
        if is_file(named):
            found = getattr(_module(named), class_name)
        else:
            found = imported(".".join(filter(None, (named, class_name))))
    # Whatever importing someone's module raises, the site must start with this one sentence.
    except Exception as error:
        why = f"{type(error).__name__}: {messages.quoted(error)}"
        raise ConfigurationError(_not_found(setting, named, class_name, why)) from error
    if not (isinstance(found, type) and callable(getattr(found, "enqueue", None))):
        raise ConfigurationError(_not_found(setting, named, class_name, f"{found!r} has no method enqueue"))
    return found


def register_tasks() -> None:
    """Makes the task of a handler that has one known to the workers, which ask for no handler."""
    with contextlib.suppress(ConfigurationError):  # said by the check and by the middleware
        settings = get_settings()
        if settings.handler in ("celery", "tasks"):
            handler_class(settings.handler)


def threads_never_run() -> bool:
    """Whether this is uWSGI without threads: those of Python are started there, and stand still."""
    options = getattr(sys.modules.get("uwsgi"), "opt", None)
    if options is None:
        return False
    given = {name.decode() if isinstance(name, bytes) else name for name in options}
    return not given & {"enable-threads", "threads"}


def is_file(named: str) -> bool:
    """Whether HOPTOAD_HANDLER is the path of a file, as it was before 1.0."""
    return os.sep in named or "/" in named or named.endswith(".py")


class _Slot:
    """One handler, kept for as long as the settings it was built from stay the same."""

    def __init__(self, setting: str, **arguments: Any) -> None:
        self._setting = setting
        self._arguments = arguments
        self._settings: Settings | None = None
        self._handler: Handler | None = None

    def get(self, settings: Settings, named: str, class_name: str) -> Handler:
        if self._handler is None or self._settings is not settings:
            self._renew(settings, named, handler_class(named, class_name, self._setting))
        return cast(Handler, self._handler)

    def close(self) -> None:
        close = getattr(self._handler, "close", None)
        self._handler = self._settings = None
        if callable(close):
            close()

    def _renew(self, settings: Settings, named: str, kind: type) -> None:
        before, handler = self._settings, self._handler
        same = before is not None and all(
            getattr(before, name) == getattr(settings, name) for name in _BUILT_FROM
        )
        self._settings = settings
        if type(handler) is kind and same:
            return  # what waits in its queue stays there
        delivers = named in BUILT_IN_HANDLERS and named != "memory"
        self._handler = kind(**(self._arguments if delivers else {}))
        close = getattr(handler, "close", None)
        if callable(close):
            close()


_BUILT_FROM = ("url", "thread_count", "queue_size", "retries", "spool_dir")
_main = _Slot("HOPTOAD_HANDLER")
_fallback = _Slot("HOPTOAD_FALLBACK_HANDLER", give_up=drop)
_spool = _Slot("HOPTOAD_SPOOL_DIR", give_up=drop)


class _CheckedLoader(importlib.machinery.SourceFileLoader):
    """Runs what it has read itself: bytecode that lies beside the file may be another's."""

    def get_data(self, path: str) -> bytes:
        return safefile.read(path, _MAX_SOURCE, of_anybody=True)  # whose it is, was looked at before

    def path_stats(self, path: str) -> Mapping[str, Any]:
        raise OSError("no bytecode is read or written")


def _module(named: str) -> ModuleType:
    """The module in a file, a relative path of which begins at the project's root.

    Raises Untrusted where others than the project's owner may write to it.
    """
    root = get_settings().project_root
    path = os.path.realpath(os.path.join(root, named))
    if not path.endswith(".py"):
        raise ImportError(f"{path} is not a Python file")
    safefile.require_unwritable(path, *_owners(root))
    loader = _CheckedLoader("hoptoad_handler_file", path)
    spec = importlib.util.spec_from_file_location(loader.name, path, loader=loader)
    module = importlib.util.module_from_spec(cast(importlib.machinery.ModuleSpec, spec))
    with importing:
        loader.exec_module(module)
    return module


def _owners(directory: str) -> tuple[int, ...]:
    """Who owns the project's root: the site's other code is theirs too."""
    with contextlib.suppress(OSError):
        return (os.stat(directory).st_uid,)
    return ()


def _not_found(setting: str, named: str, class_name: str, why: str) -> str:
    found = f"{setting} is {named!r}"
    wanted = "the dotted path of a class"
    if is_file(named):
        found = f"{found} with HOPTOAD_HANDLER_CLASS {class_name!r}"
        wanted = "a Python file and the name of a class in it"
    return (
        f"{found}: expected {wanted} with a method enqueue(payload, timeout), but {why}. "
        f'For example: {setting} = "shop.reporting.QueueHandler"'
    )

"""Which handler the settings name, and the one of this process."""

import contextlib
import functools
import importlib.machinery
import importlib.util
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol, cast

from django.apps import apps

from hoptoad.conf.loading import get_settings
from hoptoad.conf.settings import HANDLERS, Settings
from hoptoad.errors import ConfigurationError
from hoptoad.runtime import messages, safe_files
from hoptoad.runtime.lifecycle import imported, importing

if TYPE_CHECKING:
    from hoptoad.delivery.answer import Answer

NO_THREADS = (
    "uWSGI runs without threads, so those that deliver may stand still: add enable-threads to its "
    'configuration, or set HOPTOAD_HANDLER = "blocking".'
)
# These need no package and no folder, so they are built with the first notice. The others are built as the
# site starts, so that a missing package stops the start.
BUILT_WHEN_NEEDED = ("threadpool", "blocking", "mail", "memory")

_MAX_SOURCE = 1_000_000  # bytes


class Handler(Protocol):
    """Built without arguments; those of HANDLERS with the keyword `fall_back`.

    It may have `flush(timeout)`, `close()`, and a class attribute `needs_threads = False`.
    """

    def enqueue(self, payload: bytes, timeout: float) -> Any:
        """Takes an encoded notice. Delivering it may take `timeout` seconds."""


class Report(Protocol):
    """A notice that is not encoded yet, for a handler that has `submit(report)`."""

    timeout: float

    def payload(self) -> bytes | None:
        """The encoded notice; None where the site does not want it. Takes milliseconds. Raises nothing."""


class TakesReports(Protocol):
    """A handler that encodes reports in a thread of its own. It has `takes_reports = True`."""

    def submit(self, report: Report) -> None:
        """Takes a notice that is not encoded yet."""


@functools.lru_cache(maxsize=8)
def takes_reports(kind: type) -> bool:
    """Whether a handler class takes Reports, by `submit`, and encodes them in a thread of its own.

    It says so by the attribute `takes_reports`. A subclass that overrides `enqueue` gets bytes again,
    unless it says so too:

        class Printing(ThreadedNotifier):                 # takes_reports(Printing) is False
            def enqueue(self, payload, timeout): print(payload)

    `test_a_handler_that_overrides_enqueue_gets_bytes_unless_it_says_so` fails without it.
    """
    for base in kind.__mro__:
        if "takes_reports" in vars(base):
            return bool(vars(base)["takes_reports"])
        if "enqueue" in vars(base):
            return False
    return False


# Sends one notice. An outcome that is not an Answer counts as accepted.
Send = Callable[[bytes, float], object]
# Takes a notice that was not delivered: payload, timeout, the reason, and the last answer.
FallBack = Callable[[bytes, float, str, "Answer | None"], None]


def get_handler(*args: Any, **kwargs: Any) -> Handler:
    """The process's handler, built once for the settings in force.

    With arguments, a new handler of the same class is built from them.
    Raises ConfigurationError where the class cannot be found.
    """
    settings = get_settings()
    if args or kwargs:
        return cast(Handler, handler_class(settings.handler, settings.handler_class)(*args, **kwargs))
    return handler_of(settings)


def handler_of(settings: Settings) -> Handler:
    """The process's handler for `settings`, which are those in force."""
    return _main.get(settings, settings.handler, settings.handler_class)


@contextlib.contextmanager
def separate_handler(fall_back: FallBack) -> Iterator[Handler]:
    """A new handler of ours that fails into `fall_back` and is closed at the end; a user's own as it is."""
    if get_settings().handler not in HANDLERS:
        yield get_handler()
        return
    handler = get_handler(fall_back=fall_back)
    try:
        yield handler
    finally:
        _close(handler)


def close_handlers() -> None:
    """Closes every handler; the next notice builds new ones."""
    for slot in _slots:
        slot.close()


def handler_class(named: str, class_name: str = "", setting: str = "HOPTOAD_HANDLER") -> type:
    """The class that a setting names. Raises ConfigurationError with the reason why there is none."""
    if named in HANDLERS:
        return _ours(named, setting)
    try:
        if is_file(named):
            found = getattr(_module(named), class_name)
        else:
            found = imported(".".join(filter(None, (named, class_name))))
    # Importing a user's module may raise anything; the site's start must stop with this one sentence.
    except Exception as error:
        why = f"{type(error).__name__}: {messages.safe_line(error)}"
        raise ConfigurationError(_not_found(setting, named, class_name, why)) from error
    if not (isinstance(found, type) and callable(getattr(found, "enqueue", None))):
        raise ConfigurationError(_not_found(setting, named, class_name, f"{found!r} has no method enqueue"))
    return found


def _ours(named: str, setting: str) -> type:
    """The class of a row of HANDLERS. Their modules import the packages that the extras install."""
    is_named = f'{setting} is "{named}"'
    if named == "inbox" and not apps.is_installed("hoptoad.inbox"):
        raise ConfigurationError(
            f'{is_named}, and its app is not installed. Add "hoptoad.inbox" to INSTALLED_APPS, and run: '
            "manage.py migrate"
        )
    try:
        return cast(type, imported(HANDLERS[named]))
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f'{is_named}, and {error.name} is not installed. Run: pip install "django-hoptoad[{named}]"'
        ) from error
    except Exception as error:
        why = f"{type(error).__name__}: {messages.safe_line(error)}"
        raise ConfigurationError(f"{is_named}, and cannot be imported: {why}") from error


def register_tasks() -> None:
    """Imports the handler that is built as the site starts: workers, which build none, run its task."""
    with contextlib.suppress(ConfigurationError):  # the check and the middleware report it
        settings = get_settings()
        if settings.handler in HANDLERS and settings.handler not in BUILT_WHEN_NEEDED:
            handler_class(settings.handler)


def lacks_threads(settings: Settings) -> bool:
    """Whether the handler needs threads, and this is uWSGI without them: Python's start and stand still."""
    options = getattr(sys.modules.get("uwsgi"), "opt", None)
    if options is None:
        return False
    given = {name.decode() if isinstance(name, bytes) else name for name in options}
    kind = handler_class(settings.handler, settings.handler_class)
    return getattr(kind, "needs_threads", True) and not given & {"enable-threads", "threads"}


def is_file(named: str) -> bool:
    """Whether HOPTOAD_HANDLER is the path of a file, as it was before 1.0."""
    return os.sep in named or "/" in named or named.endswith(".py")


class Slot:
    """One handler, kept for as long as the settings it was built from stay the same."""

    def __init__(self, setting: str, **arguments: Any) -> None:
        self._setting = setting
        self._arguments = arguments
        self._settings: Settings | None = None
        self._handler: Handler | None = None
        _slots.append(self)

    def get(self, settings: Settings, named: str, class_name: str = "") -> Handler:
        """The handler; built where there is none for these settings. Raises ConfigurationError."""
        if self._handler is None or self._settings is not settings:
            self._renew(settings, named, handler_class(named, class_name, self._setting))
        return cast(Handler, self._handler)

    def close(self) -> None:
        """Closes the handler and forgets it."""
        handler, self._handler, self._settings = self._handler, None, None
        _close(handler)

    def _renew(self, settings: Settings, named: str, kind: type) -> None:
        before, handler = self._settings, self._handler
        same = before is not None and all(
            getattr(before, name) == getattr(settings, name) for name in _BUILT_FROM
        )
        self._settings = settings
        if type(handler) is kind and same:
            return  # its queue may hold notices
        self._handler = kind(**(self._arguments if named in HANDLERS else {}))
        _close(handler)


# If one of these changes, a new handler is built: the old one has read it, or its circuit breaker belongs
# to the server that it names.
_BUILT_FROM = (
    "api",
    "notification_url",
    "project_id",
    "use_ssl",
    "thread_count",
    "queue_size",
    "retries",
    "spool_dir",
)
_slots: list[Slot] = []
_main = Slot("HOPTOAD_HANDLER")


def _close(handler: Handler | None) -> None:
    close = getattr(handler, "close", None)
    if callable(close):
        close()


class _CheckedLoader(importlib.machinery.SourceFileLoader):
    """Reads source only: the bytecode beside the file may have another owner."""

    def get_data(self, path: str) -> bytes:
        return safe_files.read(path, _MAX_SOURCE, of_anybody=True)  # its owner was checked before

    def path_stats(self, path: str) -> Mapping[str, Any]:
        raise OSError("no bytecode is read or written")


def _module(named: str) -> ModuleType:
    """The module in a file. A relative path begins at the project's root.

    Raises Untrusted where anybody but the project's owner may write to the file.
    """
    root = get_settings().project_root
    path = os.path.realpath(os.path.join(root, named))
    if not path.endswith(".py"):
        raise ImportError(f"{path} is not a Python file")
    safe_files.require_unwritable(path, *_owners(root))
    loader = _CheckedLoader("hoptoad_handler_file", path)
    spec = importlib.util.spec_from_file_location(loader.name, path, loader=loader)
    module = importlib.util.module_from_spec(cast(importlib.machinery.ModuleSpec, spec))
    with importing:
        loader.exec_module(module)
    return module


def _owners(directory: str) -> tuple[int, ...]:
    """The owner of the project's root, who owns the site's other code too."""
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

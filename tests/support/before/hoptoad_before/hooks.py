"""Failures outside requests: of commands, scripts, threads, callbacks. Chained, and removable."""

import logging
import os
import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any

from django.conf import settings as django_settings
from django.core.management import ManagementUtility
from django.core.management.base import BaseCommand

from hoptoad_before import reporter
from hoptoad_before.contextvalues import TrailHandler
from hoptoad_before.guard import log_exception
from hoptoad_before.imports import when_needed
from hoptoad_before.lazily import compiled
from hoptoad_before.log import HoptoadHandler
from hoptoad_before.messages import get_logger
from hoptoad_before.text import bounded_repr

# Connected where the site uses the package, which shows by its having been imported, or by a setting.
_INTEGRATIONS = {"celery": (("celery",), "CELERY_"), "tasks": (("django.tasks", "django_tasks"), "TASKS")}

# Where Django runs the command of a command line; `call_command` in a script does not come this way.
_COMMAND_CODE = (ManagementUtility.execute.__code__, BaseCommand.run_from_argv.__code__)
_NEGATIVE_NUMBER = compiled(r"-\d+|-\d*\.\d+")

_removers: list[Callable[[], None]] = []
_wanted: frozenset[str] = frozenset()


def install(names: Iterable[str], *, trail: int = 0) -> None:
    """Installs the hooks of these names in place of those installed before."""
    global _wanted
    remove()
    _wanted = frozenset(names)
    if _wanted & {"commands", "scripts"}:
        _chain(sys, "excepthook", _ScriptHook)
    if "threads" in _wanted:
        _chain(threading, "excepthook", _ThreadHook)
    if "unraisable" in _wanted:
        _chain(sys, "unraisablehook", _UnraisableHook)
    if "asyncio" in _wanted:
        _switch_on("asyncio")
        _add_handler("asyncio", _AsyncioHandler(component="asyncio"))
    if trail:
        handler = TrailHandler(trail)
        _removers.append(handler.stop)
        _add_handler("", handler)
    for name, (packages, setting) in _INTEGRATIONS.items():
        if name in _wanted and _is_used(packages, setting):
            module = when_needed(f"hoptoad_before.integrations.{name}")
            module.connect()
            _removers.append(module.disconnect)


def _is_used(packages: tuple[str, ...], setting: str) -> bool:
    if any(package in sys.modules for package in packages):
        return True
    given = [name for name in dir(django_settings) if name.startswith(setting)]
    return any(django_settings.is_overridden(name) for name in given)  # type: ignore[misc]


def remove() -> None:
    """Takes all hooks out again. One that another hook has been chained to stays, and passes on."""
    while _removers:
        _removers.pop()()


class _Hook(ABC):
    """Reports, and then calls the hook that was there before."""

    active = True

    def __init__(self, previous: Callable[..., Any]) -> None:
        self.previous = previous

    def __call__(self, *args: Any) -> None:
        if self.active:
            try:
                self.report(*args)
            except Exception:  # the hook before must be called in any case
                log_exception(get_logger(__name__), "A failure could not be reported.")
        self.previous(*args)

    @abstractmethod
    def report(self, *args: Any) -> None: ...


class _ScriptHook(_Hook):
    """`sys.excepthook`: CommandError and SystemExit do not come this far."""

    def report(self, kind: type[BaseException], error: BaseException, trace: "TracebackType | None") -> None:
        if not issubclass(kind, Exception):
            return
        command, *given = _command(trace) or [""]
        if command and "commands" in _wanted:
            reporter.report(
                error, component="management", action=command, params={"arguments": arguments(given)}
            )
        elif not command and "scripts" in _wanted:
            name = os.path.basename(sys.argv[0]) if sys.argv and sys.argv[0] else "python"
            reporter.report(
                error, component="script", action=name, params={"arguments": arguments(sys.argv[1:])}
            )


class _ThreadHook(_Hook):
    def report(self, args: threading.ExceptHookArgs) -> None:
        if args.exc_value is None or not isinstance(args.exc_value, Exception):
            return  # SystemExit ends a thread in peace
        name = args.thread.name if args.thread is not None else ""
        reporter.report(args.exc_value, component="thread", extra={"thread": name})


class _UnraisableHook(_Hook):
    """What fails in a `__del__` or a callback from C. The object is shown, not kept."""

    def report(self, unraisable: "sys.UnraisableHookArgs") -> None:
        error = unraisable.exc_value
        if not isinstance(error, Exception):
            return
        where = {"message": unraisable.err_msg or "", "object": bounded_repr(unraisable.object, 255)}
        reporter.report(error, component="unraisable", extra={"unraisable": where})


class _AsyncioHandler(HoptoadHandler):
    """asyncio's default handler logs what nobody awaited; each loop's own handler stays untouched."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and record.exc_info[1] is not None:
            super().emit(record)


def arguments(given: list[str]) -> list[Any]:
    """Command-line arguments as pairs of option and value, so that they can be masked by name.

    The next argument is the value of an option, unless it is an option itself.
    """
    shown: list[Any] = []
    rest = list(reversed(given))
    while rest:
        argument = rest.pop()
        name, is_pair, value = argument.partition("=")
        if argument == "--" or not _is_option(argument):
            shown.append(argument)
        elif is_pair or not rest or _is_option(rest[-1]):
            shown.append({name.lstrip("-"): value})
        else:
            shown.append({name.lstrip("-"): rest.pop()})
    return shown


def _is_option(argument: str) -> bool:
    """As argparse judges: `-`, negative numbers and what holds a blank, as a private key, are values."""
    if not argument.startswith("-") or argument == "-" or " " in argument.partition("=")[0]:
        return False
    return not _NEGATIVE_NUMBER.fullmatch(argument)


def _command(trace: "TracebackType | None") -> list[str]:
    """The management command that failed and its arguments, whatever the program is called, or nothing."""
    while trace is not None:
        code, known = trace.tb_frame.f_code, trace.tb_frame.f_locals
        if code in _COMMAND_CODE:
            argv = known.get("argv") or getattr(known.get("self"), "argv", None)
            if isinstance(argv, list) and len(argv) > 1:
                return argv[1:]
        trace = trace.tb_next
    return []


def _chain(owner: Any, name: str, kind: type[_Hook]) -> None:
    hook = kind(getattr(owner, name))
    setattr(owner, name, hook)

    def take_out() -> None:
        hook.active = False
        if getattr(owner, name) is hook:
            setattr(owner, name, hook.previous)

    _removers.append(take_out)


def _switch_on(name: str) -> None:
    """Lets our handler hear a logger that LOGGING has disabled by saying nothing of it. Nobody else does."""
    logger = logging.getLogger(name)
    if not logger.disabled or logger.handlers:
        return
    propagated = logger.propagate
    logger.disabled, logger.propagate = False, False

    def switch_off() -> None:
        logger.disabled, logger.propagate = True, propagated

    _removers.append(switch_off)


def _add_handler(logger: str, handler: logging.Handler) -> None:
    logging.getLogger(logger).addHandler(handler)

    def take_out() -> None:
        logging.getLogger(logger).removeHandler(handler)
        handler.close()

    _removers.append(take_out)

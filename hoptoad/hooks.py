"""Reports failures outside requests: hooks of Python, loggers and integrations, installed and removed."""

import logging
import os
import re
import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any

from django.conf import settings as django_settings
from django.core.management import ManagementUtility
from django.core.management.base import BaseCommand

from hoptoad.capture.context import TrailHandler
from hoptoad.capture.values import bounded_repr
from hoptoad.conf.settings import HOOKS, Integration
from hoptoad.log import HoptoadHandler
from hoptoad.reporting import reporter
from hoptoad.runtime.guards import log_exception
from hoptoad.runtime.lifecycle import when_needed
from hoptoad.runtime.messages import get_logger

# Django runs the command of a command line here; `call_command` in a script does not pass them.
_COMMAND_CODE = (ManagementUtility.execute.__code__, BaseCommand.run_from_argv.__code__)
_NEGATIVE_NUMBER = re.compile(r"-\d+|-\d*\.\d+")

_removers: list[Callable[[], None]] = []
_installed: frozenset[str] = frozenset()


def install(names: Iterable[str], *, trail: int = 0) -> None:
    """Installs the hooks with these names of HOOKS, in place of those installed before.

    `trail` is the number of breadcrumbs that are kept.
    """
    global _installed
    remove()
    _installed = frozenset(names)
    if _installed & {"commands", "scripts"}:
        _chain(sys, "excepthook", _ScriptHook)
    if "threads" in _installed:
        _chain(threading, "excepthook", _ThreadHook)
    if "unraisable" in _installed:
        _chain(sys, "unraisablehook", _UnraisableHook)
    if "asyncio" in _installed:
        _enable("asyncio")
        _add_handler("asyncio", _AsyncioHandler(component="asyncio"))
    if trail:
        handler = TrailHandler(trail)
        _removers.append(handler.stop)
        _add_handler("", handler)
    for name, integration in HOOKS.items():
        if integration is not None and name in _installed and _is_used(integration):
            module = when_needed(integration.module)
            module.connect()
            _removers.append(module.disconnect)


def _is_used(integration: Integration) -> bool:
    if any(package in sys.modules for package in integration.packages):
        return True
    given = [name for name in dir(django_settings) if name.startswith(integration.setting)]
    return any(django_settings.is_overridden(name) for name in given)  # type: ignore[misc]


def remove() -> None:
    """Removes all hooks. One that another package's hook calls stays, and only calls the one before it."""
    while _removers:
        _removers.pop()()


class _Hook(ABC):
    """Reports a failure, then calls the hook that was installed before."""

    active = True

    def __init__(self, previous: Callable[..., Any]) -> None:
        self.previous = previous

    def __call__(self, *args: Any) -> None:
        if self.active:
            try:
                self.report(*args)
            except Exception:  # the hook before must be called in any case
                log_exception(get_logger(__name__), "A failure outside requests could not be reported.")
        self.previous(*args)

    @abstractmethod
    def report(self, *args: Any) -> None: ...


class _ScriptHook(_Hook):
    """`sys.excepthook`, which CommandError and SystemExit do not reach."""

    def report(self, kind: type[BaseException], error: BaseException, trace: "TracebackType | None") -> None:
        if not issubclass(kind, Exception):
            return
        command, *given = _command(trace) or [""]
        if command and "commands" in _installed:
            reporter.report(
                error, component="management", action=command, params={"arguments": arguments(given)}
            )
        elif not command and "scripts" in _installed:
            name = os.path.basename(sys.argv[0]) if sys.argv and sys.argv[0] else "python"
            reporter.report(
                error, component="script", action=name, params={"arguments": arguments(sys.argv[1:])}
            )


class _ThreadHook(_Hook):
    def report(self, args: threading.ExceptHookArgs) -> None:
        if args.exc_value is None or not isinstance(args.exc_value, Exception):
            return  # SystemExit ends a thread normally
        name = args.thread.name if args.thread is not None else ""
        reporter.report(args.exc_value, component="thread", extra={"thread": name})


class _UnraisableHook(_Hook):
    """`sys.unraisablehook`: failures in `__del__` or in a callback from C. Does not keep the object."""

    def report(self, unraisable: "sys.UnraisableHookArgs") -> None:
        error = unraisable.exc_value
        if not isinstance(error, Exception):
            return
        where = {"message": unraisable.err_msg or "", "object": bounded_repr(unraisable.object, 255)}
        reporter.report(error, component="unraisable", extra={"unraisable": where})


class _AsyncioHandler(HoptoadHandler):
    """For asyncio's logger: exceptions that nobody awaited. The handlers of event loops stay as they are."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and record.exc_info[1] is not None:
            super().emit(record)


def arguments(given: list[str]) -> list[Any]:
    """Command-line arguments with options as pairs of name and value, so that they are masked by name.

    The next argument is the value of an option, unless it is an option itself.

    >>> arguments(["--token", "x", "--all", "frog"])
    [{'token': 'x'}, {'all': 'frog'}]
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
    """As in argparse: `-`, negative numbers and texts with a blank, like a private key, are values."""
    if not argument.startswith("-") or argument == "-" or " " in argument.partition("=")[0]:
        return False
    return not _NEGATIVE_NUMBER.fullmatch(argument)


def _command(trace: "TracebackType | None") -> list[str]:
    """The management command that failed and its arguments; empty where there is none."""
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

    def remove_hook() -> None:
        hook.active = False
        if getattr(owner, name) is hook:
            setattr(owner, name, hook.previous)

    _removers.append(remove_hook)


def _enable(name: str) -> None:
    """Enables a logger that LOGGING disabled by not naming it. Its records reach our handler only."""
    logger = logging.getLogger(name)
    if not logger.disabled or logger.handlers:
        return
    propagated = logger.propagate
    logger.disabled, logger.propagate = False, False

    def disable() -> None:
        logger.disabled, logger.propagate = True, propagated

    _removers.append(disable)


def _add_handler(logger: str, handler: logging.Handler) -> None:
    logging.getLogger(logger).addHandler(handler)

    def remove_handler() -> None:
        logging.getLogger(logger).removeHandler(handler)
        handler.close()

    _removers.append(remove_handler)

"""System checks: errors and risks in the settings and, with `check --deploy`, where notices go."""

import os
import sys
from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.conf import settings as django_settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured, ViewDoesNotExist
from django.urls import get_resolver

from hoptoad.api.registry import destination_of, get_api, url_of
from hoptoad.conf import loading
from hoptoad.conf.problems import KEY_EXAMPLE, NO_KEY
from hoptoad.conf.settings import WITHOUT_SERVER, Settings
from hoptoad.errors import ConfigurationError
from hoptoad.handlers.registry import NO_THREADS, handler_class, is_file, lacks_threads
from hoptoad.middleware import MIDDLEWARE, notifiers
from hoptoad.runtime import messages
from hoptoad.runtime.lifecycle import imported

_TO_INBOX = 'HOPTOAD_SETTINGS = {"HOPTOAD_HANDLER": "inbox"}'
ANSWERING = "hoptoad.exceptional.middleware.ExceptionalMiddleware"


@checks.register("hoptoad")
def check_settings(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    """The errors, or the warnings if there are no errors."""
    wrong: list[checks.CheckMessage] = [
        checks.Error(problem.text, hint=problem.hint, id=problem.id) for problem in loading.problems()
    ]
    if wrong:
        return wrong
    settings = loading.get_settings()
    try:
        get_api()
        handler_class(settings.handler, settings.handler_class)
        if settings.fallback_handler:
            handler_class(settings.fallback_handler, setting="HOPTOAD_FALLBACK_HANDLER")
    except ConfigurationError as error:
        return [checks.Error(str(error), id="hoptoad.E004")]
    return [*_warnings(settings), *_position(), *_raised_statuses()]


@checks.register("hoptoad", deploy=True)
def check_address(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    """The address that notices go to. Only for --deploy, because commands run the other checks."""
    if loading.problems():
        return []
    settings = loading.get_settings()
    if not settings.enabled or (settings.debug and not settings.notify_while_debug):
        return []
    return [
        checks.Info(
            f"Failures are reported to {destination_of(settings)}",
            hint="Send one to see it arrive: manage.py hoptoad_test",
            id="hoptoad.I001",
        )
    ]


def _warnings(settings: Settings) -> Iterator[checks.CheckMessage]:
    if not settings.enabled:
        yield checks.Warning(
            NO_KEY,
            hint=_TO_INBOX if apps.is_installed("hoptoad.inbox") else KEY_EXAMPLE,
            id="hoptoad.W001",
        )
    for name in loading.given_twice():
        yield checks.Warning(
            f"{name} is given twice with different values; the one in HOPTOAD_SETTINGS is used.",
            hint=f"Remove the line {name} = … from the settings.",
            id="hoptoad.W002",
        )
    if lacks_threads(settings):
        yield checks.Warning(NO_THREADS, hint="enable-threads = true", id="hoptoad.W010")
    if settings.handler not in WITHOUT_SERVER:
        yield from _address_warnings(settings)
    if settings.spool_dir and os.path.islink(settings.spool_dir):
        yield checks.Warning(
            f"HOPTOAD_SPOOL_DIR is a symbolic link, {settings.spool_dir}: nothing is spooled there.",
            hint=f"HOPTOAD_SPOOL_DIR = {os.path.realpath(settings.spool_dir)!r}",
            id="hoptoad.W012",
        )
    if is_file(settings.handler):
        yield checks.Warning(
            f"HOPTOAD_HANDLER is the path of a file, {settings.handler!r}: deprecated since 1.0.",
            hint='Name the class by its dotted path: HOPTOAD_HANDLER = "shop.reporting.QueueHandler"',
            id="hoptoad.W007",
        )
    if "mail" in (settings.handler, settings.fallback_handler) and not django_settings.ADMINS:
        yield checks.Warning(
            'A handler is "mail", and ADMINS is empty: nobody gets the mails.',
            hint='ADMINS = ["you@example.com"]',
            id="hoptoad.W016",
        )
    if settings.handler == "memory" and not settings.testing:
        yield checks.Warning(
            'HOPTOAD_HANDLER is "memory", which sends nothing.',
            hint='HOPTOAD_HANDLER = "threadpool"',
            id="hoptoad.W008",
        )


def _address_warnings(settings: Settings) -> Iterator[checks.CheckMessage]:
    if not url_of(settings).lower().startswith("https://"):
        yield checks.Warning(
            f"Notices and the API key go to {messages.safe_url(url_of(settings))} unencrypted.",
            hint=_to_https(settings),
            id="hoptoad.W005",
        )
        return
    if not settings.use_ssl:
        yield checks.Warning(
            "HOPTOAD_NOTIFICATION_URL starts with https: HOPTOAD_USE_SSL = False has no effect.",
            hint="HOPTOAD_USE_SSL = True",
            id="hoptoad.W003",
        )
    if settings.no_ssl_fallback:
        yield checks.Warning(
            "HOPTOAD_NO_SSL_FALLBACK is on, and despite its name enables a fallback. If the server refuses "
            "https (402, 403) or the secure connection fails, the notice and the API key are sent again "
            "over plain http, unencrypted. Anyone who controls the network can cause that.",
            hint="HOPTOAD_NO_SSL_FALLBACK = False",
            id="hoptoad.W006",
        )


def _to_https(settings: Settings) -> str:
    name = "HOPTOAD_DSN" if settings.dsn else "HOPTOAD_NOTIFICATION_URL"
    if not settings.notification_url:
        way = "HOPTOAD_USE_SSL = True"
    elif settings.use_ssl:
        way = f'Begin {name} with "https://".'
    else:
        way = f'Begin {name} with "https://", and set HOPTOAD_USE_SSL = True.'
    return f'{way} If the network is trusted: SILENCED_SYSTEM_CHECKS = ["hoptoad.W005"]'


def _position() -> Iterator[checks.CheckMessage]:
    ours = notifiers()
    if not ours:
        yield checks.Warning(
            f"{MIDDLEWARE} is not in MIDDLEWARE: failing requests are not reported.",
            hint=f'MIDDLEWARE = ["{MIDDLEWARE}", …]',
            id="hoptoad.W009",
        )
    elif ours[0] != django_settings.MIDDLEWARE[0]:
        above = ", ".join(django_settings.MIDDLEWARE[: django_settings.MIDDLEWARE.index(ours[0])])
        yield checks.Warning(
            f"{ours[0]} is not the first in MIDDLEWARE. It does not see the responses of the middleware "
            f"above it, and reports errors that they answer: {above}.",
            hint=f'MIDDLEWARE = ["{ours[0]}", …]',
            id="hoptoad.W004",
        )


def _raised_statuses() -> Iterator[checks.CheckMessage]:
    """Looks for `hoptoad.exceptional` among the imported modules, because nothing of ours imports it."""
    if "hoptoad.exceptional.responses" not in sys.modules and not apps.is_installed("hoptoad.exceptional"):
        return
    if not any(_is_answering(path) for path in django_settings.MIDDLEWARE) and not _has_answering_handler():
        yield checks.Warning(
            "hoptoad.exceptional is used, but nothing answers the HTTP statuses that views raise. Each "
            "becomes a 500, and is reported.",
            hint=f'MIDDLEWARE = [..., "{ANSWERING}"], or handler500 = "hoptoad.exceptional.handler500" '
            "in the URLconf.",
            id="hoptoad.W011",
        )


def _is_answering(path: str) -> bool:
    if path == ANSWERING:
        return True
    try:
        found = imported(path)
    except ImportError:
        return False  # Django reports it
    module = sys.modules.get("hoptoad.exceptional.middleware")
    return module is not None and isinstance(found, type) and issubclass(found, module.ExceptionalMiddleware)


def _has_answering_handler() -> bool:
    try:
        handler = get_resolver().resolve_error_handler(500)
    except (ImportError, ImproperlyConfigured, ViewDoesNotExist):
        return False  # Django reports it
    return str(getattr(handler, "__module__", "")).startswith("hoptoad.exceptional")

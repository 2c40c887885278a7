"""`manage.py check`: what is wrong with the settings, what is risky; with `--deploy`, where notices go."""

import os
import sys
from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.conf import settings as django_settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured, ViewDoesNotExist
from django.urls import get_resolver

from hoptoad_before import conf, messages
from hoptoad_before.api.choice import get_api
from hoptoad_before.conf import Settings
from hoptoad_before.errors import ConfigurationError
from hoptoad_before.handlers.base import NO_THREADS, handler_class, is_file, threads_never_run
from hoptoad_before.imports import imported
from hoptoad_before.position import MIDDLEWARE, notifiers

ANSWERING = "hoptoad_before.exceptional.middleware.ExceptionalMiddleware"


@checks.register("hoptoad_before")
def check_settings(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    """Errors alone where there are any; otherwise warnings."""
    wrong: list[checks.CheckMessage] = [
        checks.Error(problem.text, hint=problem.hint, id=problem.id) for problem in conf.problems()
    ]
    if wrong:
        return wrong
    settings = conf.get_settings()
    try:
        get_api()
        handler_class(settings.handler, settings.handler_class)
        if settings.fallback_handler:
            handler_class(settings.fallback_handler, setting="HOPTOAD_FALLBACK_HANDLER")
    except ConfigurationError as error:
        return [checks.Error(str(error), id="hoptoad_before.E004")]
    return [*_warnings(settings), *_position(), *_raised_statuses()]


@checks.register("hoptoad_before", deploy=True)
def check_address(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    """Where notices go. Every command runs the other checks, and a good site's commands print nothing."""
    if any(conf.problems()):
        return []
    settings = conf.get_settings()
    if not settings.enabled or (settings.debug and not settings.notify_while_debug):
        return []
    return [
        checks.Info(
            f"Failures are reported to {messages.address(settings.url)}",
            hint="Send one to see it arrive: manage.py hoptoad_test",
            id="hoptoad_before.I001",
        )
    ]


def _warnings(settings: Settings) -> Iterator[checks.CheckMessage]:
    if not settings.enabled:
        yield checks.Warning(
            "HOPTOAD_API_KEY is not set: nothing is reported.",
            hint='HOPTOAD_SETTINGS = {"HOPTOAD_API_KEY": "the key on your project\'s page"}',
            id="hoptoad_before.W001",
        )
    for name in conf.contradictions():
        yield checks.Warning(
            f"{name} is given twice with different values; the one in HOPTOAD_SETTINGS is used.",
            hint=f"Remove the line {name} = … from the settings.",
            id="hoptoad_before.W002",
        )
    if threads_never_run() and settings.handler not in ("blocking", "memory"):
        yield checks.Warning(NO_THREADS, hint="enable-threads = true", id="hoptoad_before.W010")
    yield from _address_warnings(settings)
    if settings.spool_dir and os.path.islink(settings.spool_dir):
        yield checks.Warning(
            f"HOPTOAD_SPOOL_DIR is a symbolic link, {settings.spool_dir}: nothing is spooled there.",
            hint=f"HOPTOAD_SPOOL_DIR = {os.path.realpath(settings.spool_dir)!r}",
            id="hoptoad_before.W012",
        )
    if is_file(settings.handler):
        yield checks.Warning(
            f"HOPTOAD_HANDLER is the path of a file, {settings.handler!r}: deprecated since 1.0.",
            hint='Name the class by its dotted path: HOPTOAD_HANDLER = "shop.reporting.QueueHandler"',
            id="hoptoad_before.W007",
        )
    if settings.handler == "memory" and not settings.testing:
        yield checks.Warning(
            'HOPTOAD_HANDLER is "memory", which sends nothing.',
            hint='HOPTOAD_HANDLER = "threadpool"',
            id="hoptoad_before.W008",
        )


def _address_warnings(settings: Settings) -> Iterator[checks.CheckMessage]:
    if not settings.url.lower().startswith("https://"):
        yield checks.Warning(
            f"Notices go to {messages.address(settings.url)} in clear, with the API key.",
            hint=_to_https(settings),
            id="hoptoad_before.W005",
        )
        return
    if not settings.use_ssl:
        yield checks.Warning(
            "HOPTOAD_NOTIFICATION_URL starts with https, and HOPTOAD_USE_SSL is False: the URL wins.",
            hint="HOPTOAD_USE_SSL = True",
            id="hoptoad_before.W003",
        )
    if settings.no_ssl_fallback:
        yield checks.Warning(
            "HOPTOAD_NO_SSL_FALLBACK is on, which despite its name enables a fallback: where the server "
            "refuses https (402, 403) or no secure connection can be made, the notice is sent again over "
            "plain http, data and API key in clear. Who controls the network can cause that.",
            hint="HOPTOAD_NO_SSL_FALLBACK = False",
            id="hoptoad_before.W006",
        )


def _to_https(settings: Settings) -> str:
    if not settings.notification_url:
        way = "HOPTOAD_USE_SSL = True"
    elif settings.use_ssl:
        way = 'Start HOPTOAD_NOTIFICATION_URL with "https://".'
    else:
        way = 'Start HOPTOAD_NOTIFICATION_URL with "https://", and set HOPTOAD_USE_SSL = True.'
    return f'{way} Where the network is trusted: SILENCED_SYSTEM_CHECKS = ["hoptoad_before.W005"]'


def _position() -> Iterator[checks.CheckMessage]:
    ours = notifiers()
    if not ours:
        yield checks.Warning(
            "The middleware is not in MIDDLEWARE: failing requests are not reported.",
            hint=f'MIDDLEWARE = ["{MIDDLEWARE}", …]',
            id="hoptoad_before.W009",
        )
    elif ours[0] != django_settings.MIDDLEWARE[0]:
        above = ", ".join(django_settings.MIDDLEWARE[: django_settings.MIDDLEWARE.index(ours[0])])
        yield checks.Warning(
            f"{ours[0]} is not the first in MIDDLEWARE: statuses that these set are not seen, and "
            f"what they turn into another answer is reported all the same: {above}.",
            hint=f'MIDDLEWARE = ["{ours[0]}", …]',
            id="hoptoad_before.W004",
        )


def _raised_statuses() -> Iterator[checks.CheckMessage]:
    """Looks at the modules that the site has imported: `hoptoad_before.exceptional` is an island."""
    if "hoptoad_before.exceptional.responses" not in sys.modules and not apps.is_installed("hoptoad_before.exceptional"):
        return
    if not any(_answers(path) for path in django_settings.MIDDLEWARE) and not _handler_answers():
        yield checks.Warning(
            "hoptoad_before.exceptional is used, but nothing answers the HTTP statuses that are raised: users get "
            "a 500 for each, which is reported as the failure it is.",
            hint=f'MIDDLEWARE = [..., "{ANSWERING}"], or handler500 = "hoptoad_before.exceptional.handler500" '
            "in the URLconf.",
            id="hoptoad_before.W011",
        )


def _answers(path: str) -> bool:
    if path == ANSWERING:
        return True
    try:
        found = imported(path)
    except ImportError:
        return False  # Django's to complain about
    module = sys.modules.get("hoptoad_before.exceptional.middleware")
    return module is not None and isinstance(found, type) and issubclass(found, module.ExceptionalMiddleware)


def _handler_answers() -> bool:
    try:
        handler = get_resolver().resolve_error_handler(500)
    except (ImportError, ImproperlyConfigured, ViewDoesNotExist):
        return False  # Django's to complain about
    return str(getattr(handler, "__module__", "")).startswith("hoptoad_before.exceptional")

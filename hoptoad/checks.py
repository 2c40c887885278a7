"""`manage.py check`: what is wrong with the settings, what is risky, and where notices go."""

import os
from collections.abc import Iterator
from typing import Any

from django.conf import settings as django_settings
from django.core import checks
from django.utils.module_loading import import_string

from hoptoad import conf
from hoptoad.api.choice import get_api
from hoptoad.conf import Settings
from hoptoad.errors import ConfigurationError
from hoptoad.handlers.base import NO_THREADS, handler_class, is_file, threads_never_run

MIDDLEWARE = "hoptoad.middleware.HoptoadNotifierMiddleware"


@checks.register("hoptoad")
def check_settings(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    """Errors alone where there are any; otherwise warnings, and one line of information."""
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
        return [checks.Error(str(error), id="hoptoad.E004")]
    return [*_warnings(settings), *_position(), *_information(settings)]


def _warnings(settings: Settings) -> Iterator[checks.CheckMessage]:
    if not settings.enabled:
        yield checks.Warning(
            "HOPTOAD_API_KEY is not set: nothing is reported.",
            hint='HOPTOAD_SETTINGS = {"HOPTOAD_API_KEY": "the key on your project\'s page"}',
            id="hoptoad.W001",
        )
    for name in conf.contradictions():
        yield checks.Warning(
            f"{name} is given twice with different values; the one in HOPTOAD_SETTINGS is used.",
            hint=f"Remove the line {name} = … from the settings.",
            id="hoptoad.W002",
        )
    if threads_never_run() and settings.handler not in ("blocking", "memory"):
        yield checks.Warning(NO_THREADS, hint="enable-threads = true", id="hoptoad.W010")
    yield from _address_warnings(settings)
    if settings.spool_dir and os.path.islink(settings.spool_dir):
        yield checks.Warning(
            f"HOPTOAD_SPOOL_DIR is a symbolic link, {settings.spool_dir}: nothing is spooled there.",
            hint=f"HOPTOAD_SPOOL_DIR = {os.path.realpath(settings.spool_dir)!r}",
            id="hoptoad.W011",
        )
    if is_file(settings.handler):
        yield checks.Warning(
            f"HOPTOAD_HANDLER is the path of a file, {settings.handler!r}: deprecated since 1.0.",
            hint='Name the class by its dotted path: HOPTOAD_HANDLER = "shop.reporting.QueueHandler"',
            id="hoptoad.W007",
        )
    if settings.handler == "memory" and not settings.testing:
        yield checks.Warning(
            'HOPTOAD_HANDLER is "memory", which sends nothing.',
            hint='HOPTOAD_HANDLER = "threadpool"',
            id="hoptoad.W008",
        )


def _address_warnings(settings: Settings) -> Iterator[checks.CheckMessage]:
    is_https = settings.url.startswith("https://")
    if settings.notification_url and is_https != settings.use_ssl:
        yield checks.Warning(
            f"HOPTOAD_NOTIFICATION_URL starts with {settings.url.partition(':')[0]}, and "
            f"HOPTOAD_USE_SSL is {settings.use_ssl}: the URL wins.",
            hint=f"HOPTOAD_USE_SSL = {is_https}",
            id="hoptoad.W003",
        )
    elif not is_https:
        yield checks.Warning(
            f"Notices go to {settings.url} in clear, with the API key.",
            hint="HOPTOAD_USE_SSL = True",
            id="hoptoad.W005",
        )
    if settings.no_ssl_fallback:
        yield checks.Warning(
            "HOPTOAD_NO_SSL_FALLBACK is on: when https is refused, data and API key go in clear.",
            hint="HOPTOAD_NO_SSL_FALLBACK = False",
            id="hoptoad.W006",
        )


def _position() -> Iterator[checks.CheckMessage]:
    ours = [path for path in django_settings.MIDDLEWARE if _is_ours(path)]
    if not ours:
        yield checks.Warning(
            "The middleware is not in MIDDLEWARE: failing requests are not reported.",
            hint=f'MIDDLEWARE = ["{MIDDLEWARE}", …]',
            id="hoptoad.W009",
        )
    elif ours[0] != django_settings.MIDDLEWARE[0]:
        above = ", ".join(django_settings.MIDDLEWARE[: django_settings.MIDDLEWARE.index(ours[0])])
        yield checks.Warning(
            f"{ours[0]} is not the first in MIDDLEWARE: statuses that these set are not seen, and "
            f"what they turn into another answer is reported all the same: {above}.",
            hint=f'MIDDLEWARE = ["{ours[0]}", …]',
            id="hoptoad.W004",
        )


def _is_ours(path: str) -> bool:
    if path == MIDDLEWARE:
        return True
    from hoptoad.middleware import HoptoadNotifierMiddleware

    try:
        found = import_string(path)
    except ImportError:
        return False  # Django's to complain about
    return isinstance(found, type) and issubclass(found, HoptoadNotifierMiddleware)


def _information(settings: Settings) -> Iterator[checks.CheckMessage]:
    if settings.enabled and (not settings.debug or settings.notify_while_debug):
        yield checks.Info(
            f"Failures are reported to {settings.url}",
            hint="Send one to see it arrive: manage.py hoptoad_test",
            id="hoptoad.I001",
        )

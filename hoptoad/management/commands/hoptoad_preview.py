"""`manage.py hoptoad_preview`: shows what a notice contains, and by which rule the rest is masked."""

import base64
import contextlib
import json
import re
import shutil
import textwrap
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings as django_settings
from django.core.management.base import BaseCommand, CommandError
from django.http import HttpRequest
from django.test import RequestFactory
from django.urls import resolve
from django.utils.encoding import iri_to_uri

from hoptoad.api import htv2, v3
from hoptoad.api.characters import clean
from hoptoad.api.parsers import parse
from hoptoad.api.registry import destination_of, get_api
from hoptoad.api.sentry import wire
from hoptoad.capture import build
from hoptoad.conf.loading import get_settings
from hoptoad.conf.problems import NO_KEY
from hoptoad.conf.settings import Settings
from hoptoad.errors import ConfigurationError, ParseError
from hoptoad.management.preview import Line, lines
from hoptoad.notice import Notice
from hoptoad.redaction.cutting import MASK
from hoptoad.redaction.names import Names
from hoptoad.redaction.redact import Finding
from hoptoad.reporting import before_notify
from hoptoad.runtime import messages

_SECRET = "made-up-secret-1"  # noqa: S105
_NAME_WIDTH = 28
_MAX_SHOWN = 100_000  # characters of a field; a stored notice need not be one of ours
_JSON = {"json": v3, "event": wire}
_API_KEY = re.compile("<api-key>.+?</api-key>", re.DOTALL)


class HoptoadPreview(Exception):
    """The error that `manage.py hoptoad_preview` makes up."""


class Command(BaseCommand):
    help = (
        "Shows, field by field, what would be sent of a failing request, and by which rule the rest is "
        "masked. Sends nothing."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        what = parser.add_mutually_exclusive_group()
        what.add_argument(
            "--path",
            default="/hoptoad_preview/?page=2&token=" + _SECRET,
            help="the page, with its query string, whose request is made up",
        )
        what.add_argument(
            "--stored", type=Path, metavar="FILE", help="a notice that was sent or spooled before"
        )
        parser.add_argument(
            "--format",
            choices=("text", "xml", *_JSON),
            default="text",
            help="text: field by field, with the rules; xml, json: the document of version 2 or 3; "
            "event: Sentry's",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            settings = get_settings()
            api = get_api()
        except ConfigurationError as error:
            raise CommandError(str(error)) from error
        stored: Path | None = options["stored"]
        notice, findings = _read(stored) if stored else _made_up(options["path"], settings)
        if notice is not None:
            try:
                payload = api.encode(notice)
            except Exception:  # as the reporter does it
                notice = before_notify.bare(notice)
                payload = api.encode(notice)
        if notice is None:
            self.stdout.write("Nothing would be sent: HOPTOAD_BEFORE_NOTIFY returns None for this notice.")
        elif options["format"] == "xml":
            document = _API_KEY.sub(f"<api-key>{MASK}</api-key>", htv2.encode(notice).decode(), count=1)
            self.stdout.write(messages.printable(document, "\n\t", lambda c: f"&#{ord(c)};"))
        elif options["format"] in _JSON:
            found = json.loads(_JSON[options["format"]].encode(notice))
            document = json.dumps(found, indent=2, ensure_ascii=False)
            self.stdout.write(messages.printable(document, "\n", lambda c: json.dumps(c)[1:-1]))
        else:
            self.stdout.write(f"{len(payload):,} bytes as {settings.api} to {destination_of(settings)}\n")
            if not settings.enabled:
                self.stdout.write(NO_KEY)
            shown = lines(notice, findings, Names(settings.protected_params))
            if api is v3 and not stored:
                shown.append(Line("server", "os", v3.operating_system()))
            self._table(shown)

    def _table(self, shown: list[Line]) -> None:
        width = max(shutil.get_terminal_size().columns, 60) - _NAME_WIDTH - 3
        section = ""
        for line in shown:
            if line.section != section:
                section = line.section
                self.stdout.write(self.style.MIGRATE_HEADING(section))
            rule = f"   <- {line.rule}" if line.rule else ""
            whole = messages.one_line(line.text, _MAX_SHOWN) + rule
            text = textwrap.wrap(whole, width, break_on_hyphens=False) or [""]
            self.stdout.write(f"  {messages.one_line(line.name):{_NAME_WIDTH}} {text[0]}")
            for more in text[1:]:
                self.stdout.write(" " * (_NAME_WIDTH + 3) + more)
        masked = sum(1 for line in shown if line.rule)
        self.stdout.write(f"\n{len(shown)} fields; {masked} contain masked values.")


def _read(path: Path) -> tuple[Notice, None]:
    try:
        return parse(path.read_bytes()), None
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}") from error
    except ParseError as error:
        raise CommandError(f"{path} is not a notice: {messages.safe_line(error)}") from error


def _made_up(path: str, settings: Settings) -> tuple[Notice | None, list[Finding]]:
    request = _request(path, settings)
    try:
        _fail(_SECRET)
    except HoptoadPreview as error:
        incident = build.incident(request, exception=error)
        notice, findings, _ = build.redacted(build.snapshot(incident, settings), settings)
    return before_notify.apply(notice, settings.before_notify), findings


def _fail(password: str) -> None:
    raise HoptoadPreview(f"Nothing is broken; a message that quotes the password {password}")


def _request(path: str, settings: Settings) -> HttpRequest:
    """A request with a secret in every place where a browser puts one."""
    form = {"name": "Freda", "password": _SECRET, "card_number": "4111 1111 1111 1111", "page": "2"}
    form.update({name: "made-up" for name in settings.protected_params if isinstance(name, str)})
    basic = base64.b64encode(f"freda:{_SECRET}".encode()).decode()
    request = RequestFactory().post(
        iri_to_uri(clean(path if path.startswith("/") else f"/{path}")),
        form,
        headers={
            "Authorization": f"Basic {basic}",
            "Cookie": f"{django_settings.SESSION_COOKIE_NAME}={_SECRET}; theme=dark",
            "Referer": f"https://shop.example/reset/?token={_SECRET}",
            "User-Agent": "hoptoad_preview",
            "X-Forwarded-For": "203.0.113.7",
        },
    )
    with contextlib.suppress(Exception):  # no such page, or a URL configuration that fails
        request.resolver_match = resolve(request.path_info)
    request.POST  # noqa: B018 - reads the form, as the view would have
    return request

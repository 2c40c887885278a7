"""`manage.py hoptoad_test`: does a notice arrive, and if not, what is to be done?"""

import queue
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.test import RequestFactory

from hoptoad.api.registry import encode, get_api
from hoptoad.capture import build
from hoptoad.conf.loading import get_settings
from hoptoad.conf.settings import Settings
from hoptoad.delivery.answer import Answer, Verdict, advice
from hoptoad.errors import ConfigurationError
from hoptoad.handlers.registry import handler_class, separate_handler
from hoptoad.runtime import messages
from hoptoad.signals import heard_answers

_MAX_LINE = 2000
_WHILE_DEBUG = (
    "DEBUG is on: the site itself reports nothing. It does with DEBUG = False, or with "
    "HOPTOAD_NOTIFY_WHILE_DEBUG = True."
)


class HoptoadTest(Exception):
    """The error that `manage.py hoptoad_test` reports."""


class Command(BaseCommand):
    help = (
        "Sends one real notice through the configured handler and prints what the server said. "
        "Exits with 0 only where the server accepted it."
    )
    requires_system_checks = ()  # they say what is wrong in general; this says it of one notice

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--message",
            default="This is a test. Nothing is broken.",
            help="the text of the error that is reported",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        settings = _checked_settings()
        self._line("To", messages.address(settings.url))
        self._line("Handler", settings.handler)
        try:
            answer = _send(settings, options["message"])
            if answer is None:
                raise CommandError(
                    f"The handler {settings.handler!r} took the notice, and no answer came within "
                    f"{_patience(settings):g} s. Handlers that hand on to another process answer "
                    'there: look into its log, or test with HOPTOAD_HANDLER = "blocking".'
                )
            self._show(answer)
        finally:
            if settings.debug and not settings.notify_while_debug:
                self.stdout.write(self.style.WARNING(_WHILE_DEBUG))

    def _show(self, answer: Answer) -> None:
        said = f"HTTP {answer.status}" if answer.status else answer.fault
        self._line("Answer", f"{answer.verdict.value} ({said})")
        if answer.text and not answer.id:
            self._line("Said", answer.text)
        if answer.verdict is not Verdict.ACCEPTED:
            raise CommandError(advice(answer))
        self._line("Id", answer.id or "none given")
        self._line("See", messages.web_link(answer.link) or "the project's page on the server")
        self.stdout.write(self.style.SUCCESS("The notice was accepted."))

    def _line(self, name: str, text: str) -> None:
        self.stdout.write(f"{name:8} {messages.quoted(text, _MAX_LINE)}")


def _patience(settings: Settings) -> float:
    """Seconds: to connect, to be answered, and to find out where the server is."""
    return 2 * settings.timeout + 5


def _checked_settings() -> Settings:
    try:
        settings = get_settings()
        handler_class(settings.handler, settings.handler_class)
        get_api()
    except ConfigurationError as error:
        raise CommandError(str(error)) from error
    if not settings.enabled:
        raise CommandError(
            "HOPTOAD_API_KEY is not set, so nothing is ever reported. "
            'Set HOPTOAD_SETTINGS = {"HOPTOAD_API_KEY": "the key on your project\'s page"}'
        )
    if settings.handler == "memory":
        raise CommandError(
            'HOPTOAD_HANDLER is "memory", which sends nothing. Set HOPTOAD_HANDLER = "threadpool"'
        )
    return settings


def _send(settings: Settings, message: str) -> Answer | None:
    """Hands a notice to the handler, and waits for the first answer to it."""
    with heard_answers() as answers:
        # What becomes of this notice is said here: it is none that the site has lost.
        def fall_back(payload: bytes, timeout: float, why: str, answer: Answer | None) -> None:
            answers.put(answer or why)

        answer: Answer | str
        try:
            with separate_handler(fall_back) as handler:
                handler.enqueue(_payload(settings, message), settings.timeout)
                answer = answers.get(timeout=_patience(settings))
        except queue.Empty:
            return None
        except Exception as error:  # of a handler or an API of the site
            answer = f"{type(error).__name__}: {error}"
    if isinstance(answer, Answer):
        return answer
    raise CommandError(
        f"The handler {settings.handler!r} could not send the notice: {messages.quoted(answer)}"
    )


def _payload(settings: Settings, message: str) -> bytes:
    try:
        raise HoptoadTest(message)
    except HoptoadTest as error:
        request = RequestFactory().get("/hoptoad_test/")
        return encode(build.notice(build.incident(request, exception=error), settings))

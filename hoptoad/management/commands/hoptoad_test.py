"""`manage.py hoptoad_test`: does a notice arrive, and if not, what is to be done?"""

import threading
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.test import RequestFactory

from hoptoad import capture
from hoptoad.answers import Answer, Verdict, advice
from hoptoad.api.choice import encode, get_api
from hoptoad.conf import Settings, get_settings
from hoptoad.errors import ConfigurationError
from hoptoad.handlers import get_handler
from hoptoad.signals import notice_answered


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
        self._line("To", settings.url)
        self._line("Handler", settings.handler)
        answers = _send(settings, options["message"])
        if not answers:
            raise CommandError(
                f"The handler {settings.handler!r} took the notice, and no answer came within "
                f"{_patience(settings):g} s. Handlers that hand on to another process answer "
                'there: look into its log, or test with HOPTOAD_HANDLER = "blocking".'
            )
        self._tell(answers[0])

    def _tell(self, answer: Answer) -> None:
        said = f"HTTP {answer.status}" if answer.status else answer.fault
        self._line("Answer", f"{answer.verdict.value} ({said})")
        if answer.text and not answer.id:
            self._line("Said", answer.text)
        if answer.verdict is not Verdict.ACCEPTED:
            raise CommandError(advice(answer))
        self._line("Id", answer.id or "none given")
        self._line("See", answer.link or "the project's page on the server")
        self.stdout.write(self.style.SUCCESS("The notice was accepted."))

    def _line(self, name: str, text: str) -> None:
        self.stdout.write(f"{name:8} {text}")


def _patience(settings: Settings) -> float:
    """Seconds: to connect, to be answered, and to find out where the server is."""
    return 2 * settings.timeout + 5


def _checked_settings() -> Settings:
    try:
        settings = get_settings()
        get_handler()
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


def _send(settings: Settings, message: str) -> list[Answer]:
    """Hands a notice to the handler, and waits for the first answer to it."""
    answers: list[Answer] = []
    arrived = threading.Event()

    def remember(answer: Answer, **kwargs: Any) -> None:
        answers.append(answer)
        arrived.set()

    notice_answered.connect(remember, weak=False)
    try:
        get_handler().enqueue(_payload(settings, message), settings.timeout)
        arrived.wait(_patience(settings))
    finally:
        notice_answered.disconnect(remember)
    return answers


def _payload(settings: Settings, message: str) -> bytes:
    try:
        raise HoptoadTest(message)
    except HoptoadTest as error:
        request = RequestFactory().get("/hoptoad_test/")
        return encode(capture.notice(capture.incident(request, exception=error), settings))

"""`manage.py hoptoad_test`: sends a test notice and says what to do if it does not arrive."""

import queue
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.test import RequestFactory

from hoptoad.api.registry import destination_of, encode, get_api
from hoptoad.capture import build
from hoptoad.conf.loading import get_settings
from hoptoad.conf.problems import KEY_EXAMPLE, NO_KEY
from hoptoad.conf.settings import Settings
from hoptoad.delivery.answer import Answer, Verdict, advice
from hoptoad.errors import ConfigurationError
from hoptoad.handlers.registry import handler_class, separate_handler
from hoptoad.runtime import messages
from hoptoad.signals import heard_answers

_MAX_LINE = 2000
_WHILE_DEBUG = (
    "DEBUG is on: the site itself reports nothing. Set DEBUG = False or HOPTOAD_NOTIFY_WHILE_DEBUG = True."
)
_SEEN_IN = {"inbox": "Errors, Problems in the admin", "mail": "the mailboxes of ADMINS"}


class HoptoadTest(Exception):
    """The error that `manage.py hoptoad_test` reports."""


class Command(BaseCommand):
    help = (
        "Sends one notice through the configured handler and prints the server's answer. "
        "Exits with 0 only if the server accepted it."
    )
    requires_system_checks = ()  # this command reports what it finds

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--message",
            default="This is a test. Nothing is broken.",
            help="the message of the error that is reported",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        settings = _checked_settings()
        self._line("To", destination_of(settings))
        self._line("Handler", settings.handler)
        try:
            answer = _send(settings, options["message"])
            if answer is None:
                raise CommandError(
                    f"The handler {settings.handler!r} took the notice, but no answer came within "
                    f"{_patience(settings):g} s. If it passes notices to another process, read that "
                    'process\'s log, or test with HOPTOAD_HANDLER = "blocking".'
                )
            self._show(answer, _SEEN_IN.get(settings.handler, "the project's page on the server"))
        finally:
            if settings.debug and not settings.notify_while_debug:
                self.stdout.write(self.style.WARNING(_WHILE_DEBUG))

    def _show(self, answer: Answer, seen_in: str) -> None:
        self._line("Answer", answer.outcome)
        if answer.text and not answer.id:
            self._line("Said", answer.text)
        if answer.verdict is not Verdict.ACCEPTED:
            raise CommandError(advice(answer))
        self._line("Id", answer.id or "none given")
        self._line("See", answer.link or seen_in)
        self.stdout.write(self.style.SUCCESS("The notice was accepted."))

    def _line(self, name: str, text: str) -> None:
        self.stdout.write(f"{name:8} {messages.safe_line(text, _MAX_LINE)}")


def _patience(settings: Settings) -> float:
    """Seconds for connecting, for the answer, and for resolving the host name."""
    return 2 * settings.timeout + 5


def _checked_settings() -> Settings:
    try:
        settings = get_settings()
        handler_class(settings.handler, settings.handler_class)
        get_api()
    except ConfigurationError as error:
        raise CommandError(str(error)) from error
    if not settings.enabled:
        raise CommandError(f"{NO_KEY} Set {KEY_EXAMPLE}")
    if settings.handler == "memory":
        raise CommandError(
            'HOPTOAD_HANDLER is "memory", which sends nothing. Set HOPTOAD_HANDLER = "threadpool"'
        )
    return settings


def _send(settings: Settings, message: str) -> Answer | None:
    """Gives a notice to the handler and waits for the first answer."""
    with heard_answers() as answers:
        # Not the fallback handler, and no count of lost notices: this is only a test.
        def fall_back(payload: bytes, timeout: float, why: str, answer: Answer | None) -> None:
            answers.put(answer or why)

        answer: Answer | str
        try:
            with separate_handler(fall_back) as handler:
                handler.enqueue(_payload(settings, message), settings.timeout)
                answer = answers.get(timeout=_patience(settings))
        except queue.Empty:
            return None
        except Exception as error:  # from a handler or an API of the site's own
            answer = f"{type(error).__name__}: {error}"
    if isinstance(answer, Answer):
        return answer
    raise CommandError(
        f"The handler {settings.handler!r} could not send the notice: {messages.safe_line(answer)}"
    )


def _payload(settings: Settings, message: str) -> bytes:
    try:
        raise HoptoadTest(message)
    except HoptoadTest as error:
        request = RequestFactory().get("/hoptoad_test/")
        return encode(build.notice(build.incident(request, exception=error), settings))

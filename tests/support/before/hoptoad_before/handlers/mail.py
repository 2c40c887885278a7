"""Delivery by mail: the notice in the words of Django's own error mails, through Django's mail."""

import contextlib
from typing import Any

from django.conf import settings
from django.core.mail import mail_admins, mail_managers

from hoptoad_before.api.parsers import parse
from hoptoad_before.conf import get_settings
from hoptoad_before.guard import log_exception
from hoptoad_before.handlers.threaded import ThreadedNotifier
from hoptoad_before.imports import imported, importing, when_needed
from hoptoad_before.letter import body, is_broken_link, subject
from hoptoad_before.messages import get_logger
from hoptoad_before.notice import Notice
from hoptoad_before.reporterclass import page
from hoptoad_before.tally import tally

_SMTP = "django.core.mail.backends.smtp.EmailBackend"

logger = get_logger(__name__)


def send(payload: bytes, timeout: float) -> None:
    """Mails a notice to ADMINS, a 404 to MANAGERS. Blocks; raises what the mail backend raises."""
    notice = parse(payload)
    tell = mail_managers if is_broken_link(notice) else mail_admins
    html = _html(notice) if get_settings().mail_html else None
    tell(subject(notice), body(notice), html_message=html)
    tally.count("mailed")


def _html(notice: Notice) -> str | None:
    try:
        return page(notice, str(notice.request.cgi_data.get("EXCEPTION_REPORTER", "")))
    except Exception:
        log_exception(logger, "The exception reporter could not make a page: the mail goes as plain text.")
        return None


def _backend() -> str:
    mailers = getattr(settings, "MAILERS", None)  # Django 6.1
    return str(settings.EMAIL_BACKEND if mailers is None else mailers["default"].get("BACKEND", _SMTP))


class MailNotifier(ThreadedNotifier):
    """Mails in a thread, one letter after the other, so that no request waits for a mail server."""

    def __init__(self, **kwargs: Any) -> None:
        with importing, contextlib.suppress(Exception):  # a backend that cannot be had is said when mailing
            when_needed("encodings.idna")  # what Python itself imports for the name of a host
            imported(_backend())
        super().__init__(1, send=send, **kwargs)

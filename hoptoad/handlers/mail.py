"""Delivery by mail: the notice in the words of Django's own error mails, through Django's mail."""

from typing import Any

from django.core.mail import mail_admins, mail_managers

from hoptoad.api.parsers import parse_v2
from hoptoad.handlers.threaded import ThreadedNotifier
from hoptoad.letter import body, is_broken_link, subject


def send(payload: bytes, timeout: float) -> None:
    """Mails a notice to ADMINS, a 404 to MANAGERS. Blocks; raises what the mail backend raises."""
    notice = parse_v2(payload)
    tell = mail_managers if is_broken_link(notice) else mail_admins
    tell(subject(notice), body(notice))


class MailNotifier(ThreadedNotifier):
    """Mails in a thread, one letter after the other, so that no request waits for a mail server."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(1, send=send, **kwargs)

"""Signal and mail for new problems and regressions: at most 20 mails an hour for an app."""

import logging
import threading
from datetime import datetime, timedelta

from django.core.mail import send_mail
from django.db import transaction
from django.urls import NoReverseMatch, reverse
from django.utils.timezone import now

from hoptoad.inbox import options
from hoptoad.inbox.models import App, Problem
from hoptoad.inbox.own_connection import new_connection, used
from hoptoad.inbox.signals import problem_alerted
from hoptoad.inbox.states import Alert
from hoptoad.runtime.lifecycle import importing

MAILS_PER_HOUR = 20
_HEADINGS = {
    "new": "New: {problem}",
    "milestone": "{count} times: {problem}",
    "regression": "Regressed in {version}: {problem}",
    "reopened": "No longer ignored: {problem}",
}

logger = logging.getLogger("hoptoad.inbox")


def send_later(alerts: list[Alert], using: str) -> None:
    """Sends alerts in a thread, so that no writer waits for a mail server."""
    threading.Thread(target=_send, args=(alerts, using), name="hoptoad-inbox-mail", daemon=True).start()


def _send(alerts: list[Alert], using: str) -> None:
    connection = new_connection(using)
    try:
        with used(connection):
            for alert in alerts:
                send(alert, using)
    finally:
        connection.close()


def send(alert: Alert, using: str, *, moment: datetime | None = None) -> None:
    """Sends one alert now. What the mail server or a receiver raises is logged."""
    try:
        problem = Problem.objects.using(using).select_related("app").filter(pk=alert.problem_id).first()
        if problem is None:  # deleted meanwhile
            return
        problem_alerted.send_robust(sender=Problem, problem=problem, kind=alert.kind)
        _mail(problem, alert, moment or now(), using)
    except Exception as error:  # nothing above this thread would log it
        logger.warning("An alert of the inbox could not be sent: %s", type(error).__name__)


def send_test(app: App) -> None:
    """Mails the addresses of an app now. Raises what the mail server says."""
    subject = f"[{app}] Test mail of the inbox"
    send_mail(subject, f"The problems of {app} are mailed to this address.", None, app.mail_to.split())


def send_withheld(using: str, *, moment: datetime | None = None) -> None:
    """For each app whose hour is over: one mail that says how many more there were."""
    before = (moment or now()) - timedelta(hours=1)
    for app in App.objects.using(using).filter(mails_withheld__gt=0, mail_hour__lte=before):
        held = App.objects.using(using).filter(pk=app.pk, mails_withheld=app.mails_withheld)
        if held.update(mails_withheld=0) and app.mail_to:  # another process may have told
            text = _withheld(app.mails_withheld)
            send_mail(f"[{app}] {text}", text, None, app.mail_to.split())


def _mail(problem: Problem, alert: Alert, moment: datetime, using: str) -> None:
    recipients = problem.app.mail_to.split()
    environments = [line.strip() for line in problem.app.mail_environments.splitlines() if line.strip()]
    if not recipients or (environments and problem.environment not in environments):
        return
    is_sent, withheld = _permit(problem.app_id, moment, using)
    if is_sent:
        send_mail(_subject(problem, alert), _body(problem, withheld), None, recipients)


def _permit(app: int, moment: datetime, using: str) -> tuple[bool, int]:
    """Whether a mail may go, and how many the hour before held back, which it says."""
    with transaction.atomic(using=using):
        row = App.objects.using(using).select_for_update().get(pk=app)
        withheld = 0
        if row.mail_hour is None or moment - row.mail_hour >= timedelta(hours=1):
            withheld = row.mails_withheld
            row.mail_hour, row.mails_sent, row.mails_withheld = moment, 0, 0
        is_sent = row.mails_sent < MAILS_PER_HOUR
        if is_sent:
            row.mails_sent += 1
        else:
            row.mails_withheld += 1
        row.save(using=using, update_fields=("mail_hour", "mails_sent", "mails_withheld"))
    return is_sent, withheld


def _subject(problem: Problem, alert: Alert) -> str:
    heading = _HEADINGS[alert.kind].format(
        problem=problem, count=alert.number, version=problem.regressed_in or "a version without a name"
    )
    return " ".join(f"[{problem.app} {problem.environment}] {heading}".split())[:200]


def _body(problem: Problem, withheld: int) -> str:
    with importing:  # late: a healthy site needs no pages
        from hoptoad.inbox.pages.status import status_of
        from hoptoad.inbox.pages.text import heading, seen
    lines = [*heading(problem), "", *seen(problem), *status_of(problem).sentences]
    if address := _address(problem):
        lines += ["", address]
    if withheld:
        lines += ["", _withheld(withheld)]
    return "\n".join(lines)


def _withheld(number: int) -> str:
    return f"Mails held back in the hour before: {number:,}"


def _address(problem: Problem) -> str:
    """The problem's page in the admin; empty without HOPTOAD_INBOX_URL, and where the site has no admin."""
    site = options.url()
    try:
        return site and site + reverse("admin:hoptoad_inbox_problem_change", args=[problem.pk])
    except NoReverseMatch:
        return ""

"""Mail and the signal: for new problems and regressions, within limits."""

from datetime import datetime, timedelta, timezone

import office
import pytest
from django.core import mail

from hoptoad.inbox import alerts
from hoptoad.inbox.models import App, Problem
from hoptoad.inbox.signals import problem_alerted
from hoptoad.inbox.states import Alert

NOON = datetime(2026, 11, 27, 12, tzinfo=timezone.utc)


@pytest.fixture
def problem(app, sqlite):
    App.objects.using(sqlite).update(mail_to="a@x.test\nb@x.test")
    return Problem.objects.using(sqlite).create(
        app=app,
        environment="production",
        class_name="KeyError",
        message="'frog'\r\nBcc: c@x.test",
        place="shop/views.py in checkout",
        first_seen=NOON,
        last_seen=NOON,
        count=1,
        resolved_in="1.4",
        resolved_at=NOON,
        regressed_at=NOON,
        regressed_in="1.5",
    )


def alert(problem, kind="new", number=1):
    return Alert(problem.pk, problem.app_id, kind, number, problem.environment)


@pytest.mark.parametrize(
    ("kind", "subject"),
    [
        ("new", "[shop production] New: KeyError: 'frog' Bcc: c@x.test"),
        ("milestone", "[shop production] 100 times: KeyError: 'frog' Bcc: c@x.test"),
        ("regression", "[shop production] Regressed in 1.5: KeyError: 'frog' Bcc: c@x.test"),
        ("reopened", "[shop production] No longer ignored: KeyError: 'frog' Bcc: c@x.test"),
    ],
)
def test_a_mail_says_what_happened(problem, sqlite, kind, subject):
    alerts.send(alert(problem, kind, 100), sqlite)

    [letter] = mail.outbox
    assert letter.subject == subject
    assert letter.to == ["a@x.test", "b@x.test"]
    assert "shop/views.py in checkout" in letter.body


def test_a_mail_leads_to_the_page_of_the_problem(problem, sqlite, settings_for):
    Problem.objects.using(sqlite).update(message="no frog at https://pond.test/?token=tok-1 \u202e")
    with office.opened(HOPTOAD_INBOX_URL="https://shop.test/errors/"):
        alerts.send(alert(problem, "regression"), sqlite)
    with office.opened():
        alerts.send(alert(problem), sqlite)
    alerts.send(alert(problem), sqlite)  # a site without the admin

    first, *others = [letter.body.split("\n") for letter in mail.outbox]
    assert first == [
        f"KeyError: no frog at https://pond.test/?token={'*' * 20} \\u202e",
        "in shop/views.py in checkout",
        "",
        "shop, production: open",
        "Notices     1",
        "First seen  2026-11-27 06:00:00 -0600",
        "Last seen   2026-11-27 06:00:00 -0600",
        "Resolved in version 1.4 on 27 Nov 2026, 06:00.",
        "It came back on 27 Nov 2026, 06:00 in version 1.5.",
        "",
        f"https://shop.test/errors/admin/hoptoad_inbox/problem/{problem.pk}/change/",
    ]
    assert [body[-1] for body in others] == [first[-3]] * 2


def test_20_mails_an_hour_and_then_one_that_says_how_many_more(problem, sqlite):
    for _ in range(25):
        alerts.send(alert(problem), sqlite, moment=NOON)
    in_the_hour = len(mail.outbox)
    alerts.send_withheld(sqlite, moment=NOON + timedelta(minutes=59))
    early = len(mail.outbox)
    alerts.send_withheld(sqlite, moment=NOON + timedelta(hours=1))
    alerts.send_withheld(sqlite, moment=NOON + timedelta(hours=1))

    assert (in_the_hour, early, len(mail.outbox)) == (20, 20, 21)
    assert mail.outbox[-1].subject == "[shop] Mails held back in the hour before: 5"


def test_the_next_hour_mails_again(problem, sqlite):
    for _ in range(21):
        alerts.send(alert(problem), sqlite, moment=NOON)
    alerts.send(alert(problem), sqlite, moment=NOON + timedelta(hours=1))

    assert len(mail.outbox) == 21
    assert "Mails held back in the hour before: 1" in mail.outbox[-1].body


def test_only_the_environments_that_may_mail_do(problem, sqlite):
    App.objects.using(sqlite).update(mail_environments="staging\nqa")
    alerts.send(alert(problem), sqlite)
    App.objects.using(sqlite).update(mail_environments="staging\nproduction")
    alerts.send(alert(problem), sqlite)

    assert len(mail.outbox) == 1


def test_without_addresses_there_is_no_mail_and_still_the_signal(problem, sqlite):
    App.objects.using(sqlite).update(mail_to="")
    heard = []

    def hear(problem, kind, **kwargs):
        heard.append((problem.class_name, kind))
        raise RuntimeError("a receiver fails")

    problem_alerted.connect(hear)
    try:
        alerts.send(alert(problem, "regression"), sqlite)
    finally:
        problem_alerted.disconnect(hear)

    assert (mail.outbox, heard) == ([], [("KeyError", "regression")])


def test_a_mail_that_cannot_be_sent_is_logged(problem, sqlite, settings_for, caplog):
    settings_for(DEFAULT_FROM_EMAIL="no\naddress")

    alerts.send(alert(problem), sqlite)

    assert "could not be sent: " in caplog.text

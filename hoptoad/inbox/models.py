"""What the inbox keeps: apps, their problems, the notices that are kept, counts for each hour, deploys.

Lists and pages read counters of `Problem` and rows of `Hour`; they never count notices. No foreign key leaves
the app, so that it may live in a database of its own. Whoever writes a notice uses `store`, and whoever
changes the state of a problem uses `states`: both keep these columns true together.
"""

import secrets
import zlib
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from django.db import models
from django.utils.timezone import now

from hoptoad.runtime.lifecycle import importing

if TYPE_CHECKING:
    from hoptoad.notice import Notice as Content

SCHEME = 1  # of fingerprints; a change of what `grouping` compares is another one


def new_key() -> str:
    """A key as servers of the protocol give it: 32 hexadecimal digits."""
    return secrets.token_hex(16)


class App(models.Model):
    """A project that sends notices. Its key lets write, nothing else."""

    name = models.CharField(max_length=100, unique=True)
    key = models.CharField(max_length=100, unique=True, default=new_key)
    # The site that the inbox lives in: its handler "inbox" needs no key.
    is_site = models.BooleanField(default=False, editable=False)
    # The key before the last rotation, accepted until `old_key_until`.
    old_key = models.CharField(max_length=100, blank=True, db_index=True)
    old_key_until = models.DateTimeField(null=True, blank=True)

    # Who gets mail: addresses, one a line; none, no mail. Environments whose problems mail: names, one a
    # line; none, all of them.
    mail_to = models.TextField(blank=True)
    mail_environments = models.TextField(blank=True)
    # How many mails went out since `mail_hour` began, and how many were held back by the limit.
    mail_hour = models.DateTimeField(null=True, editable=False)
    mails_sent = models.PositiveIntegerField(default=0, editable=False)
    mails_withheld = models.PositiveIntegerField(default=0, editable=False)

    # Notices that an ingest view refused after it knew the app: too large, malformed, too many.
    refused_count = models.PositiveBigIntegerField(default=0, editable=False)
    refused_reason = models.CharField(max_length=500, blank=True, editable=False)
    refused_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class State(models.TextChoices):
    """What somebody has decided about a problem. "Snoozed" is ignored with an end."""

    OPEN = "open", "open"
    RESOLVED = "resolved", "resolved"
    IGNORED = "ignored", "ignored"


class Problem(models.Model):
    """Notices with one cause: one row of the list, one page."""

    app = models.ForeignKey(App, on_delete=models.CASCADE, related_name="problems", db_index=False)
    environment = models.CharField(max_length=100)
    # Of the latest notice that was kept: what the list shows and searches.
    class_name = models.CharField(max_length=255)
    message = models.TextField()  # at most 1,000 characters
    place = models.CharField(max_length=500)  # "shop/views.py in checkout", or "component#action"
    component = models.CharField(max_length=255, blank=True)
    action = models.CharField(max_length=255, blank=True)
    severity = models.CharField(max_length=20, default="error")

    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    # The version that ran when it was resolved: later notices from this version do not reopen it.
    resolved_in = models.CharField(max_length=100, blank=True)
    resolved_at = models.DateTimeField(null=True, blank=True)
    # An ignored problem opens again at this time, or by the notice with this number; neither: never.
    ignored_until = models.DateTimeField(null=True, blank=True)
    ignored_until_count = models.PositiveBigIntegerField(null=True, blank=True)
    # The last time that a notice reopened it after it was resolved, and that notice's version. `resolved_in`
    # and `resolved_at` still say what had been resolved.
    regressed_at = models.DateTimeField(null=True, blank=True)
    regressed_in = models.CharField(max_length=100, blank=True)

    first_seen = models.DateTimeField()
    last_seen = models.DateTimeField()
    first_version = models.CharField(max_length=100, blank=True)
    last_version = models.CharField(max_length=100, blank=True)
    count = models.PositiveBigIntegerField(default=0)  # all notices, also those that were not kept

    class Meta:
        ordering = ("-last_seen",)
        indexes = (
            models.Index(fields=("last_seen",), name="hoptoad_problem_seen"),
            models.Index(fields=("count",), name="hoptoad_problem_count"),
            models.Index(fields=("state", "last_seen"), name="hoptoad_problem_state_seen"),
            models.Index(fields=("state", "count"), name="hoptoad_problem_state_count"),
            models.Index(fields=("app", "state", "last_seen"), name="hoptoad_problem_app_seen"),
            models.Index(fields=("environment", "last_seen"), name="hoptoad_problem_env_seen"),
        )

    def __str__(self) -> str:
        with importing:  # late: a healthy site needs no pages
            from hoptoad.inbox.pages import visible
        return visible.line(f"{self.class_name}: {self.message}", 200)


class Fingerprint(models.Model):
    """What leads a notice to its problem. A merged problem has several."""

    app = models.ForeignKey(App, on_delete=models.CASCADE, related_name="+", db_index=False)
    problem = models.ForeignKey(Problem, on_delete=models.CASCADE, related_name="fingerprints")
    scheme = models.PositiveSmallIntegerField(default=SCHEME)
    digest = models.CharField(max_length=64)  # of `text`, in hexadecimal digits
    text = models.TextField()  # environment | class | template | place: "Why are these together?"

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("app", "scheme", "digest"), name="hoptoad_fingerprint_once"),
        )

    def __str__(self) -> str:
        return self.text


class Notice(models.Model):
    """A notice that is kept, as it was received. `retention` says which ones are."""

    problem = models.ForeignKey(Problem, on_delete=models.CASCADE, related_name="notices", db_index=False)
    number = models.PositiveBigIntegerField()  # 1 for the first of its problem; unkept ones leave gaps
    received = models.DateTimeField(db_index=True)
    # For the counts "of the N kept", and to search; each is also in the document.
    host = models.CharField(max_length=255, blank=True)
    user = models.CharField(max_length=255, blank=True)  # the name, the e-mail address or the id
    url = models.CharField(max_length=2000, blank=True)
    agent = models.CharField(max_length=500, blank=True)
    version = models.CharField(max_length=100, blank=True)
    client_id = models.CharField(max_length=64, db_index=True)  # the client's, or the one it was answered
    kind = models.CharField(max_length=2, choices=(("v2", "version 2"), ("v3", "version 3")))
    document = models.BinaryField()  # compressed by zlib; last, so that the others are read without it

    class Meta:
        constraints = (models.UniqueConstraint(fields=("problem", "number"), name="hoptoad_notice_number"),)

    def __str__(self) -> str:
        return f"notice {self.number}"

    @property
    def raw(self) -> bytes:
        """The document as the client sent it."""
        return zlib.decompress(self.document)

    def content(self) -> "Content":
        """What it says, parsed again. Raises ParseError where a stricter parser refuses it now."""
        with importing:  # late: a healthy site parses nothing
            from hoptoad.api import parsers
        return parsers.parse_v3(self.raw) if self.kind == "v3" else parsers.parse_v2(self.raw)


class Receipt(models.Model):
    """The ids of the latest 100,000 notices, kept or not: one that is sent again counts once."""

    app = models.ForeignKey(App, on_delete=models.CASCADE, related_name="+", db_index=False)
    client_id = models.CharField(max_length=64)
    problem = models.ForeignKey(Problem, on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints = (models.UniqueConstraint(fields=("app", "client_id"), name="hoptoad_receipt_once"),)

    def __str__(self) -> str:
        return self.client_id


def hour_of(moment: datetime) -> datetime:
    """The beginning of the moment's hour, in UTC where USE_TZ is on."""
    return (moment.astimezone(timezone.utc) if moment.tzinfo else moment).replace(
        minute=0, second=0, microsecond=0
    )


class Hour(models.Model):
    """How many notices of a problem came in an hour: the bars."""

    problem = models.ForeignKey(Problem, on_delete=models.CASCADE, related_name="hours", db_index=False)
    hour = models.DateTimeField(db_index=True)  # its beginning, in UTC
    count = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("problem", "hour"), name="hoptoad_hour_once"),)

    def __str__(self) -> str:
        return f"{self.hour:%Y-%m-%d %H:00}: {self.count}"


class Deploy(models.Model):
    """A release that a client reported: marked in the bars."""

    app = models.ForeignKey(App, on_delete=models.CASCADE, related_name="deploys", db_index=False)
    environment = models.CharField(max_length=100, blank=True)
    version = models.CharField(max_length=100, blank=True)
    revision = models.CharField(max_length=100, blank=True)
    user = models.CharField(max_length=100, blank=True)
    at = models.DateTimeField(default=now)

    class Meta:
        ordering = ("-at",)
        indexes = (
            models.Index(fields=("app", "environment", "at"), name="hoptoad_deploy_at"),
            models.Index(fields=("app", "version"), name="hoptoad_deploy_version"),
        )

    def __str__(self) -> str:
        return self.version or self.revision

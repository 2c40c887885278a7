"""The tables of the inbox."""

from typing import ClassVar

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

from hoptoad.inbox.models import new_key


class Migration(migrations.Migration):
    initial = True

    dependencies: ClassVar = []

    operations: ClassVar = [
        migrations.CreateModel(
            name="App",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=100, unique=True)),
                ("key", models.CharField(default=new_key, max_length=100, unique=True)),
                ("is_site", models.BooleanField(default=False, editable=False)),
                ("old_key", models.CharField(blank=True, db_index=True, max_length=100)),
                ("old_key_until", models.DateTimeField(blank=True, null=True)),
                ("mail_to", models.TextField(blank=True)),
                ("mail_environments", models.TextField(blank=True)),
                ("mail_hour", models.DateTimeField(editable=False, null=True)),
                ("mails_sent", models.PositiveIntegerField(default=0, editable=False)),
                ("mails_withheld", models.PositiveIntegerField(default=0, editable=False)),
                ("refused_count", models.PositiveBigIntegerField(default=0, editable=False)),
                ("refused_reason", models.CharField(blank=True, editable=False, max_length=500)),
                ("refused_at", models.DateTimeField(editable=False, null=True)),
            ],
            options={
                "ordering": ("name",),
            },
        ),
        migrations.CreateModel(
            name="Problem",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("environment", models.CharField(max_length=100)),
                ("class_name", models.CharField(max_length=255)),
                ("message", models.TextField()),
                ("place", models.CharField(max_length=500)),
                ("component", models.CharField(blank=True, max_length=255)),
                ("action", models.CharField(blank=True, max_length=255)),
                ("severity", models.CharField(default="error", max_length=20)),
                (
                    "state",
                    models.CharField(
                        choices=[("open", "open"), ("resolved", "resolved"), ("ignored", "ignored")],
                        default="open",
                        max_length=10,
                    ),
                ),
                ("resolved_in", models.CharField(blank=True, max_length=100)),
                ("resolved_at", models.DateTimeField(blank=True, null=True)),
                ("ignored_until", models.DateTimeField(blank=True, null=True)),
                ("ignored_until_count", models.PositiveBigIntegerField(blank=True, null=True)),
                ("regressed_at", models.DateTimeField(blank=True, null=True)),
                ("regressed_in", models.CharField(blank=True, max_length=100)),
                ("first_seen", models.DateTimeField()),
                ("last_seen", models.DateTimeField()),
                ("first_version", models.CharField(blank=True, max_length=100)),
                ("last_version", models.CharField(blank=True, max_length=100)),
                ("count", models.PositiveBigIntegerField(default=0)),
                (
                    "app",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="problems",
                        to="hoptoad_inbox.app",
                    ),
                ),
            ],
            options={
                "ordering": ("-last_seen",),
            },
        ),
        migrations.CreateModel(
            name="Notice",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("number", models.PositiveBigIntegerField()),
                ("received", models.DateTimeField(db_index=True)),
                ("host", models.CharField(blank=True, max_length=255)),
                ("user", models.CharField(blank=True, max_length=255)),
                ("url", models.CharField(blank=True, max_length=2000)),
                ("agent", models.CharField(blank=True, max_length=500)),
                ("version", models.CharField(blank=True, max_length=100)),
                ("client_id", models.CharField(db_index=True, max_length=64)),
                ("kind", models.CharField(choices=[("v2", "version 2"), ("v3", "version 3")], max_length=2)),
                ("document", models.BinaryField()),
                (
                    "problem",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="notices",
                        to="hoptoad_inbox.problem",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Hour",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("hour", models.DateTimeField(db_index=True)),
                ("count", models.PositiveBigIntegerField(default=0)),
                (
                    "problem",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="hours",
                        to="hoptoad_inbox.problem",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Fingerprint",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("scheme", models.PositiveSmallIntegerField(default=1)),
                ("digest", models.CharField(max_length=64)),
                ("text", models.TextField()),
                (
                    "app",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="hoptoad_inbox.app",
                    ),
                ),
                (
                    "problem",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="fingerprints",
                        to="hoptoad_inbox.problem",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Receipt",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("client_id", models.CharField(max_length=64)),
                (
                    "app",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="hoptoad_inbox.app",
                    ),
                ),
                (
                    "problem",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="hoptoad_inbox.problem",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Deploy",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("environment", models.CharField(blank=True, max_length=100)),
                ("version", models.CharField(blank=True, max_length=100)),
                ("revision", models.CharField(blank=True, max_length=100)),
                ("user", models.CharField(blank=True, max_length=100)),
                ("at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "app",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="deploys",
                        to="hoptoad_inbox.app",
                    ),
                ),
            ],
            options={
                "ordering": ("-at",),
                "indexes": [
                    models.Index(fields=["app", "environment", "at"], name="hoptoad_deploy_at"),
                    models.Index(fields=["app", "version"], name="hoptoad_deploy_version"),
                ],
            },
        ),
        migrations.AddIndex(
            model_name="problem",
            index=models.Index(fields=["last_seen"], name="hoptoad_problem_seen"),
        ),
        migrations.AddIndex(
            model_name="problem",
            index=models.Index(fields=["count"], name="hoptoad_problem_count"),
        ),
        migrations.AddIndex(
            model_name="problem",
            index=models.Index(fields=["state", "last_seen"], name="hoptoad_problem_state_seen"),
        ),
        migrations.AddIndex(
            model_name="problem",
            index=models.Index(fields=["state", "count"], name="hoptoad_problem_state_count"),
        ),
        migrations.AddIndex(
            model_name="problem",
            index=models.Index(fields=["app", "state", "last_seen"], name="hoptoad_problem_app_seen"),
        ),
        migrations.AddIndex(
            model_name="problem",
            index=models.Index(fields=["environment", "last_seen"], name="hoptoad_problem_env_seen"),
        ),
        migrations.AddConstraint(
            model_name="notice",
            constraint=models.UniqueConstraint(fields=("problem", "number"), name="hoptoad_notice_number"),
        ),
        migrations.AddConstraint(
            model_name="hour",
            constraint=models.UniqueConstraint(fields=("problem", "hour"), name="hoptoad_hour_once"),
        ),
        migrations.AddConstraint(
            model_name="fingerprint",
            constraint=models.UniqueConstraint(
                fields=("app", "scheme", "digest"), name="hoptoad_fingerprint_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="receipt",
            constraint=models.UniqueConstraint(fields=("app", "client_id"), name="hoptoad_receipt_once"),
        ),
    ]

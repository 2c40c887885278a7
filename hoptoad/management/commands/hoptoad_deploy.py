"""`manage.py hoptoad_deploy`: announces to the server that a version was deployed."""

import getpass
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from hoptoad.api.registry import deploy_of
from hoptoad.capture.project import repository, revision_of
from hoptoad.conf.loading import get_settings
from hoptoad.conf.problems import KEY_EXAMPLE
from hoptoad.delivery.answer import Answer, Verdict, advice
from hoptoad.errors import ConfigurationError
from hoptoad.runtime import messages
from hoptoad.signals import heard_answers


class Command(BaseCommand):
    help = (
        "Announces a deployment to the server. Airbrake then resolves the environment's errors and links to "
        "its source. Exits with 0 only if the server accepted it."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--environment", help="default: HOPTOAD_ENV_NAME")
        parser.add_argument("--revision", help="default: the commit that runs")
        parser.add_argument("--repository", help="the address of the repository; default: its origin")
        parser.add_argument("--user", help="who deploys; default: the user of this process")
        parser.add_argument("--app-version", help="default: HOPTOAD_APP_VERSION")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            settings = get_settings()
        except ConfigurationError as error:
            raise CommandError(str(error)) from error
        if not settings.api_key:
            raise CommandError(f"HOPTOAD_API_KEY is not set: no deployment is announced. Set {KEY_EXAMPLE}")
        try:
            deploy = deploy_of(settings)
        except ConfigurationError as error:
            raise CommandError(str(error)) from error
        if deploy is None:
            raise CommandError(
                f'HOPTOAD_API = "{settings.api}" cannot announce deployments. '
                "HOPTOAD_APP_VERSION names the version in each notice."
            )
        deployment = {
            "environment": options["environment"] or settings.env_name,
            "username": options["user"] or _user(),
            "repository": _without_secrets(options["repository"] or repository(settings.project_root)),
            "revision": options["revision"] or revision_of(settings),
            "version": options["app_version"] or settings.app_version,
        }
        deployment = {name: value for name, value in deployment.items() if value}
        with heard_answers():
            answer = deploy(settings, deployment)
        self.stdout.write(f"To       {messages.safe_url(answer.url)}")
        for name, value in deployment.items():
            self.stdout.write(f"{name:12} {messages.safe_line(value)}")
        if answer.verdict is not Verdict.ACCEPTED:
            raise CommandError(f"{answer}. {_advice(answer)}")
        self.stdout.write(self.style.SUCCESS("The deployment was accepted."))


def _without_secrets(address: str) -> str:
    return messages.without_query(messages.without_credentials(address))


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user may have no name
        return ""


def _advice(answer: Answer) -> str:
    if answer.status == 404:
        return (
            "The server accepts no deployments: Errbit removed them in 2015. Nothing else is wrong; "
            "HOPTOAD_APP_VERSION names the version in each notice."
        )
    return advice(answer)

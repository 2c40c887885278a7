import sys

from django.core.management.base import BaseCommand, CommandError


class Command(BaseCommand):
    def add_arguments(self, parser):
        parser.add_argument("--how", default="ValueError")
        parser.add_argument("--password")
        parser.add_argument("--token")
        parser.add_argument("--page")
        parser.add_argument("rest", nargs="*")

    def handle(self, *args, how, **options):
        if how == "CommandError":
            raise CommandError("no")
        if how == "SystemExit":
            sys.exit(1)
        raise ValueError("something broke in a command")

"""Whether failures can be read without an account, a key or a further program."""

import tempfile
from pathlib import Path

import processes
from server import serving

_MESSAGE = b"payment-41-"


def run(task):
    """In a process of its own: one failing request of a site whose settings name no key and no server."""
    import documented
    from kinds import requested

    name, places = task["name"], task["places"]
    documented.start(name, places, **_without_account(name, Path(places["folder"])))
    if name == "django-hoptoad":
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
    requested("/pay/41/")


def _without_account(name, folder):
    """The settings that each documents for a site without an account."""
    if name == "django-hoptoad":
        return {
            "INSTALLED_APPS": _inbox_apps(),
            "DATABASES": {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": folder / "db.sqlite3"}},
            "HOPTOAD_SETTINGS": {"HOPTOAD_HANDLER": "inbox"},
        }
    if name == "Django's mails":
        return _mails_in_files(folder)
    return {key: {} for key in ("ROLLBAR", "BUGSNAG", "HONEYBADGER", "AIRBRAKE")}


def _inbox_apps():
    from documented import APPS

    return ["hoptoad", "hoptoad.inbox", *APPS, "django.contrib.messages", "django.contrib.admin"]


def _mails_in_files(folder):
    import django

    backend = "django.core.mail.backends.filebased.EmailBackend"
    if django.VERSION < (6, 1):
        return {"EMAIL_BACKEND": backend, "EMAIL_FILE_PATH": folder / "mails"}
    return {"MAILERS": {"default": {"BACKEND": backend, "OPTIONS": {"file_path": folder / "mails"}}}}


def ask(question, name):
    """Whether the failure is in a file of the site."""
    with serving() as server, tempfile.TemporaryDirectory() as folder:
        server.down()
        with processes.process("account", name, server, folder) as running:
            running.communicate(timeout=processes.LONGEST)
        files = [path for path in Path(folder).rglob("*") if path.is_file() and path.name != "stderr"]
        return ("yes" if any(_MESSAGE in path.read_bytes() for path in files) else "no"), []

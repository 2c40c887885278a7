"""Django's admin in tests: its tables beside those of the test site, and who signs in."""

import os
import subprocess
import sys
from contextlib import contextmanager
from functools import cache

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.core.management import call_command
from django.test import Client, override_settings
from places import PYTHONPATH, SITE
from servers import running
from shop import office

NAMES = ("INSTALLED_APPS", "MIDDLEWARE", "TEMPLATES", "ROOT_URLCONF", "STATIC_URL", "OFFICE_POLICY")
SETTINGS = {name: getattr(office, name) for name in NAMES}


@cache
def make_tables():
    """The admin's own table, which the test site's database lacks; once."""
    call_command("migrate", "admin", verbosity=0)


@contextmanager
def opened(**settings):
    """The site with the admin at /admin/."""
    with override_settings(**{**SETTINGS, **settings}):
        yield


def person(name="ana", *permissions, **columns):
    """A member of the staff with permissions on problems and apps: "view_problem", "change_app"."""
    user = get_user_model().objects.create_user(name, is_staff=True, **columns)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return user


def signed_in(user, **options):
    """The user's browser, as far as Django's test client is one."""
    client = Client(**options)
    client.force_login(user)
    return client


_PREPARE = """
import django; django.setup()
from django.contrib.auth.models import User
from django.core.management import call_command
call_command("migrate", verbosity=0)
User.objects.create_superuser("boss", password="secret")
"""


def prepare(path, then=""):
    """Makes an SQLite file with all tables and the superuser "boss"; `then` is code that fills it."""
    subprocess.run(
        [sys.executable, "-c", f"{_PREPARE}\n{then}"],
        cwd=SITE,
        env={
            **os.environ,
            "PYTHONPATH": PYTHONPATH,
            "DJANGO_SETTINGS_MODULE": "shop.office",
            "OFFICE_DATABASE": str(path),
        },
        check=True,
    )


@contextmanager
def serving(path, **settings):
    """The address of a real server with the admin and the database at `path`."""
    database = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(path), "OPTIONS": {"timeout": 20}}
    names = {**SETTINGS, "DATABASES": {"default": database}, **settings}
    with running("django", "runserver", "--noreload", "--insecure", "127.0.0.1:{port}", **names) as site:
        yield f"http://127.0.0.1:{site.port}"


def sign_in(browser, address):
    browser.open(f"{address}/admin/login/?next=/admin/hoptoad_inbox/problem/")
    browser.run("id_username.value = 'boss'; id_password.value = 'secret'")
    browser.click("[type=submit]")

"""What is compared, each configured as its own documentation says, with the counting server as its server."""

from typing import Any, NamedTuple

QUEUE = 5_000  # notices; more than any question makes
KEY = "0123456789abcdef0123456789abcdef"


class Subject(NamedTuple):
    """`settings` and `prepare` take the places of a run: the server's ports and an empty folder."""

    settings: Any
    switches: str
    package: str = ""  # on PyPI; empty for what is there anyway
    prepare: Any = None
    reports: bool = True


def _bare(places):
    return {}


def _does_nothing(places):
    return {"MIDDLEWARE": ["website.DoesNothing"]}


def hoptoad(places, **more):
    """Settings of a site with django-hoptoad: without storm control, and with a queue for all."""
    url = f"http://127.0.0.1:{places['http']}/notifier_api/v2/notices"
    return {
        "INSTALLED_APPS": ["hoptoad"],
        "MIDDLEWARE": ["hoptoad.middleware.HoptoadNotifierMiddleware"],
        "HOPTOAD_SETTINGS": {
            "HOPTOAD_API_KEY": KEY,
            "HOPTOAD_NOTIFICATION_URL": url,
            "HOPTOAD_STORM_LIMIT": 0,
            "HOPTOAD_QUEUE_SIZE": QUEUE,
            **more,
        },
    }


def _hoptoad_v3(places):
    url = f"http://127.0.0.1:{places['http']}/api/v3/projects/1/notices"
    return hoptoad(places, HOPTOAD_API="v3", HOPTOAD_NOTIFICATION_URL=url)


def _hoptoad_sentry(places):
    settings = hoptoad(places, HOPTOAD_DSN=f"http://{KEY}@127.0.0.1:{places['http']}/1")
    for name in ("HOPTOAD_API_KEY", "HOPTOAD_NOTIFICATION_URL"):
        del settings["HOPTOAD_SETTINGS"][name]
    return settings


def _hoptoad_spool(places):
    return hoptoad(places, HOPTOAD_HANDLER="spool", HOPTOAD_SPOOL_DIR=f"{places['folder']}/spool")


def _init_sentry(places):
    import sentry_sdk
    from sentry_sdk.integrations.django import DjangoIntegration

    sentry_sdk.init(
        dsn=f"http://{KEY}@127.0.0.1:{places['http']}/1",
        integrations=[DjangoIntegration()],
        auto_session_tracking=False,
        transport_queue_size=QUEUE,
    )


def _rollbar(places):
    return {
        "MIDDLEWARE": ["rollbar.contrib.django.middleware.RollbarNotifierMiddleware"],
        "ROLLBAR": {
            "access_token": KEY,
            "environment": "production",
            "code_version": "1.0",
            "root": places["root"],
            "endpoint": f"http://127.0.0.1:{places['http']}/api/1/",
        },
    }


def _bugsnag(places):
    return {
        "MIDDLEWARE": ["bugsnag.django.middleware.BugsnagMiddleware"],
        "BUGSNAG": {
            "api_key": KEY,
            "project_root": places["root"],
            "endpoint": f"http://127.0.0.1:{places['http']}/bugsnag",
            "session_endpoint": f"http://127.0.0.1:{places['http']}/bugsnag-sessions",
            "auto_capture_sessions": False,
        },
    }


def _honeybadger(places):
    return {
        "MIDDLEWARE": ["honeybadger.contrib.DjangoHoneybadgerMiddleware"],
        "HONEYBADGER": {"API_KEY": KEY, "ENDPOINT": f"http://127.0.0.1:{places['http']}"},
    }


def _pybrake(places):
    return {
        "MIDDLEWARE": ["pybrake.middleware.django.AirbrakeMiddleware"],
        "AIRBRAKE": {
            "project_id": 1,
            "project_key": KEY,
            "environment": "production",
            "host": f"http://127.0.0.1:{places['http']}",
            "performance_stats": False,
            "remote_config": False,
            "max_queue_size": QUEUE,
        },
    }


def _mails(places):
    import django

    address = "admin@shop.example"
    settings = {"ADMINS": [address] if django.VERSION >= (6, 0) else [("Admin", address)]}
    if django.VERSION < (6, 1):
        return {**settings, "EMAIL_HOST": "127.0.0.1", "EMAIL_PORT": places["smtp"]}
    smtp = {
        "BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "OPTIONS": {"host": "127.0.0.1", "port": places["smtp"]},
    }
    return {**settings, "MAILERS": {"default": smtp}}


SUBJECTS = {
    "bare": Subject(_bare, "no middleware, Django's own logging", reports=False),
    "does nothing": Subject(_does_nothing, "a class that only calls ``get_response``", reports=False),
    "hoptoad": Subject(hoptoad, f"``HOPTOAD_STORM_LIMIT = 0``, ``HOPTOAD_QUEUE_SIZE = {QUEUE}``"),
    "hoptoad v3": Subject(_hoptoad_v3, 'the same with ``HOPTOAD_API = "v3"``'),
    "hoptoad sentry": Subject(_hoptoad_sentry, "the same with ``HOPTOAD_DSN`` alone"),
    "hoptoad spool": Subject(_hoptoad_spool, 'the same with ``HOPTOAD_HANDLER = "spool"``, without fsync'),
    "sentry-sdk": Subject(
        _bare,
        "``DjangoIntegration``, no tracing, no profiling, ``auto_session_tracking=False``, "
        f"``transport_queue_size={QUEUE}``",
        package="sentry-sdk",
        prepare=_init_sentry,
    ),
    "rollbar": Subject(_rollbar, "its middleware, default handler: a thread for each notice", "rollbar"),
    "bugsnag": Subject(_bugsnag, "its middleware, ``auto_capture_sessions=False``", "bugsnag"),
    "honeybadger": Subject(_honeybadger, "its middleware", "honeybadger"),
    "pybrake": Subject(
        _pybrake,
        f"its middleware, ``performance_stats=False``, ``remote_config=False``, ``max_queue_size={QUEUE}``",
        "pybrake",
    ),
    "AdminEmailHandler": Subject(_mails, "``ADMINS`` set, plain text by SMTP to 127.0.0.1", "aiosmtpd"),
}


def start(name, places, **settings):
    """Sets Django up with the subject called `name`; further settings go to Django as they are."""
    import website

    subject = SUBJECTS[name]
    if subject.prepare is not None:
        subject.prepare(places)
    website.configure({**subject.settings(places), **settings})

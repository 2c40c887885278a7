"""How each subject's own documentation has it set up in a whole site: middleware, logging, Celery."""

from importlib import metadata

import subjects

# The names of the columns, each with its subject of `subjects` and its package.
NAMES = {
    "django-hoptoad": ("hoptoad", "django-hoptoad"),
    "Sentry": ("sentry-sdk", "sentry-sdk"),
    "Rollbar": ("rollbar", "rollbar"),
    "Bugsnag": ("bugsnag", "bugsnag"),
    "Honeybadger": ("honeybadger", "honeybadger"),
    "pybrake": ("pybrake", "pybrake"),
    "Django's mails": ("AdminEmailHandler", "Django"),
}
APPS = ["django.contrib.contenttypes", "django.contrib.auth", "django.contrib.sessions"]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "shop.Failing",
]
_LAST = {"rollbar", "pybrake"}  # their documentation puts the middleware there, the others' in front


def heading(name):
    return f"{name} {metadata.version(NAMES[name][1])}"


def start(name, places, *, logging=False, **settings):
    """Sets the site up with the subject of that column, or of that name in `subjects`."""
    subject = NAMES.get(name, (name, ""))[0]
    own = dict(subjects.SUBJECTS[subject].settings(places))
    theirs = own.pop("MIDDLEWARE", [])
    middleware = [*MIDDLEWARE, *theirs] if subject in _LAST else [*theirs, *MIDDLEWARE]
    site = {
        "INSTALLED_APPS": [*APPS, *own.pop("INSTALLED_APPS", [])],
        "MIDDLEWARE": middleware,
        "ROOT_URLCONF": "shop",
        "SESSION_ENGINE": "django.contrib.sessions.backends.cache",
        "TASKS": {"default": {"BACKEND": "django.tasks.backends.immediate.ImmediateBackend"}},
        "TEMPLATES": [{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
        **({"LOGGING": _logging(subject, places)} if logging else {}),
    }
    subjects.start(subject, places, **{**site, **settings})


def _logging(subject, places):
    """The handler of each for log records; Sentry's client needs none."""
    handlers = {
        "hoptoad": {"class": "hoptoad.log.HoptoadHandler"},
        "rollbar": {
            "class": "rollbar.logger.RollbarHandler",
            "level": "ERROR",
            "access_token": subjects.KEY,
            "environment": "production",
            "endpoint": f"http://127.0.0.1:{places['http']}/api/1/",
        },
        "bugsnag": {"class": "bugsnag.handlers.BugsnagHandler", "level": "ERROR"},
        "honeybadger": {"class": "honeybadger.contrib.logger.HoneybadgerHandler", "api_key": subjects.KEY},
        "pybrake": {"class": "pybrake.LoggingHandler", "level": "ERROR"},
        "AdminEmailHandler": {"class": "django.utils.log.AdminEmailHandler", "level": "ERROR"},
    }
    found = {"own": handlers[subject]} if subject in handlers else {}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "handlers": found,
        "loggers": {"shop": {"handlers": list(found), "level": "INFO"}},
    }


def connect_celery(name, app, places):
    """The line or two that each documents for Celery; hoptoad and Sentry's client need none."""
    url = f"http://127.0.0.1:{places['http']}"
    if name == "Rollbar":
        _connect_rollbar(url)
    elif name == "Bugsnag":
        import bugsnag
        from bugsnag.celery import connect_failure_handler

        bugsnag.configure(
            api_key=subjects.KEY,
            project_root=places["root"],
            endpoint=f"{url}/bugsnag",
            auto_capture_sessions=False,
        )
        connect_failure_handler()
    elif name == "Honeybadger":
        from honeybadger.contrib.celery import CeleryHoneybadger

        app.conf.update(HONEYBADGER_API_KEY=subjects.KEY, HONEYBADGER_ENDPOINT=url)
        CeleryHoneybadger(app, report_exceptions=True)
    elif name == "pybrake":
        import pybrake
        from pybrake.middleware.celery import patch_celery

        own = subjects.SUBJECTS["pybrake"].settings(places)["AIRBRAKE"]
        patch_celery(pybrake.Notifier(**own))


def _connect_rollbar(url):
    import rollbar
    from celery.signals import task_failure

    rollbar.init(subjects.KEY, "production", endpoint=f"{url}/api/1/")

    @task_failure.connect(weak=False)
    def handle_task_failure(**keywords):
        rollbar.report_exc_info(extra_data=keywords)

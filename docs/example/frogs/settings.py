import os
from pathlib import Path

import django

BASE_DIR = Path(__file__).resolve().parent.parent
SECRET_KEY = "an example's key is no secret"
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "frogs.urls"
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "hoptoad", "frogs"]
MIDDLEWARE = ["hoptoad.middleware.HoptoadNotifierMiddleware"]  # first
DATABASES = {}
USE_TZ = True
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "OPTIONS": {"context_processors": ["hoptoad.context_processors.hoptoad"]},
    }
]

_TASKS = "django.tasks" if django.VERSION >= (6, 0) else "django_tasks"
if _TASKS == "django_tasks":
    INSTALLED_APPS.append("django_tasks")
TASKS = {"default": {"BACKEND": f"{_TASKS}.backends.immediate.ImmediateBackend"}}

HOPTOAD_SETTINGS = {
    "HOPTOAD_API_KEY": "the key on your project's page",
    "HOPTOAD_NOTIFICATION_URL": os.environ["HOPTOAD_URL"],
    "HOPTOAD_ENV_NAME": "example",
    "HOPTOAD_APP_VERSION": lambda: "1.4.2",
    "HOPTOAD_TRAIL": 10,
    "HOPTOAD_NOTICE_ID_HEADER": "X-Error-Id",
    "HOPTOAD_FLUSH_TIMEOUT": 20,
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"hoptoad": {"class": "hoptoad.log.HoptoadHandler", "level": "ERROR"}},
    "root": {"handlers": ["hoptoad"], "level": "INFO"},
}

"""As Celery's documentation has it: the application, imported by the package."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "frogs.settings")
app = Celery("frogs", broker="memory://")
app.autodiscover_tasks()

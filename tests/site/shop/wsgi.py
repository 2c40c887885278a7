import os

from django.core.wsgi import get_wsgi_application

if "SHOP_BROKER" in os.environ:
    from shop.celery import app  # noqa: F401 - as a site's __init__ has it

application = get_wsgi_application()

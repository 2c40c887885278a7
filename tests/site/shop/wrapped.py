"""The site behind the WSGI wrapper."""

from django.core.wsgi import get_wsgi_application

from hoptoad.integrations.wsgi import HoptoadWSGI

application = HoptoadWSGI(get_wsgi_application())

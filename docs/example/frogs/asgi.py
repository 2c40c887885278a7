import os

from django.core.asgi import get_asgi_application

from hoptoad.integrations.asgi import HoptoadASGI

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "frogs.settings")
http = get_asgi_application()


async def route(scope, receive, send):
    if scope["type"] == "websocket":
        raise ValueError("the frog hung up")
    await http(scope, receive, send)


application = HoptoadASGI(route)

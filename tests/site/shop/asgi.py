"""The site behind the wrapper, with websockets of Channels beside it."""

from channels.generic.websocket import AsyncJsonWebsocketConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application
from django.urls import path

from hoptoad.integrations.asgi import HoptoadASGI

django_application = get_asgi_application()


class Consumer(AsyncJsonWebsocketConsumer):
    async def receive_json(self, content):
        raise ValueError(f"something broke in a websocket: {content['say']}")


async def http(scope, receive, send):
    """What a site may have in front of Django."""
    if scope["path"] == "/router/":
        raise LookupError("something broke in a router")
    await django_application(scope, receive, send)


application = HoptoadASGI(
    ProtocolTypeRouter({"http": http, "websocket": URLRouter([path("ws/", Consumer.as_asgi())])})
)

"""The site under measurement: a page that answers, and one that fails thirty frames deep."""

import io
import sys
from pathlib import Path
from urllib.parse import urlencode

from asgiref.sync import markcoroutinefunction
from django.http import HttpResponse
from django.urls import path

FAILING = "/checkout/"
_DEPTH = 27  # with Django's own about thirty frames
_FORM = {
    "name": "Freda Example",
    "email": "freda@shop.example",
    "street": "12 Long Lane",
    "city": "Norwich",
    "postcode": "NR1 1AA",
    "country": "GB",
    "quantity": "3",
    "remark": "Please ring twice: the bell is quiet.",
    "password": "correct horse battery staple",
    "newsletter": "on",
}
_HEADERS = {
    "HTTP_HOST": "shop.example",
    "HTTP_USER_AGENT": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "HTTP_REFERER": "http://shop.example/basket/?page=2",
    "HTTP_ACCEPT": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "HTTP_ACCEPT_LANGUAGE": "en-GB,en;q=0.7,de;q=0.3",
    "HTTP_COOKIE": "sessionid=c9w2n5x0q8k3m7v1b4z6l2j9h5g8f3d1",
    "HTTP_X_FORWARDED_FOR": "203.0.113.7, 198.51.100.2",
}
_SERVER = {
    "REMOTE_ADDR": "127.0.0.1",
    "SCRIPT_NAME": "",
    "SERVER_NAME": "shop.example",
    "SERVER_PORT": "80",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "wsgi.errors": sys.stderr,
    "wsgi.multiprocess": True,
    "wsgi.multithread": False,
    "wsgi.run_once": False,
    "wsgi.url_scheme": "http",
    "wsgi.version": (1, 0),
}
BODY = urlencode(_FORM).encode()
_GET = {**_SERVER, **_HEADERS, "REQUEST_METHOD": "GET", "PATH_INFO": "/", "QUERY_STRING": "page=2"}
_POST = {
    **_SERVER,
    **_HEADERS,
    "REQUEST_METHOD": "POST",
    "PATH_INFO": FAILING,
    "QUERY_STRING": "coupon=frog",
    "CONTENT_TYPE": "application/x-www-form-urlencoded",
}


class Visitor:
    """Who is not signed in. pybrake's middleware fails where a request has no `user`."""

    is_authenticated = False


def configure(settings):
    """Sets Django up with nothing but what a subject needs."""
    import django
    from django.conf import settings as django_settings

    django_settings.configure(
        **{
            "ALLOWED_HOSTS": ["shop.example"],
            "BASE_DIR": Path(__file__).resolve().parent,
            "DEBUG": False,
            "ROOT_URLCONF": __name__,
            "SECRET_KEY": "only for measuring, and no secret at all",
            **settings,
        }
    )
    django.setup()
    _connect()


def _connect():
    """Makes the database connection that threads of a site have. Django looks after it in each request."""
    from django.db import connections

    connections["default"]


def healthy_environ():
    """A fresh GET of the page that answers."""
    return {**_GET, "wsgi.input": io.BytesIO()}


def failing_environ(body=BODY):
    """A fresh POST of a form to the page that fails."""
    return {**_POST, "CONTENT_LENGTH": str(len(body)), "wsgi.input": io.BytesIO(body)}


def respond(handler, environ):
    """Serves one request as a WSGI server does, and returns the status of the answer."""
    statuses = []
    response = handler(environ, lambda status, headers, exc_info=None: statuses.append(status))
    for _ in response:
        pass
    response.close()
    return int(statuses[-1].split()[0])


def fail(handler):
    """One failing request."""
    if respond(handler, failing_environ()) != 500:
        raise RuntimeError("the page that fails did not fail")


def warm_up(handler, control, *, arrives, requests=20):
    """Starts threads and imports what is imported late; what arrived is forgotten again.

    `arrives` says whether the subject reports: then every request's notice has to arrive.
    """
    control.reset()
    for _ in range(requests):
        fail(handler)
    if arrives and control.wait(requests, 60)["notices"] != requests:
        raise RuntimeError("the notices of the warm-up did not arrive")
    control.reset()


class DoesNothing:
    """The floor of every middleware: a class, as those of all subjects are."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        return self.get_response(request)


class DoesNothingAsync:
    """The same for an asynchronous site."""

    sync_capable = False
    async_capable = True

    def __init__(self, get_response):
        self.get_response = get_response
        markcoroutinefunction(self)

    async def __call__(self, request):
        return await self.get_response(request)


def page(request):
    return HttpResponse("ok")


def checkout(request):
    request.user = Visitor()
    basket = [{"article": number, "price": number * 1.5} for number in range(3)]
    return order(request.POST["name"], basket, _DEPTH)


def order(customer, basket, left):
    total = sum(article["price"] for article in basket)
    return discount(customer, basket, total, left - 1) if left else pay(customer, total)


def discount(customer, basket, total, left):
    percent = 5 if total > 100 else 0
    return taxed(customer, basket, total - total * percent / 100, left - 1) if left else pay(customer, total)


def taxed(customer, basket, total, left):
    rate, country = 0.2, "GB"
    note = f"{rate:.0%} for {country}"
    return order(customer, basket, left - 1) if left else pay(customer, total + len(note))


def pay(customer, total):
    raise ValueError(f"the payment of {total} by {customer} failed")


urlpatterns = [path("", page), path(FAILING[1:], checkout)]

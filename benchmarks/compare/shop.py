"""The site that fails, in each kind of code that a site has."""

import asyncio
import logging
import threading

from django.core.management.base import BaseCommand
from django.http import HttpResponse, StreamingHttpResponse
from django.template import Context, Template
from django.template.response import TemplateResponse
from django.urls import path

LOG = logging.getLogger("shop")


class Broken(Exception):
    """What is raised everywhere."""


def fail(where):
    raise Broken(f"broken: {where}")


class Failing:
    """A middleware of the site's own that fails where the path says so."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        if request.path == "/middleware/before/":
            fail("before the view")
        if request.path == "/broken-urls/":
            request.urlconf = "shop_urls_that_are_missing"
        response = self.get_response(request)
        if request.path == "/middleware/after/":
            fail("after the view")
        return response

    def process_view(self, request, view, args, kwargs):
        if request.path == "/middleware/view/":
            fail("process_view")


def healthy(request, **captured):
    return HttpResponse("ok")


def view(request):
    fail("a view")


async def async_view(request):
    fail("an async view")


def numbered(request, number):
    fail(f"payment-{number}-")


class _Late:
    def __str__(self):
        fail("a template")


class _Rendered:
    """A template that fails while it is rendered."""

    def render(self, context, request):
        return Template("{{ late }}").render(Context({"late": _Late()}))


class LateResponse(TemplateResponse):
    def resolve_template(self, template):
        return _Rendered()


def template(request):
    return LateResponse(request, "late.html")


def streamed(request):
    def parts():
        yield b"one"
        fail("a streamed response")

    return StreamingHttpResponse(parts())


async def streamed_async(request):
    async def parts():
        yield b"one"
        fail("a streamed response under ASGI")

    return StreamingHttpResponse(parts())


def returned(request):
    return HttpResponse("sorry", status=500)


def logged(request):
    log_it()
    return HttpResponse("ok")


def log_it():
    try:
        fail("and logged")
    except Broken:
        LOG.exception("the import of the shop broke")


class Command(BaseCommand):
    def handle(self, *args, **options):
        fail("a command")


class LoggingCommand(BaseCommand):
    def handle(self, *args, **options):
        log_it()


def in_a_thread():
    thread = threading.Thread(target=fail, args=["a thread"])
    thread.start()
    thread.join()


def in_a_forgotten_task():
    async def forgotten():
        fail("an asyncio task")

    async def main():
        task = asyncio.ensure_future(forgotten())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        del task

    asyncio.run(main())


urlpatterns = [
    path("", healthy),
    path("view/", view),
    path("async/", async_view),
    path("pay/<int:number>/", numbered),
    path("middleware/<slug:where>/", healthy),
    path("template/", template),
    path("streamed/", streamed),
    path("streamed/async/", streamed_async),
    path("returned/", returned),
    path("logged/", logged),
]

import asyncio
import inspect
import json
import threading

from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import FileResponse, Http404, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters
from django.views.generic import View

import hoptoad

# What the view `anything` does; a test puts a function here.
anything_goes = [lambda request: None]


def home(request):
    return HttpResponse("home")


async def slow(request):
    await asyncio.sleep(0)
    return HttpResponse("slow")


def endless(request):
    hoptoad.notify(message="it begins", component="shop.views")  # so that a test knows
    threading.Event().wait()


def boom(request):
    raise ValueError("something broke")


async def boom_async(request):
    raise ValueError("something broke while awaited")


def boom_with(request, word):
    raise ValueError(f"something {word} broke")


@never_cache
@csrf_exempt
def decorated(request):
    raise ValueError("something broke under decorators")


class Callable:
    def __call__(self, request):
        raise ValueError("something broke in an object")


@method_decorator(never_cache, name="dispatch")
class Boom(View):
    def get(self, request, pk):
        raise ValueError("something broke in get")

    def post(self, request, pk):
        raise ValueError("something broke in post")


@sensitive_post_parameters("nickname")
def marked(request):
    raise ValueError("something broke under a mark")


def viewset(request):
    raise ValueError("something broke in a viewset")


class OrderViewSet:
    pass


# What `OrderViewSet.as_view({...})` of Django REST framework leaves on the function.
viewset.cls = OrderViewSet
viewset.actions = {"get": "list", "post": "create"}


def status(request, code):
    return HttpResponse("as asked", status=code)


def raise_404(request):
    raise Http404("no such order")


def raise_403(request):
    raise PermissionDenied("not yours")


def raise_400(request):
    raise SuspiciousOperation("odd")


def form(request):
    dict(request.POST)
    dict(request.FILES)
    raise ValueError("something broke with a form")


def json_body(request):
    json.loads(request.body)
    raise ValueError("something broke with JSON")


def session(request):
    request.session["basket"] = {"items": [1, 2], "token": "session-secret-1"}
    raise ValueError("something broke with a session")


def user(request):
    bool(request.user.is_authenticated)
    raise ValueError("something broke with a user")


def sql(request):
    get_user_model().objects.count()
    raise ValueError("something broke with SQL")


def stream(request):
    def body():
        yield b"half"
        raise ValueError("something broke half-way")

    return StreamingHttpResponse(body())


async def stream_async(request):
    async def body():
        yield b"half"
        raise ValueError("something broke half-way, awaited")

    return StreamingHttpResponse(body())


def file(request):
    return FileResponse(open(__file__, "rb"))  # closed by the response


def template(request):
    return render(request, "broken.html")


def anything(request, **kwargs):
    return anything_goes[0](request) or HttpResponse("nothing broke")


async def anything_async(request):
    answer = anything_goes[0](request)
    return (await answer if inspect.isawaitable(answer) else answer) or HttpResponse("nothing broke")

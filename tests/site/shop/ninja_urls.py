"""Endpoints of django-ninja."""

import functools

from django.urls import path
from ninja import NinjaAPI, Router

api = NinjaAPI(urls_namespace="shop-ninja")
router = Router()


def logged(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs)

    return wrapper


@api.get("/orders/{order}")
def order_detail(request, order: int):
    raise ValueError("something broke in an endpoint")


@api.api_operation(["PUT", "PATCH"], "/orders/{order}")
def order_change(request, order: int):
    raise ValueError("something broke in another endpoint of the same path")


@api.get("/slow/")
async def slow(request):
    raise ValueError("something broke in an async endpoint")


@api.post("/slow/")
def beside_slow(request):
    raise ValueError("something broke beside an async endpoint")


@router.delete("/items/")
@logged
def items_clear(request):
    raise ValueError("something broke in a router")


api.add_router("/inner/", router)
urlpatterns = [path("api/", api.urls)]

"""The views in which secrets are planted, as a site has them."""

import json

from django.http import HttpResponse
from django.urls import path
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from planted import SECRETS


class PaymentRefused(Exception):
    """What the site raises."""


@sensitive_post_parameters("frog")
def checkout(request, where):
    city, basket = request.POST.get("city"), request.session.get("basket")
    return charge_the_frog(request, city, basket)


def pay_by_json(request):
    order, basket = json.loads(request.body), request.session.get("basket")
    return charge_the_frog(request, order["members"], basket)


@sensitive_variables("pin")
def charge_the_frog(request, city, basket):
    spots = "green-with-dots"
    password = SECRETS["a local variable called password"]
    pin = SECRETS["a local variable that sensitive_variables marks"]
    gateway = {
        "host": "pond.example",
        "api_key": SECRETS["an api_key in a dictionary that is a local variable"],
    }
    try:
        connect(gateway)
    except ConnectionError as error:
        repeated = request.POST.get("old_password", "")
        raise PaymentRefused(f"the payment was refused at lilypad 41 for {repeated}") from error
    return HttpResponse(f"{city} {basket} {spots} {password} {pin}")


def connect(gateway):
    secret = SECRETS["the password of a database's URL in the message of a cause"]
    raise ConnectionError(f"the pond is frozen: postgres://frog:{secret}@pond.example/reeds")


urlpatterns = [path("checkout/json/", pay_by_json), path("checkout/<slug:where>/", checkout)]

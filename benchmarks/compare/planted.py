"""How many planted secrets leave the process with two failing requests, and how many useful facts."""

import functools
import io
import json
from urllib.parse import urlencode

import processes
from kinds import requested
from server import serving


def _canary(number):
    """A value that is nowhere else, and neither a word nor a number: Kq07rZ3vN8xT4m."""
    return f"Kq{number:02}rZ3vN8xT4m"


_PLACES = (
    "the password of a form",
    "the new_password of a form",
    "the csrfmiddlewaretoken of a form",
    "a field that sensitive_post_parameters marks",
    "a password repeated in the message of the exception",
    "a password in a list in JSON",
    "a token in the query of the URL",
    "a token in the query of the referrer",
    "an Authorization header",
    "an X-Api-Key header",
    "the session's cookie",
    "a cookie called auth_token",
    "an access_token in the session",
    "a local variable called password",
    "a local variable that sensitive_variables marks",
    "an api_key in a dictionary that is a local variable",
    "the password of a database's URL in the message of a cause",
    "the SECRET_KEY of the settings",
    "the password of a database in the settings",
    "an AWS_SECRET_ACCESS_KEY of the environment",
)
SECRETS = {place: _canary(number) for number, place in enumerate(_PLACES)}
FACTS = {
    "the class of the exception": "PaymentRefused",
    "its message": "the payment was refused at lilypad 41",
    "the function that raised it": "charge_the_frog",
    "the message of its cause": "the pond is frozen",
    "the path": "/checkout/lilypad/",
    "a value of the query": "coupon-tadpole",
    "a value of the form": "Norwich-on-the-pond",
    "the user agent": "Frogzilla/7.3",
    "a value of the session": "basket-of-reeds",
    "a local variable": "green-with-dots",
}
OF = {"secrets": len(SECRETS), "facts": len(FACTS)}


def run(task):
    """In a process of its own: two failing requests, a form and JSON."""
    import documented

    database = {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}
    documented.start(
        task["name"],
        task["places"],
        SECRET_KEY=SECRETS["the SECRET_KEY of the settings"],
        DATABASES={
            "default": {**database, "PASSWORD": SECRETS["the password of a database in the settings"]}
        },
        ROOT_URLCONF="shop_checkout",
    )
    session = _session()
    for path, kind, body in (
        ("/checkout/lilypad/", "application/x-www-form-urlencoded", _form()),
        ("/checkout/json/", "application/json", _json()),
    ):
        requested(
            path,
            REQUEST_METHOD="POST",
            CONTENT_TYPE=kind,
            CONTENT_LENGTH=str(len(body)),
            QUERY_STRING=f"coupon=coupon-tadpole&token={SECRETS['a token in the query of the URL']}",
            HTTP_REFERER=f"http://shop.example/?token={SECRETS['a token in the query of the referrer']}",
            HTTP_USER_AGENT="Frogzilla/7.3",
            HTTP_AUTHORIZATION=f"Bearer {SECRETS['an Authorization header']}",
            HTTP_X_API_KEY=SECRETS["an X-Api-Key header"],
            HTTP_COOKIE=f"sessionid={session}; auth_token={SECRETS['a cookie called auth_token']}",
            **{"wsgi.input": io.BytesIO(body)},
        )
    print(json.dumps({"the session's cookie": session}))


def _session():
    """The key of a session in the site's store, which makes it up."""
    from django.contrib.sessions.backends.cache import SessionStore

    store = SessionStore()
    store["oauth"] = {"access_token": SECRETS["an access_token in the session"]}
    store["basket"] = "basket-of-reeds"
    store.create()
    store.save()
    return store.session_key


def _form():
    fields = {
        "city": "Norwich-on-the-pond",
        "password": SECRETS["the password of a form"],
        "new_password": SECRETS["the new_password of a form"],
        "old_password": SECRETS["a password repeated in the message of the exception"],
        "csrfmiddlewaretoken": SECRETS["the csrfmiddlewaretoken of a form"],
        "frog": SECRETS["a field that sensitive_post_parameters marks"],
    }
    return urlencode(fields).encode()


def _json():
    return json.dumps({"members": [{"password": SECRETS["a password in a list in JSON"]}]}).encode()


def ask(question, name):
    """How many of the values arrived, and which."""
    values, texts = _arrived(name)
    sought = {**SECRETS, **values} if question == "secrets" else FACTS
    found = [what for what, value in sought.items() if value.encode() in texts]
    told = found if question == "secrets" else [what for what in FACTS if what not in found]
    return str(len(found)), [f"{'left' if question == 'secrets' else 'missing'}: {what}" for what in told]


@functools.cache
def _arrived(name):
    with serving() as server:
        environment = {"AWS_SECRET_ACCESS_KEY": SECRETS["an AWS_SECRET_ACCESS_KEY of the environment"]}
        output, errors = processes.run("planted", name, server, environment=environment)
        if server.notices() != 2:
            raise RuntimeError(f"{name}: {server.notices()} notices of two arrived\n{errors[-2000:]}")
        return json.loads(output.splitlines()[-1]), b"\n".join(server.counts.texts)

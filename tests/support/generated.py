"""Makes up failing requests: secrets under every marking, in every encoding, beside harmless texts.

`case(seed, number)` is always the same for the same two. What is left out on purpose says why.
"""

import random
import re
from dataclasses import dataclass, field, replace
from urllib.parse import quote

from secretkinds import ENCODINGS, KINDS, SHAPED, SHORTENED, STYLES, WORDS, Secret, random_text

PLAIN = {"HOPTOAD_LOCAL_VARIABLES": False, "HOPTOAD_SOURCE_CONTEXT": 0, "HOPTOAD_SEND_USER": "id"}
ROOMY = {
    "HOPTOAD_MAX_TEXT": 2048,
    "HOPTOAD_MAX_VARS": 2000,
    "HOPTOAD_MAX_CHARS": 200_000,
    "HOPTOAD_MAX_DEPTH": 20,
}


@dataclass(frozen=True)
class Plant:
    """A secret under the name, or in the shape, that makes it one."""

    secret: Secret
    place: str
    name: str
    wrap: tuple = ()  # around the value: "list", "dict"
    depth: tuple = ()  # around name and value


@dataclass(frozen=True)
class Repeat:
    """The secret again, encoded, in a text of harmless name."""

    secret: Secret
    encoding: str
    carrier: str
    pad: int = 0  # dots before it, to bring it to a bound


@dataclass(frozen=True)
class Benign:
    text: str
    carrier: str


@dataclass(frozen=True)
class Case:
    number: str
    entry: str = "view"
    interface: str = "wsgi"
    body: str = "form"
    error: str = "ValueError"
    settings: dict = field(default_factory=dict)
    plants: tuple = ()
    repeats: tuple = ()
    benign: tuple = ()


# Names of secrets: of the built-in list, and of HOPTOAD_PROTECTED_PARAMS as PROTECTED has it.
NAMES = (
    "password", "old_passwd", "oldPassword", "user[api_key]", "form-0-token", "csrfmiddlewaretoken", "PIN", "pw",
    "client_secret", "X-Api-Key", "accessKey", "session_key", "cardNumber", "cvv", "otp", "refresh", "ssn",
    "iban", "customer.iban", "X-Iban", "zz_internal",
)  # fmt: skip
PROTECTED = ["iban", re.compile("^zz_")]
IDENTIFIERS = ("password", "api_key", "db_pw", "iban", "zz_internal", "authToken", "secret")
OWN_NAMES = (
    "PAYMENT_PASSWORD",
    "STRIPE_SECRET",
    "SMS_TOKEN",
    "MAPS_API_KEY",
    "LDAP_BIND_PASSWORD",
    "SIGNING_SECRET_KEY",
)
SECRET_HEADERS = (
    "X-Api-Key",
    "X-Auth-Token",
    "X-CSRFToken",
    "X-Iban",
    "Proxy-Authorization",
    "Authorization",
)
SCHEMES = ("Bearer", "Basic", "Api-Key", "Token", "Digest", "GenieKey")

REQUEST_CARRIERS = (
    "referrer",
    "path",
    "query",
    "header",
    "agent",
    "body",
    "body key",
    "session",
    "session key",
    "username",
)
CARRIERS = {
    "view": (
        "message",
        "cause",
        "note",
        "variable",
        "nested variable",
        "source",
        "trail",
        "context",
        *REQUEST_CARRIERS,
    ),
    "notify": ("message", "cause", "tag", "params", "trail", "context", *REQUEST_CARRIERS),
    "log": ("message", "log argument", "log extra", "trail", "context", *REQUEST_CARRIERS),
    "status": ("context", "trail", *REQUEST_CARRIERS),
    "command": ("message", "cause", "note", "variable", "source", "trail", "context", "argument"),
}
REQUEST_PLACES = ("body", "query", "url in query", "url in body", "header", "cookie", "session", "marked")
ERROR_PLACES = ("marked variable", "variable", "text", "shape", "dsn")
PLACES = {
    "view": (*REQUEST_PLACES, *ERROR_PLACES, "setting", "environment", "context"),
    "notify": (*REQUEST_PLACES, "text", "shape", "dsn", "setting", "environment", "tag", "params", "context"),
    "log": (*REQUEST_PLACES, "text", "shape", "dsn", "setting", "environment", "log extra", "context"),
    "status": (*REQUEST_PLACES, "setting", "environment", "context"),
    "command": (*ERROR_PLACES, "setting", "environment", "argument", "context"),
}

# Carriers that encode nothing.
AS_IT_IS = ("message", "cause", "note", "trail", "context", "body", "session", "tag", "params")

HARMLESS = (
    "order 20417 of 2026", "2026-11-27T10:30:00Z", "4006381333931", "Unexpected token in JSON", "max_tokens: 128000",
    "https://shop.example/a?page=2&sort=name", "freda@shop.example", "SELECT name FROM orders WHERE id = 5",
    "Missing key: colour", "the author of the book", "C:\\temp\\new.txt", "50% of 100%", "a+b=c", "price: 12.50 EUR",
    "Straße 5, 10115 Berlin", "{'colour': 'green', 'size': 4}", "tokenize(text) failed", "key_type=rsa",
)  # fmt: skip


def case(seed, number):
    rng = random.Random(f"{seed}/{number}")
    entry = rng.choices(["view", "notify", "log", "status", "command"], [10, 2, 3, 2, 3])[0]
    body = rng.choice(["form", "json", "none"])
    settings = _settings(rng)
    plants = [_plant(rng, rng.choice(PLACES[entry]), body) for _ in range(rng.randint(1, 5))]
    plants = list({(plant.place, plant.name): plant for plant in plants if plant is not None}.values())
    repeats = [
        _repeat(rng, plant.secret, rng.choice(list(ENCODINGS)), rng.choice(CARRIERS[entry]), settings)
        for plant in plants
        for _ in range(rng.randint(0, 4))
    ]
    benign = [_harmless(rng, rng.choice(CARRIERS[entry])) for _ in range(rng.randint(2, 8))]
    return sound(
        Case(
            number=f"{seed}/{number}",
            entry=entry,
            interface="wsgi" if entry == "command" else rng.choice(["wsgi", "wsgi", "asgi"]),
            body=body,
            error=rng.choice(["ValueError", "ValueError", "KeyError", "OSError", "Own", "two arguments"]),
            settings=settings,
            plants=tuple(plants),
            repeats=tuple(repeats),
            benign=tuple(benign),
        )
    )


def sound(made):
    """The case without what its other parts leave no place for, and without what nobody promises."""
    plants = tuple(
        plant
        for plant in made.plants
        if plant.place in PLACES[made.entry]
        and _has_an_end(plant, made)
        and not (made.body == "none" and plant.place in ("body", "url in body", "marked"))
    )
    known = {plant.secret for plant in plants if reappears(plant, made.settings) and _is_seen(plant, made)}
    there = [
        carrier
        for carrier in CARRIERS[made.entry]
        if is_there(carrier, made.body, {**PLAIN, **made.settings})
    ]
    return replace(
        made,
        plants=plants,
        repeats=tuple(
            item
            for item in made.repeats
            if item.carrier in there and item.secret in known and is_promised(item)
        ),
        benign=tuple(item for item in made.benign if item.carrier in there),
    )


def _settings(rng):
    settings = {
        "HOPTOAD_API": rng.choice(["v2", "v3"]),
        "DEBUG": rng.random() < 0.1,
        "HOPTOAD_LOCAL_VARIABLES": rng.random() < 0.6,
        "HOPTOAD_SOURCE_CONTEXT": rng.choice([0, 3, 20]),
        "HOPTOAD_SEND_USER": rng.choice(["id", "full"]),
    }
    if rng.random() < 0.4:
        bound = rng.choice(list(ROOMY))
        settings[bound] = {
            "HOPTOAD_MAX_TEXT": rng.choice([64, 100, 200, 500]),
            "HOPTOAD_MAX_VARS": rng.randint(0, 40),
            "HOPTOAD_MAX_CHARS": rng.randint(1000, 3000),
            "HOPTOAD_MAX_DEPTH": rng.randint(1, 4),
        }[bound]
    return settings


def is_there(carrier, body, settings):
    if carrier in ("variable", "nested variable"):
        return settings["HOPTOAD_LOCAL_VARIABLES"]
    if carrier == "source":
        return settings["HOPTOAD_SOURCE_CONTEXT"] > 0
    if carrier == "username":
        return settings["HOPTOAD_SEND_USER"] == "full"
    return not (carrier.startswith("body") and body == "none")


def _plant(rng, place, body):
    secret = KINDS[rng.choice(SHAPED if place == "shape" else list(KINDS))](rng)
    name, wrap, depth = rng.choice(NAMES), (), ()
    if place in ("marked variable", "marked"):
        name = f"nick{rng.randint(1, 99)}"
    elif place == "variable":
        name = rng.choice(IDENTIFIERS)
    elif place in ("setting", "environment"):
        name = rng.choice(OWN_NAMES)
        if (
            len(secret.value) < 8
            or secret.value[:1] in "/~."
            or "\\" in secret.value[:3]
            or "\0" in secret.value
        ):
            return None  # too short to be one of the site's; what begins like a path is none
        if place == "setting":
            wrap = tuple(rng.choices(["list", "dict"], k=rng.randint(0, 2)))
        return Plant(secret, place, name, wrap)
    elif place == "header":
        name = rng.choice(SECRET_HEADERS)
        if re.search(r"[\r\n]", secret.value):
            return None  # no header holds one
        if name.endswith("Authorization"):
            wrap = (rng.choice(SCHEMES),)
            if not re.fullmatch(r"[\w.~+/-]+=*", secret.value, re.ASCII) and wrap != ("Basic",):
                return None
        return Plant(secret, place, name, wrap)
    elif place == "cookie":
        if not re.fullmatch(r"[\w.~+/-]+", secret.value, re.ASCII):
            return None
        name = rng.choice(["csrftoken", "sessionid", "remember_token", "colour"])
        return Plant(secret, place, name)
    elif place == "dsn":
        wrap = (
            rng.choice(["quoted", "raw"]),
            rng.choice(["postgres", "amqp", "redis", "https", "mysql+pymysql"]),
        )
        if wrap[0] == "raw" and re.search(r"[\s\"'<>@/?#\\:]|[^\x21-\x7e]", secret.value):
            return None
        if len(quote(secret.value, safe="")) > 200:
            return None  # no password of an address
        return Plant(secret, place, "", wrap)
    elif place == "text":
        style = rng.choice(STYLES)
        if style in ("=", ": ") and not re.fullmatch(r"[\w.~+/!#$%*^?@|-]+", secret.value):
            return None  # where it ends nobody knows
        if style == "query" and re.search(r"[\[\].]", name):
            name = "token"
        if style in ("=", ": ", "=json") and not re.fullmatch(r"[\w-]+", name):
            name = "password"
        return Plant(secret, place, name, (style,))
    elif place == "argument":
        wrap = (rng.choice(["=", " "]),)
        name = rng.choice(["--password", "--api-key", "--iban", "--client-secret"])
        if secret.value.startswith("-"):
            return None
        return Plant(secret, place, name, wrap)
    elif place == "shape":
        name = ""
    if place in ("session", "context", "tag", "params", "log extra") or (place == "body" and body == "json"):
        wrap = tuple(rng.choices(["list", "dict"], k=rng.choice([0, 0, 1, 2])))
        depth = tuple(rng.choices(["list", "dict"], k=rng.choice([0, 0, 1, 2, 4, 22])))
    return Plant(secret, place, name, wrap, depth)


def reappears(plant, settings):
    """Whether rule 4 of docs/privacy.rst holds for the value: what it leaves out is left out here."""
    secret = plant.secret
    if len(secret.value) < 5 or (secret.value.isdigit() and len(secret.value) < 9):
        return False
    if plant.place == "variable" and not settings.get("HOPTOAD_LOCAL_VARIABLES"):
        return False  # nothing has looked at it
    if plant.place == "cookie" and plant.name == "colour" and len(secret.value) < 16:
        return False
    found_in_text = plant.place in (
        "text",
        "query",
        "url in query",
        "url in body",
        "dsn",
        "cookie",
        "header",
        "variable",
    )
    return not (found_in_text and (secret.is_word or len(secret.value) < 8))


def _has_an_end(plant, made):
    """In `'{"password": "a\\\\", b"}'` the repr of the JSON of `a", b` reads like two values."""
    is_shown_by_repr = made.error in ("KeyError", "OSError", "two arguments")
    return not (plant.place == "text" and is_shown_by_repr and re.search("[\"']", plant.secret.value))


def _is_seen(plant, made):
    """Whether the text in which the value stands is looked at."""
    if plant.place not in ("text", "shape", "dsn", "url in body", "url in query"):
        return True
    is_extra = made.entry == "log" and plant.place in ("text", "shape", "dsn")  # some of its texts are
    if (is_extra or plant.place.startswith("url")) and {
        "HOPTOAD_MAX_VARS",
        "HOPTOAD_MAX_CHARS",
        "HOPTOAD_MAX_DEPTH",
    } & {*made.settings}:
        return False  # what is cut away is judged by its names; its texts are not read
    # Of a text that is longer than its bound and 2,048 characters, the rest is not looked at.
    return len(plant.secret.value) < 500


def is_promised(item):
    secret, encoding, carrier = item.secret, item.encoding, item.carrier
    if "base64" in encoding and len(secret.value.encode()) < 8:
        return False
    if encoding in SHORTENED:
        # Not a whole word of it, and in the text itself. Of all secrets together 64,000 characters of
        # encodings are looked for beside an ellipsis, and long ones come last.
        return secret.kind in ("token", "hex") and len(secret.value) > 24 and carrier in AS_IT_IS
    if encoding == "utf-8 read as latin-1" and carrier in ("header", "agent", "referrer", "path"):
        return False  # these are read so a second time
    if encoding == "repr of a repr" and carrier in (
        "message",
        "cause",
        "variable",
        "nested variable",
        "path",
    ):
        return False  # some of these are shown by a third `repr`
    has_line_end = re.search(r"[\r\n]", ENCODINGS[encoding](secret.value))
    # No header holds one; in a source file each line is looked at by itself.
    return not (has_line_end and carrier in ("header", "agent", "source", "argument"))


def _repeat(rng, secret, encoding, carrier, settings):
    pad = 0
    if rng.random() < 0.3:
        room = room_of(carrier, {**ROOMY, **settings})
        pad = max(0, room - rng.randint(0, len(ENCODINGS[encoding](secret.value)) + 40))
    return Repeat(secret, encoding, carrier, pad)


def room_of(carrier, settings):
    """How much of a text is kept, roughly and at most."""
    text = settings["HOPTOAD_MAX_TEXT"]
    if carrier == "source":
        return 200
    if carrier in ("body key", "session key", "username"):
        return 255
    return min(text, 500) if carrier == "trail" else text


def _harmless(rng, carrier):
    if rng.random() < 0.4 and not carrier.endswith("key"):  # version 3 writes names without dots
        return Benign(rng.choice(HARMLESS), carrier)
    return Benign(f"benign-{random_text(rng, WORDS, 8, 8)}", carrier)

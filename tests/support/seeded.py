"""A dozen errors of a shop, as a week of it leaves them in an inbox: for its pages' tests and pictures."""

from dataclasses import dataclass, replace
from datetime import timedelta
from random import Random
from zlib import compress

from django.utils.timezone import now

from hoptoad.api import htv2, v3
from hoptoad.inbox.arrivals import arrival
from hoptoad.inbox.grouping import group
from hoptoad.inbox.models import App, Deploy, Fingerprint, Hour, Notice, Problem, hour_of
from hoptoad.inbox.store import Flood, store
from hoptoad.notice import ErrorInfo, Frame, RequestInfo, Server, User
from hoptoad.notice import Notice as Content

ROOT = "[PROJECT_ROOT]"
LIBRARY = "[SITE_PACKAGES]/django"
DJANGO = (
    Frame(f"{LIBRARY}/core/handlers/base.py", 197, "_get_response"),
    Frame(f"{LIBRARY}/core/handlers/exception.py", 55, "inner"),
)
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"
SAFARI = "Mozilla/5.0 (iPhone; CPU iPhone OS 26_1 like Mac OS X) AppleWebKit/605.1.15 Version/26.1 Mobile/15E148 Safari/604.1"
CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"


@dataclass
class Seed:
    """An error, how often it comes, and what was decided."""

    content: Content
    per_hour: float
    days: float  # since the first
    quiet: float = 0  # hours since the last
    kind: str = "v3"
    decided: dict | None = None


def frame(file, line, function, source="", **variables):
    lines = source.strip("\n").split("\n") if source else []
    first = line - next((index for index, text in enumerate(lines) if text.startswith(">")), 0)
    found = tuple((first + index, text[1:]) for index, text in enumerate(lines))
    return Frame(f"{ROOT}/{file}", line, function, variables=variables, source=found)


def content(class_name, message, *frames, url="", view="", method="GET", params=None, session=None, **more):
    component, _, action = view.partition("#")
    data = {"REQUEST_METHOD": method} if url else {}
    if url:
        data |= {
            "HTTP_ACCEPT": "text/html,application/xhtml+xml",
            "HTTP_HOST": "lily.example",
            "HTTP_USER_AGENT": CHROME,
            "HTTP_COOKIE": "*" * 20,
            "REMOTE_ADDR": "203.0.113.0",
        }
    return Content(
        id="",
        error=ErrorInfo(class_name, message, (*frames, *(DJANGO if url else ()))),
        request=RequestInfo(
            url=url,
            component=component,
            action=action,
            params=params or {},
            session=session or {},
            cgi_data=data,
        ),
        server=Server(
            project_root="/srv/lily",
            environment_name="production",
            app_version="2.14.0",
            hostname="web-1",
            revision="8c1d2fe",
        ),
        framework="Django: 6.1.3",
        language="Python 3.14.1",
        **more,
    )


CHECKOUT = """
 def total(cart, rates):
     subtotal = sum(line.price * line.quantity for line in cart.lines)
>    shipping = rates[cart.country]
     return subtotal + shipping

"""
PAY = """
 def pay(request):
     cart = Cart.of(request)
>    amount = total(cart, settings.SHIPPING_RATES)
     return gateway.charge(request.POST["token"], amount)
"""
SEEDS = [
    Seed(
        content(
            "KeyError",
            "'NO'",
            frame(
                "checkout/totals.py",
                41,
                "total",
                CHECKOUT,
                cart={"id": "88213", "country": "NO", "lines": ("Water lily × 2", "Pond pump × 1")},
                rates={"DE": "4.90", "FR": "6.90", "AT": "5.90"},
                subtotal="129.70",
            ),
            frame("checkout/views.py", 87, "pay", PAY, request="<WSGIRequest: POST '/checkout/pay/'>"),
            Frame(f"{LIBRARY}/views/decorators/http.py", 64, "inner"),
            Frame(f"{LIBRARY}/contrib/auth/decorators.py", 59, "_view_wrapper"),
            url="https://lily.example/checkout/pay/?step=3",
            view="checkout.views#pay",
            method="POST",
            params={
                "country": "NO",
                "delivery": {"name": "Ingrid Dahl", "city": "Bergen", "gift": "on"},
                "card_number": "*" * 20,
                "csrfmiddlewaretoken": "*" * 20,
            },
            session={"cart": "88213", "currency": "EUR", "visited": ("/", "/lilies/", "/pumps/pond-3000/")},
            user=User(id="5120", username="ingrid"),
            extra={
                "basket_value": "129.70",
                "trail": (
                    "09:41:02 INFO checkout.cart: cart 88213 has 3 lines",
                    "09:41:03 DEBUG shipping.zones: no zone for NO, asking the rates",
                    "09:41:03 WARNING checkout.totals: rates have 3 countries",
                ),
            },
        ),
        9,
        11.6,
        decided={
            "resolved_in": "2.13.2",
            "regressed_in": "2.14.0",
            "days_resolved": 4,
            "days_regressed": 3.2,
        },
    ),
    Seed(
        content(
            "OperationalError",
            'connection to server at "10.0.3.7", port 5432 failed: Connection refused\n\tIs the server running on that host and accepting TCP/IP connections?',
            Frame("[SITE_PACKAGES]/psycopg/connection.py", 122, "connect"),
            Frame(f"{LIBRARY}/db/backends/postgresql/base.py", 321, "get_new_connection"),
            Frame(f"{LIBRARY}/db/backends/base/base.py", 256, "connect"),
            frame(
                "catalog/views.py",
                23,
                "front_page",
                '     def front_page(request):\n>        shown = list(Product.objects.on_sale()[:12])\n         return render(request, "front.html", {"products": shown})',
            ),
            url="https://lily.example/",
            view="catalog.views#front_page",
            causes=(
                ErrorInfo(
                    "ConnectionRefusedError",
                    "[Errno 111] Connection refused",
                    (Frame("[SITE_PACKAGES]/psycopg/_conninfo_attempts.py", 50, "conninfo_attempts"),),
                    relation="cause",
                ),
            ),
            severity="critical",
        ),
        2.1,
        11,
    ),
    Seed(
        content(
            "Http404",
            "Page not found: /wp-login.php",
            url="https://lily.example/wp-login.php",
            severity="notice",
        ),
        31,
        13.8,
        decided={"state": "ignored"},
    ),
    Seed(
        content(
            "TimeoutError",
            "no answer from the payment gateway after 8.0 s",
            frame(
                "payments/gateway.py",
                118,
                "charge",
                '         try:\n             answer = session.post(self.url, json=body, timeout=8)\n         except requests.Timeout as error:\n>            raise TimeoutError("no answer from the payment gateway after 8.0 s") from error',
                amount="64.20",
                attempt="2",
            ),
            frame("checkout/views.py", 88, "pay"),
            url="https://lily.example/checkout/pay/",
            view="checkout.views#pay",
            method="POST",
            user=User(id="977", username="mehmet"),
            causes=(
                ErrorInfo(
                    "ReadTimeout",
                    "HTTPSConnectionPool(host='pay.example', port=443): Read timed out. (read timeout=8)",
                    (Frame("[SITE_PACKAGES]/requests/adapters.py", 690, "send"),),
                    relation="cause",
                ),
            ),
        ),
        1.3,
        9,
        1.4,
    ),
    Seed(
        content(
            "AttributeError",
            "'NoneType' object has no attribute 'address'",
            frame("shipping/labels.py", 64, "label_for"),
            frame("shipping/tasks.py", 19, "print_labels"),
            view="shipping.tasks#print_labels",
        ),
        0.6,
        6,
        3,
        kind="v2",
    ),
    Seed(
        content(
            "IntegrityError",
            'duplicate key value violates unique constraint "newsletter_subscriber_email_key"',
            frame("newsletter/views.py", 31, "subscribe"),
            url="https://lily.example/newsletter/",
            view="newsletter.views#subscribe",
            method="POST",
        ),
        0.8,
        12,
        7,
        decided={"state": "resolved", "resolved_in": "2.14.1", "days_resolved": 0.2},
    ),
    Seed(
        content(
            "ValidationError",
            "['“31.02.2026” is not a valid date.']",
            frame("reports/forms.py", 52, "clean_until"),
            url="https://lily.example/staff/reports/?until=31.02.2026",
            view="reports.views#Monthly",
            user=User(id="3", username="ana"),
        ),
        0.2,
        2,
        5,
    ),
    Seed(
        content(
            "UnicodeDecodeError",
            "'utf-8' codec can't decode byte 0xe9 in position 1043: invalid continuation byte",
            frame("imports/csv.py", 27, "rows"),
            frame("imports/tasks.py", 40, "import_prices"),
            view="imports.tasks#import_prices",
        ),
        0.05,
        8,
        26,
        kind="v2",
    ),
    Seed(
        content(
            "TypeError",
            "Cannot read properties of undefined (reading 'price')",
            Frame("https://lily.example/static/js/basket.4f81aa02.js", 1, "addLine"),
            Frame("https://lily.example/static/js/basket.4f81aa02.js", 1, "onClick"),
            url="https://lily.example/lilies/nymphaea-alba/",
        ),
        3.4,
        4,
        0.3,
    ),
    Seed(
        content(
            "MemoryError",
            "MemoryError",
            frame("media/thumbnails.py", 73, "resize"),
            frame("media/tasks.py", 12, "make_thumbnails"),
            view="media.tasks#make_thumbnails",
            severity="critical",
        ),
        0.04,
        10,
        60,
    ),
    Seed(
        content(
            "RecursionError",
            "maximum recursion depth exceeded",
            *(frame("catalog/tree.py", 18, "ancestors") for _ in range(60)),
            url="https://lily.example/pumps/",
            view="catalog.views#category",
        ),
        0.4,
        1,
        0.8,
    ),
    Seed(
        content(
            "PermissionError",
            "[Errno 13] Permission denied: '/srv/lily/media/invoices/2026-11'",
            frame("invoices/pdf.py", 95, "save"),
            url="https://lily.example/staff/invoices/2211/",
            view="invoices.views#download",
            user=User(id="3", username="ana"),
        ),
        0.3,
        5,
        2,
        decided={"state": "ignored", "ignored_until_count": 200},
    ),
]
LONG = content(  # what has no place to break a line at
    "W" * 200,
    "x" * 900,
    frame("a/" * 100 + "f.py", 3, "g" * 150, ">" + "y" * 300, **{"n" * 80: "z" * 600}),
    url="https://lily.example/" + "p" * 300,
    params={"deep": {"a": {"b": {"c": {"d": {"e": {"f": {"g": {"h": "end"}}}}}}}}},
)
USERS = [("5120", "ingrid"), ("977", "mehmet"), ("31", "ana"), ("640", "lucía"), ("", "")]
HOSTS = ["web-1", "web-1", "web-2", "web-3"]
AGENTS = [CHROME, CHROME, FIREFOX, SAFARI]


def fill(moment=None):
    """Fills the inbox with a fortnight of two apps. The same at every call."""
    moment, random = moment or now(), Random(4)
    shop = App.objects.get_or_create(name="Lily shop")[0]
    for days, version, who in ((9.3, "2.13.1", "ana"), (4.1, "2.13.2", "ana"), (3.3, "2.14.0", "mehmet")):
        Deploy.objects.create(
            app=shop,
            environment="production",
            version=version,
            revision="8c1d2fe",
            user=who,
            at=moment - timedelta(days=days),
        )
    return [_keep(shop, seed, moment, random) for seed in SEEDS]


def _keep(app, seed, moment, random):
    hours = [
        (hour_of(moment - timedelta(hours=back)), count)
        for back in range(int(seed.quiet), int(seed.days * 24) + 1)
        if (count := _count(seed.per_hour, random))
    ] or [(hour_of(moment - timedelta(hours=seed.quiet)), 1)]
    found, server = seed.content, seed.content.server
    grouped = group(found)
    decided = dict(seed.decided or {})
    resolved, regressed = decided.pop("days_resolved", None), decided.pop("days_regressed", None)
    if resolved is not None:
        quiet = range(int((regressed or 0) * 24), int(resolved * 24))
        hours = [
            (hour, count)
            for hour, count in hours
            if (hour_of(moment) - hour) // timedelta(hours=1) not in quiet
        ]
    total = sum(count for _, count in hours)
    if resolved is not None:
        decided["resolved_at"] = moment - timedelta(days=resolved)
    if regressed is not None:
        decided["regressed_at"] = moment - timedelta(days=regressed)
    problem = Problem.objects.create(
        app=app,
        environment=server.environment_name,
        class_name=found.error.class_name,
        message=found.error.message[:1000],
        place=grouped.place,
        component=found.request.component,
        action=found.request.action,
        severity=found.severity,
        first_seen=moment - timedelta(days=seed.days, minutes=11),
        last_seen=moment - timedelta(hours=seed.quiet, minutes=random.randrange(1, 9)),
        first_version="2.13.1" if seed.days > 3.3 else "2.14.0",
        last_version="2.14.0",
        count=total,
        **decided,
    )
    Hour.objects.bulk_create(Hour(problem=problem, hour=hour, count=count) for hour, count in hours)
    Fingerprint.objects.create(app=app, problem=problem, digest=grouped.digest, text=grouped.text)
    numbers = sorted({*range(1, min(total, 10) + 1), *range(max(1, total - 49), total + 1)})
    Notice.objects.bulk_create(_notice(problem, seed, number, random) for number in numbers)
    return problem


def _count(per_hour, random):
    return int(random.expovariate(1 / per_hour) + random.random() * 0.6)


def _notice(problem, seed, number, random):
    host, agent, (key, name) = random.choice(HOSTS), random.choice(AGENTS), random.choice(USERS)
    found = replace(
        seed.content,
        id=f"{random.getrandbits(128):032x}",
        server=replace(seed.content.server, hostname=host),
        user=User(id=key, username=name) if seed.content.user and key else seed.content.user,
    )
    age = (problem.last_seen - problem.first_seen) * (1 - number / problem.count)
    return Notice(
        problem=problem,
        number=number,
        received=problem.last_seen - age,
        host=host,
        user=found.user.username if found.user else "",
        url=found.request.url,
        agent=agent if found.request.url else "",
        version=found.server.app_version,
        client_id=found.id,
        kind=seed.kind,
        document=compress((v3 if seed.kind == "v3" else htv2).encode(found)),
    )


def receive(app, *contents, kind="v3", moment=None):
    """Stores notices as an ingest view does, and returns the problem of the last one."""
    documents = [(v3 if kind == "v3" else htv2).encode(found) for found in contents]
    return receive_documents(app, *documents, moment=moment)


def receive_documents(app, *documents, moment=None):
    """Stores documents of any client, and returns the problem of the last one."""
    batch = [arrival(app.pk, document, moment or now()) for document in documents]
    store(batch, app._state.db, Flood())
    return Fingerprint.objects.using(app._state.db).get(digest=batch[-1].group.digest).problem


def hostile(payload):
    """A notice with the payload in every place that has a text."""
    variables = {payload: payload, "deep": {payload: (payload,)}}
    lines = Frame(payload, 7, payload, variables=variables, source=((7, payload),))
    return Content(
        id="",
        error=ErrorInfo(payload, payload, (lines,), notes=(payload,)),
        causes=(ErrorInfo(payload, payload, (lines,), notes=(payload,), relation="cause"),),
        request=RequestInfo(
            url=payload,
            component=payload,
            action=payload,
            params=variables,
            session=variables,
            cgi_data={
                "REQUEST_METHOD": payload,
                "HTTP_USER_AGENT": payload,
                "HTTP_REFERER": payload,
                payload: payload,
            },
        ),
        server=Server(
            project_root=payload,
            environment_name=payload,
            app_version=payload,
            hostname=payload,
            revision=payload,
        ),
        user=User(id=payload, name=payload, username=payload, email=payload),
        framework=payload,
        language=payload,
        severity=payload,
        extra={**variables, "trail": (payload, payload)},
    )

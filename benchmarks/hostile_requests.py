"""What requests cost that were made to be expensive, and what arrived of them.

usage: python benchmarks/hostile_requests.py [WORD ...]

Each attack runs in a process of its own, on a site of two pages that has answered harmless failing requests
before. Processor time is that of all its requests together; the ratio is to as many harmless ones. With
words, only the attacks whose names hold one of them.
"""

import json
import logging
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import quote, urlencode

from tables import NONE, table

LIMIT = 120  # seconds
SECRET = "session-token-7f3c9a1e5b"
QUOTED = [f"""{number:02d}'\"""" * 50 for number in range(24)]
SENT = []
RECORDS = 100


class Kept:
    """The handler: keeps what would be sent."""

    def enqueue(self, payload, timeout):
        SENT.append(payload.decode())


def _encodings(text):
    yield quote(text, safe="")
    yield quote(quote(text, safe=""), safe="")
    yield json.dumps(text)[1:-1]
    yield repr(text)[1:-1]


def encoded_json():
    """Secrets with quotes, their encodings in other fields, and fields that decode four times."""
    body = {f"password{number}": text for number, text in enumerate(QUOTED)}
    body |= {f"e{number}": next(_encodings(text)) for number, text in enumerate(QUOTED)}
    body |= {f"f{number}": f"%25252541{number}" for number in range(1_500)}
    return [("json", {"data": json.dumps(body), "content_type": "application/json"})]


def encoded_form():
    """The same as a form of 150 kB, with every encoding."""
    form = {f"password{number}": text for number, text in enumerate(QUOTED)}
    for number, text in enumerate(QUOTED):
        form |= {f"e{number}.{way}": encoded for way, encoded in enumerate(_encodings(text))}
    form |= {f"f{number}": "%25252541" * 12 + str(number) for number in range(750)}
    return [("form", {"data": urlencode(form), "content_type": "application/x-www-form-urlencoded"})]


def long_secret():
    """A secret of 65,000 characters of %25, and sixty fields that quote its start."""
    secret = "%25" * 21_666
    form = {"password": secret, **{f"f{number}": secret[:2000] for number in range(60)}}
    return [("form", {"data": urlencode(form), "content_type": "application/x-www-form-urlencoded"})]


def percent_headers():
    """Ninety headers of `?%=`."""
    return [("get", {f"HTTP_X_{number}": f"?{number}%=" * 1_600 for number in range(90)})]


def address_headers():
    """Ninety headers of addresses that are to be truncated."""
    return [("get", {f"HTTP_X_{number}_IP": f"::{number}," * 1_600 for number in range(90)})]


def many_secrets_in_the_query():
    """210 values under names of secrets, before those of the site."""
    return [("get", {"QUERY_STRING": "&".join(f"token{n}=value-{n:05d}-abcdef" for n in range(210))})]


def many_cookies():
    """210 cookies."""
    return [("get", {"HTTP_COOKIE": "; ".join(f"c{n}=value-{n:05d}-abcdefghijkl" for n in range(210))})]


def one_long_secret():
    """One password of 32 kB."""
    form = urlencode({"password": "".join(f"{number:07d}x" for number in range(4_000))})
    return [("form", {"data": form, "content_type": "application/x-www-form-urlencoded"})]


def masked_words():
    """A form that has the class, the address and the path masked as its passwords."""
    words = ["ValueError", "127.0.0.1", "/fail/form/", "hostile_requests", "shop.example"]
    form = urlencode({"password": words}, doseq=True)
    return [("form", {"data": form, "content_type": "application/x-www-form-urlencoded"})]


def flood_of_a_library():
    """Failures of one view in a line of Django, then another view that fails there too."""
    return [("key", {})] * 101 + [("pay", {})]


def flood_of_log_records():
    """Records of 1 MB, each another, by a logger that is reported."""
    return [("log", {"HTTP_X_NUMBER": str(number)}) for number in range(RECORDS)]


def scanner():
    """Paths that nobody knows, then a broken link of the site."""
    scanned = [(f"missing-{number}", {"HTTP_REFERER": "x" * 4_000}) for number in range(101)]
    return [*scanned, ("missing-real", {"HTTP_REFERER": "http://shop.example/basket/"})]


def planted_sources():
    """Code that names files of others as its own: outside of the project, a FIFO, a device."""
    return [("source", {"HTTP_X_FILE": name}) for name in ("../outside.py", "fifo.py", "device.py")]


# The requests, and the settings they are meant for.
ATTACKS = {
    "JSON of encoded secrets": (encoded_json, {}),
    "a form of encoded secrets": (encoded_form, {}),
    "a secret of percent signs": (long_secret, {}),
    "headers of queries": (percent_headers, {}),
    "headers of addresses": (address_headers, {"HOPTOAD_SEND_IP": "truncated"}),
    "a query that crowds secrets out": (many_secrets_in_the_query, {}),
    "cookies that crowd secrets out": (many_cookies, {}),
    "a password that crowds secrets out": (one_long_secret, {}),
    "words masked as passwords": (masked_words, {}),
    "a flood through one line of Django": (flood_of_a_library, {"HOPTOAD_STORM_LIMIT": 100}),
    "a flood of large log records": (flood_of_log_records, {"HOPTOAD_STORM_LIMIT": 100}),
    "a scanner of paths": (scanner, {"HOPTOAD_STORM_LIMIT": 100, "HOPTOAD_NOTIFY_404": True}),
    "planted source files": (planted_sources, {"HOPTOAD_SOURCE_CONTEXT": 3}),
}


def fail(request, how):
    """Fails as the attack wants it, in a session that holds a secret."""
    from django.contrib.sessions.backends.base import SessionBase

    request.session = SessionBase()
    vars(request.session)["_session_cache"] = {"csrf_token": SECRET}
    if how == "json":
        assert request.body
    if how == "form":
        assert request.POST
    if how == "log":
        logging.getLogger("shop").error(f"{request.META['HTTP_X_NUMBER']}: {'bad input ' * 100_000}")  # noqa: G004
        return _answer()
    if how == "source":
        name = str(Path(sys.argv[2]) / "project" / request.META["HTTP_X_FILE"])
        exec(compile("\nraise ValueError('x')", name, "exec"))
    if how in ("key", "pay"):
        return pay(request) if how == "pay" else request.GET["nothing"]
    raise ValueError(f"cannot go on with {SECRET}")


def pay(request):
    return request.GET["card"]


def _answer():
    from django.http import HttpResponse

    return HttpResponse("ok")


def _site(settings):
    import django
    from django.conf import settings as django_settings
    from django.urls import path

    folder = Path(sys.argv[2])
    project = folder / "project"
    project.mkdir()
    (folder / "outside.py").write_text(f"# {SECRET}\n" * 5)
    os.mkfifo(project / "fifo.py")
    (project / "device.py").symlink_to("/dev/zero")
    sys.modules["shop_urls"] = type(sys)("shop_urls")
    sys.modules["shop_urls"].urlpatterns = [path("fail/<str:how>/", fail)]
    root = project if "HOPTOAD_SOURCE_CONTEXT" in settings else Path(__file__).parent
    django_settings.configure(
        ALLOWED_HOSTS=["shop.example"],
        BASE_DIR=root,
        DEBUG=False,
        INSTALLED_APPS=["hoptoad"],
        MIDDLEWARE=["hoptoad.middleware.HoptoadNotifierMiddleware"],
        ROOT_URLCONF="shop_urls",
        SECRET_KEY="only for measuring, and no secret at all",
        DATA_UPLOAD_MAX_NUMBER_FIELDS=None,
        LOGGING={
            "version": 1,
            "handlers": {"hoptoad": {"class": "hoptoad.log.HoptoadHandler", "level": "ERROR"}},
            "loggers": {"shop": {"handlers": ["hoptoad"], "propagate": False}},
        },
        HOPTOAD_SETTINGS={
            "HOPTOAD_API_KEY": "0123456789abcdef0123456789abcdef",
            "HOPTOAD_HANDLER": "hostile_requests.Kept",
            "HOPTOAD_STORM_LIMIT": 0,
            "HOPTOAD_HOOKS": [],
            **settings,
        },
    )
    django.setup()
    logging.disable(logging.NOTSET)
    logging.getLogger("django").handlers = [logging.NullHandler()]


def _send(requests):
    """The processor time of all of them, in seconds."""
    from django.test import Client

    client = Client(raise_request_exception=False, SERVER_NAME="shop.example")
    began = time.process_time()
    for how, names in requests:
        url = f"/{how}/" if how.startswith("missing") else f"/fail/{how}/"
        data = names.get("data")
        if data is None:
            client.get(url, **names)
        else:
            rest = {name: value for name, value in names.items() if name not in ("data", "content_type")}
            client.post(url, data, content_type=names["content_type"], **rest)
    return time.process_time() - began


def measure(name):
    """In a process of its own: prints the figures as JSON."""
    sys.modules["hostile_requests"] = sys.modules["__main__"]  # as which the handler is named
    attack, settings = ATTACKS[name]
    _site(settings)
    requests = attack()
    harmless = [("form", {"data": "name=Freda&page=2", "content_type": "application/x-www-form-urlencoded"})]
    _send(harmless * 20)
    once = min(_send(harmless * 10) for _ in range(5)) / 10
    _end()
    SENT.clear()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    cost = _send(requests)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    _end()
    print(
        json.dumps(
            {"cost": cost, "harmless": once * len(requests), "grown": grown, "arrived": _arrived(name)}
        )
    )
    sys.stdout.flush()
    os._exit(0)


def _end():
    """Sends the summaries of what the rate limit and the 404 digest suppress."""
    from hoptoad.reporting.pipeline import pipeline

    pipeline.flush_summaries()
    pipeline.start_over()


def _arrived(name):
    whole = "\n".join(SENT)
    told = [f"{len(SENT)} notices, {len(whole) / 1000:.0f} kB", "secret in clear" if SECRET in whole else ""]
    if name == "words masked as passwords":
        kept = [word for word in ("ValueError", "127.0.0.1", "/fail/form/", "fail") if word in whole]
        told.append(f"kept: {', '.join(kept)}")
    if name == "a flood through one line of Django":
        told.append("the other view " + ("told" if "/fail/pay/" in whole else "lost"))
    if name == "a scanner of paths":
        told.append("the broken link " + ("told" if "missing-real" in whole else "lost"))
    return ", ".join(filter(None, told))


def _in_a_process(name):
    with tempfile.TemporaryDirectory() as folder:
        try:
            done = subprocess.run(
                [sys.executable, __file__, folder, folder, "--one", name],
                check=True,
                capture_output=True,
                text=True,
                timeout=LIMIT,
            )
        except subprocess.TimeoutExpired:
            return [name, f"{1000 * LIMIT} and more", NONE, NONE, "nothing"]
    found = json.loads(done.stdout.splitlines()[-1])
    cost = f"{1000 * found['cost']:.0f}"
    return [
        name,
        cost,
        f"{found['cost'] / found['harmless']:.1f}",
        f"{found['grown'] / 1024:.0f}",
        found["arrived"],
    ]


def main():
    wanted = [name for name in ATTACKS if all(word in name for word in sys.argv[1:])]
    headings = ["Attack", "processor, ms", "to harmless", "memory, MB", "arrived"]
    print(table(headings, [_in_a_process(name) for name in wanted]))


if __name__ == "__main__":
    if "--one" in sys.argv:
        measure(sys.argv[-1])
    else:
        main()

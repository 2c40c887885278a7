"""How many kinds of failure each reports, and each once."""

import asyncio
import contextlib
import sys

import processes
from server import serving


def _wsgi(path):
    def run(name, places):
        requested(path)

    return run


def requested(path, **environ):
    """One request, served as a server of WSGI does it: what escapes is printed, and the response closed."""
    import website
    from django.core.handlers.wsgi import WSGIHandler

    given = {**website.healthy_environ(), "QUERY_STRING": "", "PATH_INFO": path, **environ}
    with (
        _served(),
        contextlib.closing(WSGIHandler()(given, lambda status, headers, exc_info=None: None)) as response,
    ):
        for _ in response:
            pass


@contextlib.contextmanager
def _served():
    try:
        yield
    except Exception as error:
        print(f"the server saw {error!r}", file=sys.stderr)


def _asgi(path):
    def run(name, places):
        from django.core.handlers.asgi import ASGIHandler

        asyncio.run(_call(ASGIHandler(), path))

    return run


async def _call(application, path):
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(b"host", b"shop.example")],
    }
    messages = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive():
        if messages:
            return messages.pop()
        return await asyncio.Event().wait()  # the client stays

    async def send(message):
        pass

    with _served():
        await application(scope, receive, send)


def _command(name):
    def run(subject, places):
        import shop

        getattr(shop, name)().run_from_argv(["manage.py", "fail"])

    return run


def _in_the_site(name):
    """Code that runs in a process which serves requests as well."""

    def run(subject, places):
        import shop

        requested("/")
        getattr(shop, name)()

    return run


def _script(name, places):
    import shop

    shop.fail("a script")


def _celery_task(name, places):
    from celery import Celery
    from documented import connect_celery

    app = Celery("shop", broker="memory://", backend="cache+memory://", set_as_current=True)

    @app.task(name="shop.pay")
    def pay():
        import shop

        shop.fail("a Celery task")

    connect_celery(name, app, places)
    from celery.contrib.testing.worker import start_worker  # as a worker does, after the site's module

    with start_worker(app, perform_ping_check=False, pool="solo"):
        pay.delay().get(timeout=20, propagate=False)


def _django_task(name, places):
    import shop_tasks

    requested("/")
    shop_tasks.pay.enqueue()


KINDS = {
    "a view": _wsgi("/view/"),
    "an async view": _wsgi("/async/"),
    "a view under ASGI": _asgi("/view/"),
    "an async view under ASGI": _asgi("/async/"),
    "another middleware before the view": _wsgi("/middleware/before/"),
    "another middleware after the view": _wsgi("/middleware/after/"),
    "another middleware's process_view": _wsgi("/middleware/view/"),
    "a template": _wsgi("/template/"),
    "a streamed response": _wsgi("/streamed/"),
    "a streamed response under ASGI": _asgi("/streamed/async/"),
    "the URL configuration": _wsgi("/broken-urls/"),
    "a status 500 that a view returns": _wsgi("/returned/"),
    "a logged exception of a view": _wsgi("/logged/"),
    "a logged exception of a command": _command("LoggingCommand"),
    "a command": _command("Command"),
    "a script": _script,
    "a thread": _in_the_site("in_a_thread"),
    "an asyncio task that nobody awaits": _in_the_site("in_a_forgotten_task"),
    "a Celery task": _celery_task,
    "a task of django.tasks": _django_task,
}
OF = {"failures": len(KINDS)}


def run(task):
    """In a process of its own."""
    import celery  # noqa: F401 - as a site with tasks does, before Django is set up
    import documented

    documented.start(task["name"], task["places"], logging=True)
    KINDS[task["kind"]](task["name"], task["places"])


def ask(question, name):
    """How many kinds arrived once, and which did not."""
    counts = {}
    for kind in KINDS:
        with serving() as server:
            # The one way to say this to Honeybadger's handler for log records.
            elsewhere = {"HONEYBADGER_ENDPOINT": f"http://127.0.0.1:{server.ports['http']}"}
            processes.run("kinds", name, server, environment=elsewhere, kind=kind)
            counts[kind] = server.notices()
    once = [kind for kind, count in counts.items() if count == 1]
    return str(len(once)), [f"{kind}: {count} notices" for kind, count in counts.items() if count != 1]

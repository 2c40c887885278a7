"""What a request pays that does not fail."""

import statistics
import time

from bench import added, arrived, figures
from pace import best_pace, times, undisturbed
from tables import NONE, number, ratio, spread, table

_ASYNC = ("bare", "does nothing", "hoptoad")


def measure(task):
    """Microseconds of the middleware chain alone, and of a whole request."""
    if task.get("in_async"):
        return _measure_async(task)
    import subjects
    import website
    from control import Control
    from django.core.handlers.wsgi import WSGIHandler

    subjects.start(task["name"], task["places"])
    handler = WSGIHandler()
    request, request_pace = _of_request(handler, task)
    chain, chain_pace = _of_chain(task)
    # A chain that costs little might be one that was not installed: this one has to report.
    control = Control(task["places"]["control"])
    control.reset()
    reports = subjects.SUBJECTS[task["name"]].reports
    website.fail(handler)
    return {
        "chain": chain,
        "request": request,
        "pace": max(request_pace, chain_pace),
        "sent": int(reports),
        "notices": control.wait(1, 20)["notices"] if reports else 0,
    }


def _of_request(handler, task):
    import website

    def calls(count):
        for _ in range(count):
            website.respond(handler, website.healthy_environ())

    return _first_decile(calls, task, 1.0)


def _of_chain(task):
    import website
    from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
    from django.http import HttpResponse

    response = HttpResponse("ok")

    class Innermost(WSGIHandler):
        def _get_response(self, request):
            return response

    chain = Innermost()._middleware_chain  # noqa: SLF001 - what every request goes through
    request = WSGIRequest(website.healthy_environ())

    def calls(count):
        for _ in range(count):
            chain(request)

    return _first_decile(calls, task, 0.4)


def _measure_async(task):
    import asyncio

    import subjects
    from control import Control

    middleware = {"MIDDLEWARE": ["website.DoesNothingAsync"]} if task["name"] == "does nothing" else {}
    subjects.start(task["name"], task["places"], **middleware)
    from django.core.handlers.asgi import ASGIHandler

    chain, slowest = _of_async_chain(task)
    control = Control(task["places"]["control"])
    control.reset()
    reports = subjects.SUBJECTS[task["name"]].reports
    asyncio.run(_fail_async(ASGIHandler()))
    return {
        "chain": chain,
        "pace": slowest,
        "sent": int(reports),
        "notices": control.wait(1, 20)["notices"] if reports else 0,
    }


def _of_async_chain(task):
    from django.core.handlers.asgi import ASGIHandler, ASGIRequest
    from django.http import HttpResponse

    response = HttpResponse("ok")

    class Innermost(ASGIHandler):
        async def _get_response_async(self, request):
            return response

    chain = Innermost()._middleware_chain  # noqa: SLF001
    request = ASGIRequest(_scope("GET", "/"), None)

    def calls(count):
        for _ in range(count):
            try:
                chain(request).send(None)
            except StopIteration:
                continue
            raise RuntimeError("the chain waits for something")

    return _first_decile(calls, task, 0.4)


def _scope(method, path):
    headers = [(b"host", b"shop.example"), (b"content-type", b"application/x-www-form-urlencoded")]
    return {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "path": path,
        "query_string": b"page=2",
        "headers": headers,
    }


async def _fail_async(application):
    import asyncio

    import website

    parts = [{"type": "http.request", "body": website.BODY}]
    sent = []

    async def receive():
        return parts.pop() if parts else await asyncio.Event().wait()

    async def send(message):
        sent.append(message)

    await application(_scope("POST", website.FAILING), receive, send)
    if sent[0]["status"] != 500:
        raise RuntimeError("the page that fails did not fail")


def _first_decile(calls, task, seconds):
    """Microseconds of one call, in blocks of about a millisecond, and the pace they were made at."""
    calls(1_000)
    start = time.perf_counter()
    calls(200)
    once = (time.perf_counter() - start) / 200
    count = min(max(int(0.001 / once), 5), 2_000)
    samples = times(lambda: calls(count), task["fastest"], 0.2 if task["quick"] else seconds)
    found = undisturbed(samples, task["fastest"])
    return statistics.quantiles(found, n=10)[0] / count / 1000, best_pace(samples)


def report(bench):
    """Two tables: of a synchronous site, and of an asynchronous one."""
    results = bench.rounds("healthy", bench.subjects, 5, tries=2)
    bare = results.pop("bare")
    base = figures(bare, "request")
    floor = added(results["does nothing"], bare, "chain")
    rows = []
    for name, found in results.items():
        chain, request = added(found, bare, "chain"), added(found, bare, "request")
        how_many, valid = arrived(found)
        ratios = [ratio(chain, floor), _share(request, base)] if valid else [f"not valid: {how_many}", NONE]
        rows.append([name, spread(chain), ratios[0], spread(request), ratios[1]])
    yield "**A healthy request**"
    yield (
        "By the middleware: Django's own chain of middleware around a prepared answer, called with one "
        "prepared request, so that what is kept on a request is paid once only.\n"
        "By all: a new request through the whole of ``WSGIHandler``, until the answer is closed.\n"
        "Both are called in blocks of about a millisecond; the figure of a process is the first decile of "
        "its blocks, in microseconds, less the bare site's of the same round, whose request takes "
        f"{spread(base)} µs.\n"
        "Each of these processes then fails once, and its notice has to arrive."
    )
    headings = ["Subject", "by the middleware, µs", "to does nothing", "by all, µs", "of the bare request"]
    yield table(headings, rows)
    results = bench.rounds("healthy", _ASYNC, 5, tries=3, options=lambda name, so_far: {"in_async": True})
    bare = results.pop("bare")
    floor = added(results["does nothing"], bare, "chain")
    rows = []
    for name, found in results.items():
        chain = added(found, bare, "chain")
        how_many, valid = arrived(found)
        rows.append([name, spread(chain), ratio(chain, floor) if valid else f"not valid: {how_many}"])
    yield "**A healthy request of an asynchronous site**"
    yield (
        "The same chain as ``ASGIHandler`` builds it, around an asynchronous answer; each coroutine is run "
        "to its end without an event loop."
    )
    yield table(["Subject", "by the middleware, µs", "to does nothing"], rows)


def _share(values, base):
    """Percents of the bare site's; none where the difference is lost in the noise."""
    if not values or min(values) <= 0:
        return NONE
    return f"{number(100 * statistics.median(values) / statistics.median(base))} %"

"""Every integration finds the current request, and one failure of it is one notice."""

import asyncio
import concurrent.futures
import contextlib
import gc
import logging
import pickle
import subprocess
import sys
import threading
import traceback
import weakref

import pytest
from asgiref.sync import sync_to_async
from django.core.exceptions import BadRequest, PermissionDenied, SuspiciousOperation
from django.http import Http404, HttpResponse, JsonResponse, StreamingHttpResponse
from django.test import AsyncClient, Client

import hoptoad
from hoptoad.capture import raised
from hoptoad.log import HoptoadHandler
from hoptoad.runtime import scope
from hoptoad.testing import outbox

logger = logging.getLogger("shop.checkout")


class PayError(Exception):
    """One that allows weak references, as classes written in Python do."""


# Objects that are raised more than once, as cached and predefined exceptions are.
ONE = {
    "RuntimeError": RuntimeError("one object"),
    "PayError": PayError("one object"),
    "OSError": OSError(5, "one object"),
}


@pytest.fixture
def handler():
    """A HoptoadHandler on the root logger, as LOGGING would put it there."""
    handler = HoptoadHandler(level=logging.ERROR)
    logging.getLogger().addHandler(handler)
    yield handler
    logging.getLogger().removeHandler(handler)


class Site:
    """The site under WSGI or ASGI, and its page in a plain or an async view."""

    def __init__(self, server, kind):
        self.server = server
        self.path = "/exception/async/" if kind == "async view" else "/exception/"
        self.is_async = kind == "async view"

    def get(self, query=""):
        if self.server == "WSGI":
            return Client(raise_request_exception=False).get(self.path + query)
        return asyncio.run(AsyncClient(raise_request_exception=False).get(self.path + query))


@pytest.fixture(
    params=[("WSGI", "view"), ("ASGI", "view"), ("WSGI", "async view"), ("ASGI", "async view")],
    ids=lambda pair: " ".join(pair),
)
def site(request):
    return Site(*request.param)


def by_notify(error):
    hoptoad.notify(error)


def by_log(error):
    logger.error("it failed", exc_info=error)


def by_watch(error):
    with hoptoad.watch(reraise=False):
        raise error


CAUGHT = {"notify": by_notify, "a log record": by_log, "watch": by_watch}


@pytest.mark.parametrize("how", CAUGHT)
def test_a_caught_exception_and_its_answer_are_one_notice_with_both(site, view, handler, how):
    @view
    def fail(request):
        try:
            raise PayError("refused")
        except PayError as error:
            CAUGHT[how](error)
        return JsonResponse({}, status=503)

    response = site.get("?order=7")

    [notice] = outbox
    assert response.status_code == 503
    assert notice.error.message == "PayError: refused"
    assert notice.request.url == f"http://testserver{site.path}?order=7"
    assert notice.request.params["order"] == "7"
    assert notice.request.cgi_data["REQUEST_METHOD"] == "GET"
    assert (notice.request.component, notice.request.action) == (
        "shop.views",
        "anything_async" if site.is_async else "anything",
    )


@pytest.mark.parametrize("how", CAUGHT)
@pytest.mark.parametrize(
    "kind",
    [ValueError, PayError, SuspiciousOperation, ExceptionGroup]
    if sys.version_info >= (3, 11)
    else [ValueError, PayError, SuspiciousOperation],
)
def test_an_exception_that_is_reported_and_goes_on_is_one_notice(site, view, handler, how, kind):
    error = kind("twice?", [ValueError()]) if kind.__name__ == "ExceptionGroup" else kind("twice?")

    @view
    def fail(request):
        try:
            raise error
        except kind as caught:
            CAUGHT[how](caught)
            raise

    site.get("?order=7")

    [notice] = outbox
    assert notice.request.params["order"] == "7"


def test_what_goes_through_a_thread_of_asgiref_is_one_notice(async_client, view):
    def work():
        with hoptoad.watch():
            raise PayError("in a thread")

    @view
    def fail(request):
        pass

    from shop import views

    async def await_it(request):
        await sync_to_async(work)()

    views.anything_goes[0] = await_it
    original = views.anything_async

    asyncio.run(_get(async_client, original, await_it))

    [notice] = outbox
    assert notice.error.message == "PayError: in a thread"
    assert notice.request.url.startswith("http://testserver/exception/async/")


async def _get(client, original, function):
    from shop import views

    views.anything_goes[0] = function
    return await client.get("/exception/async/")


@pytest.mark.parametrize("name", ONE)
def test_one_object_raised_in_six_requests_is_six_failures(site, view, name):
    @view
    def fail(request):
        raise ONE[name]

    for _ in range(6):
        site.get()

    assert len(outbox) == 6


@pytest.mark.parametrize("name", ONE)
@pytest.mark.parametrize("how", CAUGHT)
def test_six_requests_that_report_and_raise_one_object_are_six_failures(site, view, handler, name, how):
    @view
    def fail(request):
        try:
            raise ONE[name]
        except Exception as error:
            CAUGHT[how](error)
            raise

    for _ in range(6):
        site.get()

    assert len(outbox) == 6


def test_the_exception_of_a_cached_future_fails_each_request(site, view):
    future = concurrent.futures.Future()
    future.set_exception(ValueError("cached"))

    @view
    def fail(request):
        future.result()

    for _ in range(4):
        site.get()

    assert len(outbox) == 4


def test_a_job_in_a_thread_pool_and_its_request_are_one_failure(site, view):
    @hoptoad.watch
    def job():
        raise ONE["RuntimeError"]

    with concurrent.futures.ThreadPoolExecutor(2) as pool:

        @view
        def fail(request):
            pool.submit(job).result()

        for _ in range(4):
            site.get()

    assert len(outbox) == 4


def test_nested_watches_report_each_raising_once():
    @hoptoad.watch
    def outer():
        inner()

    @hoptoad.watch
    def inner():
        raise ONE["RuntimeError"]

    for _ in range(5):
        with contextlib.suppress(RuntimeError):
            outer()

    assert len(outbox) == 5


@pytest.mark.parametrize("name", ONE)
def test_outside_of_requests_each_raising_in_a_loop_is_reported(name):
    def work():
        raise ONE[name]

    for _ in range(4):
        try:
            work()
        except Exception as error:
            hoptoad.notify(error)

    assert len(outbox) == 4


def test_an_exception_raised_without_its_traceback_is_a_new_failure():
    error = PayError("one object")

    def fail(depth):
        if not depth:
            raise error.with_traceback(None)
        fail(depth - 1)

    for depth in (5, 0):
        with hoptoad.watch(reraise=False):
            fail(depth)

    assert len(outbox) == 2


def test_outside_of_requests_each_raising_in_coroutines_is_reported():
    async def work():
        await asyncio.sleep(0)
        raise ONE["PayError"]

    async def main():
        for _ in range(4):
            try:
                await asyncio.create_task(work())
            except PayError as error:
                hoptoad.notify(error)

    asyncio.run(main())

    assert len(outbox) == 4


def test_outside_of_requests_one_raising_is_reported_once_by_all_who_see_it(handler):
    def work():
        try:
            raise PayError("seen by four")
        except PayError as error:
            logger.exception("first")
            hoptoad.notify(error)
            raise

    with contextlib.suppress(PayError), hoptoad.watch():
        try:
            work()
        except PayError as error:
            hoptoad.notify(error)
            raise error  # noqa: TRY201 - raises by name, which lengthens the traceback

    assert len(outbox) == 1


def test_a_generator_and_a_coroutine_pass_an_exception_on_as_one_failure():
    def numbers():
        with hoptoad.watch():
            yield 1
            raise ONE["PayError"]

    async def read():
        with hoptoad.watch():
            list(numbers())

    for _ in range(3):
        with contextlib.suppress(PayError):
            asyncio.run(read())

    assert len(outbox) == 3


def test_different_exceptions_of_one_request_are_all_reported(site, view):
    @view
    def fail(request):
        for number in range(30):  # more objects than fit the memory of one address
            try:
                raise ValueError(number)
            except ValueError as error:
                hoptoad.notify(error)
        raise KeyError("the last")

    site.get()

    assert len(outbox) == 31


def test_a_failure_while_a_reported_one_is_handled_is_another_one(site, view):
    @view
    def fail(request):
        for number in range(3):
            try:
                raise ValueError(number)
            except ValueError as error:
                hoptoad.notify(error)
                try:
                    raise KeyError(number)
                except KeyError as second:
                    hoptoad.notify(second)
        return HttpResponse("ok")

    site.get()

    assert len(outbox) == 6


def test_a_message_does_not_hide_the_answer(site, view):
    @view
    def fail(request):
        hoptoad.notify(message="the stock is low")
        return HttpResponse(status=500)

    site.get()

    assert [notice.error.class_name for notice in outbox] == ["Message", "Http500"]


def test_a_caught_exception_does_not_hide_a_missing_page(site, view, settings_for):
    settings_for(HOPTOAD_NOTIFY_404=True)

    @view
    def fail(request):
        try:
            raise ValueError("caught")
        except ValueError as error:
            hoptoad.notify(error)
        return HttpResponse(status=404)

    site.get()

    assert [notice.error.class_name for notice in outbox] == ["ValueError", "Http404"]


@pytest.mark.parametrize("how", ["notify", "a log record"])
@pytest.mark.parametrize(
    ("kind", "status"),
    [(PermissionDenied, 403), (Http404, 404), (BadRequest, 400), (SuspiciousOperation, 400)],
)
def test_a_reported_exception_that_django_answers_is_one_notice(
    site, view, handler, settings_for, how, kind, status
):
    settings_for(HOPTOAD_NOTIFY_STATUSES=[status])

    @view
    def refuse(request):
        try:
            raise kind("no")
        except kind as error:
            CAUGHT[how](error)
            raise

    assert site.get().status_code == status
    assert len(outbox) == 1


def test_two_requests_at_once_are_told_apart(view):
    arrived = threading.Barrier(2)

    @view
    def fail(request):
        arrived.wait(30)
        try:
            raise ONE["RuntimeError"]
        except RuntimeError as error:
            arrived.wait(30)
            hoptoad.notify(error)
            arrived.wait(30)
        return HttpResponse(status=500)

    threads = [
        threading.Thread(target=Client(raise_request_exception=False).get, args=(f"/exception/?n={n}",))
        for n in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(notice.request.params["n"] for notice in outbox) == ["0", "1"]


def test_two_requests_in_one_event_loop_are_told_apart():
    from shop import views

    async def main():
        arrived = [asyncio.Event(), asyncio.Event()]

        async def fail(request):
            number = int(request.GET["n"])
            arrived[number].set()
            await arrived[1 - number].wait()
            hoptoad.notify(ValueError(number))
            return HttpResponse("ok")

        views.anything_goes[0] = fail
        client = AsyncClient()
        await asyncio.gather(*(client.get(f"/exception/async/?n={n}") for n in range(2)))

    asyncio.run(main())

    told = {notice.error.message: notice.request.params["n"] for notice in outbox}
    assert told == {"ValueError: 0": "0", "ValueError: 1": "1"}


def test_outside_of_a_request_there_is_none(client, view):
    @view
    def fine(request):
        return HttpResponse("ok")

    client.get("/exception/")
    hoptoad.notify(ValueError("later"))

    assert outbox[0].request.url == ""
    assert scope.current_request() is None


def test_a_task_that_outlives_its_request_does_not_hold_it():
    from shop import views

    seen = {}

    async def main():
        go_on = asyncio.Event()

        async def background():
            await go_on.wait()
            hoptoad.notify(ValueError("in the background"))
            seen["request"] = scope.current_request()

        async def begin(request):
            seen["weak"] = weakref.ref(request)
            seen["task"] = asyncio.create_task(background())
            return HttpResponse("ok")

        views.anything_goes[0] = begin
        await AsyncClient().get("/exception/async/")
        gc.collect()
        seen["alive"] = seen["weak"]() is not None
        go_on.set()
        await seen["task"]

    asyncio.run(main())

    assert seen["request"] is None
    assert not seen["alive"]
    assert outbox[0].request.url == ""


def test_a_healthy_request_leaves_nothing_behind(site, view):
    kept = []

    @view
    def fine(request):
        kept.append(weakref.ref(request))
        return HttpResponse("ok")

    site.get()
    gc.collect()

    assert kept[0]() is None
    assert scope.current() is None


@pytest.mark.parametrize("ending", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_the_request_is_let_go_however_it_ends(view, ending):
    @view
    def fail(request):
        hoptoad.context(tenant="A")
        raise ending

    with contextlib.suppress(BaseException):
        Client(raise_request_exception=False).get("/exception/")
    outbox.clear()
    hoptoad.notify(ValueError("after"))

    assert scope.current() is None
    assert outbox[0].request.url == ""
    assert "tenant" not in outbox[0].extra


def test_an_exception_is_pickled_as_it_is_without_the_library(client, view):
    caught = []

    @view
    def fail(request):
        try:
            raise OSError(2, "pickled")
        except OSError as error:
            caught.append(error)
            raise

    client.get("/exception/")
    hoptoad.notify(caught[0])

    pickled = pickle.dumps(caught[0])
    assert b"hoptoad" not in pickled
    assert caught[0].__dict__ == {}
    plain = f"import pickle; print(repr(pickle.loads({pickled!r})))"
    told = subprocess.run([sys.executable, "-S", "-c", plain], capture_output=True, text=True, check=True)
    assert "pickled" in told.stdout


def test_memory_of_seen_exceptions_is_bounded():
    for number in range(1000):
        hoptoad.notify(PayError(number))
        hoptoad.notify(ValueError(number))

    assert len(raised._sightings) <= 256


def lines_of(response):
    try:
        list(response)
    except PayError as error:
        return [frame.name for frame in traceback.extract_tb(error.__traceback__)]


@pytest.mark.skipif(sys.version_info < (3, 11), reason="Python 3.10 keeps the traceback out of reach")
def test_a_stream_that_breaks_off_has_the_same_traceback_as_without_us(client, view, settings_for):
    def content():
        yield b"one"
        raise PayError("half-way")

    @view
    def stream(request):
        return StreamingHttpResponse(content())

    with_us = lines_of(client.get("/exception/"))
    settings_for(MIDDLEWARE=[])
    without_us = lines_of(Client().get("/exception/"))

    assert with_us == without_us
    assert len(outbox) == 1


@pytest.mark.skipif(sys.version_info < (3, 11), reason="Python 3.10 keeps the traceback out of reach")
def test_an_async_stream_that_breaks_off_has_the_same_traceback_as_without_us(settings_for):
    from shop import views

    async def content():
        yield b"one"
        raise PayError("half-way")

    async def read(client):
        response = await client.get("/exception/async/")
        try:
            async for _ in response.streaming_content:
                pass
        except PayError as error:
            return [frame.name for frame in traceback.extract_tb(error.__traceback__)]

    async def stream(request):
        return StreamingHttpResponse(content())

    views.anything_goes[0] = stream
    with_us = asyncio.run(read(AsyncClient()))
    settings_for(MIDDLEWARE=[])
    without_us = asyncio.run(read(AsyncClient()))

    assert with_us == without_us
    assert len(outbox) == 1


def test_a_stream_is_made_inside_its_request(client, view):
    def content():
        yield b"one"
        hoptoad.context(step="two")
        error = PayError("noted, then raised")
        hoptoad.notify(error)
        raise error

    @view
    def stream(request):
        hoptoad.context(tenant="A")
        return StreamingHttpResponse(content())

    with contextlib.suppress(PayError):
        list(client.get("/exception/?order=7"))
    hoptoad.notify(ValueError("after"))

    [notice, after] = outbox
    assert notice.request.params["order"] == "7"
    assert notice.extra["tenant"] == "A"
    assert notice.extra["step"] == "two"
    assert "tenant" not in after.extra
    assert scope.current() is None


@pytest.mark.parametrize("kind", [ValueError, OSError, KeyError, PayError])
def test_what_the_site_puts_on_an_exception_is_let_go(site, view, kind):
    kept = []

    @view
    def fail(request):
        error = kind("x")
        error.request = request
        kept.append(weakref.ref(request))
        try:
            raise error
        except kind:
            hoptoad.notify()
            raise

    site.get()
    gc.collect()

    assert len(outbox) == 1
    assert kept[0]() is None


def test_an_event_loop_in_a_pool_and_its_request_are_one_failure(site, view, handler):
    async def pay():
        try:
            raise PayError("refused")
        except PayError:
            logger.exception("while paying")
            raise

    @view
    def fail(request):
        with concurrent.futures.ThreadPoolExecutor() as pool:
            pool.submit(lambda: asyncio.run(pay())).result()

    site.get()

    assert len(outbox) == 1


@pytest.mark.parametrize("caught", ["raises", "answers"])
def test_a_request_made_inside_a_request_is_one_of_its_own(view, caught):
    error = RuntimeError("one object")

    @view
    def fail(request):
        if "inner" in request.GET:
            raise error
        with contextlib.suppress(PayError), hoptoad.context(step="pay"):
            raise PayError  # so that there is a unit of the outer request
        Client(raise_request_exception=False).get("/exception/?inner=1")
        if caught == "raises":
            raise error
        return HttpResponse(status=503)

    Client(raise_request_exception=False).get("/exception/?outer=1")

    assert [notice.request.url.partition("?")[2] for notice in outbox] == ["inner=1", "outer=1"]


@pytest.mark.parametrize("server", ["WSGI", "ASGI"])
def test_a_thread_of_asyncio_knows_the_request(view, handler, server):
    def pay():
        try:
            raise PayError("refused")
        except PayError:
            logger.exception("while paying")

    @view
    async def fail(request):
        await asyncio.to_thread(pay)
        return JsonResponse({}, status=502)

    Site(server, "async view").get("?order=7")

    [notice] = outbox
    assert notice.request.params["order"] == "7"


def test_an_event_loop_of_the_sites_own_does_not_know_the_next_request(client, view):
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    started, is_next = [], threading.Event()

    async def background():
        await asyncio.to_thread(is_next.wait)
        hoptoad.notify(PayError("in the background"))
        await sync_to_async(hoptoad.notify)(PayError("in a thread of the background"))
        await asyncio.to_thread(hoptoad.notify, PayError("in another thread of it"))

    @view
    def begin(request):
        if not started:
            started.append(asyncio.run_coroutine_threadsafe(background(), loop))
        else:
            is_next.set()
            started[0].result()
        return HttpResponse("ok")

    client.get("/exception/?n=1")
    client.get("/exception/?n=2")
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()

    assert [notice.request.url for notice in outbox] == ["", "", ""]


def test_a_suspicious_request_in_the_log_and_its_answer_are_one_notice(site, view, handler, settings_for):
    settings_for(HOPTOAD_NOTIFY_STATUSES=[400])

    @view
    def refuse(request):
        raise SuspiciousOperation("no")

    assert site.get().status_code == 400
    assert len(outbox) == 1


def test_a_refusal_beside_a_reported_exception_is_another_notice(site, view, settings_for):
    settings_for(HOPTOAD_NOTIFY_STATUSES=[403])

    @view
    def refuse(request):
        hoptoad.notify(PermissionDenied("one that was handled"))
        raise PermissionDenied("staff only")

    assert site.get().status_code == 403
    assert len(outbox) == 2


def functions(notice):
    return [frame.function.rpartition(".")[2] for frame in notice.error.frames]


@pytest.mark.parametrize("error", [PayError("one"), RuntimeError("one"), OSError(5, "one")], ids=repr)
def test_one_object_brings_no_lines_and_variables_of_earlier_requests(site, view, settings_for, error):
    settings_for(HOPTOAD_LOCAL_VARIABLES=True)
    one = error.with_traceback(None)

    @view
    def fail(request):
        customer = request.GET["customer"]
        raise one if customer else None

    for customer in ("freda", "gustav", "hanna"):
        site.get(f"?customer={customer}")

    first, second, third = outbox
    assert functions(second) == functions(first) == functions(third)
    assert functions(third).count("fail") == 1
    assert "hanna" in third.error.frames[0].variables["customer"]
    assert "freda" not in repr(third.error)


def test_a_cached_future_brings_the_lines_where_it_failed_to_each_request(site, view):
    def job():
        raise ValueError("in a job")

    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        future = pool.submit(job)

    @view
    def fail(request):
        future.result()

    for _ in range(3):
        site.get()

    for notice in outbox:
        assert functions(notice).count("job") == 1
        assert functions(notice).count("fail") == 1
        assert functions(notice)[0] == "job"


def test_what_is_caught_and_raised_by_name_keeps_all_its_lines():
    def work():
        raise PayError("in work")

    with contextlib.suppress(PayError), hoptoad.watch():
        try:
            work()
        except PayError as error:
            hoptoad.notify(message="noted")
            raise error  # noqa: TRY201

    assert functions(outbox[1])[0] == "work"

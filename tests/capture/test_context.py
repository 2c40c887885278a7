"""Values and breadcrumbs belong to one request, connection, task or job."""

import asyncio
import concurrent.futures
import contextlib
import logging
import threading

import pytest
from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator
from django.http import HttpResponse
from django.test import AsyncClient, Client

import hoptoad
from hoptoad import hooks
from hoptoad.integrations.asgi import HoptoadASGI
from hoptoad.runtime import scope
from hoptoad.testing import outbox

logger = logging.getLogger("shop.trail")


@pytest.fixture
def breadcrumbs():
    hooks.install([], trail=10)
    logger.setLevel(logging.INFO)
    yield
    hooks.remove()


def told(notice):
    """The breadcrumbs of a notice without time and level."""
    return [line.rpartition(": ")[2] for line in notice.extra.get("trail", ())]


def charge():
    raise ValueError("refused")


def test_a_failure_that_leaves_a_block_has_its_values(client, view):
    @view
    def fail(request):
        with hoptoad.context(step="pay", tenant="A"):
            charge()

    client.get("/exception/")
    client.get("/boom/")

    assert (outbox[0].extra["step"], outbox[0].extra["tenant"]) == ("pay", "A")
    assert "step" not in outbox[1].extra


def test_with_watch_around_the_block_too():
    with contextlib.suppress(ValueError), hoptoad.watch(), hoptoad.context(step="pay"):
        charge()

    assert outbox[0].extra["step"] == "pay"


def test_of_nested_blocks_it_has_all_values():
    with (
        contextlib.suppress(ValueError),
        hoptoad.watch(),
        hoptoad.context(step="outer", order=7),
        hoptoad.context(step="inner"),
    ):
        charge()

    assert (outbox[0].extra["step"], outbox[0].extra["order"]) == ("inner", "7")


def test_the_values_go_with_what_was_raised_from_it(client, view):
    @view
    def fail(request):
        try:
            with hoptoad.context(step="pay"):
                charge()
        except ValueError as error:
            raise LookupError("no order") from error

    client.get("/exception/")

    assert outbox[0].extra["step"] == "pay"


def test_an_async_block_in_a_task_of_its_own():
    from shop import views

    async def work():
        with hoptoad.context(step="pay"):
            await asyncio.sleep(0)
            charge()

    async def fail(request):
        await asyncio.gather(work())

    views.anything_goes[0] = fail
    asyncio.run(AsyncClient(raise_request_exception=False).get("/exception/async/"))

    assert outbox[0].extra["step"] == "pay"


def test_one_object_that_leaves_two_blocks_has_the_values_of_the_second():
    error = ValueError("one object")
    for step in ("first", "second"):
        try:
            with hoptoad.context(step=step):
                raise error
        except ValueError:
            hoptoad.notify(error)

    assert [notice.extra["step"] for notice in outbox] == ["first", "second"]


def test_another_failure_after_the_block_has_no_values_of_it(client, view):
    @view
    def fail(request):
        with contextlib.suppress(ValueError), hoptoad.context(step="pay"):
            charge()
        hoptoad.notify(KeyError("another"))

    client.get("/exception/")

    assert "step" not in outbox[0].extra


@pytest.mark.parametrize("ending", [None, ValueError, KeyboardInterrupt, SystemExit])
def test_the_next_request_of_the_thread_has_no_values_of_this_one(view, ending):
    @view
    def use(request):
        if request.GET:
            hoptoad.context(tenant=request.GET["tenant"])
            if ending is not None:
                raise ending
            return HttpResponse("ok")
        raise LookupError("next")

    with contextlib.suppress(BaseException):
        Client(raise_request_exception=False).get("/exception/?tenant=A")
    outbox.clear()
    Client(raise_request_exception=False).get("/exception/")

    assert "tenant" not in outbox[0].extra


def test_without_the_middleware_a_request_begins_anew_too(settings_for, view):
    """The signals of Django end the values where only a log handler reports."""
    settings_for(MIDDLEWARE=[])

    @view
    def use(request):
        hoptoad.context(tenant="A")
        raise KeyboardInterrupt

    with contextlib.suppress(KeyboardInterrupt):
        Client().get("/exception/")

    @view
    def look(request):
        hoptoad.notify(message="next")
        return HttpResponse("ok")

    Client().get("/exception/")

    assert "tenant" not in outbox[0].extra


def test_values_of_a_middleware_around_ours_are_told(settings_for, view):
    from django.conf import settings

    settings_for(MIDDLEWARE=["shop.tenant.Tenant", *settings.MIDDLEWARE])

    @view
    def fail(request):
        raise ValueError("x")

    Client(raise_request_exception=False).get("/exception/")

    assert outbox[0].extra["tenant"] == "from outside"


def test_two_websockets_do_not_share_breadcrumbs(breadcrumbs):
    logger.info("at import")

    async def application(scope, receive, send):
        await receive()
        logger.info("%s connected", scope["path"])
        await asyncio.sleep(0)
        raise ValueError(scope["path"])

    async def connect(path):
        scope = {"type": "websocket", "path": path, "query_string": b"", "headers": []}
        communicator = ApplicationCommunicator(HoptoadASGI(application), scope)
        await communicator.send_input({"type": "websocket.connect"})
        with contextlib.suppress(ValueError):
            await communicator.wait()

    async def main():
        await asyncio.gather(connect("/a/"), connect("/b/"))

    asyncio.run(main())

    lines = {notice.error.message: told(notice) for notice in outbox}
    assert lines == {"ValueError: /a/": ["/a/ connected"], "ValueError: /b/": ["/b/ connected"]}


def test_a_websocket_reports_with_its_own_address():
    async def application(scope, receive, send):
        await receive()
        hoptoad.notify(ValueError("noted"))
        for _ in range(3):
            hoptoad.notify(message="again")

    async def main():
        scope = {"type": "websocket", "path": "/a/", "query_string": b"page=2", "headers": []}
        communicator = ApplicationCommunicator(HoptoadASGI(application), scope)
        await communicator.send_input({"type": "websocket.connect"})
        await communicator.wait()

    asyncio.run(main())

    assert len(outbox) == 4
    assert outbox[0].request.params["page"] == "2"
    assert scope.current() is None


def test_a_thread_pool_carries_nothing_from_job_to_job(breadcrumbs):
    @hoptoad.watch
    def first():
        hoptoad.context(job="first")
        logger.info("first")
        raise ValueError("first")

    @hoptoad.watch
    def second():
        logger.info("second")
        raise ValueError("second")

    def third():
        logger.info("third")
        hoptoad.notify(ValueError("third"))

    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        for job in (first, second, third):
            pool.submit(job).exception()

    assert [told(notice) for notice in outbox] == [["first"], ["second"], []]
    assert [notice.extra.get("job") for notice in outbox] == ["first", None, None]


def test_the_main_thread_of_a_script_keeps_its_breadcrumbs(breadcrumbs):
    logger.info("begun")
    hoptoad.notify(ValueError("in a script"))

    assert told(outbox[0])[-1:] == ["begun"]


def test_each_asyncio_task_outside_of_requests_has_its_own(breadcrumbs):
    async def work(name):
        logger.info("step of %s", name)
        await asyncio.sleep(0)
        hoptoad.notify(ValueError(name))

    async def main():
        await asyncio.gather(work("a"), work("b"))

    asyncio.run(main())

    lines = {notice.error.message: told(notice) for notice in outbox}
    assert lines == {"ValueError: a": ["step of a"], "ValueError: b": ["step of b"]}


def test_all_threads_of_a_request_share_its_breadcrumbs(breadcrumbs):
    from shop import views

    async def fail(request):
        logger.info("one")
        await sync_to_async(logger.info)("two")
        raise ValueError("x")

    views.anything_goes[0] = fail
    asyncio.run(AsyncClient(raise_request_exception=False).get("/exception/async/"))
    asyncio.run(AsyncClient(raise_request_exception=False).get("/boom/"))

    assert told(outbox[0]) == ["one", "two"]
    assert told(outbox[1]) == []


def test_without_the_middleware_a_request_keeps_its_breadcrumbs(breadcrumbs, settings_for, view):
    settings_for(MIDDLEWARE=[])

    @view
    def look(request):
        logger.info("step %s", request.GET["n"])
        hoptoad.notify(message="noted")
        return HttpResponse("ok")

    def ask(number):
        Client().get(f"/exception/?n={number}")

    for number in range(2):
        thread = threading.Thread(target=ask, args=(number,))
        thread.start()
        thread.join()

    assert [told(notice) for notice in outbox] == [["step 0"], ["step 1"]]


class Refusing:
    """A value that cannot be compared, as arrays of numpy cannot."""

    def __eq__(self, other):
        raise RuntimeError("compared")

    __hash__ = None


class RefusingError(Exception):
    def __eq__(self, other):
        raise RuntimeError("compared")

    __hash__ = None


@pytest.mark.parametrize("kind", [ValueError, OSError, RefusingError])
def test_neither_values_nor_exceptions_are_compared(kind):
    with hoptoad.watch(reraise=False):
        for step in ("first", "second"):
            with (
                contextlib.suppress(kind),
                hoptoad.context(rows=Refusing()),
                hoptoad.context(step=step, more=Refusing()),
            ):
                raise kind(step)
        with hoptoad.context(rows=Refusing()), hoptoad.context(step="third"):
            raise kind("third")

    assert outbox[0].extra["step"] == "third"


def test_exceptions_that_left_blocks_of_equal_values_keep_them():
    caught = []
    for order in (1, 2):
        with hoptoad.watch():
            try:
                with hoptoad.context(tenant="A"), hoptoad.context(step="pay"):
                    raise ValueError(order)
            except ValueError as error:
                caught.append(error)
                hoptoad.notify(error)

    assert [notice.extra["step"] for notice in outbox] == ["pay", "pay"]


def test_one_object_is_good_for_several_blocks():
    paying = hoptoad.context(step="pay")
    for order in ("first", "second", "third"):
        with paying:
            hoptoad.notify(message=order)
        hoptoad.notify(message=f"after the {order}")

    assert [notice.extra.get("step") for notice in outbox] == ["pay", None] * 3


def test_a_block_inside_itself_raises_nothing():
    paying = hoptoad.context(step="pay")
    with paying, paying:
        hoptoad.notify(message="inside")
    hoptoad.notify(message="outside")

    assert [notice.extra.get("step") for notice in outbox] == ["pay", None]


@pytest.mark.parametrize("server", ["WSGI", "ASGI"])
def test_a_request_made_inside_a_request_leaves_the_values_of_that_one(view, server):
    @view
    def fail(request):
        hoptoad.context(tenant="A")
        if server == "WSGI":
            Client().get("/")
        raise ValueError("x")

    async def fail_async(request):
        hoptoad.context(tenant="A")
        await AsyncClient().get("/")
        raise ValueError("x")

    if server == "WSGI":
        Client(raise_request_exception=False).get("/exception/")
    else:
        view(fail_async)
        asyncio.run(AsyncClient(raise_request_exception=False).get("/exception/async/"))

    assert outbox[0].extra["tenant"] == "A"


def test_after_a_request_made_inside_a_request_each_has_its_own_breadcrumbs(breadcrumbs, client, view):
    error = RuntimeError("one object")

    @view
    def fail(request):
        logger.info("step %s", request.GET["n"])
        if request.GET["n"] == "0":
            Client().get("/")
        raise error

    for number in range(3):
        client.get(f"/exception/?n={number}")

    assert [told(notice) for notice in outbox] == [["step 0"], ["step 1"], ["step 2"]]


def test_after_an_inner_request_that_was_broken_off_each_has_its_own_breadcrumbs(breadcrumbs, client, view):
    @view
    def fail(request):
        logger.info("step %s", request.GET["n"])
        if request.GET["n"] == "inner":
            raise SystemExit
        if request.GET["n"] == "0":
            with contextlib.suppress(SystemExit):
                Client().get("/exception/?n=inner")
        raise ValueError("x")

    for number in range(3):
        client.get(f"/exception/?n={number}")

    assert [told(notice) for notice in outbox][1:] == [["step 1"], ["step 2"]]

"""notify, watch, context and flush."""

import asyncio
import enum
import inspect
import logging
import threading
import uuid

import pytest
from django.test import RequestFactory

import hoptoad
from hoptoad import stats
from hoptoad.redaction.cutting import MASK
from hoptoad.testing import outbox


def caught():
    try:
        raise ValueError("by hand")
    except ValueError as error:
        return error


def test_an_exception_is_reported_and_its_number_returned():
    identity = hoptoad.notify(caught())

    [notice] = outbox
    assert uuid.UUID(hex=identity)
    assert notice.id == identity
    assert notice.error.message == "ValueError: by hand"
    assert notice.error.frames[0].function == "caught"
    assert notice.request.component == "unknown"


def test_inside_an_except_block_it_is_found():
    try:
        raise KeyError("found")
    except KeyError:
        assert hoptoad.notify()

    assert outbox[0].error.message == "KeyError: 'found'"


def test_a_message_has_the_place_of_the_call():
    assert hoptoad.notify(message="the stock is low")

    [notice] = outbox
    assert (notice.error.class_name, notice.error.message) == ("Message", "the stock is low")
    assert notice.error.frames[0].function == "test_a_message_has_the_place_of_the_call"
    assert notice.error.frames[0].file == "[PROJECT_ROOT]/reporting/test_manual.py"


def test_a_message_goes_beside_an_exception():
    hoptoad.notify(caught(), message="while paying, password=hunter-22")

    assert outbox[0].error.message == "ValueError: by hand"
    assert outbox[0].extra == {"message": f"while paying, password={MASK}"}


def test_all_details_travel_and_are_scrubbed():
    request = RequestFactory().get("/orders/?token=url-secret-1")

    hoptoad.notify(
        caught(),
        request=request,
        component="shop.orders",
        action="import",
        params={"order": 7, "password": "url-secret-1"},
        tags={"tenant": "frogs", "api_key": "tag-secret-1"},
    )

    [notice] = outbox
    assert (notice.request.component, notice.request.action) == ("shop.orders", "import")
    assert notice.request.params == {"token": MASK, "order": "7", "password": MASK}
    assert notice.extra == {"tags": {"tenant": "frogs", "api_key": MASK}}
    assert notice.request.url == f"http://testserver/orders/?token={MASK}"
    assert request.hoptoad_notice_id == notice.id


@pytest.mark.parametrize(
    ("args", "kwargs", "why"),
    [
        ((), {}, "Here there is neither"),
        (("a text",), {}, "'a text' is not an exception. Pass a text as message"),
        ((ValueError,), {}, "is not an exception"),
        ((), {"message": 7}, "The message is a int"),
        ((), {"message": "x", "params": [1]}, "params is a list, and must be a mapping"),
        ((), {"message": "x", "tags": "a"}, "tags is a str, and must be a mapping"),
        ((), {"message": "x", "request": object()}, "The request is not an HttpRequest"),
    ],
)
def test_a_wrong_call_says_how_to_call_it(args, kwargs, why):
    with pytest.raises(TypeError, match=why) as raised:
        hoptoad.notify(*args, **kwargs)

    assert "hoptoad.notify() takes an exception, or message=" in str(raised.value)
    assert outbox == []


def test_what_cannot_be_shown_is_named():
    hoptoad.notify(message="x", tags={"thing": object(), "items": [caught, {1, 2}]})

    tags = outbox[0].extra["tags"]
    assert tags["thing"] == "<object object>"
    assert tags["items"][1] == ("1", "2")


def test_nothing_else_raises(settings_for, caplog):
    settings_for(HOPTOAD_HANDLER="shop.nowhere.Handler")

    assert hoptoad.notify(caught()) is None
    assert "django-hoptoad itself failed" in caplog.text


class Refusing(type):
    """The classes of this class do not say what they are called."""

    def __getattribute__(cls, name):
        if name in ("__name__", "__qualname__", "__module__"):
            raise RuntimeError(name)
        return type.__getattribute__(cls, name)


class Nameless(Exception, metaclass=Refusing):
    __slots__ = ()


class NamelessThing(metaclass=Refusing):
    pass


class NamelessColour(enum.Enum):
    RED = 1


def test_classes_that_refuse_their_name_are_reported(settings_for):
    settings_for(HOPTOAD_LOCAL_VARIABLES=True)

    def fail(error):
        thing, kind, items = NamelessThing(), NamelessThing, [NamelessThing(), Nameless("in a list")]  # noqa: F841
        try:
            raise error
        except Exception as raised:
            return hoptoad.notify(raised, tags={"thing": thing})

    assert fail(ValueError("x"))
    assert fail(ValueError(NamelessThing()))
    assert fail(Nameless("y"))
    assert outbox[0].error.frames[0].variables["thing"].endswith("NamelessThing object>")
    assert outbox[2].error.class_name.endswith("Nameless")


def test_a_failure_of_ours_is_logged_whatever_the_exception_does(settings_for, caplog):
    settings_for(HOPTOAD_HANDLER="shop.nowhere.Handler")

    try:
        raise Nameless("x")
    except Nameless as error:
        assert hoptoad.notify(error) is None
        with hoptoad.watch(reraise=False):
            raise error

    assert "django-hoptoad itself failed" in caplog.text
    assert "traceback could not be logged" in caplog.text


class FailingHandler(logging.Handler):
    def emit(self, record):
        raise ZeroDivisionError("the site's log is broken")


def test_a_failure_of_ours_does_not_raise_where_the_log_fails(settings_for):
    settings_for(HOPTOAD_HANDLER="shop.nowhere.Handler")
    handler = FailingHandler()
    logging.getLogger("hoptoad").addHandler(handler)
    try:
        assert hoptoad.notify(caught()) is None
        assert hoptoad.notify(message="x") is None
    finally:
        logging.getLogger("hoptoad").removeHandler(handler)


class BrokenMapping(dict):
    def keys(self):
        raise ZeroDivisionError

    items = __iter__ = keys


def test_tags_and_params_that_cannot_be_read_cost_only_themselves():
    assert hoptoad.notify(message="x", tags=BrokenMapping(a=1), params=BrokenMapping(b=2))


@pytest.mark.parametrize(
    "names", [{"HOPTOAD_SETTINGS": {}}, {"DEBUG": True}, {"HOPTOAD_IGNORE_EXCEPTIONS": [ValueError]}]
)
def test_settings_keep_it_from_being_reported(settings_for, names):
    settings_for(**names)

    assert hoptoad.notify(caught()) is None
    assert outbox == []


def test_switching_500s_off_is_about_requests(settings_for):
    settings_for(HOPTOAD_NOTIFY_500=False)

    assert hoptoad.notify(caught())


def test_messages_of_one_call_share_a_limit(settings_for):
    settings_for(HOPTOAD_STORM_LIMIT=2)

    for _ in range(5):
        hoptoad.notify(message="again")
    hoptoad.notify(message="another")

    assert len(outbox) == 3
    assert stats()["suppressed"] == 3


def test_an_exception_is_reported_once_by_whichever_integration(client, view):
    @view
    def fail(request):
        with hoptoad.watch():
            try:
                raise ValueError("seen by many")
            except ValueError as error:
                hoptoad.notify(error)
                raise

    assert client.get("/exception/").status_code == 500

    assert len(outbox) == 1
    assert outbox[0].request.component == "shop.views"


ALWAYS_THE_SAME = ValueError("raised again and again")


def again():
    raise ALWAYS_THE_SAME


def test_an_exception_that_is_raised_again_is_reported_again(client, view):
    view(lambda request: again())
    for _ in range(2):
        with pytest.raises(ValueError), hoptoad.watch():
            again()
        client.get("/exception/")

    assert len(outbox) == 4


def test_raised_again_in_a_loop_it_is_reported_again():
    for _ in range(3):
        try:
            again()
        except ValueError as error:
            assert hoptoad.notify(error)
            assert hoptoad.notify(error) is None

    assert len(outbox) == 3


def test_one_never_raised_is_reported_once():
    error = ValueError("never raised")

    assert hoptoad.notify(error)
    assert hoptoad.notify(error) is None


def test_a_block_is_watched():
    with pytest.raises(ValueError), hoptoad.watch(component="import", action="orders", tags={"a": "b"}):
        raise ValueError("x")
    with hoptoad.watch(reraise=False):
        raise KeyError("swallowed")

    assert [notice.error.class_name for notice in outbox] == ["ValueError", "KeyError"]
    assert (outbox[0].request.component, outbox[0].request.action) == ("import", "orders")
    assert outbox[0].extra == {"tags": {"a": "b"}}


@hoptoad.watch
def bare(value):
    """Its documentation."""
    return value / 0


@hoptoad.watch(reraise=False, component="import")
def quiet(value):
    return value / 0


@hoptoad.watch
async def awaited(value):
    await asyncio.sleep(0)
    return value / 0


def test_functions_are_watched():
    with pytest.raises(ZeroDivisionError):
        bare(7)
    assert quiet(7) is None
    with pytest.raises(ZeroDivisionError):
        asyncio.run(awaited(7))

    assert (bare.__name__, bare.__doc__) == ("bare", "Its documentation.")
    assert inspect.iscoroutinefunction(awaited)
    assert [notice.error.frames[0].function for notice in outbox] == ["bare", "quiet", "awaited"]


async def test_an_async_block_is_watched():
    with pytest.raises(ValueError):
        async with hoptoad.watch():
            raise ValueError("x")

    assert len(outbox) == 1


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, asyncio.CancelledError])
def test_the_end_of_a_process_or_task_is_no_failure(error):
    with pytest.raises(error), hoptoad.watch():
        raise error

    assert outbox == []


def test_watch_is_given_a_function_or_details():
    with pytest.raises(TypeError, match="takes keyword arguments, or the function"):
        hoptoad.watch("import")


def test_values_go_with_every_notice_and_are_scrubbed():
    with hoptoad.context(order=7, password="context-secret"):
        with hoptoad.context(step="pay"):
            hoptoad.notify(message="inner context-secret")
        hoptoad.notify(message="outer")
    hoptoad.notify(message="outside")

    assert [notice.extra for notice in outbox] == [
        {"order": "7", "password": MASK, "step": "pay"},
        {"order": "7", "password": MASK},
        {},
    ]
    assert outbox[0].error.message == f"inner {MASK}"


def test_values_last_until_the_request_ends(client, view):
    @view
    def fail(request):
        if "tenant" in request.GET:
            hoptoad.context(tenant=request.GET["tenant"])
        raise ValueError(request.GET)

    client.get("/exception/?tenant=frogs")
    client.get("/exception/")

    assert [notice.extra for notice in outbox] == [{"tenant": "frogs"}, {}]


def test_threads_and_tasks_do_not_share_values():
    def work(name):
        hoptoad.context(name=name)
        hoptoad.notify(message=f"thread {name}")

    threads = [threading.Thread(target=work, args=(str(number),)) for number in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    async def task(name):
        hoptoad.context(name=name)
        await asyncio.sleep(0)
        hoptoad.notify(message=f"task {name}")

    async def tasks():
        await asyncio.gather(*(task(str(number)) for number in range(5)))

    asyncio.run(tasks())

    assert len(outbox) == 10
    for notice in outbox:
        assert notice.extra["name"] == notice.error.message[-1]


def test_flush_waits_for_what_was_handed_over(collector, settings_for):
    settings_for(HOPTOAD_HANDLER="threadpool", HOPTOAD_NOTIFICATION_URL=collector.url)
    for number in range(5):
        hoptoad.notify(message=f"number {number}")

    assert hoptoad.flush(20) is True
    assert len(collector.received) == 5


def test_flush_says_that_it_could_not(collector, settings_for):
    from collector import hang

    collector.default = hang
    settings_for(
        HOPTOAD_HANDLER="threadpool",
        HOPTOAD_NOTIFICATION_URL=collector.url,
        HOPTOAD_TIMEOUT=1,
        HOPTOAD_RETRIES=0,
    )
    hoptoad.notify(message="x")

    assert hoptoad.flush(0) is False
    assert hoptoad.flush(20) is True  # given up, and not in the way of another test


def test_a_handler_without_flush_keeps_nothing():
    assert hoptoad.flush() is True


def test_the_number_is_told_by_the_page_and_the_header(client, settings_for, view):
    settings_for(
        HOPTOAD_NOTICE_ID_HEADER="X-Error-Id",
        ROOT_URLCONF="shop.numbered_urls",
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "OPTIONS": {"context_processors": ["hoptoad.context_processors.hoptoad"]},
            }
        ],
    )

    response = client.get("/boom/")

    [notice] = outbox
    assert response.content.decode() == f"Tell us this number: {notice.id}"
    assert response["X-Error-Id"] == notice.id
    assert "X-Error-Id" not in client.get("/")


async def test_the_number_is_told_in_async_too(async_client, settings_for):
    settings_for(HOPTOAD_NOTICE_ID_HEADER="X-Error-Id")

    for path in ("/boom/async/", "/status/503/"):
        response = await async_client.get(path)
        assert response["X-Error-Id"] == outbox[-1].id


def test_without_the_setting_no_header_is_set(client):
    plain = client.get("/boom/")

    assert not [name for name in plain.headers if outbox[0].id in plain.headers[name]]

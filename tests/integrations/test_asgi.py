"""Failures of an ASGI application outside Django, and the end of the server."""

import asyncio
import contextlib
import gc
import json
import warnings

import pytest
from asgiref.testing import ApplicationCommunicator
from channels import consumer as channels_consumer
from channels.routing import ChannelNameRouter, ProtocolTypeRouter
from django.core.handlers.asgi import ASGIHandler
from rules import check_v2
from servers import uvicorn
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

import hoptoad
from hoptoad.integrations.asgi import HoptoadASGI
from hoptoad.redaction.cutting import MASK
from hoptoad.testing import outbox

HTTP = {"type": "http", "method": "GET", "path": "/x/", "query_string": b"token=asgi-secret", "headers": []}


def where(notice):
    return notice.findtext("request/component"), notice.findtext("request/action")


def test_a_websocket_that_fails_is_reported(collector):
    with uvicorn(HOPTOAD_HANDLER="threadpool", HOPTOAD_NOTIFICATION_URL=collector.url) as site:
        address = f"ws://127.0.0.1:{site.port}/ws/?token=socket-secret&page=2"
        with connect(address, additional_headers={"Authorization": "Bearer socket-secret-2"}) as socket:
            socket.send(json.dumps({"say": "hello"}))
            with pytest.raises(ConnectionClosed):
                socket.recv(timeout=20)
        [received] = collector.wait(1)

    notice = check_v2(received.body)
    assert where(notice) == ("asgi", "websocket")
    assert notice.findtext("error/message") == "ValueError: something broke in a websocket: hello"
    assert notice.findtext("request/params/var[@key='page']") == "2"
    assert b"socket-secret" not in received.body


def test_http_outside_django_is_reported_and_inside_only_once(collector):
    with uvicorn(HOPTOAD_HANDLER="threadpool", HOPTOAD_NOTIFICATION_URL=collector.url) as site:
        assert site.get("/router/") == 500
        assert site.get("/boom/") == 500
        received = collector.wait(2)

    notices = {where(notice): notice for notice in (check_v2(one.body) for one in received)}
    assert set(notices) == {("asgi", "http"), ("shop.views", "boom")}


def test_uvicorn_sends_what_waits_before_it_ends(collector):
    """It ends itself by SIGTERM again, past atexit: the lifespan is the last moment there is."""
    with uvicorn(
        HOPTOAD_HANDLER="threadpool", HOPTOAD_NOTIFICATION_URL=collector.url, HOPTOAD_FLUSH_TIMEOUT=20
    ) as site:
        for _ in range(20):
            site.get("/boom/")
        site.stop()

    assert len(collector.received) == 20


async def run(application, scope, *messages):
    communicator = ApplicationCommunicator(HoptoadASGI(application), scope)
    said = []
    for message in messages:
        await communicator.send_input({"type": message})
        said.append((await communicator.receive_output())["type"])
    await communicator.wait()
    return said


async def test_an_application_without_lifespan_is_spared_it():
    async def refuse(scope, receive, send):
        raise ValueError("I speak HTTP only")

    said = await run(refuse, {"type": "lifespan"}, "lifespan.startup", "lifespan.shutdown")

    assert said == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert outbox == []


async def test_an_application_with_lifespan_keeps_it(monkeypatch):
    flushed = []
    monkeypatch.setattr("hoptoad.reporting.manual.flush", lambda: flushed.append(len(seen)))
    seen = []

    async def lifespan(scope, receive, send):
        for _ in range(2):
            message = await receive()
            seen.append(message["type"])
            await send({"type": f"{message['type']}.complete"})

    said = await run(lifespan, {"type": "lifespan"}, "lifespan.startup", "lifespan.shutdown")

    assert said == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert flushed == [2]


async def test_a_start_that_fails_is_reported(caplog):
    async def broken(scope, receive, send):
        await receive()
        raise LookupError("something broke at the start")

    communicator = ApplicationCommunicator(HoptoadASGI(broken), {"type": "lifespan"})
    await communicator.send_input({"type": "lifespan.startup"})
    with pytest.raises(LookupError):
        await communicator.wait()

    assert (outbox[0].request.component, outbox[0].request.action) == ("asgi", "lifespan")
    assert caplog.messages == []


class Consumer(channels_consumer.SyncConsumer):
    def make(self, message):
        raise LookupError(f"no {message['what']}")


class AsyncConsumer(channels_consumer.AsyncConsumer):
    async def make(self, message):
        raise LookupError(f"no {message['what']}")


async def told(scope, receive, send):
    raise LookupError(f"no {(await receive())['what']}")


@pytest.mark.django_db  # Channels closes old connections of this thread, if there are any
@pytest.mark.parametrize("consumer", [Consumer.as_asgi(), AsyncConsumer.as_asgi(), told])
async def test_a_consumer_of_a_channel_layer_that_fails_is_reported_without_a_request(consumer, caplog):
    router = ProtocolTypeRouter({"channel": ChannelNameRouter({"thumbnails": consumer})})
    scope = {"type": "channel", "channel": "thumbnails"}
    communicator = ApplicationCommunicator(HoptoadASGI(router), scope)

    await communicator.send_input({"type": "make", "what": "thumbnail"})
    with pytest.raises(LookupError):
        await communicator.wait()

    [notice] = outbox
    assert notice.error.message == "LookupError: no thumbnail"
    assert (notice.request.component, notice.request.action, notice.request.url) == ("asgi", "channel", "")
    assert notice.extra["asgi"] == scope
    assert caplog.messages == []


async def test_a_scope_of_the_sites_own_protocol_needs_no_path(caplog):
    async def broken(scope, receive, send):
        raise LookupError("x")

    with pytest.raises(LookupError):
        await ApplicationCommunicator(HoptoadASGI(broken), {"type": "mqtt", "topic": "x"}).wait()

    assert outbox[0].extra["asgi"] == {"type": "mqtt"}
    assert caplog.messages == []


async def test_the_scope_is_told_and_scrubbed():
    async def broken(scope, receive, send):
        raise LookupError("x")

    with pytest.raises(LookupError):
        await ApplicationCommunicator(HoptoadASGI(broken), HTTP).wait()

    [notice] = outbox
    assert notice.request.params == {"token": MASK}
    assert notice.extra["asgi"] == {"type": "http", "path": "/x/"}


async def test_an_odd_scope_costs_only_itself(caplog):
    async def broken(scope, receive, send):
        raise LookupError("x")

    with pytest.raises(LookupError):
        await ApplicationCommunicator(
            HoptoadASGI(broken), {"type": "odd", "path": "/x/", "headers": 7}
        ).wait()

    assert outbox[0].request.action == "odd"
    assert "Could not read the scope" in caplog.text


async def test_a_task_that_is_cancelled_is_no_failure():
    async def cancelled(scope, receive, send):
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await HoptoadASGI(cancelled)(HTTP, None, None)

    assert outbox == []
    assert hoptoad.stats()["captured"] == 0


def test_a_handler500_that_fails_is_one_more_failure_however_many_layers_ask_it(settings_for):
    settings_for(ROOT_URLCONF="shop.broken_handler_urls")

    async def main():
        scope = {**HTTP, "path": "/boom/", "query_string": b""}
        communicator = ApplicationCommunicator(HoptoadASGI(ASGIHandler()), scope)
        await communicator.send_input({"type": "http.request"})
        with contextlib.suppress(LookupError):
            await communicator.wait()

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # Django leaves the body's file open here
        asyncio.run(main())
        gc.collect()

    assert [notice.error.class_name for notice in outbox] == ["ValueError", "LookupError"]

"""Uses every integration, one after the other; the last is the failure of this command."""

import asyncio
import gc
import logging
import threading

from django.core.management.base import BaseCommand
from django.test import Client
from frogs import tasks
from frogs.asgi import application

import hoptoad


class Command(BaseCommand):
    def add_arguments(self, parser):
        parser.add_argument("--password", default="")

    def handle(self, *args, **options):
        client = Client(raise_request_exception=False)
        self.stdout.write(client.get("/jump/").content.decode())
        client.post("/feed/", '{"flies": 7, "pin": "never-sent-2"}', content_type="application/json")
        logging.getLogger("frogs.pond").error("the pond of %s is dry", "Freda")

        hoptoad.notify(message="a frog was counted twice", tags={"pond": "north"})
        with hoptoad.watch(reraise=False, component="import"):
            raise KeyError("tadpole")

        thread = threading.Thread(target=self.leap)
        thread.start()
        thread.join()
        Fleeting()
        gc.collect()

        tasks.croak.apply((3,))
        tasks.spawn.enqueue(password="never-sent-3")
        asyncio.run(self.listen())
        asyncio.run(self.forget())

        hoptoad.flush(20)
        raise ValueError("the walk is over")

    def leap(self):
        raise ValueError("leapt in a thread")

    async def listen(self):
        try:
            await application({"type": "websocket", "path": "/croak/", "headers": []}, None, None)
        except ValueError:
            self.stdout.write("a websocket was closed")

    async def forget(self):
        async def nobody_waits():
            raise ValueError("nobody waited for the frog")

        task = asyncio.get_running_loop().create_task(nobody_waits())
        await asyncio.sleep(0.01)
        del task
        gc.collect()


class Fleeting:
    def __del__(self):
        raise ValueError("gone before it was seen")

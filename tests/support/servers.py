"""Real gunicorn and uvicorn processes that run the test site."""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time

from places import PYTHONPATH, SITE

START = 30  # seconds


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


class Site:
    def __init__(self, port, process, log):
        self.port = port
        self.process = process
        self._log = log

    def get(self, path="/", headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request("GET", path, headers=headers or {})
            response = connection.getresponse()
            with contextlib.suppress(http.client.IncompleteRead):
                response.read()
            return response.status
        finally:
            connection.close()

    @property
    def log(self):
        self._log.seek(0)
        return self._log.read().decode(errors="replace")

    def stop(self, how=signal.SIGTERM):
        """The exit status, once the process has ended by itself."""
        self.process.send_signal(how)
        return self.process.wait(timeout=60)


@contextlib.contextmanager
def running(*command, **names):
    """A server whose settings are those of the test site, with `names` on top."""
    port = free_port()
    settings = {name: repr(value) for name, value in names.items()}
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [sys.executable, "-m", *(part.format(port=port) for part in command)],
            cwd=SITE,
            env={
                **os.environ,
                "PYTHONPATH": PYTHONPATH,
                "DJANGO_SETTINGS_MODULE": "shop.served",
                "SHOP_SETTINGS": repr(settings),
            },
            stdout=log,
            stderr=log,
        )
        site = Site(port, process, log)
        try:
            _wait_until_up(site)
            yield site
        finally:
            process.kill()
            process.wait()


def _wait_until_up(site):
    deadline = time.monotonic() + START
    while time.monotonic() < deadline and site.process.poll() is None:
        with contextlib.suppress(OSError, http.client.HTTPException):
            site.get()
            return
        time.sleep(0.05)  # nothing tells when a server has begun to listen
    raise AssertionError(f"the server did not start:\n{site.log}")


def gunicorn(*arguments, **names):
    # A worker that is told to end while it still starts does not hear it, and is waited for in vain.
    command = ("gunicorn", "shop.wsgi", "--bind", "127.0.0.1:{port}", "--graceful-timeout", "10")
    return running(*command, *arguments, **names)


def uvicorn(**names):
    return running("uvicorn", "shop.asgi:application", "--port", "{port}", "--log-level", "warning", **names)

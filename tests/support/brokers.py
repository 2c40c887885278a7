"""Real Redis and RabbitMQ servers on free ports, for as long as the tests run."""

import contextlib
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import time

import pytest
from places import PYTHONPATH, SITE
from servers import free_port

START = 60  # seconds


def missing(what):
    """Skips the test; in CI everything must be there."""
    if os.environ.get("CI"):
        raise AssertionError(f"{what} is not installed, and in CI it must be")
    pytest.skip(f"{what} is not installed")


@contextlib.contextmanager
def redis(folder):
    if not shutil.which("redis-server"):
        missing("redis-server")
    port = free_port()
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    with _process(command, port, dict(os.environ)):
        yield f"redis://127.0.0.1:{port}/0"


@contextlib.contextmanager
def worker(broker, *arguments, **names):
    """A Celery worker of the test site, ended by SIGTERM. `names` are settings."""
    settings = {name: repr(value) for name, value in names.items()}
    command = ["celery", "-A", "shop.celery", "worker", "--loglevel", "WARNING", "--without-gossip"]
    process = subprocess.Popen(
        [sys.executable, "-m", *command, "--without-mingle", *arguments],
        cwd=SITE,
        env={
            **os.environ,
            "PYTHONPATH": PYTHONPATH,
            "DJANGO_SETTINGS_MODULE": "shop.served",
            "SHOP_SETTINGS": repr(settings),
            "SHOP_BROKER": broker,
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
        process.terminate()
        process.wait(timeout=120)
    finally:
        process.kill()
        process.wait()


@contextlib.contextmanager
def rabbitmq(folder):
    server = _rabbitmq_server()
    if server is None:
        missing("rabbitmq-server")
    port, distribution = free_port(), free_port()
    (folder / "enabled_plugins").write_text("[].")
    environment = {
        **os.environ,
        "HOME": str(folder),
        "ERL_EPMD_PORT": str(free_port()),
        "RABBITMQ_NODENAME": f"hoptoad{port}@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(distribution),
        "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
        "RABBITMQ_CONFIG_FILE": str(folder / "none"),
        "RABBITMQ_PID_FILE": str(folder / "pid"),
    }
    with _process([server], port, environment):
        yield f"amqp://guest:guest@127.0.0.1:{port}//"


def _rabbitmq_server():
    # The script in /usr/sbin changes the user; the one it calls runs as whoever runs the tests.
    for path in sorted(pathlib.Path("/usr/lib/rabbitmq").glob("lib/*/sbin/rabbitmq-server")):
        return str(path)
    return None


@contextlib.contextmanager
def _process(command, port, environment):
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        deadline = time.monotonic() + START
        while not _listens(port):
            assert process.poll() is None, f"{command[0]} ended with {process.returncode}"
            assert time.monotonic() < deadline, f"{command[0]} does not listen"
            time.sleep(0.1)  # nothing tells when a server has begun to listen
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, 9)
        process.wait()


def _listens(port):
    with socket.socket() as client:
        client.settimeout(1)
        return not client.connect_ex(("127.0.0.1", port))

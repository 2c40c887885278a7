"""An inbox that runs alone, as a real process."""

import contextlib
import http.client
import re
import sqlite3
import subprocess
import sys
import time

from servers import START, free_port


class Alone:
    def __init__(self, port, data, process, said):
        self.url = f"http://127.0.0.1:{port}"
        self.port = port
        self.data = data
        self.process = process
        self.said = said
        self.key = re.search(r'API_KEY": "(\w+)"', said)[1]

    def rows(self, sql):
        with contextlib.closing(sqlite3.connect(self.data / "inbox.sqlite3")) as connection:
            return connection.execute(sql).fetchall()

    def request(self, method, path, body=None, headers=None):
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)) as connection:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read(), answer.headers


@contextlib.contextmanager
def alone(data, *options, python=sys.executable, env=None):
    port = free_port()
    command = [
        python,
        "-m",
        "hoptoad",
        "inbox",
        "--bind",
        f"127.0.0.1:{port}",
        "--data",
        str(data),
        *options,
    ]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd="/", env=env
    )
    try:
        said = ""
        deadline = time.monotonic() + START
        while "    }" not in said and process.poll() is None and time.monotonic() < deadline:
            said += process.stdout.readline()
        assert "    }" in said, said + process.stdout.read()
        yield Alone(port, data, process, said)
    finally:
        process.kill()
        process.communicate()

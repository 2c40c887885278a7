"""Starting the counting server, and asking it what has arrived."""

import contextlib
import json
import socket
import subprocess
import sys
from pathlib import Path


class Control:
    """A conversation with the counting server."""

    def __init__(self, port):
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._answers = self._socket.makefile("rb")

    def ask(self, **command):
        """What has arrived: notices, bytes, connections."""
        self._socket.sendall(json.dumps(command).encode() + b"\n")
        return json.loads(self._answers.readline())

    def reset(self):
        """Forgets what has arrived."""
        return self.ask(reset=True)

    def wait(self, notices, timeout):
        """What has arrived as soon as there are as many notices, or after `timeout` seconds."""
        return self.ask(wait=notices, timeout=timeout)


@contextlib.contextmanager
def counting_server():
    """The ports of a server that runs as long as the block."""
    command = [sys.executable, str(Path(__file__).with_name("receiver.py"))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.stdin.close()

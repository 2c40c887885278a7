"""The processes in which the subjects run."""

import json
import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH")
_NOWHERE = {
    "https_proxy": "http://127.0.0.1:9"
}  # no subject reaches another host, whatever it is set up to do
LONGEST = 60  # seconds


@contextmanager
def process(module, name, server, folder, environment=(), **task):
    """A process that calls `module.run` with the task; its input and output are pipes."""
    places = {**server.ports, "folder": folder, "root": str(HERE)}
    inherited = {key: os.environ[key] for key in _KEPT if key in os.environ}
    told = json.dumps({"module": module, "name": name, "places": places, **task})
    with (
        open(Path(folder) / "stderr", "a+", encoding="utf-8") as errors,
        subprocess.Popen(
            [sys.executable, str(HERE), "--task", told],
            cwd=folder,
            env={**inherited, **_NOWHERE, **dict(environment)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as running,
    ):
        try:
            yield running
        finally:
            running.kill()


def run(module, name, server, **task):
    """What the process prints, once it has ended; what it wrote to stderr comes second."""
    with tempfile.TemporaryDirectory() as folder, process(module, name, server, folder, **task) as running:
        try:
            output, _ = running.communicate(timeout=LONGEST)
        except subprocess.TimeoutExpired:
            output = ""
        return output, (Path(folder) / "stderr").read_text(encoding="utf-8")

"""A real Chromium, driven by its own protocol: pages are opened, clicked, looked at and photographed."""

import base64
import contextlib
import json
import shutil
import subprocess
import tempfile
from pathlib import Path

from brokers import missing
from websockets.sync.client import connect

FLAGS = """--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking
--disable-component-update --disable-sync --hide-scrollbars --remote-debugging-port=0""".split()
_WAIT = 60  # seconds


@contextlib.contextmanager
def chromium():
    """A browser with a profile of its own, ended with the block."""
    found = shutil.which("chromium")
    if found is None:
        missing("chromium")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = subprocess.Popen(
            [found, *FLAGS, f"--user-data-dir={profile}", "about:blank"], stderr=subprocess.PIPE, text=True
        )
        try:
            address = next(
                line.split(" on ")[1].strip() for line in process.stderr if "listening on ws" in line
            )
            with connect(address, max_size=None, open_timeout=_WAIT) as socket:
                yield Browser(socket)
        finally:
            process.kill()
            process.wait()
            process.stderr.close()


class Browser:
    """One tab. `console` holds what the page wrote there, `dialogs` what it opened: both empty on a good page."""

    def __init__(self, socket):
        self._socket, self._number, self._session, self._events = socket, 0, None, []
        self.console, self.dialogs = [], []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method, **params):
        """Calls a method of the protocol and returns its result."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        self._socket.send(json.dumps(message))
        while True:
            answer = json.loads(self._socket.recv(timeout=_WAIT))
            if answer.get("id") == self._number:
                assert "error" not in answer, answer["error"]
                return answer["result"]
            self._note(answer)

    def _note(self, event):
        name, params = event.get("method"), event.get("params", {})
        if name == "Runtime.exceptionThrown":
            self.console.append(params["exceptionDetails"]["text"])
        elif name == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            self.console.append(f"{params['entry']['text']} {params['entry'].get('url', '')}")
        elif name == "Runtime.consoleAPICalled":
            self.console.append(str(params["args"]))
        elif name == "Page.javascriptDialogOpening":
            self.dialogs.append(params["message"])
            self._events.append("dialog")
            self._number += 1
            dismiss = {
                "id": self._number,
                "method": "Page.handleJavaScriptDialog",
                "params": {"accept": False},
            }
            self._socket.send(json.dumps({**dismiss, "sessionId": self._session}))
        else:
            self._events.append(name)

    def _until(self, name):
        while name not in self._events:
            self._note(json.loads(self._socket.recv(timeout=_WAIT)))

    @contextlib.contextmanager
    def loading(self):
        """Waits until the page that the block leads to is loaded."""
        self._events = []
        yield
        self._until("Page.loadEventFired")

    def open(self, address):
        with self.loading():
            self.call("Page.navigate", url=address)

    def run(self, script):
        """The value of an expression in the page; a promise is waited for."""
        found = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def click(self, selector):
        """Clicks what leads to another page."""
        with self.loading():
            self.run(f"document.querySelector({json.dumps(selector)}).click()")

    def text(self, selector="body"):
        return self.run(f"document.querySelector({json.dumps(selector)}).innerText")

    def look(self, scheme="light", width=1280, height=900, *, mobile=False, script=True):
        """How the tab is from now on: colours, size, whether scripts run."""
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=mobile,
        )
        self.call("Emulation.setScriptExecutionDisabled", value=not script)

    def cookie(self, address, name, value):
        self.call("Network.setCookie", url=address, name=name, value=value)

    def picture(self, path, *, full=True):
        """A PNG of the whole page, or of what a screen shows."""
        clip = {}
        if full:
            size = self.call("Page.getLayoutMetrics")["cssContentSize"]
            clip = {"clip": {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}}
        found = self.call("Page.captureScreenshot", captureBeyondViewport=full, **clip)
        Path(path).write_bytes(base64.b64decode(found["data"]))

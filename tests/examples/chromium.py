"""A headless Chromium, driven by the DevTools protocol over two pipes: no driver, no socket, no package."""

import base64
import contextlib
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

FLAGS = [
    "--headless",
    "--no-sandbox",  # A container's root has none.
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-pipe",
]
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find_chromium():
    """Returns the path of a Chromium, or None."""
    return next((path for path in map(shutil.which, NAMES) if path), None)


class PageError(Exception):
    """What JavaScript threw."""


class Chromium:
    """One tab of a browser with a profile of its own.

    Attributes:
        requests: List of the URLs that the tab has asked for, in order.
        messages: List of what the page wrote to the console and did not catch.
    """

    def __init__(self, process, to_browser, from_browser):
        self._process, self._to_browser, self._from_browser = process, to_browser, from_browser
        self._read, self._answers, self._next_id = b"", {}, 0
        self._session = None
        self.requests, self.messages = [], []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log", "DOM"):
            self.call(f"{domain}.enable")

    @classmethod
    @contextlib.contextmanager
    def started(cls, path):
        """Starts a browser and ends it with the block."""
        from_us, to_browser = os.pipe()
        from_browser, to_us = os.pipe()
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
            # The protocol wants the pipes as descriptors 3 and 4. A shell can say so; bash, since dash knows
            # only one digit.
            command = ["bash", "-c", f'exec "$@" 3<&{from_us} 4>&{to_us}', "chromium", path, *FLAGS]
            process = subprocess.Popen(
                [*command, f"--user-data-dir={profile}"],
                pass_fds=(from_us, to_us),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            os.close(from_us)
            os.close(to_us)
            try:
                yield cls(process, to_browser, from_browser)
            finally:
                os.close(to_browser)
                process.kill()
                process.wait()
                os.close(from_browser)

    def call(self, method, timeout=60, **parameters):
        """Calls a method of the protocol and returns its result, a dict."""
        self._next_id += 1
        message = {"id": self._next_id, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._to_browser, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + timeout
        while self._next_id not in self._answers:
            self._receive(deadline, method)
        answer = self._answers.pop(self._next_id)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return answer["result"]

    def evaluate(self, expression, timeout=60):
        """Evaluates JavaScript, waits where it is a promise, and returns its value by way of JSON."""
        result = self.call(
            "Runtime.evaluate", timeout, expression=expression, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in result:
            raise PageError(result["exceptionDetails"].get("exception", {}).get("description", result))
        return result["result"].get("value")

    def wait_for(self, expression, timeout=30):
        """Returns the first value of `expression` that is true."""
        deadline = time.monotonic() + timeout
        while not (value := self.evaluate(expression)):
            assert time.monotonic() < deadline, f"{expression}: not within {timeout} s; {self.messages}"
            time.sleep(0.03)
        return value

    def open(self, url, before=""):
        """Opens a page and waits until it is loaded; the script `before` runs before those of the page."""
        script = self.call("Page.addScriptToEvaluateOnNewDocument", source=before)["identifier"]
        self.requests.clear()
        self.messages.clear()
        self.call("Page.navigate", url=url)
        self.wait_for(f"location.href === {json.dumps(url)} && document.readyState === 'complete'")
        self.call("Page.removeScriptToEvaluateOnNewDocument", identifier=script)

    def resize(self, width, height, scale=1, is_phone=False):
        """Gives the tab a size in CSS px; a phone has a finger in place of a mouse."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=scale, mobile=is_phone,
        )  # fmt: skip
        self.call("Emulation.setTouchEmulationEnabled", enabled=is_phone)

    def drag(self, points):
        """Draws with the mouse through `(x, y)` in CSS px of the window."""
        (x, y), *rest = points
        self._mouse("mousePressed", x, y)
        for x, y in rest:
            self._mouse("mouseMoved", x, y)
        self._mouse("mouseReleased", x, y)

    def swipe(self, points):
        """Draws with a finger."""
        for index, (x, y) in enumerate(points):
            kind = "touchMove" if index else "touchStart"
            self.call("Input.dispatchTouchEvent", type=kind, touchPoints=[{"x": x, "y": y}])
        self.call("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])

    def press(self, key, shift=False, control=False):
        """Presses and lets go of a key, by the name that JavaScript knows it by."""
        modifiers = 8 * shift + 2 * control
        text = {"text": key} if len(key) == 1 and not control else {}
        self.call("Input.dispatchKeyEvent", type="keyDown", key=key, modifiers=modifiers, **text)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key, modifiers=modifiers)

    def choose_file(self, selector, path):
        """Gives a file to an input of the page."""
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        node = self.call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.call("DOM.setFileInputFiles", nodeId=node, files=[str(path)])

    def screenshot(self):
        """Returns the whole page as the bytes of a PNG."""
        answer = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        return base64.b64decode(answer["data"])

    def _mouse(self, kind, x, y):
        button = {"button": "left", "buttons": int(kind != "mouseReleased")}
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, clickCount=1, **button)

    def _receive(self, deadline, method):
        readable, _, _ = select.select([self._from_browser], [], [], max(0, deadline - time.monotonic()))
        assert readable, f"{method}: no answer in time"
        data = os.read(self._from_browser, 2**20)
        assert data, f"{method}: the browser ended, with {self._process.poll()}"
        *messages, self._read = (self._read + data).split(b"\0")
        for message in map(json.loads, messages):
            self._note(message)

    def _note(self, message):
        parameters = message.get("params", {})
        match message.get("method"):
            case None:
                self._answers[message["id"]] = message
            case "Network.requestWillBeSent":
                self.requests.append(parameters["request"]["url"])
            case "Runtime.consoleAPICalled":
                self.messages.append(str([value.get("value") for value in parameters["args"]]))
            case "Runtime.exceptionThrown":
                self.messages.append(str(parameters["exceptionDetails"]))
            case "Log.entryAdded":
                self.messages.append(parameters["entry"]["text"])

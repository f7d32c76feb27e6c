"""A headless Chromium that is driven over its pipe: no further package, nothing reaches a network."""

import contextlib
import json
import os
import select
import shutil
import subprocess
import time

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

OPTIONS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--remote-debugging-pipe",
]


class Browser:
    """Speaks the DevTools protocol: JSON messages that end with a zero byte."""

    def __init__(self, reading, writing):
        self.reading, self.writing = reading, writing
        self.rest, self.number, self.events, self.session = b"", 0, [], None

    def message(self, deadline):
        """Return the next message."""
        while b"\0" not in self.rest:
            if not select.select([self.reading], [], [], max(0, deadline - time.monotonic()))[0]:
                raise TimeoutError("Chromium does not answer")
            read = os.read(self.reading, 1 << 16)
            if not read:
                raise ConnectionError("Chromium has ended")
            self.rest += read
        first, _, self.rest = self.rest.partition(b"\0")
        return json.loads(first)

    def call(self, method, timeout=60, **parameters):
        """Call a method and return its result; events that come before it are kept."""
        self.number += 1
        about = {"id": self.number, "method": method, "params": parameters}
        about |= {"sessionId": self.session} if self.session else {}
        os.write(self.writing, json.dumps(about).encode() + b"\0")
        deadline = time.monotonic() + timeout
        while (answer := self.message(deadline)).get("id") != self.number:
            self.events.append(answer)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return answer["result"]

    def wait_for(self, method, timeout=60):
        """Wait for an event."""
        deadline = time.monotonic() + timeout
        while not any(event.get("method") == method for event in self.events):
            self.events.append(self.message(deadline))

    def parameters(self, method):
        """Return the parameters of all events of a kind."""
        return [event["params"] for event in self.events if event.get("method") == method]

    def evaluate(self, script):
        """Return the value of a script in the page."""
        result = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise RuntimeError(result["exceptionDetails"])
        return result["result"].get("value")

    def open(self, url):
        """Open a page and wait until it is loaded."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self.call("Page.navigate", url=url)
        self.wait_for("Page.loadEventFired")


@contextlib.contextmanager
def chromium(folder):
    """Yield a `Browser`; `folder` holds its profile. Ended by its own id."""
    to_child, our_write = os.pipe()
    our_read, from_child = os.pipe()
    command = f'exec "$@" 3<&{to_child} 4>&{from_child}'  # Chromium reads messages from 3 and writes them to 4
    process = subprocess.Popen(
        ["bash", "-c", command, "bash", CHROMIUM, *OPTIONS, f"--user-data-dir={folder}"],
        pass_fds=(to_child, from_child),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(to_child)
    os.close(from_child)
    browser = Browser(our_read, our_write)
    try:
        yield browser
    finally:
        with contextlib.suppress(OSError, RuntimeError, TimeoutError):
            browser.session = None
            browser.call("Browser.close", timeout=10)
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        os.close(our_read)
        os.close(our_write)

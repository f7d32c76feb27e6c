"""A web server on the loopback interface that serves files and misbehaves on demand."""

import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

#: What common HTTP libraries call themselves.
LIBRARY_AGENTS = ("python-urllib", "python-httpx", "python-requests")


@dataclass(frozen=True)
class Plan:
    """How one request is answered; the default is as a good server would.

    Attributes
    ----------
    status : int, optional
        Answer this status and no file.
    headers : dict
        More headers; they replace the usual ones, and a value of None drops one.
    body : bytes, optional
        The file, where it is another than the server's.
    cut_after : int, optional
        Close the connection after so many bytes of the body.
    ranges, if_ranges : bool
        Whether the server knows the headers Range and If-Range.
    silence_s : float
        Wait before the answer, in seconds.
    """

    status: int | None = None
    headers: dict = field(default_factory=dict)
    body: bytes | None = None
    cut_after: int | None = None
    ranges: bool = True
    if_ranges: bool = True
    silence_s: float = 0.0


@dataclass
class Seen:
    """One request as the server saw it: its headers, the status and the bytes of the body sent."""

    path: str
    headers: dict
    status: int = 0
    sent: int = 0

    @property
    def range(self):
        return self.headers.get("Range")


class Loopback:
    """Serve `body` at any path, or `files` by their names.

    Request i is answered by ``plans[i]``, further ones by `default`.

    Use it as a context manager. `requests` lists what was seen; a request from a
    library's default user agent is answered 403.
    """

    def __init__(self, body=b"", *, files=None, version="1"):
        self.body, self.files, self.version = body, files, version
        self.plans, self.default, self.requests = [], Plan(), []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads = True
        self._server.loopback = self
        self.url = f"http://127.0.0.1:{self._server.server_port}/file.bin"

    def __enter__(self):
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def ranges(self):
        return [seen.range for seen in self.requests]


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        loopback = self.server.loopback
        number = len(loopback.requests)
        plan = loopback.plans[number] if number < len(loopback.plans) else loopback.default
        self.seen = Seen(self.path, dict(self.headers))
        loopback.requests.append(self.seen)
        if plan.silence_s:
            time.sleep(plan.silence_s)
        if self.headers.get("User-Agent", "").lower().startswith(LIBRARY_AGENTS):
            plan = Plan(status=403)
        body = loopback.body if plan.body is None else plan.body
        if loopback.files is not None:
            body = loopback.files.get(self.path.rpartition("/")[2], b"")
            plan = plan if body else Plan(status=404)
        headers = {"ETag": f'"{loopback.version}"'} | plan.headers
        if plan.status is not None:
            self._answer(plan.status, plan.headers, b"", plan)
        elif (start := self._start(plan, headers)) is None:
            self._answer(200, headers, body, plan)
        elif start >= len(body):
            self._answer(416, {"Content-Range": f"bytes */{len(body)}"} | plan.headers, b"", plan)
        else:
            self._answer(
                206, {"Content-Range": f"bytes {start}-{len(body) - 1}/{len(body)}"} | headers, body[start:], plan
            )

    def _start(self, plan, headers):
        asked, version = self.headers.get("Range"), self.headers.get("If-Range")
        if asked is None or not plan.ranges:
            return None
        if plan.if_ranges and version is not None and version not in (headers["ETag"], headers.get("Last-Modified")):
            return None
        return int(asked.removeprefix("bytes=").removesuffix("-"))

    def _answer(self, status, headers, body, plan):
        self.seen.status = status
        self.send_response(status)
        for name, value in ({"Content-Length": len(body)} | headers).items():
            if value is not None:
                self.send_header(name, str(value))
        self.end_headers()
        body = body[: plan.cut_after]
        self.seen.sent = len(body)  # before the write: the client may be done before this thread is
        try:
            self.wfile.write(body)
        except ConnectionError:
            self.seen.sent = 0  # the client had enough

    def log_message(self, *_):
        """Keep the tests' output clean."""

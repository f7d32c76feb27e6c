"""An OpenAI-compatible server on the loopback interface that keeps a log and misbehaves on demand.

Run as ``python llm_server.py LOG [options as JSON]``: prints its port, then serves until
it is ended. Each line of LOG says what happened to one request: its digest, and what
was done with it. The log is the witness of what was really asked.
"""

import asyncio
import hashlib
import json
import os
import random
import re
import subprocess
import sys
import threading
from pathlib import Path

#: What the server does; `faults` gives the probability of each fault.
DEFAULTS = {
    "port": 0,
    "latency_s": 0.0,
    "logprobs": True,
    "structured": True,
    "faults": {},
    "seed": 1,
    "status": 200,
    "hang_s": 30.0,
    "retry_after": "0.05",
    "body": None,
    "content": None,
    "headers": {},
}

CANDIDATE = re.compile(r"^([A-Z])\. (.*)$", re.M)


class Server:
    """Answers rankings by a hash of the candidate's text: the same wherever it stands."""

    def __init__(self, log, options):
        self.options = DEFAULTS | options
        self.log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self.rng = random.Random(self.options["seed"])

    def note(self, digest, action):
        """Append a line to the log."""
        os.write(self.log, f"{digest} {action}\n".encode())

    async def serve(self):
        """Serve until ended."""
        server = await asyncio.start_server(self.connection, "127.0.0.1", self.options["port"], backlog=512)
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()

    async def connection(self, reader, writer):
        """Serve the requests of one connection."""
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = int(re.search(rb"(?i)content-length: (\d+)", head)[1])
                body = json.loads(await reader.readexactly(length))
                if not await self.answer(body, writer):
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        writer.close()

    async def answer(self, body, writer):
        """Answer one request; return whether the connection stays."""
        digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:16]
        fault = self.fault()
        self.note(digest, f"received {fault}")
        await asyncio.sleep(self.options["latency_s"])
        if fault == "hang":
            await asyncio.sleep(self.options["hang_s"])
            return False
        if fault == "cut":
            return False
        if fault in ("429", "500", "503"):
            headers = {"Retry-After": self.options["retry_after"]} if fault == "429" else {}
            await self.send(writer, int(fault), {"error": {"message": "injected"}}, headers)
            return True
        if self.options["status"] != 200:
            await self.send(writer, self.options["status"], self.options["body"] or {"error": {"message": "no"}})
            return True
        answer = self.completion(body, fault, digest)
        if fault == "half_body":
            text = json.dumps(answer).encode()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n")
            writer.write(b"Content-Length: %d\r\n\r\n" % len(text) + text[: len(text) // 2])
            await writer.drain()
            return False
        if fault == "garbage":
            answer = {"surprise": True}
        # Noted before the last byte leaves: a client that was killed may still have been answered.
        self.note(digest, "answered")
        await self.send(writer, 200, answer, self.options["headers"])
        return True

    def fault(self):
        """Draw what goes wrong with a request, or ``none``."""
        draw, total = self.rng.random(), 0.0
        for name, share in self.options["faults"].items():
            total += share
            if draw < total:
                return name
        return "none"

    async def send(self, writer, status, body, headers=None):
        """Write a response."""
        text = json.dumps(body).encode()
        head = {"Content-Type": "application/json", "Content-Length": len(text), **(headers or {})}
        lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
        writer.write(f"HTTP/1.1 {status} X\r\n{lines}\r\n".encode() + text)
        await writer.drain()

    def completion(self, body, fault, digest):
        """Return a chat completion; its fingerprint is the digest of the request."""
        prompt = body["messages"][-1]["content"]
        candidates = CANDIDATE.findall(prompt)
        order = sorted(candidates, key=lambda pair: hashlib.md5(pair[1].encode()).hexdigest())
        letters = [letter for letter, _ in order]
        content, reason, logprobs = json.dumps({"ranking": letters}), "stop", None
        form = body.get("response_format", {})
        schema = form.get("json_schema", {}).get("schema") or form.get("value")  # OpenAI's form, or that of TGI
        if not letters:
            content = "hello"
            if schema and self.options["structured"]:
                content = json.dumps({"word": schema["properties"]["word"]["enum"][0]})
        elif not (schema and self.options["structured"]):
            content = "Sure! My ranking:\n" + "\n".join(f"{i}. {letter}" for i, letter in enumerate(letters, 1))
        if fault == "wrong_labels":
            content = "1, 2, 3"
        elif fault == "unconstrained":
            content = "I think that " + ", ".join(letters[: len(letters) // 2]) + " fit best."
        elif fault == "half_json":
            content, reason = json.dumps({"ranking": letters})[: 8 + 2 * len(letters)], "length"
        if body.get("logprobs") and self.options["logprobs"]:
            top = [(letter, -0.5 * place) for place, letter in enumerate(letters)] or [("Yes", -0.2), ("No", -1.8)]
            entries = [{"token": token, "logprob": value, "bytes": None} for token, value in top]
            content = top[0][0]
            logprobs = {"content": [{**entries[0], "top_logprobs": entries[:20]}], "refusal": None}
        if self.options["content"] is not None and letters:
            content = self.options["content"]
        return {
            "id": "1", "object": "chat.completion", "created": 1, "model": body["model"], "system_fingerprint": digest,
            "choices": [
                {"index": 0, "finish_reason": reason, "logprobs": logprobs,
                 "message": {"role": "assistant", "content": content}}
            ],
            "usage": {"prompt_tokens": len(prompt) // 4, "completion_tokens": len(content) // 4 + 1,
                      "total_tokens": (len(prompt) + len(content)) // 4 + 1},
        }  # fmt: skip


class Running:
    """The server in a process of its own, as a context manager.

    `url` ends in ``/v1``; `received`, `answered` and `of(fault)` read the log.
    """

    def __init__(self, folder, **options):
        self.log = Path(folder) / "server.log"
        self.options = options

    def __enter__(self):
        command = [sys.executable, __file__, str(self.log), json.dumps(self.options)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        timer = threading.Timer(30, self.process.kill)
        timer.start()
        self.port = int(self.process.stdout.readline())
        timer.cancel()
        self.url = f"http://127.0.0.1:{self.port}/v1"
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def lines(self):
        """Return the log as pairs of digest and action."""
        text = self.log.read_text() if self.log.exists() else ""
        return [tuple(line.split(" ", 1)) for line in text.splitlines()]

    @property
    def received(self):
        """Digests of all requests that arrived, in their order."""
        return [digest for digest, action in self.lines() if action.startswith("received")]

    @property
    def answered(self):
        """Digests of all requests that were answered with 200 and a whole body."""
        return [digest for digest, action in self.lines() if action == "answered"]

    def of(self, fault):
        """Return how many requests met a fault."""
        return sum(action == f"received {fault}" for _, action in self.lines())


if __name__ == "__main__":
    asyncio.run(Server(sys.argv[1], json.loads(sys.argv[2]) if len(sys.argv) > 2 else {}).serve())

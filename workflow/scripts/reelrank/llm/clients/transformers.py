"""A language model in this process: a name on the Hugging Face hub, or a folder."""

import asyncio
import hashlib
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from reelrank.llm.clients import Capabilities
from reelrank.llm.messages import Answer

#: Requests that go through the model together at most.
BATCH = 256


class Client:
    """Runs requests in batches; the model shares the prefix of a user's requests itself."""

    capabilities = Capabilities(logprobs=True, structured=False, likelihood=True, all_choices=True)
    third_party = None

    def __init__(self, name, options, timeout_s):
        self.name, self.options = name, options
        self.identity = {
            "client": "transformers",
            "model": options["model"],
            "revision": options["revision"],
            "adapter": options["adapter"] and folder_digest(options["adapter"]),
            "precision": _arithmetic(options["precision"]),
        }
        if Path(options["model"]).is_dir():
            self.identity["model"] = folder_digest(options["model"])
        self._model, self._waiting, self._draining = None, [], None
        self._thread = ThreadPoolExecutor(1)

    def _load(self):
        if self._model is None:
            from reelrank.llm.local import LocalModel  # torch takes seconds to load: only if there is something to ask

            own = self.options
            self._model = LocalModel(
                f"rerankers.{self.name}",
                own["model"],
                adapter=own["adapter"],
                revision=own["revision"],
                precision=own["precision"],
            )
        return self._model

    def check_key(self):
        """A model in this process needs no key."""

    async def complete(self, request):
        """Return the `Answer` to a request; those that wait at the same time go through the model together."""
        future = asyncio.get_running_loop().create_future()
        self._waiting.append((request, future))
        if self._draining is None:
            self._draining = asyncio.ensure_future(self._drain())
        return await future

    async def _drain(self):
        loop = asyncio.get_running_loop()
        await asyncio.sleep(0)  # let all that can ask do so first
        while self._waiting:
            kind = self._waiting[0][0].kind, self._waiting[0][0].choices
            batch = [one for one in self._waiting if (one[0].kind, one[0].choices) == kind][:BATCH]
            taken = {id(future) for _, future in batch}
            self._waiting = [one for one in self._waiting if id(one[1]) not in taken]
            try:
                answers = await loop.run_in_executor(self._thread, self._complete, [request for request, _ in batch])
            except Exception as error:
                for _, future in batch:
                    if not future.done():
                        future.set_exception(error)
                continue
            for (_, future), answer in zip(batch, answers, strict=True):
                if not future.done():
                    future.set_result(answer)
            await asyncio.sleep(0)
        self._draining = None

    def _complete(self, requests):
        model, started = self._load(), time.perf_counter()
        first = requests[0]
        answers = [Answer(model=str(self.identity["model"])) for _ in requests]
        if first.kind == "likelihood":
            prefixes = [request.messages[0][1] for request in requests]
            found = model.likelihoods_of(prefixes, [list(request.continuations) for request in requests])
            for answer, pairs in zip(answers, found, strict=True):
                answer.logprobs = [[float(total), int(tokens)] for total, tokens in pairs]
        elif first.kind == "choice":
            found = model.choice_logprobs_of([request.messages for request in requests], list(first.choices))
            for answer, values in zip(answers, found, strict=True):
                answer.logprobs = [[choice, float(one)] for choice, one in zip(first.choices, values, strict=True)]
        else:
            for answer, request in zip(answers, requests, strict=True):
                answer.text, answer.finish_reason, answer.input_tokens, answer.output_tokens = model.generate(
                    request.messages, request.max_tokens, request.seed or 0, request.temperature or 0.0
                )
        for answer in answers:
            answer.latency_s = (time.perf_counter() - started) / len(answers)
        return answers

    async def close(self):
        """Let the model go."""
        self._thread.shutdown()
        self._model = None


def _arithmetic(precision):
    """Return what ``auto`` means on this machine: answers in bfloat16 are not those in float32."""
    if precision != "auto":
        return precision
    device = os.environ.get("REELRANK_DEVICE")
    if not device:
        from reelrank.hardware import pick_device  # torch takes seconds to load: not where the device is named

        device = pick_device().type
    return "bfloat16" if device.startswith("cuda") else "float32"


def folder_digest(folder):
    """Return a digest of the files of a model's folder, by their content and not their place."""
    digest = hashlib.sha256()
    for path in sorted(path for path in Path(folder).rglob("*") if path.is_file() and path.name[0] != "."):
        digest.update(f"{path.relative_to(folder).as_posix()} {path.stat().st_size}\n".encode())
        with open(path, "rb") as file:  # whole: two fine-tunings may differ in nothing but the middle
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:16]

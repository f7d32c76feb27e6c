"""A language model in this process, from the Hugging Face hub or a folder."""

import asyncio
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from reelrank.digests import folder_digest
from reelrank.llm.clients import Capabilities
from reelrank.llm.messages import Answer


class Client:
    """Runs requests one at a time; the model caches the common start of a user's requests.

    Other requests in a batch change the last bits of an answer. If waiting requests were batched, answers would
    depend on `concurrency` and on earlier runs. But a key must identify the answer of one request.
    """

    capabilities = Capabilities(logprobs=True, structured=False, all_choices=True)
    third_party = None

    def __init__(self, chat_model):
        self.chat_model = chat_model
        self.identity = {
            "client": "transformers",
            "model": chat_model["model"],
            "revision": chat_model["revision"],
            "adapter": chat_model["adapter"] and folder_digest(chat_model["adapter"]),
            "precision": _arithmetic(chat_model["precision"]),
            "threads": chat_model.get("threads"),
        }
        if Path(chat_model["model"]).is_dir():
            self.identity["model"] = folder_digest(chat_model["model"])
        self._model, self._waiting, self._draining = None, [], None
        self._thread = ThreadPoolExecutor(1)

    def _load(self):
        if self._model is None:
            from reelrank.hardware import (
                make_deterministic,
            )  # torch takes seconds to import: only if a request must be answered
            from reelrank.llm.local.model import LocalModel

            own = self.chat_model
            if own.get("threads"):
                make_deterministic(own["threads"], seed=0)  # here, because the number of threads is set per thread
            self._model = LocalModel(
                f"chat_models.{own['name']}",
                own["model"],
                adapter=own["adapter"],
                revision=own["revision"],
                precision=own["precision"],
            )
        return self._model

    def check_key(self):
        """Do nothing: a model in this process needs no key."""

    async def complete(self, request):
        """Return the `Answer` to a request."""
        future = asyncio.get_running_loop().create_future()
        self._waiting.append((request, future))
        if self._draining is None:
            self._draining = asyncio.ensure_future(self._drain())
        return await future

    async def _drain(self):
        loop = asyncio.get_running_loop()
        await asyncio.sleep(0)  # first let all tasks queue their requests
        while self._waiting:
            # Sorted by text, so that requests with a common start follow each other.
            own = min(range(len(self._waiting)), key=lambda place: self._waiting[place][0].messages)
            request, future = self._waiting.pop(own)
            try:
                answer = await loop.run_in_executor(self._thread, self._complete, request)
            except Exception as error:
                if not future.done():
                    future.set_exception(error)
                continue
            if not future.done():
                future.set_result(answer)
            await asyncio.sleep(0)
        self._draining = None

    def _complete(self, request):
        model, answer, started = self._load(), Answer(model=str(self.identity["model"])), time.perf_counter()
        if request.kind == "choice":
            values = model.choice_logprobs(request.messages, list(request.choices), request.shared)
            answer.logprobs = [[choice, float(one)] for choice, one in zip(request.choices, values, strict=True)]
        else:
            answer.text, answer.finish_reason, answer.input_tokens, answer.output_tokens = model.generate(
                request.messages, request.max_tokens, request.seed or 0, request.temperature or 0.0, request.shared
            )
        answer.latency_s = time.perf_counter() - started
        return answer

    async def close(self):
        """Free the model."""
        self._thread.shutdown()
        self._model = None


def _arithmetic(precision):
    """Return the precision that ``auto`` means on this machine, since answers differ between bfloat16 and float32."""
    if precision != "auto":
        return precision
    device = os.environ.get("REELRANK_DEVICE")
    if not device:
        from reelrank.hardware import (
            pick_device,
        )  # torch takes seconds to import: not needed if the config names a device

        device = pick_device().type
    return "bfloat16" if device.startswith("cuda") else "float32"

"""The client of a model in this process: what it asks of the model, and by what its answers are known."""

import asyncio
import types
import typing

from llm_fixture import chat_model

from reelrank.digests import folder_digest
from reelrank.llm.clients import transformers as transformers_client
from reelrank.llm.messages import Request

REQUEST = Request("text", (("user", "hello"),), 5)


class FakeModel:
    """Stands for the model in this process."""

    calls: typing.ClassVar = []

    def __init__(self, name, model, **options):
        self.options = options

    def choice_logprobs(self, messages, choices, shared):
        self.calls.append(shared)
        return [-float(place) for place, _ in enumerate(choices)]

    def generate(self, messages, max_tokens, seed, temperature, shared):
        self.calls.append(shared)
        return f"{len(messages)} {max_tokens}", "stop", 3, 1


def test_a_model_in_this_process_answers_one_at_a_time_and_neighbours_together(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "reelrank.llm.local.model", types.SimpleNamespace(LocalModel=FakeModel))
    FakeModel.calls.clear()

    async def ask():
        client = transformers_client.Client(chat_model("transformers", model="m"))
        places = [("b", 1), ("a", 2), ("b", 3), ("a", 4), ("b", 5)]
        requests = [Request("choice", (("user", text),), choices=("A", "B"), shared=i) for text, i in places]
        requests += [REQUEST]
        answers = await asyncio.gather(*(client.complete(request) for request in requests))
        await client.close()
        return answers

    answers = asyncio.run(ask())
    assert FakeModel.calls == [2, 4, 1, 3, 5, 0], "those that share their start follow each other"
    assert all(answer.logprobs == [["A", -0.0], ["B", -1.0]] for answer in answers[:5])
    assert answers[5].text == "1 5" and answers[5].input_tokens == 3


def test_a_model_in_this_process_computes_in_the_threads_of_the_config(monkeypatch):
    import sys
    import threading

    from reelrank import hardware

    monkeypatch.setitem(sys.modules, "reelrank.llm.local.model", types.SimpleNamespace(LocalModel=FakeModel))
    set_in = []
    monkeypatch.setattr(hardware, "make_deterministic", lambda threads, seed: set_in.append((threads, where())))
    monkeypatch.setattr(FakeModel, "generate", lambda *_: (str(where()), "stop", 3, 1))

    def where():
        return threading.get_ident()

    async def ask():
        client = transformers_client.Client(chat_model("transformers", model="m", threads=2))
        answer = await client.complete(REQUEST)
        await client.close()
        return client.identity, answer

    identity, answer = asyncio.run(ask())
    assert set_in == [(2, int(answer.text))], "torch counts threads for each thread by itself"
    assert identity["threads"] == 2, "answers of other sums are other answers"


def test_a_folder_is_known_by_its_content(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "weights").write_bytes(b"x" * 100)
    identity = [
        transformers_client.Client(chat_model("transformers", model=str(tmp_path / name))).identity
        for name in ("one", "two")
    ]
    assert identity[0] == identity[1]
    (tmp_path / "two" / "weights").write_bytes(b"y" * 100)
    assert folder_digest(tmp_path / "two") != identity[0]["model"]


def test_answers_of_another_arithmetic_are_other_answers(monkeypatch):
    found = []
    for device in ("cpu", "cuda"):
        monkeypatch.setenv("REELRANK_DEVICE", device)
        found.append(transformers_client.Client(chat_model("transformers", model="m")).identity["precision"])
    assert found == ["float32", "bfloat16"]

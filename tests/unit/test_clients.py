"""Clients and caches on their own: what they say of themselves, and what they read from a server's words."""

import asyncio
import errno
import json
import os

import pytest
from llm_fixture import asked_users, chat_model, generative
from shipped_prompts import prompt

from reelrank.errors import InputError
from reelrank.llm.ask.budget import Budget
from reelrank.llm.ask.estimate import estimate
from reelrank.llm.ask.request_cache import AnswerCache, Journal, answer_of, read_journals
from reelrank.llm.clients import (
    CLIENTS,
    Capabilities,
    RefusedError,
    TransientError,
    build_client,
    capabilities_of,
    failure,
)
from reelrank.llm.item_texts import item_texts
from reelrank.llm.messages import Answer, Request
from reelrank.llm.rendering import Renderer

REQUEST = Request("text", (("user", "hello"),), 5)

#: Of that request, since answers were first kept.
KEY = "76bd2c6c326c3eecb46b1b5ca80103ff7d8d3fed"

#: Of one whose start is shared with others.
SHARED_KEY = "40e53cacdce8819a314fcf3d209feab2e1c23f7c"


@pytest.mark.parametrize("name", CLIENTS)
def test_every_client_keeps_the_interface(name, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    monkeypatch.setenv("HF_TOKEN", "k")
    client = build_client(chat_model(name, model="m"))
    assert "k" not in json.dumps(client.identity).split('"'), "a key is no part of an identity"
    assert client.identity["client"] == name and client.identity["model"] == "m"
    assert (client.third_party is None) == (name == "transformers")
    assert asyncio.iscoroutinefunction(client.complete)
    asyncio.run(client.close())


@pytest.mark.parametrize(
    ("url", "stays"),
    [
        ("http://127.0.0.1:8000/v1", True),
        ("http://localhost/v1", True),
        ("https://router.huggingface.co/v1", False),
        ("http://127.0.0.1.example.org/v1", False),
        ("http://[::1]:8000/v1", True),
    ],
)
def test_what_stays_on_this_machine_is_told_by_the_address(url, stays, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    client = build_client(chat_model(model="m", base_url=url))
    assert (client.third_party is None) == stays
    asyncio.run(client.close())


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504])
def test_what_may_pass_is_tried_again(status):
    assert isinstance(failure("r", status, {}, "x", "K"), TransientError)


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 413, 422])
def test_what_will_not_pass_is_not(status):
    error = failure("r", status, {}, "secret-key said", "MY_KEY", "secret-key")
    assert isinstance(error, RefusedError) and "secret-key" not in str(error)
    assert ("MY_KEY" in str(error)) == (status in (401, 403))


def test_the_key_stands_for_all_that_can_change_an_answer():
    others = [
        Request("text", (("user", "hello "),), 5),
        Request("text", (("system", "hello"),), 5),
        Request("text", (("user", "hello"),), 6),
        Request("text", (("user", "hello"),), 5, temperature=0.1),
        Request("text", (("user", "hello"),), 5, seed=2),
        Request("text", (("user", "hello"),), 5, schema="{}"),
        Request("choice", (("user", "hello"),), 5, choices=("A",), top_logprobs=5),
        Request("text", (("user", "hello"),), 5, shared=2),
    ]
    keys = {request.key("id") for request in [REQUEST, *others]} | {REQUEST.key("other")}
    assert len(keys) == len(others) + 2
    assert REQUEST.key("id") == Request("text", (("user", "hello"),), 5).key("id")
    assert REQUEST.key("id") == KEY, "answers that were paid for are found under another key"
    shared = Request("choice", (("user", "hello"),), 1, choices=("A", "B"), top_logprobs=20, seed=1, shared=3)
    assert shared.key("id") == SHARED_KEY


def test_what_an_earlier_version_found_out_about_a_server_is_read():
    found = {"logprobs": True, "structured": False, "likelihood": False, "all_choices": False}
    assert capabilities_of(found) == Capabilities(logprobs=True)


def test_the_cache_keeps_answers_whole(tmp_path):
    cache, key = AnswerCache(tmp_path), REQUEST.key("id")
    answer = Answer("text \ud800 é", "stop", [["A", -0.5]], 3, 4, "m", "f", 0.1, 2)
    cache.put(key, answer, "run")
    found = answer_of(AnswerCache(tmp_path).get(key))
    assert (found.text.replace("\\ud800", "\ud800"), found.logprobs, found.attempt) == (answer.text, [["A", -0.5]], 2)
    path = tmp_path / "answers" / key[:2] / f"{key}.json"
    for broken in (path.read_bytes()[:-9], b"", b"null", b"{}", b"[1]"):
        path.write_bytes(broken)
        assert cache.get(key) is None, "a file that is not whole is no answer"
    assert AnswerCache(tmp_path / "own", [tmp_path]).get("0" * 40) is None


def test_a_shared_cache_is_read_and_not_written(tmp_path):
    key = REQUEST.key("id")
    AnswerCache(tmp_path / "shared").put(key, Answer("x"), "run")
    before = sorted(tmp_path.rglob("*"))
    own = AnswerCache(tmp_path / "own", [tmp_path / "shared"])
    assert own.get(key)["text"] == "x" and sorted(tmp_path.rglob("*")) == before


def test_a_read_only_cache_is_named_before_anything_is_sent(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(os, "makedirs", refuse)
    with pytest.raises(InputError, match=r"cannot be written \(read-only\).*REELRANK_CACHE"):
        AnswerCache(tmp_path / "cache").check_writable()


def test_a_journal_tells_what_became_of_each_request(tmp_path):
    cache, key = AnswerCache(tmp_path), REQUEST.key("id")
    journal = Journal(cache, "job")
    for place in ("a", "b", "c", "d"):
        journal.note("sent", place, 1, usd_bound=0.5)
    journal.note("answered", "a", 1, input_tokens=3, output_tokens=4, usd=0.25)
    journal.note("failed", "b", 1)
    journal.note("unknown", "c", 1)
    journal.note("sent", key, 2, usd_bound=0.125)
    cache.put(key, Answer(attempt=2, input_tokens=5), journal.run)  # killed before the journal could say so
    journal.close()
    path = next((tmp_path / "journals" / "job").iterdir())
    path.write_bytes(path.read_bytes() + b'{"event": "sent", "ke')
    found = read_journals(cache, "job")
    assert (found["runs"], found["sent"], found["answered"], found["failed"]) == (1, 5, 2, 1)
    assert sorted(found["unknown"]) == ["c:1", "d:1"] and found["usd_unknown"] == 1.0
    assert (found["usd"], found["input_tokens"]) == (0.375, 8)


def test_a_bound_is_never_below_the_cost():
    budget = Budget("r", (1.0, 2.0))
    request = Request("text", (("user", "é" * 100),), 7)
    assert budget.bound(request) >= budget.cost(Answer(input_tokens=200, output_tokens=7))
    assert Budget("r", None).cost(Answer()) is None
    with pytest.raises(InputError, match=r"chat_models.r.max_cost_usd: the model has no price in config/prices.yaml"):
        Budget("r", None, max_cost_usd=1.0)


def test_an_estimate_counts_requests_exactly_and_bounds_the_rest():
    asked, titles = asked_users(30, depth=10)
    texts = item_texts({"title": titles}, {"title": 60})
    for own, each in (
        ({}, 1), ({"permutations": 3}, 3), ({"window": 4, "stride": 2}, 4), ({"strategy": "pointwise"}, 10),
        ({"strategy": "letter_logits", "window": 10}, 1),
    ):  # fmt: skip
        options = generative(**own)
        renderer = Renderer(prompt("refined"), texts, options, True)
        found = estimate(asked, options, chat_model(model="m"), renderer, (1.0, 2.0))
        assert found["requests"] == 30 * each and found["users"] == 30
        assert 0 < found["input_tokens"] < found["input_tokens_bound"] and found["usd"] < found["usd_bound"]
    assert estimate(asked, options, chat_model(model="m"), renderer, None)["usd"] is None


@pytest.mark.parametrize(("name", "variable"), [("openai", "OPENAI_API_KEY"), ("huggingface", "HF_TOKEN")])
def test_the_providers_key_goes_to_no_other_server(name, variable, monkeypatch):
    monkeypatch.setenv(variable, "sk-of-the-provider")
    for change, key in (({}, "sk-of-the-provider"), ({"base_url": "https://example.org/v1"}, "")):
        client = build_client(chat_model(name, model="m", **change))
        client.check_key()
        assert client._key == key
        asyncio.run(client.close())
    monkeypatch.delenv(variable)
    client = build_client(chat_model(name, model="m"))
    with pytest.raises(
        InputError, match=f"chat_models.chat.key_variable: the environment variable {variable} is not set"
    ):
        client.check_key()
    asyncio.run(client.close())

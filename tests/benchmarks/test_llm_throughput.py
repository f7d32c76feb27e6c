"""Asking against a bare loop over the same SDK, against one call after another, and replayed from the cache."""

import asyncio
import hashlib
import json
import time
from dataclasses import asdict, replace

import openai
import pytest
import yaml
from llm_fixture import PROMPTS, asked_users, chat_model, generative, run
from llm_server import Running

from reelrank.config.prompts import build_prompt
from reelrank.llm.ask.request_cache import AnswerCache
from reelrank.llm.ask.walks import Chains
from reelrank.llm.clients import openai as client_module
from reelrank.llm.item_texts import item_texts
from reelrank.llm.messages import Answer
from reelrank.llm.rendering import Renderer

AT_ONCE, LATENCY_S, REQUESTS = 64, 0.2, 3200


@pytest.fixture(autouse=True)
def loopback(monkeypatch, tmp_path):
    monkeypatch.setenv("REELRANK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def prompts(n):
    """Return the messages and arguments that the job sends, made out beforehand."""
    asked, titles = asked_users(n, depth=20, n_items=200)
    own = generative()
    prompt = build_prompt("refined", yaml.safe_load((PROMPTS / "refined.yaml").read_text()))
    renderer = Renderer(prompt, item_texts({"title": titles}, {"title": 60}), own, True)
    chains = Chains(asked, own, renderer)
    requests = []
    for place in chains.all():
        generator, request_of = chains.open(*place)
        requests.append(request_of(next(generator)[0]))
    return asked, titles, requests


async def bare(url, requests, at_once):
    """Send requests with the SDK alone, `at_once` at a time; return seconds."""
    sdk = openai.AsyncOpenAI(api_key="none", base_url=url, max_retries=0, timeout=60)
    arguments = client_module.Client(chat_model(model="m", base_url=url))._arguments
    ready = [arguments(request) for request in requests]
    queue = iter(ready)

    async def worker():
        for one in queue:
            await sdk.chat.completions.create(**one)

    started = time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(at_once)))
    seconds = time.perf_counter() - started
    await sdk.close()
    return seconds


def test_against_a_bare_loop_and_one_after_another(tmp_path):
    asked, titles, requests = prompts(REQUESTS)
    best = {"bare": float("inf"), "ours": float("inf")}
    with Running(tmp_path, latency_s=LATENCY_S) as server:
        for turn in range(3):
            best["bare"] = min(best["bare"], asyncio.run(bare(server.url, requests, AT_ONCE)))
            folder = tmp_path / f"run{turn}"
            _, _, ledger = run(
                folder, server.url, asked=(asked, titles), concurrency=AT_ONCE, timeout_s=60, job=f"j{turn}"
            )
            best["ours"] = min(best["ours"], ledger["this_run"]["seconds"])
        one_by_one = asyncio.run(bare(server.url, requests[:25], 1)) / 25 * REQUESTS
    print(
        f"\n{REQUESTS} requests, {LATENCY_S * 1000:.0f} ms, {AT_ONCE} at a time: {best['bare'] / best['ours']:.2f}x of "
        f"a bare loop ({REQUESTS / best['ours']:.0f} against {REQUESTS / best['bare']:.0f} a second), "
        f"{one_by_one / best['ours']:.1f}x one call after another"
    )


def test_replaying_cached_answers(tmp_path):
    asked, titles, requests = prompts(10_000)
    url = "http://127.0.0.1:9/v1"  # nobody listens: a replay needs no server
    client = client_module.Client(chat_model(model="m", base_url=url))
    identity = json.dumps(client.identity, sort_keys=True)
    cache = AnswerCache()
    letters = json.dumps({"ranking": [chr(65 + place) for place in range(20)]})
    for request in requests:
        cache.put(request.key(identity), Answer(letters, "stop", None, 500, 100, "m", "f", 0.2), "run")
    found = replace(client.capabilities, structured=True)
    cache.write_probe(hashlib.sha256(f"{identity} {['structured']}".encode()).hexdigest()[:16], asdict(found))
    seconds = []
    for _ in range(3):
        rows, _, ledger = run(tmp_path, url, asked=(asked, titles))
        assert len(rows["test"]) == 10_000 and ledger["this_run"]["sent"] == 0
        seconds.append(ledger["this_run"]["seconds"])
    print(f"\n10,000 cached answers replayed in {min(seconds):.2f} s (bar: 3 s)")

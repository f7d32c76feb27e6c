"""A job of asking on made lists, with everything that a step would give it."""

import os
from pathlib import Path

import numpy as np
import yaml
from small_data import random_interactions

from reelrank.config import schema
from reelrank.config.prompts import build_prompt
from reelrank.data.lists import RankedLists
from reelrank.llm.ask.job import run_job
from reelrank.llm.ask.users import choose_users
from reelrank.llm.item_texts import item_texts

PROMPTS = Path(__file__).parents[2] / "config" / "prompts"

#: Limits of tests: attempts follow each other at once, and nothing waits for long.
QUICK = {"timeout_s": 2.0, "concurrency": 16}


def asked_users(n_users, depth=6, n_items=40, users="all", seed=3):
    """Return the users asked about in test, and the titles of the items."""
    data = random_interactions(seed, n_users, n_items, 5, 9)
    rng = np.random.default_rng(seed)
    items = np.stack([rng.permutation(n_items)[: 2 * depth] for _ in range(n_users)]).astype(np.int32)
    scores = -np.tile(np.arange(2 * depth, dtype=np.float32), (n_users, 1))
    base = RankedLists(np.arange(n_users, dtype=np.int32), items, scores)
    return [choose_users(users, "test", base, data.queries("test"), depth)], [f"title {i}" for i in range(n_items)]


def chat_model(client="openai", **given):
    """Return a complete chat model, called ``chat``; `given` may hold ``threads``, which the planning adds."""
    added = {"threads": given.pop("threads")} if "threads" in given else {}
    return {"name": "chat", "client": client, **schema.options("chat_models", client, **given), **added}


def generative(client="openai", **given):
    """Return the options of a generative re-ranker, complete, for windows of up to 26."""
    own = {"chat_model": "chat", "window": 26, "stride": 13} | given
    return {"client": client, **schema.options("rerankers", "generative", **own)}


def run(folder, url, n_users=20, prices=None, job="d/p/b/1/llm", depth=6, options=None, asked=None, **chat):
    """Run a job against a server with a cache in `folder`; return its rows, options and ledger.

    `options` are those of the re-ranker, `chat` the keys of the chat model.
    """
    os.environ["REELRANK_CACHE"] = str(folder / "cache")
    client = chat.pop("client", "openai")
    address = {} if client == "transformers" else {"base_url": url}
    model = chat_model(client, **{"model": "m", **address, **QUICK, **chat})
    prompt = build_prompt("refined", yaml.safe_load((PROMPTS / "refined.yaml").read_text()))
    one, titles = asked or asked_users(n_users, depth)
    texts = item_texts({"title": titles}, {"title": 60})
    return run_job("llm", job, one, generative(client, **(options or {})), model, prices, prompt, texts)


def texts_of(rows):
    """Return the texts of all answers by user, permutation and step."""
    return {
        (*place, step): answer.text for part in rows.values() for place, own in part.items() for step, _, answer in own
    }

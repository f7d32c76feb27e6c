"""A model in this process gives the same bits whatever is cached, however much is asked at a time, after any kill."""

import pytest
import torch
from llm_fixture import asked_users, run
from small_language_model import write_small_model

from reelrank.llm.ask.request_cache import AnswerCache

WORDS = ["goal", "silver fox", "lucky harbor and noodles", "soup", "kitten naps of the day"]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """Return the folder of a tiny model that knows letters, Yes and No."""
    torch.set_num_threads(1)
    letters = ["Yes", "No", *"ABCDEF"]
    return write_small_model(tmp_path_factory.mktemp("model"), texts=[*WORDS, *letters], chat=True)


def ask(folder, model, strategy, users=12, **limits):
    """Ask about users; return the bits of every answer, by part, user and permutation, and how many were sent."""
    asked, _ = asked_users(40)
    few = asked[0]
    lists = type(few.lists)(few.lists.users[:users], few.lists.items[:users], few.lists.scores[:users])
    few = type(few)(few.split, lists, few.history[:users])
    titles = [" ".join(WORDS[(item * step) % len(WORDS)] for step in range(1 + item % 4)) for item in range(40)]
    own = {"strategy": strategy, "permutations": 2, "max_tokens": 4, "temperature": 0.7, "seed": 5}
    chat = {"client": "transformers", "model": model, "threads": 1, **limits}
    rows, _, ledger = run(folder, None, options=own, asked=([few], titles), **chat)
    found = {
        (*place, step, key): (answer.text, answer.logprobs)
        for part in rows.values()
        for place, answered in part.items()
        for step, key, answer in answered
    }
    return found, ledger["this_run"]["sent"]


STRATEGIES = pytest.mark.parametrize("strategy", ["letter_logits", "pointwise", "listwise"])


@STRATEGIES
def test_answers_are_the_same_bits_whatever_is_cached_and_with_any_concurrency(tmp_path, model, strategy):
    whole, sent = ask(tmp_path / "whole", model, strategy)
    assert sent == len(set(key for *_, key in whole)) > 20
    _, first = ask(tmp_path / "half", model, strategy, users=5)
    found, second = ask(tmp_path / "half", model, strategy)
    assert first and second and first + second == sent, "a part was answered before"
    assert found == whole
    assert ask(tmp_path / "one", model, strategy, concurrency=1)[0] == whole
    assert ask(tmp_path / "many", model, strategy, concurrency=64)[0] == whole


@STRATEGIES
def test_answers_are_the_same_bits_after_a_kill(tmp_path, model, strategy, monkeypatch):
    whole, sent = ask(tmp_path / "whole", model, strategy)
    kept = []

    def killed(self, key, answer, run, put=AnswerCache.put):
        if len(kept) == 7:
            raise KeyboardInterrupt
        put(self, key, answer, run)
        kept.append(key)

    with monkeypatch.context() as patch:
        patch.setattr(AnswerCache, "put", killed)
        with pytest.raises(KeyboardInterrupt):
            ask(tmp_path / "killed", model, strategy)
    found, again = ask(tmp_path / "killed", model, strategy)
    assert found == whole and again == sent - 7

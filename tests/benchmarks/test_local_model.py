"""Letter probabilities in process, with and without the shared start of a user's prompts, side by side.

An untrained Llama; its size comes from the environment, for a GPU for instance
``LAYERS=16 HIDDEN_SIZE=2048 VOCABULARY_SIZE=128000 BENCH_USERS=64`` (about 1.2 billion
parameters, bfloat16).
"""

import os
import time

import numpy as np
import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from reelrank.hardware import pick_device
from reelrank.llm.local import model as local_model
from reelrank.llm.local import pretraining
from reelrank.llm.local.model import LocalModel

LETTERS = [chr(ord("A") + number) for number in range(20)]
WORDS = ["silver", "lucky", "golden", "fox", "harbor", "lantern", "noodles", "soup", "goal", "kitten", "trick", "video"]


def size(name, default):
    """Return a number from the environment."""
    return int(os.environ.get(name, default))


def write_model(folder):
    """Write the folder of an untrained model; return how many parameters it has."""
    tokenizer = pretraining.train_tokenizer([*WORDS, *LETTERS], 1000)
    hidden = size("HIDDEN_SIZE", 128)
    heads = max(1, hidden // 64)
    config = LlamaConfig(
        vocab_size=max(len(tokenizer), size("VOCABULARY_SIZE", 1000)),
        hidden_size=hidden,
        intermediate_size=4 * hidden,
        num_hidden_layers=size("LAYERS", 2),
        num_attention_heads=heads,
        num_key_value_heads=max(1, heads // 4),
        tie_word_embeddings=True,
        max_position_embeddings=8192,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    torch.manual_seed(1)
    with pick_device():
        model = LlamaForCausalLM(config).to(torch.bfloat16)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return sum(parameter.numel() for parameter in model.parameters())


def texts_of(user):
    """Return a user's start of a prompt (a history of 10 titles) and 20 candidates."""
    rng = np.random.default_rng(user)
    titles = [" ".join(rng.choice(WORDS, 6)) for _ in range(30)]
    return "You rank videos for one user. Watched:\n" + "\n".join(titles[:10]) + "\n", titles[10:]


def letter_logits(model, user):
    """Return the letters' probabilities in several orders of the candidates."""
    start, titles = texts_of(user)
    orders = np.random.default_rng(user).permuted(np.tile(titles, (size("BENCH_PERMUTATIONS", 3), 1)), axis=1)
    prompts = [
        [("user", start + "\n".join(f"{letter} {title}" for letter, title in zip(LETTERS, order, strict=True)))]
        for order in orders
    ]
    return [model.choice_logprobs(messages, LETTERS, len(start)) for messages in prompts]


def pointwise(model, user):
    """Return the probability of an answer about each candidate by itself."""
    start, titles = texts_of(user)
    return [model.choice_logprobs([("user", f"{start}{title}")], ["A", "B"], len(start)) for title in titles]


def likelihood(model, user):
    """Return the log-likelihood of each title after the history."""
    start, titles = texts_of(user)
    return model.likelihoods_of([start], [titles])[0]


@pytest.mark.parametrize("work", [letter_logits, pointwise, likelihood], ids=lambda work: work.__name__)
def test_users_per_second_with_and_without_the_shared_prefix(tmp_path, work, monkeypatch):
    parameters = write_model(tmp_path)
    users = range(size("BENCH_USERS", 4))
    models = {True: LocalModel("bench", tmp_path)}
    monkeypatch.setattr(local_model, "sees_a_window", lambda _: True)  # such a model shares nothing
    models[False] = LocalModel("bench", tmp_path)
    times, answers = {True: [], False: []}, {}
    for turn in range(1 + size("BENCH_ROUNDS", 3)):
        for share, model in models.items():
            started = time.perf_counter()
            answers[share] = np.array([work(model, user) for user in users])
            if turn:  # the first warms up
                times[share].append(time.perf_counter() - started)
    shared, apart = min(times[True]), min(times[False])
    local = models[True]
    print(
        f"\n{work.__name__}, {parameters / 1e6:.1f}M parameters, {local.description['precision']} on {local.device}: ",
        end="",
    )
    print(f"{apart / shared:.2f}x with the shared prefix ", end="")
    print(f"({len(users) / shared:.1f} against {len(users) / apart:.1f} users/s)")
    if local.model.dtype == torch.float32:
        np.testing.assert_allclose(answers[True], answers[False], atol=1e-2)

"""Language models in process: what is shared changes no number, and what cannot be loaded is named."""

import numpy as np
import pytest
import torch
from small_language_model import write_small_model

from reelrank.errors import InputError
from reelrank.llm.local import likelihoods
from reelrank.llm.local import model as local
from reelrank.llm.local.loading import encode_messages
from reelrank.llm.local.model import LocalModel

LETTERS = list("ABCDEFGH")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return the folder of a tiny model."""
    return write_small_model(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def model(folder):
    """Return it loaded."""
    return LocalModel("language_models.tiny", folder)


def plain_logits(model, ids):
    """Return the logits of a bare forward pass, ``(length, vocabulary)``."""
    with torch.inference_mode():
        return model.model(input_ids=torch.tensor([ids])).logits[0].double()


def prompts(users=3, permutations=3):
    """Return prompts of several users, each with several orders of its candidates, and what of it they share."""
    starts = [f"silver fox {'goal of the day ' * (4 + user)}\n" for user in range(users)]
    return [
        ([("system", "rank these"), ("user", start + order)], len(start))
        for user, start in enumerate(starts)
        for order in (
            " ".join(np.random.default_rng([user, turn]).permutation(LETTERS)) for turn in range(permutations)
        )
    ]


def letters(model, asked, share=True):
    """Return the log-probabilities of the letters after each prompt."""
    return np.array([model.choice_logprobs(messages, LETTERS, share * shared) for messages, shared in asked])


def test_likelihoods_are_those_of_bare_forward_passes(model):
    prefixes = ["silver fox\n", "", "kitten naps\nlucky harbor\nnoodles\n"]
    texts = [
        ["goal of the day\n", "soup\n", "goal of the day\n"],
        ["kitten naps\n"],
        ["fox", "a much longer one than these\n"],
    ]
    for prefix, row, found in zip(prefixes, texts, model.likelihoods_of(prefixes, texts), strict=True):
        start = model.encode(prefix, special=True)
        for text, (score, count) in zip(row, found, strict=True):
            tail = model.encode(text)
            logprobs = plain_logits(model, start + tail).log_softmax(-1)
            expected = sum(logprobs[len(start) - 1 + i, token] for i, token in enumerate(tail))
            assert count == len(tail) and score == pytest.approx(float(expected), abs=1e-3)
        np.testing.assert_allclose(model.likelihoods_of([prefix], [row])[0], found, atol=1e-3)


def test_an_empty_continuation_has_no_tokens(model):
    assert model.likelihoods_of(["silver fox\n"], [["", "soup\n"]])[0][0] == (0.0, 0)
    assert model.likelihoods_of([], []) == []


def test_many_continuations_of_one_text_are_split_and_change_no_number(model, monkeypatch):
    texts = [f"{a} {b}\n" for a in ("fox", "soup", "goal of the day") for b in ("naps", "harbor", "lucky", "x")]
    prefixes, rows = ["", "silver fox\n" * 5, "goal\n", "kitten\n"], [texts, texts, texts[:1], []]
    whole, lengths, done = model.likelihoods_of(prefixes, rows), [], []
    forward = model.model.forward
    monkeypatch.setattr(model.model, "forward", lambda **a: lengths.append(a["input_ids"].shape) or forward(**a))
    for name, value in (("ROW_COLUMNS", 6), ("ROW_TEXTS", 1), ("LOGITS_PER_BATCH", {"cpu": 400 * 40})):
        monkeypatch.setattr(likelihoods, name, value)
    parts = model.likelihoods_of(prefixes, rows, done.append)
    assert sum(count for count, _ in lengths) > 8 and max(length for _, length in lengths) < 30
    assert sum(done) == 3, "a text is done once"
    for one, other in zip(whole, parts, strict=True):
        np.testing.assert_allclose(np.array(one).reshape(-1, 2), np.array(other).reshape(-1, 2), atol=1e-4)


def test_a_likelihood_computes_no_more_tokens_than_it_needs(model, monkeypatch):
    seen = []
    forward = model.model.forward

    def counted(**inputs):
        seen.append((inputs["input_ids"].numel(), len(inputs["logits_to_keep"]) * len(inputs["input_ids"])))
        return forward(**inputs)

    monkeypatch.setattr(model.model, "forward", counted)
    texts = ["goal of the day\n", "soup\n", "kitten naps\n"]
    prefix = "silver fox\n" * 4
    model.likelihoods_of([prefix] * 3, [texts] * 3)
    start, tails = len(model.encode(prefix, special=True)), [len(model.encode(text)) for text in texts]
    needed = start + sum(tails) - len(tails)
    assert seen == [(3 * needed, 3 * (needed - start + 1))]


def test_choices_are_those_of_bare_forward_passes(model):
    for (messages, _), found in zip(prompts(), letters(model, prompts()), strict=True):
        logprobs = plain_logits(model, encode_messages(model.tokenizer, messages))[-1].log_softmax(-1)
        ids = [{model.encode(letter)[0], model.encode(f" {letter}")[0]} for letter in LETTERS]
        expected = [float(torch.logsumexp(logprobs[sorted(own)], 0)) for own in ids]
        assert found == pytest.approx(expected, abs=1e-3)
        assert np.ptp(found) > 0.1


def test_what_is_shared_changes_no_number(folder, model, monkeypatch):
    monkeypatch.setattr(local, "sees_a_window", lambda _: True)  # such a model shares nothing
    apart = LocalModel("language_models.tiny", folder)
    shared = letters(model, prompts())
    np.testing.assert_allclose(shared, letters(apart, prompts()), atol=1e-4)
    np.testing.assert_allclose(shared, letters(model, prompts(), share=False), atol=1e-4)
    texts = [["soup\n", "kitten naps\n"], ["goal\n", "fox\n", "x\n"]]
    flat = [np.array(m.likelihoods_of(["a\n", "b\nc\n"], texts)[1]) for m in (model, apart)]
    np.testing.assert_allclose(*flat, atol=1e-4)
    [(messages, start)] = prompts(1, 1)
    written = [m.generate(messages, 12, shared=start) for m in (model, apart)]
    assert written[0] == written[1]


def test_what_was_asked_before_changes_no_bit(folder, model):
    asked = [([*before, (role, text[:40] * 5 + text)], 200 + start) for (*before, (role, text)), start in prompts(4, 4)]
    alone = [letters(LocalModel("language_models.tiny", folder), [one])[0].tolist() for one in asked]
    for seed in range(4):
        for place in np.random.default_rng(seed).permutation(len(asked)):
            assert letters(model, [asked[place]])[0].tolist() == alone[place]
            if place % 3 == 0:
                model.generate(asked[place - 1][0], 5, shared=asked[place - 1][1])


def test_the_start_of_a_prompt_is_computed_once(model, monkeypatch):
    lengths = []
    forward = model.model.forward
    monkeypatch.setattr(model.model, "forward", lambda **a: lengths.append(a["input_ids"].numel()) or forward(**a))
    asked = prompts(1, 4)
    model._forget()
    letters(model, asked)
    whole = len(encode_messages(model.tokenizer, asked[0][0]))
    assert len(lengths) == 5 and sum(lengths) < 2.5 * whole
    lengths.clear()
    letters(model, [(messages, 20) for messages, _ in asked])
    assert len(lengths) == 4, "a start that is too short to gain anything is no pass of its own"
    lengths.clear()
    model.likelihoods_of(["goal of the day\n" * 10], [["fox\n"] * 20])
    assert sum(lengths) < 2 * len(model.encode("goal of the day\n" * 10)) + 20 * 6


def test_a_pass_that_breaks_off_leaves_nothing_wrong(model, monkeypatch):
    [(messages, shared)] = prompts(1, 1)
    before = model.choice_logprobs(messages, LETTERS, shared)
    with monkeypatch.context() as patch:
        patch.setattr(model.model, "forward", lambda **inputs: (_ for _ in ()).throw(MemoryError()))
        with pytest.raises(MemoryError):
            model.choice_logprobs([*messages[:-1], ("user", messages[-1][1] + "more")], LETTERS, shared)
    assert model.choice_logprobs(messages, LETTERS, shared) == before


def test_generation_is_that_of_the_library(model):
    messages = [("user", "silver fox goal")]
    ids = encode_messages(model.tokenizer, messages)
    text, reason, asked, written = model.generate(messages, max_tokens=12, seed=3)
    with torch.inference_mode():
        whole = model.model.generate(torch.tensor([ids]), max_new_tokens=12, do_sample=False)[0, len(ids) :]
    assert text == model.tokenizer.decode(whole, skip_special_tokens=True)
    assert (reason, asked) == ("length" if written == 12 else "stop", len(ids))
    drawn = [model.generate(messages, 8, seed, temperature=1.0)[0] for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]


def test_generation_stops_at_the_end_token(model, monkeypatch):
    monkeypatch.setattr(model, "_ends", lambda: set(range(len(model.tokenizer))))
    assert model.generate([("user", "fox")], 5)[:2] == ("", "stop")


def test_a_chat_template_is_used_where_there_is_one(tmp_path, model):
    chat = LocalModel("language_models.chat", write_small_model(tmp_path, chat=True))
    turns = [("system", "rank"), ("user", "these")]
    text = chat.tokenizer.decode(encode_messages(chat.tokenizer, turns))
    assert "<system> rank" in text and text.rstrip().endswith(">")
    as_dicts = [{"role": role, "content": content} for role, content in turns]
    assert encode_messages(chat.tokenizer, as_dicts) == encode_messages(chat.tokenizer, turns)
    assert "system" not in model.tokenizer.decode(encode_messages(model.tokenizer, turns))


def test_a_choice_of_several_tokens_is_refused(model):
    with pytest.raises(InputError, match=r"choice 'zebra crossing'.*expected one"):
        model.choice_logprobs([("user", "x")], ["zebra crossing"])


def test_what_cannot_be_loaded_names_its_key(tmp_path, folder, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    for options, fragments in (
        ({"model": str(tmp_path / "nowhere")}, ["language_models.mine.model", "nowhere", "path of a folder"]),
        ({"model": str(tmp_path)}, ["language_models.mine.model", "folder that holds one"]),
        ({"model": folder, "adapter": str(tmp_path)}, ["language_models.mine.adapter"]),
        ({"model": folder, "precision": "int3"}, ["language_models.mine.precision", "'int3'", "bfloat16"]),
    ):
        with pytest.raises(InputError) as caught:
            LocalModel("language_models.mine", **options)
        for fragment in fragments:
            assert fragment in str(caught.value), str(caught.value)


def test_a_model_that_sees_only_a_window_shares_nothing(model):
    config = model.model.config
    assert not local.sees_a_window(config)
    config = type(config)(**{**config.to_dict(), "sliding_window": 8})
    assert local.sees_a_window(config)

"""LoRA with targets of letters or titles: training data alone, a loss that falls, a base that stays as it is."""

import shutil
from pathlib import Path

import finetune_language_model as step_finetune
import numpy as np
import pytest
import torch
from small_data import checkerboard, random_interactions
from small_language_model import write_small_model

from reelrank.config.prompts import build_prompt
from reelrank.config.schema import options as complete_options
from reelrank.errors import InputError
from reelrank.llm.local import finetuning
from reelrank.llm.local.loading import load_language_model
from reelrank.llm.local.model import LocalModel
from reelrank.llm.local.tuning_questions import TrainingQuestions
from reelrank.llm.local.tuning_targets import Letters, Titles
from reelrank.llm.rendering import Renderer
from reelrank.training.checkpoints import Checkpoint

N_ITEMS, LETTERS = 40, "ABCDEFGH"
TEXTS = [f"{'even' if item % 2 == 0 else 'odd'} thing" for item in range(N_ITEMS)]
PROMPT = {
    "user": "{history}\n{answer}\n{candidates}",
    "history_line": "{item}",
    "candidate_line": "{label} {item}",
    "answers": {"letter_logits": "which?"},
}
HOW = {"strategy": "letter_logits", "temperature": 0.0, "seed": None, "max_tokens": None}
OPTIONS = complete_options(
    "language_models", "lora", base="base", prompt="test",
    rank=8, alpha=32, learning_rate=0.02, epochs=3, batch_size=8, history_length=3, candidates=2,
    target_modules=["q_proj", "v_proj", "down_proj"],
)  # fmt: skip
TITLES = OPTIONS | {"target": "titles", "prompt": None}


def render(history, shown):
    """Return messages and letters as the workflow's prompts give them."""
    request = Renderer(build_prompt("test", PROMPT), TEXTS, HOW, False).request(history, shown)
    return request.messages, request.choices


def digest_of(base, options=OPTIONS, code="", prompt=PROMPT, data=None):
    """Return the digest of a fine-tuning."""
    return finetuning.training_digest(options, {"model": base}, [prompt, TEXTS], data or checkerboard(), code)


def target_of(tokenizer, options=OPTIONS, data=None):
    """Return what the step lets a model learn."""
    data = data or checkerboard()
    if options["target"] == "titles":
        return Titles(tokenizer, data, TEXTS, options["history_length"])
    return Letters(tokenizer, TrainingQuestions(data, options["history_length"], options["candidates"]), render)


def fit(base, folder, options=OPTIONS, code=""):
    """Fine-tune as the step does; return the losses."""
    model, tokenizer = load_language_model("language_models.base", base, torch.device("cpu"))
    adapted = finetuning.add_adapter(model, options)
    checkpoint = Checkpoint(folder, digest_of(base, options, code))
    losses = finetuning.finetune(adapted, target_of(tokenizer, options), options, checkpoint)
    finetuning.save_adapter(folder, adapted, "base", options, losses)
    return losses


@pytest.fixture(scope="module")
def tuned(tmp_path_factory):
    """Return the base's folder, what it held before, the adapter's folder and the losses."""
    torch.set_num_threads(1)
    base = write_small_model(tmp_path_factory.mktemp("base"), texts=[*TEXTS, *LETTERS, "which?"])
    before = {path.name: path.read_bytes() for path in Path(base).iterdir()}
    folder = tmp_path_factory.mktemp("adapter")
    return base, before, folder, fit(base, folder)


def test_the_loss_falls_and_the_base_is_untouched(tuned):
    base, before, folder, losses = tuned
    assert losses[-1] < 0.5 * losses[0]
    assert {path.name: path.read_bytes() for path in Path(base).iterdir()} == before
    assert str(base).encode() not in b"".join(path.read_bytes() for path in folder.iterdir() if path.suffix != ".pt")


def test_the_adapter_raises_the_probability_of_the_right_letter(tuned):
    base, _, folder, _ = tuned
    drawn = TrainingQuestions(checkerboard(seed=9), 3, 2).draw(30, [7])
    means = []
    for adapter in (None, folder):
        model = LocalModel("language_models.tuned", base, adapter=adapter)
        logprobs = [model.choice_logprobs(*render(one.history, one.shown))[one.place] for one in drawn]
        means.append(np.mean(logprobs))
    assert means[1] > means[0] + 1


def test_titles_after_a_history_become_likely(tuned, tmp_path):
    base = tuned[0]
    losses = fit(base, tmp_path, TITLES)
    assert losses[-1] < 0.7 * losses[0]
    model = LocalModel("language_models.tuned", base, adapter=tmp_path)
    after = {kind: f"{kind} thing\n" * 3 for kind in ("even", "odd")}
    texts = ["even thing\n", "odd thing\n"]
    found = {kind: [score for score, _ in model.likelihoods_of([after[kind]], [texts])[0]] for kind in after}
    assert found["even"][0] > found["even"][1] and found["odd"][1] > found["odd"][0]


def test_titles_are_of_training_interactions_alone(tuned):
    tokenizer = load_language_model("language_models.base", tuned[0], torch.device("cpu"))[1]
    data = random_interactions(4, n_users=30, n_items=N_ITEMS, shortest=5, longest=9)
    changed = data.items.copy()
    changed[data.codes != 0] = (changed[data.codes != 0] + 7) % data.n_items
    other = type(data)(data.n_users, data.n_items, changed, data.starts, data.codes)
    names = [f"thing {item}" if item % 5 else "" for item in range(N_ITEMS)]
    one, two = (Titles(tokenizer, each, names, 2) for each in (data, other))
    drawn = one.draw(100, [1, 0])
    assert drawn == two.draw(100, [1, 0]) and drawn != one.draw(100, [1, 1])
    assert drawn[:4] == one.draw(4, [1, 0])
    training = data.training()
    rows = [training.items[start:end] for start, end in zip(training.starts, training.ends, strict=True)]
    own = ["".join(f" {names[item]}\n" for item in row if names[item]) for row in rows]
    for ids in drawn:
        assert ids[0] == tokenizer.bos_token_id
        text = tokenizer.decode(ids[1:])
        assert any(text in whole for whole in own), "consecutive titles of one user"
        assert 2 <= text.count("\n") <= 3


@pytest.mark.parametrize("options", [OPTIONS, TITLES])
def test_training_ends_with_its_token_budget(tuned, options):
    tokenizer = load_language_model("language_models.base", tuned[0], torch.device("cpu"))[1]
    target = target_of(tokenizer, options)
    whole = finetuning.draw_examples(target, options)
    assert len(whole) == options["epochs"]
    tokens = [sum(map(target.tokens, drawn)) for drawn in whole]
    for budget, epochs in ((tokens[0] // 2, 1), (tokens[0], 1), (tokens[0] + 1, 2), (10 * sum(tokens), len(tokens))):
        cut = finetuning.draw_examples(target, options | {"max_training_tokens": budget})
        assert len(cut) == epochs and all(a == b[: len(a)] for a, b in zip(cut, whole, strict=False))
        used = [target.tokens(example) for drawn in cut for example in drawn]
        assert sum(used[:-1]) < budget and (sum(used) >= budget or cut == whole)


def kill_after_an_epoch(monkeypatch, base, folder, options=OPTIONS):
    """Fine-tune until the first checkpoint is written; return its path."""

    def killed(self, state, save=Checkpoint.save):
        save(self, state)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoint, "save", killed)
        with pytest.raises(KeyboardInterrupt):
            fit(base, folder, options)
    [left] = folder.glob("checkpoint-*.pt")
    return left


@pytest.mark.parametrize(
    "options", [OPTIONS, OPTIONS | {"dropout": 0.4, "epochs": 2}, TITLES | {"max_training_tokens": 1100}]
)
def test_the_same_fine_tuning_makes_the_same_bytes_killed_or_not(tuned, tmp_path, monkeypatch, options):
    base = tuned[0]
    losses = fit(base, tmp_path / "whole", options)
    kill_after_an_epoch(monkeypatch, base, tmp_path / "killed", options)
    torch.rand(7)  # the second process is at another place of the global generator
    assert fit(base, tmp_path / "killed", options) == losses
    for name in (finetuning.WEIGHTS, finetuning.CONFIG, finetuning.DESCRIPTION):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name


def test_the_generator_of_a_gpu_is_kept_where_dropout_draws_from_it(tuned, tmp_path, monkeypatch):
    devices = []

    def recorded(shuffle, device):
        devices.append(device)
        return {"shuffle": shuffle.get_state(), "cpu": torch.get_rng_state(), "cuda": torch.zeros(1)}

    monkeypatch.setattr(finetuning, "random_state", recorded)
    left = kill_after_an_epoch(monkeypatch, tuned[0], tmp_path)
    assert devices == [torch.device("cpu")] and "cuda" in torch.load(left)["random"]
    restored = []
    monkeypatch.setattr(
        finetuning, "set_random_state", lambda state, *where: restored.append((state["cuda"], where[1]))
    )
    fit(tuned[0], tmp_path)
    assert restored == [(torch.zeros(1), torch.device("cpu"))]


@pytest.mark.parametrize("change", ["weights of the base", "code", "threads"])
def test_a_changed_fine_tuning_starts_anew(tuned, tmp_path, monkeypatch, change):
    base = str(tmp_path / "base")
    shutil.copytree(tuned[0], base)
    left = kill_after_an_epoch(monkeypatch, base, tmp_path / "adapter")
    if change == "weights of the base":
        write_small_model(tmp_path / "base", seed=2, texts=[*TEXTS, *LETTERS, "which?"])
    if change == "threads":
        monkeypatch.setattr(torch, "get_num_threads", lambda: 77)
    code = "edited" if change == "code" else ""
    losses = fit(base, tmp_path / "adapter", code=code)
    assert not left.exists() and losses == fit(base, tmp_path / "anew", code=code)


def test_the_digest_is_of_all_that_decides_a_fine_tuning(tuned, tmp_path):
    base = tuned[0]
    digests = [
        digest_of(base),
        digest_of(base, OPTIONS | {"dropout": 0.1}),
        digest_of(base, code="edited"),
        digest_of(base, prompt={**PROMPT, "history_line": "- {item}"}),
        digest_of(base, data=checkerboard(seed=9)),
        digest_of("some/hub-name"),
        digest_of(write_small_model(tmp_path / "other", seed=2)),
        finetuning.training_digest(OPTIONS, {"model": base, "adapter": base}, [PROMPT, TEXTS], checkerboard()),
    ]
    assert len(set(digests)) == len(digests)
    shutil.copytree(base, tmp_path / "copy")
    assert digest_of(str(tmp_path / "copy")) == digests[0], "a folder counts by its content"


def test_the_step_hands_its_code_on(tuned, tmp_path, monkeypatch):
    digests = []

    def stop(folder, digest):
        digests.append(digest)
        raise KeyboardInterrupt

    monkeypatch.setattr(step_finetune, "Checkpoint", stop)
    monkeypatch.setattr(step_finetune, "load_interactions", lambda *_: checkerboard())
    monkeypatch.setattr(step_finetune, "catalogue_texts", lambda *_: TEXTS)
    inputs = {"interactions": "", "split": "", "catalogue": ""}
    block = {"type": "lora", **OPTIONS}
    for code in ("one", "two"):
        with pytest.raises(KeyboardInterrupt):
            step_finetune.main(
                inputs,
                {"weights": tmp_path / "adapter_model.safetensors"},
                "tuned",
                block,
                {"model": tuned[0]},
                PROMPT,
                1,
                code,
            )
    assert digests[0] != digests[1]


def test_questions_are_made_of_training_interactions_alone():
    data = random_interactions(4, n_users=30, n_items=25, shortest=5, longest=9)
    changed = data.items.copy()
    changed[data.codes != 0] = (changed[data.codes != 0] + 7) % data.n_items
    other = type(data)(data.n_users, data.n_items, changed, data.starts, data.codes)
    drawn = TrainingQuestions(data, 3, 6).draw(100, [1, 0])
    assert drawn == TrainingQuestions(other, 3, 6).draw(100, [1, 0])
    assert drawn != TrainingQuestions(data, 3, 6).draw(100, [1, 1])
    training = data.training()
    own = [training.items[start:end].tolist() for start, end in zip(training.starts, training.ends, strict=True)]
    assert len(drawn) == sum(len(items) >= 2 for items in own)
    for one in drawn:
        theirs = [items for items in own if _runs(items, one)]
        assert len(one.history) <= 3 and len(one.shown) == len(set(one.shown)) == 6
        right = {one.shown[one.place]}
        assert any(set(one.shown) & set(items) == right for items in theirs), "what a user chose is no wrong answer"
        assert all(data.popularity()[item] > 0 for item in one.shown)


def _runs(items, question):
    """Return whether a history holds that of the question, and then its right item."""
    wanted = [*question.history, question.shown[question.place]]
    return any(items[start : start + len(wanted)] == wanted for start in range(len(items)))


def test_right_places_are_spread():
    places = [one.place for one in TrainingQuestions(checkerboard(n_users=400), 3, 4).draw(400, [2])]
    assert np.bincount(places, minlength=4).min() > 60


def test_layers_that_do_not_exist_are_named(tmp_path):
    model, _ = load_language_model("language_models.base", write_small_model(tmp_path), torch.device("cpu"))
    with pytest.raises(InputError, match=r"target_modules: found \['query'\].*q_proj"):
        finetuning.add_adapter(model, OPTIONS | {"target_modules": ["query"]})

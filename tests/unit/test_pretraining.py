"""A language model from scratch: what it reads, that it learns, and that the same run makes the same bytes."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
import train_language_model as step_train
from hypothesis import given
from hypothesis import strategies as st
from small_data import interactions_of
from transformers import AutoTokenizer

from reelrank.config.schema import options as complete_options
from reelrank.errors import InputError
from reelrank.llm.local import pretraining
from reelrank.llm.local.model import LocalModel
from reelrank.llm.titles import END, plain_titles
from reelrank.training.checkpoints import Checkpoint

TITLES = ["silver fox", "lucky harbor", "noodles and soup", "goal of the day", "", "kitten naps 😂"]
OPTIONS = complete_options(
    "language_models", "scratch",
    vocabulary_size=320, hidden_size=16, layers=1, heads=2, intermediate_size=32, batch_tokens=200,
    learning_rate=0.02, warmup_steps=2, epochs=10, max_length=64,
)  # fmt: skip
TOKENIZER = pretraining.train_tokenizer(TITLES, OPTIONS["vocabulary_size"])


def data_of(seed=3, users=60):
    """Return interactions in which item i + 1 follows item i, the held-out items being at random."""
    rng = np.random.default_rng(seed)
    histories = [[(start + step) % len(TITLES) for step in range(5)] for start in rng.integers(0, len(TITLES), users)]
    return interactions_of([[*history, *rng.integers(0, len(TITLES), 2)] for history in histories], len(TITLES))


def train(folder, options=OPTIONS, data=None):
    """Train as the step does; return the losses."""
    sequences = pretraining.token_sequences((data or data_of()).training(), TITLES, TOKENIZER, options["max_length"])
    model = pretraining.build_model(TOKENIZER, options)
    checkpoint = Checkpoint(folder, pretraining.sequences_digest(options, sequences))
    losses = pretraining.train_language_model(sequences, model, options, checkpoint, TOKENIZER.pad_token_id)
    pretraining.save_language_model(folder, model, TOKENIZER, options, losses)
    return losses


def content(folder):
    """Return the bytes of the files of a language model."""
    return {name: (folder / name).read_bytes() for name in (*pretraining.FILES, pretraining.DESCRIPTION)}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Return the folder of a trained model and its losses."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("trained")
    return folder, train(folder)


def test_it_learns_what_follows_what(trained):
    folder, losses = trained
    assert losses[-1] < losses[0] / 2
    model = LocalModel("language_models.own", folder)
    texts = [title + END for title in TITLES if title]
    for item in (0, 1, 2):
        scores = [score for score, _ in model.likelihoods_of([TITLES[item] + END], [texts])[0]]
        assert texts[int(np.argmax(scores))] == TITLES[item + 1] + END


def test_the_same_training_makes_the_same_bytes_killed_or_not(trained, tmp_path, monkeypatch):
    folder, losses = trained
    saved = []

    def killed(self, state, save=Checkpoint.save):
        save(self, state)
        saved.append(state)
        if len(saved) == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoint, "save", killed)
        with pytest.raises(KeyboardInterrupt):
            train(tmp_path)
    assert len(list(tmp_path.glob("checkpoint-*.pt"))) == 1 and not (tmp_path / "model.safetensors").exists()
    assert train(tmp_path) == losses
    assert content(tmp_path) == content(folder)


def test_the_digest_is_of_all_that_decides_a_training(monkeypatch):
    sequences = [[1, 5, 6, 2], [1, 7, 2]]
    digests = [
        pretraining.sequences_digest(OPTIONS, sequences),
        pretraining.sequences_digest(OPTIONS, sequences, "edited"),
        pretraining.sequences_digest(OPTIONS | {"learning_rate": 0.01}, sequences),
        pretraining.sequences_digest(OPTIONS, [[1, 5, 6, 2, 1], [7, 2]]),
        pretraining.sequences_digest(OPTIONS, sequences[::-1]),
    ]
    assert digests[0] == pretraining.sequences_digest(OPTIONS, sequences)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 77)
    digests.append(pretraining.sequences_digest(OPTIONS, sequences))
    assert len(set(digests)) == len(digests)


def test_the_step_starts_anew_where_its_code_changed(tmp_path, monkeypatch):
    titles = SimpleNamespace(to_pylist=lambda: TITLES)
    monkeypatch.setattr(step_train, "load_interactions", lambda *_: data_of())
    monkeypatch.setattr(step_train, "read_table", lambda *_: {"title": titles})
    block = {"type": "scratch", **OPTIONS, "epochs": 2}
    saved = []

    def killed(self, state, save=Checkpoint.save):
        save(self, state)
        saved.append(len(state["losses"]))
        raise KeyboardInterrupt

    monkeypatch.setattr(Checkpoint, "save", killed)
    for code in ("one", "one", "two"):
        with pytest.raises(KeyboardInterrupt):
            step_train.main("", "", "", {"weights": tmp_path / "model.safetensors"}, block, 1, code)
    assert saved == [1, 2, 1] and len(list(tmp_path.glob("checkpoint-*.pt"))) == 1


def test_only_training_interactions_are_read():
    data = data_of()
    changed = data.items.copy()
    changed[data.codes != 0] = (changed[data.codes != 0] + 1) % len(TITLES)
    other = type(data)(data.n_users, data.n_items, changed, data.starts, data.codes)
    read = [pretraining.token_sequences(one.training(), TITLES, TOKENIZER, 64) for one in (data, other)]
    assert (changed != data.items).any() and read[0] == read[1]
    assert sum(ids.count(TOKENIZER.eos_token_id) for ids in read[0]) == sum(
        bool(TITLES[item]) for item in data.items[data.codes == 0]
    )


def test_a_long_history_is_cut_between_titles():
    data = interactions_of([[0, 1, 2, 3, 5, 0, 1, 2, 3, 5, 0, 0]], len(TITLES))
    whole = pretraining.token_sequences(data.training(), TITLES, TOKENIZER, 1000)[0]
    cut = pretraining.token_sequences(data.training(), TITLES, TOKENIZER, 16)
    assert len(cut) > 1 and max(map(len, cut)) <= 16
    assert all(ids[0] == TOKENIZER.bos_token_id and ids[-1] == TOKENIZER.eos_token_id for ids in cut)
    assert [token for ids in cut for token in ids[1:]] == whole[1:]


@given(st.lists(st.text(max_size=12), max_size=5))
def test_any_titles_can_be_written_and_read_back(titles):
    lines = plain_titles(titles)
    ids = TOKENIZER("".join(line + END for line in lines))["input_ids"]
    assert ids[0] == TOKENIZER.bos_token_id and ids.count(TOKENIZER.eos_token_id) == len(lines)
    apart = [TOKENIZER(line + END, add_special_tokens=False)["input_ids"] for line in lines]
    assert [token for own in apart for token in own] == ids[1:]


def test_the_tokenizer_is_the_same_when_read_again(trained):
    again = AutoTokenizer.from_pretrained(trained[0])
    for text in ("silver fox\nlucky harbor\n", "unseen Words 😂\n", ""):
        assert again(text)["input_ids"] == TOKENIZER(text)["input_ids"]


@given(st.lists(st.integers(1, 60), min_size=1, max_size=40), st.integers(1, 200), st.integers(0, 3))
def test_batches_hold_every_sequence_once_within_the_size(lengths, most, seed):
    lengths = np.array(lengths)
    groups = pretraining.batches(lengths, most, np.random.default_rng(seed))
    assert sorted(np.concatenate(groups).tolist()) == list(range(len(lengths)))
    assert all(len(rows) == 1 or lengths[rows].max() * len(rows) <= most for rows in groups)


def test_training_ends_with_its_token_budget(tmp_path):
    sequences = pretraining.token_sequences(data_of().training(), TITLES, TOKENIZER, OPTIONS["max_length"])
    lengths = np.array([len(ids) for ids in sequences])
    whole = pretraining.batches_within_budget(lengths, OPTIONS)
    assert len(whole) == OPTIONS["epochs"]
    for budget, epochs in ((lengths.sum() // 2, 1), (lengths.sum(), 1), (lengths.sum() + 1, 2)):
        cut = pretraining.batches_within_budget(lengths, OPTIONS | {"max_training_tokens": int(budget)})
        used = [int(lengths[rows].sum()) for groups in cut for rows in groups]
        assert len(cut) == epochs and sum(used[:-1]) < budget <= sum(used)
        np.testing.assert_array_equal(np.concatenate(cut[0]), np.concatenate(whole[0])[: sum(map(len, cut[0]))])
    rates, step = [], torch.optim.AdamW.step

    def recorded(self, *arguments):
        rates.append(self.param_groups[0]["lr"])
        return step(self, *arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.optim.AdamW, "step", recorded)
        losses = train(tmp_path, OPTIONS | {"max_training_tokens": int(lengths.sum() // 2)})
    assert len(losses) == 1 and len(rates) < len(whole[0])
    assert rates[-1] < 0.5 * max(rates), "the schedule ends with the budget"


def test_padding_changes_no_loss():
    model = pretraining.build_model(TOKENIZER, OPTIONS)
    one, other = [1, 5, 6, 7, 2], [1, 9, 2]
    pairs = [pretraining.next_token_loss(model, [ids], 0) for ids in (one, other)]
    together, count = pretraining.next_token_loss(model, [one, other], 0)
    assert count == 6
    assert float(together) == pytest.approx(sum(float(loss) * n for loss, n in pairs) / 6, rel=1e-5)


def test_nothing_to_learn_and_a_wrong_shape_are_errors():
    with pytest.raises(InputError, match="no training history with a title"):
        pretraining.train_language_model([], None, OPTIONS, Checkpoint(None, ""))
    with pytest.raises(InputError, match=r"found hidden_size 10 and heads 4"):
        complete_options("language_models", "scratch", hidden_size=10)

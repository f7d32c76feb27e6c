"""The training loop, its samples and its loss; the folded scores of NFM."""

import logging

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from small_data import checkerboard, interactions_of, random_interactions
from small_models import model_of
from torch import nn

from reelrank.config.schema import options as complete_options
from reelrank.errors import InputError
from reelrank.hardware import PRECISIONS, gpu_arithmetic
from reelrank.models.nfm import Model, Module
from reelrank.training.checkpoints import Checkpoint
from reelrank.training.loop import train, validation_ndcg
from reelrank.training.samples import Batch, PrefixSamples, in_batch_softmax_loss, log_popularity
from reelrank.training.topk import target_ranks

CPU = torch.device("cpu")


def nfm_options(**given):
    """Return the complete options of an NFM."""
    return complete_options("models", "nfm", **given)


@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("length", [1, 3, 20])
def test_samples_are_all_prefixes_of_training(first, length):
    data = random_interactions(2)
    samples = PrefixSamples(data, length, CPU, first)
    expected = []
    for user in range(data.n_users):
        own = data.items[data.starts[user] : data.train_ends[user]].tolist()
        for place in range(0 if first else 1, len(own)):
            latest = own[:place][-length:]
            expected.append((user, own[place], [data.n_items] * (length - len(latest)) + latest))
    batch = samples.batch(torch.arange(len(samples)))
    found = list(zip(batch.users.tolist(), batch.targets.tolist(), batch.history.tolist(), strict=True))
    assert found == expected


@given(st.lists(st.permutations(range(8)).map(lambda row: row[:6]), min_size=2, max_size=5), st.data())
def test_blocked_targets_are_the_users_own(histories, data):
    interactions = interactions_of(histories, 8)
    samples = PrefixSamples(interactions, 3, CPU)
    index = data.draw(st.lists(st.integers(0, len(samples) - 1), min_size=1, max_size=10))
    batch = samples.batch(torch.tensor(index))
    own = {user: set(histories[user][: len(histories[user]) - 2]) for user in range(len(histories))}
    for row, user in enumerate(batch.users.tolist()):
        expected = [target in own[user] and row != column for column, target in enumerate(batch.targets.tolist())]
        assert batch.blocked[row].tolist() == expected


def test_samples_do_not_share_memory_with_the_data():
    data = random_interactions(2)
    before = data.items.copy()
    PrefixSamples(data, 3, CPU).items.zero_()
    np.testing.assert_array_equal(data.items, before)


@pytest.mark.parametrize("seed", range(3))
def test_the_corrected_loss_equals_its_formula(seed):
    rng = np.random.default_rng(seed)
    n, n_items = 6, 9
    logits, log_p = rng.normal(size=(n, n)), np.log(rng.dirichlet(np.ones(n_items)))
    targets, blocked = rng.integers(0, n_items, n), rng.random((n, n)) < 0.3
    np.fill_diagonal(blocked, False)
    batch = Batch(torch.arange(n), torch.tensor(targets), torch.zeros(n, 1).long(), torch.tensor(blocked))
    losses = []
    for i in range(n):
        weights = {j: np.exp(logits[i, j]) / np.exp(log_p[targets[j]]) for j in range(n) if not blocked[i, j]}
        losses.append(-np.log(weights[i] / sum(weights.values())))
    found = in_batch_softmax_loss(torch.tensor(logits), batch, torch.tensor(log_p))
    assert found.item() == pytest.approx(np.mean(losses), rel=1e-6)


def test_log_popularity_is_the_share_of_training():
    data = interactions_of([[3, 1, 0, 2], [3, 2, 1, 0]], 5)
    np.testing.assert_allclose(log_popularity(data, CPU).exp(), [0.25, 0.25, 0.25, 0.5, 0.25], rtol=1e-6)


def test_folded_scores_equal_the_literal_forward():
    torch.manual_seed(3)
    module = Module(17, 12, 0.3)
    for tensor in (module.norm.running_mean, module.norm.weight.data, module.norm.bias.data):
        tensor.normal_()
    module.norm.running_var.uniform_(0.01, 3)
    module.embedding.weight.data[:-1].normal_()
    module.eval()
    history = torch.randint(0, 18, (9, 5))
    history[0] = 17
    with torch.no_grad():
        literal = module(history, torch.arange(17))
    torch.testing.assert_close(module.score(history), literal, atol=1e-4, rtol=1e-4)
    assert module.score(history[:0]).shape == (0, 17)


@pytest.mark.parametrize(("width", "rows"), [(1, 1), (1, 100), (24, 5), (36, 17), (1000, 4)])
def test_folded_scores_do_not_depend_on_the_blocks(monkeypatch, width, rows):
    torch.manual_seed(3)
    module = Module(17, 12, 0.0).eval()
    history = torch.randint(0, 18, (9, 5))
    whole = module.score(history)
    monkeypatch.setattr("reelrank.models.nfm.BLOCK_WIDTH", width)
    monkeypatch.setattr("reelrank.models.nfm.ITEMS_PER_BLOCK", rows)
    torch.testing.assert_close(module.score(history), whole)


def test_bi_interaction_is_the_sum_of_all_products():
    torch.manual_seed(1)
    module = Module(6, 4, 0.0)
    total, pairs = module.pool(torch.tensor([[6, 2, 5, 1]]))
    own = module.embedding.weight[[2, 5, 1]]
    torch.testing.assert_close(total[0], own.sum(0))
    torch.testing.assert_close(pairs[0], own[0] * own[1] + own[0] * own[2] + own[1] * own[2])


def test_the_loss_of_a_seed_is_the_recorded_one():
    data = checkerboard()
    options = nfm_options(embedding_size=8, batch_size=32, epochs=4, patience=4, learning_rate=0.01)
    epochs = Model(options, data.n_users, data.n_items).fit(data, 11)
    assert [row["loss"] for row in epochs] == pytest.approx(RECORDED_LOSS, abs=1e-3)


RECORDED_LOSS = [3.32638, 3.29783, 3.26742, 3.22970]


class Scripted(nn.Module):
    """A module whose one weight counts epochs; scores are looked up by it."""

    def __init__(self, per_epoch, loss=1.0):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.per_epoch, self.constant = per_epoch, loss

    def loss(self, batch):
        return self.constant + 0 * self.weight.sum()


class ScriptedModel:
    """Ranks the target at ``per_epoch[epoch]``: the loop's view of a model."""

    def __init__(self, ranks, loss=1.0):
        self.module, self.ranks, self.epoch = Scripted(ranks, loss), ranks, 0

    def parameter_groups(self):
        """Return the one weight."""
        return [{"params": list(self.module.parameters())}]

    def score(self, users, history):
        """Score items so that item 0, every user's target, has the epoch's rank."""
        rank = self.ranks[self.epoch]
        self.epoch += 1
        with torch.no_grad():
            self.module.weight.fill_(self.epoch)
        scores = torch.zeros(len(users), history.n_items)
        scores[:, 1:rank] = 1
        return scores


class Samples:
    """Samples of nothing."""

    def __init__(self, n, smallest_batch=2):
        self.rows, self.smallest_batch = torch.arange(n), smallest_batch

    def __len__(self):
        return len(self.rows)

    def batch(self, index):
        return index


def one_query(n_items=30):
    return interactions_of([[n_items - 1, 0, n_items - 2]], n_items).queries("valid")


def test_training_stops_after_patience_and_keeps_the_best():
    model = ScriptedModel([5, 3, 4, 3, 8, 1])
    options = nfm_options(epochs=6, batch_size=2, patience=3)
    epochs = train(model, Samples(4), one_query(), options, 1)
    assert [row["epoch"] for row in epochs] == [1, 2, 3, 4, 5]
    assert [row["valid_ndcg"] for row in epochs] == pytest.approx([1 / np.log2(rank + 1) for rank in (5, 3, 4, 3, 8)])
    assert model.module.weight.item() == 2


@pytest.mark.parametrize("n", [4, 5])
def test_the_loss_is_a_mean_over_the_samples_that_were_learned_from(n):
    epochs = train(ScriptedModel([1]), Samples(n), one_query(), nfm_options(epochs=1, batch_size=2), 1)
    assert epochs[0]["loss"] == pytest.approx(1.0)


@pytest.mark.parametrize(("smallest", "expected"), [(1, [2, 2, 1]), (2, [2, 2])])
def test_only_a_batch_too_small_for_its_samples_is_left_out(smallest, expected):
    model, sizes = ScriptedModel([1]), []
    loss = model.module.loss
    model.module.loss = lambda batch: sizes.append(len(batch)) or loss(batch)
    train(model, Samples(5, smallest), one_query(), nfm_options(epochs=1, batch_size=2), 1)
    assert sizes == expected


def test_every_model_says_its_smallest_batch():
    data = random_interactions(2)
    expected = {"nfm": 2, "dssm": 2, "dssm_video": 2, "bpr": 1, "sasrec": 1, "gru4rec": 1}
    for kind, smallest in expected.items():
        options = {"encoder": "any", "field": "title"} if kind == "dssm_video" else {}
        samples = model_of(kind, data.n_users, data.n_items, **options).samples(data)
        assert samples.smallest_batch == smallest, kind


def test_a_first_loss_that_is_not_finite_is_refused():
    with pytest.raises(InputError, match="epoch 1: the loss is nan; try a smaller learning_rate"):
        train(ScriptedModel([1], float("nan")), Samples(4), one_query(), nfm_options(epochs=2, batch_size=2), 1)


@pytest.mark.parametrize("what", ["loss", "scores"])
def test_a_later_loss_that_is_not_finite_keeps_the_best_weights(what, caplog, tmp_path):
    model = ScriptedModel([5, 3, 4, 1])
    loss, score = model.module.loss, model.score
    spoilt = float("nan")
    if what == "loss":
        model.module.loss = lambda batch: loss(batch) * (spoilt if model.epoch == 3 else 1)
    else:
        model.score = lambda users, history: score(users, history) * (spoilt if model.epoch == 4 else 1)
    options = nfm_options(epochs=6, batch_size=2)
    epochs = train(model, Samples(4), one_query(), options, 1, Checkpoint(tmp_path, "a"))
    assert [row["epoch"] for row in epochs] == [1, 2, 3]
    assert model.module.weight.item() == 2
    said = [(record.levelname, record.message) for record in caplog.records if record.levelno >= logging.WARNING]
    assert [level for level, _ in said] == ["ERROR", "WARNING"]
    assert f"epoch 4: the {what}" in said[0][1] and "weights of epoch 2" in said[1][1]


def test_precisions_are_set_and_put_back():
    before = torch.get_float32_matmul_precision()
    with gpu_arithmetic("tf32"):
        assert torch.get_float32_matmul_precision() == "high" and torch.backends.cudnn.allow_tf32
    with gpu_arithmetic("float32"):
        assert torch.get_float32_matmul_precision() == "highest" and not torch.backends.cudnn.allow_tf32
    assert torch.get_float32_matmul_precision() == before
    with pytest.raises(InputError, match="precision: found 'half'; expected one of float32, tf32, bfloat16"):
        gpu_arithmetic("half").__enter__()


def test_a_cpu_computes_in_float32_whatever_the_precision():
    losses = {precision: losses_of({"precision": precision}) for precision in PRECISIONS}
    assert losses["tf32"] == losses["bfloat16"] == losses["float32"]


def losses_of(options):
    data = checkerboard()
    options = nfm_options(**{"embedding_size": 8, "batch_size": 32, "epochs": 2, "learning_rate": 0.01, **options})
    return [row["loss"] for row in Model(options, data.n_users, data.n_items).fit(data, 11)]


@pytest.mark.parametrize("histories", [[[0, 1, 2], [2, 1, 0]], [[0, 1, 2], [2, 1, 0, 3]]])
def test_too_little_to_learn_from_is_refused(histories):
    data = interactions_of(histories, 4)
    with pytest.raises(InputError, match="training samples"):
        Model(nfm_options(embedding_size=4), data.n_users, data.n_items).fit(data, 1)


def test_early_stopping_looks_at_a_seeded_sample():
    data = random_interactions(1, n_users=30)
    queries = data.queries("valid")
    seen = []

    class Spy(ScriptedModel):
        def score(self, users, history):
            seen.append(users.tolist())
            return super().score(users, history)

    for seed in (1, 1, 2):
        train(Spy([1]), Samples(4), queries, nfm_options(epochs=1, batch_size=2, validation_users=10), seed)
    assert seen[0] == seen[1] != seen[2]
    assert len(set(seen[0])) == 10 and seen[0] == sorted(seen[0])


def test_validation_ndcg_is_cut_at_ten():
    data = random_interactions(1, n_users=30, n_items=40)
    queries = data.queries("valid")
    model = Model(nfm_options(embedding_size=4), data.n_users, data.n_items)
    torch.manual_seed(1)
    model.module = model.build().eval()
    ranks = target_ranks(model, queries)
    assert (ranks > 10).any() and (ranks <= 10).any()
    expected = np.mean([1 / np.log2(rank + 1) if rank <= 10 else 0 for rank in ranks])
    assert validation_ndcg(model, queries) == pytest.approx(expected)
    assert validation_ndcg(model, queries[:0]) == 0
    assert validation_ndcg(ScriptedModel([10]), one_query()) == pytest.approx(1 / np.log2(11))
    assert validation_ndcg(ScriptedModel([11]), one_query()) == 0

"""What is particular to the sequential models, to DSSM, and to their samples and losses."""

import itertools

import numpy as np
import pytest
import torch
from small_data import interactions_of, random_interactions
from small_models import model_of

from reelrank.config.schema import options as complete_options
from reelrank.errors import InputError
from reelrank.models import load_model
from reelrank.training.samples import WindowSamples, full_softmax_loss, sampled_softmax_loss

CPU = torch.device("cpu")
SEQUENTIAL = pytest.mark.parametrize("kind", ["sasrec", "gru4rec"])


@pytest.mark.parametrize("length", [1, 3, 5, 50])
@pytest.mark.parametrize("seed", [None, 1, 2])
def test_every_interaction_but_the_first_is_a_target_once(length, seed):
    data = random_interactions(5, n_users=20, n_items=30, longest=20)
    samples = WindowSamples(data, length, CPU)
    if seed is not None:
        samples.redraw(torch.Generator().manual_seed(seed))
    history, targets = samples.batch(torch.arange(len(samples)))
    longest = min(length, (data.train_ends - data.starts[:-1]).max() - 1)
    assert history.shape == targets.shape == (len(samples), longest), "columns without an item are cut off"
    found = []
    for row in range(len(samples)):
        real = targets[row] < data.n_items
        assert (history[row] < data.n_items).equal(real)
        assert real[-1] and real.tolist() == sorted(real.tolist()), "padding is on the left"
        found += zip(history[row][real].tolist(), targets[row][real].tolist(), strict=True)
    expected = []
    for user in range(data.n_users):
        own = data.items[data.starts[user] : data.train_ends[user]].tolist()
        expected += itertools.pairwise(own)
    assert found == expected


def test_windows_of_long_sequences_move_and_short_ones_stay_whole():
    data = interactions_of([list(range(20)), list(range(6))], 20)
    samples = WindowSamples(data, 5, CPU)
    generator, cuts = torch.Generator().manual_seed(1), set()
    for _ in range(20):
        samples.redraw(generator)
        cuts.add(tuple(samples.begins.tolist()))
        _, targets = samples.batch(torch.arange(len(samples)))
        assert targets[-1].tolist() == [20, 20, 1, 2, 3]
    assert len(cuts) == 5


@pytest.mark.parametrize("seed", range(2))
def test_the_sampled_softmax_of_the_whole_catalogue_is_nearly_the_full_one(seed):
    torch.manual_seed(seed)
    hidden, items, targets = torch.randn(30, 6), torch.randn(40, 6), torch.randint(40, (30,))
    full = full_softmax_loss(hidden, targets, items)
    logits = hidden @ items.T
    assert full.item() == pytest.approx((logits.logsumexp(1) - logits[range(30), targets]).mean().item(), rel=1e-5)
    drawn = torch.randint(40, (100_000,))
    sampled = sampled_softmax_loss(hidden, items[targets], items[drawn], targets[:, None] == drawn, 40)
    assert sampled.item() == pytest.approx(full.item(), rel=0.02)


def test_the_full_softmax_learns_the_same_in_chunks_and_at_once(monkeypatch):
    gradients = []
    for at_once in (7, 10_000):
        monkeypatch.setattr("reelrank.training.samples.POSITIONS_AT_ONCE", at_once)
        torch.manual_seed(1)
        hidden, items = torch.randn(30, 6, requires_grad=True), torch.randn(40, 6, requires_grad=True)
        full_softmax_loss(hidden, torch.randint(40, (30,)), items).backward()
        gradients.append((hidden.grad, items.grad))
    torch.testing.assert_close(*gradients)


@SEQUENTIAL
def test_a_position_sees_nothing_later(kind):
    module = model_of(kind, 3, 20, embedding_size=8, history_length=6).build().eval()
    history = torch.tensor([[20, 20, 3, 4, 5, 6]])
    changed = torch.tensor([[20, 20, 3, 4, 9, 6]])
    with torch.no_grad():
        one, two = (module(each, module.items.lookup()) for each in (history, changed))
    torch.testing.assert_close(one[:, 2:4], two[:, 2:4])
    assert not torch.allclose(one[:, 4:], two[:, 4:])


@SEQUENTIAL
def test_padding_changes_nothing_but_positions(kind):
    module = model_of(kind, 3, 20, embedding_size=8, history_length=6).build().eval()
    with torch.no_grad():
        if kind == "sasrec":
            module.positions.weight.zero_()
            short = module(torch.tensor([[20, 20, 20, 3, 4, 5]]), module.items.lookup())
            module.positions = torch.nn.Embedding(3, 8)
            module.positions.weight.zero_()
            bare = module(torch.tensor([[3, 4, 5]]), module.items.lookup())
        else:
            lookup = module.items.lookup()
            short, bare = (module(torch.tensor([row]), lookup) for row in ([20, 20, 20, 3, 4, 5], [3, 4, 5]))
    torch.testing.assert_close(short[:, 3:], bare)
    assert torch.isfinite(short).all()


def test_heads_must_divide_the_embedding():
    with pytest.raises(InputError, match=r"found embedding_size 9 and heads 2; expected .*multiple of heads"):
        complete_options("models", "sasrec", embedding_size=9)


@SEQUENTIAL
def test_the_order_of_the_history_matters(kind):
    data = interactions_of([[0, 1, 2, 3, 4], [1, 0, 2, 3, 4]], 6)
    model = model_of(kind, 2, 6, embedding_size=8, history_length=4)
    model.module = model.build().eval()
    queries = data.queries("valid")
    one, two = model.score(queries.users, queries.history)
    assert not torch.allclose(one, two, atol=1e-4)


def test_the_towers_of_dssm_have_layers():
    data = random_interactions(3)
    model = model_of("dssm", 12, 15, embedding_size=4, layers=2, epochs=1, batch_size=8)
    model.fit(data, 1)
    assert [type(part).__name__ for part in model.module.user_tower] == ["Linear", "BatchNorm1d", "Tanh"] * 2


FEATURES = {"encoder": "clip", "field": "cover", "embedding_size": 5, "epochs": 2, "batch_size": 8}


def test_features_are_needed_and_the_rule_is_named():
    data = random_interactions(3)
    with pytest.raises(InputError, match=r"no item features.*'clip'.*'cover'.*rules/features.smk"):
        model_of("dssm_video", data.n_users, data.n_items, **FEATURES).fit(data, 1)


def test_features_are_frozen_and_saved_and_their_projection_learns_at_its_own_rate(tmp_path):
    data = random_interactions(3)
    features = np.random.default_rng(1).normal(size=(data.n_items, 7)).astype(np.float32)
    model = model_of("dssm_video", data.n_users, data.n_items, **FEATURES, projection_learning_rate=1e-12)
    torch.manual_seed(1)
    before = model.build(7).projection.weight.clone()
    model.fit(data, 1, features=features)
    torch.testing.assert_close(model.module.projection.weight, before)
    assert model.module.bias.weight.abs().max() > 0
    model.save(tmp_path)
    loaded = load_model(tmp_path)
    np.testing.assert_array_equal(loaded.arrays()["features"], features)
    queries = data.queries("test")
    torch.testing.assert_close(
        loaded.score(queries.users, queries.history), model.score(queries.users, queries.history), atol=0, rtol=0
    )

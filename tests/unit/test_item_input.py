"""Base models that read item vectors: what they compute, learn, save, and refuse."""

import numpy as np
import pytest
import torch
from small_data import checkerboard, interactions_of, random_interactions
from small_models import model_of

from reelrank.errors import InputError
from reelrank.models import load_model
from reelrank.training import loop
from reelrank.training.item_vectors import ItemVectors, centred, reduced
from reelrank.training.topk import top_k

KINDS = ("add", "only", "init")
MODELS = ("sasrec", "gru4rec", "dssm")
every_model = pytest.mark.parametrize("model", MODELS)
every_kind = pytest.mark.parametrize("kind", KINDS)
negatives = pytest.mark.parametrize("negatives", [0, 3])


@pytest.fixture(autouse=True)
def strict():
    """Keep the order of sums fixed; what has no deterministic form is an error."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(False)
    torch.set_num_threads(threads)


def features_of(n_items, dimension=5, seed=0):
    """Return unit vectors; item 1 has none."""
    features = np.random.default_rng(seed).normal(size=(n_items, dimension)).astype(np.float32)
    features[1] = 0
    return features


def reading(model, data, kind="add", **options):
    """Return a model of small size that is not fitted; without a kind it reads ids alone."""
    item_input = {"encoder": "any", "field": "title", "as": kind} if kind else None
    given = {"embedding_size": 8, "batch_size": 16, "epochs": 3, "learning_rate": 0.01, **options}
    given |= {} if model == "dssm" else {"history_length": 6}
    return model_of(model, data.n_users, data.n_items, item_input=item_input, **given)


def scores_of(model, data):
    """Return the scores of the test users."""
    queries = data.queries("test")
    return model.score(queries.users, queries.history)


def test_features_are_centred_and_of_length_one_and_missing_ones_stay_zero():
    features = centred(torch.from_numpy(features_of(20) + np.float32(3) * (features_of(20) != 0)))
    assert not features[1].any()
    there = features[torch.arange(20) != 1]
    torch.testing.assert_close(there.norm(dim=1), torch.ones(19))
    assert there.mean(0).abs().max() < 0.2, "the common part, 3 in each dimension, is gone"


def test_a_reduction_keeps_what_the_best_projection_keeps():
    features = centred(torch.from_numpy(features_of(30, 6)))
    values = torch.linalg.svdvals(features)
    torch.testing.assert_close(reduced(features, 4).norm(dim=0), values[:4])
    assert reduced(features, 40).shape == (30, 6)


@pytest.mark.parametrize("padded", [True, False])
@every_kind
def test_some_vectors_are_rows_of_the_table(kind, padded):
    torch.manual_seed(1)
    items = ItemVectors(10, 4, kind, 5, padded)
    items.initialise(lambda weight: torch.nn.init.normal_(weight, std=0.5))
    items.set_features(features_of(10))
    table = items.table()
    assert table.shape == (10 + padded, 4) and not table[10:].any()
    asked = torch.tensor([[3, 1], [9, 3]])
    for lookup in (items.lookup(), items.lookup(asked.flatten())):
        torch.testing.assert_close(lookup(asked), table[asked])
    if kind == "only":
        assert not table[1].any(), "an item without a feature is the zero vector"
    if kind == "init":
        assert table[:10].square().mean().sqrt().item() == pytest.approx(0.5, rel=0.3)


@every_model
@every_kind
@negatives
def test_a_saved_model_needs_no_features(model, kind, negatives, tmp_path):
    data = random_interactions(3)
    options = {} if model == "dssm" else {"negatives": negatives}
    own = reading(model, data, kind, **options)
    own.fit(data, 1, features=features_of(data.n_items))
    own.save(tmp_path)
    loaded = load_model(tmp_path)
    torch.testing.assert_close(scores_of(loaded, data), scores_of(own, data), atol=0, rtol=0)
    assert not any("features" in name or "projection" in name for name in loaded.arrays())


@every_model
@every_kind
def test_the_same_seed_gives_the_same_bytes_and_other_features_others(model, kind, tmp_path):
    data = random_interactions(3)
    for name, seed in (("one", 0), ("two", 0), ("other", 5)):
        own = reading(model, data, kind)
        own.fit(data, 1, features=features_of(data.n_items, seed=seed))
        own.save(tmp_path / name)
        torch.rand(3)
    one, two, other = ((tmp_path / name / "weights.safetensors").read_bytes() for name in ("one", "two", "other"))
    assert one == two != other


class KilledError(Exception):
    """A training that is killed."""


@every_kind
def test_a_killed_training_ends_with_the_same_weights(kind, tmp_path, monkeypatch):
    data, features = random_interactions(3), features_of(15)
    whole = reading("sasrec", data, kind, epochs=4, patience=4)
    whole.fit(data, 1, features=features)
    killed = reading("sasrec", data, kind, epochs=4, patience=4)
    validate, done = loop.validation_ndcg, []

    def killing(*arguments):
        done.append(1)
        if len(done) == 3:
            raise KilledError
        return validate(*arguments)

    monkeypatch.setattr(loop, "validation_ndcg", killing)
    with pytest.raises(KilledError):
        killed.fit(data, 1, tmp_path, features)
    saved = torch.load(next(tmp_path.glob("checkpoint-*.pt")), weights_only=True)
    assert "items.features" not in saved["module"], "a checkpoint holds no copy of the feature file"
    again = reading("sasrec", data, kind, epochs=4, patience=4)
    again.fit(data, 1, tmp_path, features)
    assert len(done) == 5, "two epochs are not repeated"
    for name, array in whole.arrays().items():
        np.testing.assert_array_equal(array, again.arrays()[name], err_msg=name)


def test_features_carry_over_to_items_that_training_never_saw():
    """Items 0 to 9 and 10 to 19 belong together by feature; 8, 9, 18 and 19 are never trained on."""
    rng = np.random.default_rng(1)
    histories = [(rng.permutation(8) + 10 * (user % 2)).tolist()[:6] for user in range(60)]
    data = interactions_of(histories, 20)
    features = rng.normal(size=(20, 6)).astype(np.float32) * np.float32(0.1)
    features[:10, 0], features[10:, 0] = 1, -1
    model = reading("sasrec", data, "only", epochs=30, patience=30)
    model.fit(data, 1, features=features)
    scores = scores_of(model, data).numpy()
    own = np.where(np.arange(60)[:, None] % 2, scores[:, [18, 19]], scores[:, [8, 9]])
    other = np.where(np.arange(60)[:, None] % 2, scores[:, [8, 9]], scores[:, [18, 19]])
    assert (own > other).mean() > 0.95


@pytest.mark.parametrize("kind", ["add", "init"])
@every_model
def test_a_model_with_features_learns_the_checkerboard(model, kind):
    data = checkerboard()
    own = reading(model, data, kind, embedding_size=16, epochs=40, patience=40, weight_decay=1.0)
    own.fit(data, 1, features=features_of(data.n_items))
    queries = data.queries("test")
    items, _ = top_k(own, queries, 8)
    assert (items % 2 == (queries.users % 2)[:, None]).mean() > 0.95


@every_model
def test_a_model_without_the_features_that_it_names_is_refused(model):
    data = random_interactions(3)
    with pytest.raises(InputError, match=rf"{model}: found no item features; expected .*'any'.*'title'"):
        reading(model, data).fit(data, 1)

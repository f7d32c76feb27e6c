"""What every base model promises; the types are found in the library's folder."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from small_data import checkerboard, interactions_of, random_interactions

from reelrank import models
from reelrank.config.schema import entry
from reelrank.config.schema import options as complete_options
from reelrank.data.splits import UNUSED, leave_one_out
from reelrank.errors import InputError
from reelrank.models import DESCRIPTION, WEIGHTS, NeuralRecommender, load_model, model_class
from reelrank.training.topk import target_ranks, top_k

TYPES = sorted(path.stem for path in Path(models.__file__).parent.glob("[a-z]*.py"))

#: Small hyper-parameters, for the fields that a type has.
SMALL = {"embedding_size": 8, "batch_size": 16, "epochs": 3, "patience": 3, "learning_rate": 0.01}
SMALL |= {"encoder": "any", "field": "title"}

#: The same with one epoch, so that the valid items have nothing to choose from.
ONE_EPOCH = {**SMALL, "epochs": 1, "iterations": 1, "patience": 1}

#: The small ones, long enough to learn which items belong together.
LONGER = {**SMALL, "embedding_size": 16, "epochs": 40, "patience": 40, "weight_decay": 1.0}

every_type = pytest.mark.parametrize("kind", TYPES)


@pytest.fixture(autouse=True)
def strict():
    """Keep the order of sums fixed, and the machine free; what has no deterministic form is an error."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(False)
    torch.set_num_threads(threads)


def fitted(kind, data, seed=1, options=None):
    """Return a model of that type, fitted, and its epochs."""
    names = entry("models", kind)["properties"]
    chosen = {name: value for name, value in (options or SMALL).items() if name in names}
    model = model_class(kind)(complete_options("models", kind, **chosen), data.n_users, data.n_items)
    features = np.random.default_rng(0).normal(size=(data.n_items, 4)).astype(np.float32)
    return model, model.fit(data, seed, features=features if "encoder" in names else None)


def scores_of(model, queries):
    """Return the model's scores as an array."""
    return torch.as_tensor(model.score(queries.users, queries.history)).float().numpy()


def check_lists(model, data, k=10):
    """Assert that lists are dense, free of repeats and of seen items, with finite scores."""
    for part in ("valid", "test"):
        queries = data.queries(part)
        scores = scores_of(model, queries)
        assert scores.shape == (len(queries), data.n_items) and np.isfinite(scores).all()
        items, listed = top_k(model, queries, k)
        for row in range(len(queries)):
            seen = set(queries.seen[row : row + 1].last(data.n_items)[0].tolist())
            entries = [item for item in items[row].tolist() if item >= 0]
            assert len(entries) == min(k, data.n_items - len(seen - {data.n_items}))
            assert len(set(entries)) == len(entries) and not seen & set(entries)
            assert (items[row, len(entries) :] == -1).all() and (np.diff(listed[row, : len(entries)]) <= 0).all()


def test_there_are_types():
    assert {"pop", "nfm"} <= set(TYPES)


@every_type
def test_lists_are_dense_and_hold_nothing_seen(kind):
    data = random_interactions(3)
    check_lists(fitted(kind, data)[0], data)


@every_type
def test_a_saved_model_scores_the_same(kind, tmp_path):
    data = random_interactions(3)
    model, _ = fitted(kind, data)
    model.save(tmp_path)
    assert {WEIGHTS, DESCRIPTION} <= {file.name for file in tmp_path.iterdir()}
    (tmp_path / "new").touch()
    assert (tmp_path / WEIGHTS).stat().st_mode == (tmp_path / "new").stat().st_mode
    queries = data.queries("test")
    np.testing.assert_array_equal(scores_of(load_model(tmp_path), queries), scores_of(model, queries))
    items, scores = top_k(load_model(tmp_path), queries, 5)
    again_items, again_scores = top_k(model, queries, 5)
    np.testing.assert_array_equal(items, again_items)
    np.testing.assert_array_equal(scores, again_scores)


@every_type
def test_the_same_seed_gives_the_same_bytes(kind, tmp_path):
    data = random_interactions(3)
    epochs = []
    for name in ("one", "two"):
        model, history = fitted(kind, data)
        model.save(tmp_path / name)
        epochs.append(history)
        torch.rand(5)  # the seed alone decides, wherever the global generator is
    assert epochs[0] == epochs[1]
    for file in (WEIGHTS, DESCRIPTION):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()
    if issubclass(model_class(kind), NeuralRecommender):
        fitted(kind, data, seed=2)[0].save(tmp_path / "other")
        assert (tmp_path / "one" / WEIGHTS).read_bytes() != (tmp_path / "other" / WEIGHTS).read_bytes()


@every_type
def test_scores_change_with_the_history_if_it_is_read(kind):
    data = random_interactions(4)
    model, _ = fitted(kind, data)
    queries = data.queries("test")
    others = queries.history[np.roll(np.arange(len(queries)), 1)]
    own, exchanged = (
        torch.as_tensor(model.score(queries.users, history)).clone() for history in (queries.history, others)
    )
    assert model.reads_history != torch.equal(own, exchanged)


@every_type
def test_a_batch_of_users_scores_as_each_alone(kind):
    data = random_interactions(4)
    model, _ = fitted(kind, data)
    queries = data.queries("test")
    whole = scores_of(model, queries)
    for row in range(len(queries)):
        np.testing.assert_allclose(scores_of(model, queries[row : row + 1])[0], whole[row], atol=1e-5)


@every_type
def test_scores_may_be_changed_by_the_caller(kind):
    data = random_interactions(4)
    model, _ = fitted(kind, data)
    queries = data.queries("test")
    before = scores_of(model, queries).copy()
    torch.as_tensor(model.score(queries.users, queries.history)).fill_(-7)
    np.testing.assert_array_equal(scores_of(model, queries), before)


@every_type
def test_items_scored_again_score_the_same(kind):
    data = random_interactions(4)
    model, _ = fitted(kind, data)
    if not hasattr(model, "rescore"):
        return  # its lists are made in float32 throughout
    queries = data.queries("test")
    candidates = torch.randint(data.n_items, (len(queries), 6), generator=torch.Generator().manual_seed(1))
    expected = np.take_along_axis(scores_of(model, queries), candidates.numpy(), axis=1)
    found = model.rescore(queries.users, queries.history, candidates)
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-5)


@every_type
def test_users_with_one_training_item(kind):
    data = interactions_of([[0, 1, 2], [3, 4, 5, 1], [2, 5, 0, 3, 1], [1, 2, 4]], 6)
    check_lists(fitted(kind, data)[0], data)


@every_type
def test_items_never_seen_in_training(kind):
    data = interactions_of([[0, 1, 2, 8], [1, 2, 0, 7], [2, 0, 1, 9]], 12)
    assert (data.popularity()[3:] == 0).all()
    check_lists(fitted(kind, data)[0], data, k=12)


@every_type
def test_a_catalogue_smaller_than_the_list(kind):
    data = random_interactions(6, n_items=7, longest=7)
    check_lists(fitted(kind, data)[0], data, k=100)


@every_type
def test_a_catalogue_of_three_and_two_users(kind):
    data = interactions_of([[0, 1, 2, 3], [3, 1, 0, 2]], 4)
    check_lists(fitted(kind, data)[0], data)


@every_type
def test_the_epochs_of_a_fit(kind):
    _, epochs = fitted(kind, random_interactions(3))
    assert all(set(row) == {"epoch", "loss", "valid_ndcg"} and np.isfinite(row["loss"]) for row in epochs)
    assert [row["epoch"] for row in epochs] == list(range(1, len(epochs) + 1))
    assert all(0 <= row["valid_ndcg"] <= 1 for row in epochs)


@every_type
def test_a_personalised_model_learns_the_checkerboard(kind):
    data = checkerboard()
    model, _ = fitted(kind, data, options=LONGER)
    queries = data.queries("test")
    if not model.personalised:
        scores = scores_of(model, queries)
        assert (scores == scores[0]).all(), "`personalised = False` is for scores that are the same for everyone"
        return
    items, _ = top_k(model, queries, 8)
    right = (items % 2 == (queries.users % 2)[:, None]).mean()
    assert right > 0.95, f"{right:.2f} of the listed items have the user's parity"
    assert np.median(target_ranks(model, queries)) <= 12


def test_popularity_counts_training_only():
    data = interactions_of([[3, 1, 0, 2], [3, 2, 1, 0], [1, 3, 2, 0]], 5)
    model, epochs = fitted("pop", data)
    assert epochs == []
    assert scores_of(model, data.queries("test")).tolist() == [[0, 2, 1, 3, 0]] * 3


@every_type
@pytest.mark.parametrize(("held_out", "options"), [("test", SMALL), ("valid", ONE_EPOCH)])
def test_nothing_of_the_future_reaches_training(kind, held_out, options):
    data = random_interactions(8)
    other = interactions_of(histories_with_another(data, held_out), data.n_items)
    (one, epochs), (two, _) = (fitted(kind, each, options=options) for each in (data, other))
    assert held_out == "test" or len(epochs) <= 1, "give ONE_EPOCH the hyper-parameter that limits the epochs"
    arrays = two.arrays()
    for name, array in one.arrays().items():
        np.testing.assert_array_equal(array, arrays[name], err_msg=f"{name} depends on the {held_out} items")


@every_type
def test_users_outside_the_learning_curve_train_nothing_and_get_lists(kind):
    data = random_interactions(8)
    codes, _ = leave_one_out(data.users, training_share=0.5)
    rolled = np.where(codes == UNUSED, np.roll(data.items, 1), data.items)  # other items of the users left out
    cut = replace(data, codes=codes)
    (one, _), (two, _) = (fitted(kind, each, options=ONE_EPOCH) for each in (cut, replace(cut, items=rolled)))
    check_lists(one, cut)
    arrays = two.arrays()
    for name, array in one.arrays().items():
        np.testing.assert_array_equal(array, arrays[name], err_msg=f"{name} depends on unused interactions")


def histories_with_another(data, held_out):
    """Return all users' items, with another item, new to the user, in place of the one that is held out."""
    place = {"test": -1, "valid": -2}[held_out]
    rows = [data.items[start:end].tolist() for start, end in zip(data.starts, data.starts[1:], strict=False)]
    for row in rows:
        row[place] = next(item for item in np.roll(range(data.n_items), -row[place]).tolist() if item not in row)
    return rows


def test_an_unknown_type_is_named():
    with pytest.raises(InputError, match=r"unknown model type 'nmf'; the file reelrank/models/nmf.py does not exist"):
        model_class("nmf")

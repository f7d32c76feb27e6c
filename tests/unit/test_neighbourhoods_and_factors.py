"""EASE, ItemKNN, ALS and BPR against their definitions, written out plainly."""

import numpy as np
import pytest
import torch
from small_data import checkerboard, interactions_of, random_interactions
from small_models import model_of

from reelrank.config.schema import options as complete_options
from reelrank.errors import InputError
from reelrank.hardware import gpu_arithmetic
from reelrank.models import als, bpr, ease, item_knn
from reelrank.training.topk import target_ranks, top_k


@pytest.fixture
def data():
    """Interactions in which a user repeats an item."""
    rows = [[0, 1, 2, 3, 4], [1, 1, 2, 5, 0], [4, 3, 5, 0], [2, 0, 4, 1, 3], [5, 4, 1]]
    return interactions_of(rows, 7)


def chosen(data):
    """Return the training interactions as a dense matrix of zeros and ones."""
    return np.minimum(data.training().matrix().toarray(), 1).astype(float)


def fitted(module, data, **options):
    """Return the fitted model of a file."""
    model = module.Model(complete_options("models", module.Model.kind(), **options), data.n_users, data.n_items)
    model.fit(data, seed=1)
    return model


def weights_of(data, decay):
    """Return each test history as a dense row of ``decay ** age``."""
    history = data.queries("test").history
    dense = np.zeros((len(history), data.n_items))
    for row, (start, end) in enumerate(zip(history.starts, history.ends, strict=True)):
        for age, item in enumerate(history.items[start:end][::-1]):
            dense[row, item] += decay**age
    return dense


def scores_of(model, data):
    """Return the scores of the test users as float64."""
    queries = data.queries("test")
    return np.asarray(model.score(queries.users, queries.history), float)


@pytest.mark.parametrize("decay", [1.0, 0.5])
def test_a_history_matrix_weighs_by_age(data, decay):
    matrix = data.queries("test").history.matrix(decay)
    assert matrix.dtype == np.float32 and matrix.shape == (5, 7)
    np.testing.assert_allclose(matrix.toarray(), weights_of(data, decay), rtol=1e-6)


@pytest.mark.parametrize("decay", [1.0, 0.8])
def test_ease_minimises_its_own_objective(data, decay):
    model = fitted(ease, data, regularization=2.0, history_decay=decay)
    x, b = chosen(data), model.weights.double().numpy()
    # The gradient vanishes off the diagonal, which is held at zero.
    gradient = x.T @ (x @ b - x) + 2.0 * b
    np.testing.assert_allclose(gradient - np.diag(np.diag(gradient)), 0, atol=1e-5)
    assert (np.diag(b) == 0).all()
    np.testing.assert_allclose(scores_of(model, data), weights_of(data, decay) @ b, atol=1e-5)


def plain_ease(data, regularization):
    """Return B by inverting the whole Gram matrix in float64."""
    x = chosen(data)
    inverse = np.linalg.inv(x.T @ x + regularization * np.eye(data.n_items))
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0)
    return weights.astype(np.float32)


@pytest.mark.parametrize("shape", [(40, 300, 3, 6), (300, 40, 3, 9), (60, 90, 20, 60), (3, 500, 3, 4)])
@pytest.mark.parametrize("rows", [7, 512])
def test_ease_is_exact_whatever_is_eliminated(monkeypatch, shape, rows):
    """The lists are those of the whole float64 inverse, also with many, few or no items that are eliminated."""
    monkeypatch.setattr(ease, "ROWS_PER_BLOCK", rows)
    monkeypatch.setattr(ease, "ROWS_OF_LAPACK", rows)
    data = random_interactions(3, *shape)
    model = fitted(ease, data, regularization=1.5, history_decay=0.9)
    expected = plain_ease(data, 1.5)
    np.testing.assert_allclose(model.weights.numpy(), expected, rtol=3e-7, atol=1e-12)
    reference = ease.Model(model.options, data.n_users, data.n_items)
    reference.set_arrays({"weights": expected})
    for split in ("valid", "test"):
        ours, theirs = (top_k(one, data.queries(split), 20)[0] for one in (model, reference))
        ranks = target_ranks(model, data.queries(split)), target_ranks(reference, data.queries(split))
        assert np.array_equal(ours, theirs) and np.array_equal(*ranks)


@pytest.mark.parametrize("n", [1, 2, 5, 64, 101])
def test_a_matrix_is_inverted_by_its_blocks(monkeypatch, n):
    monkeypatch.setattr(ease, "ROWS_OF_LAPACK", 5)
    rows = torch.randn(n, 2 * n, generator=torch.Generator().manual_seed(n), dtype=torch.float64)
    matrix = rows @ rows.T / n + 0.1 * torch.eye(n, dtype=torch.float64)
    found = matrix.tril()
    ease.invert(found)
    torch.testing.assert_close(found @ matrix, torch.eye(n, dtype=torch.float64), rtol=0, atol=1e-10)
    torch.testing.assert_close(found, found.T, rtol=0, atol=1e-13)
    if n > 1:
        with pytest.raises(torch.linalg.LinAlgError):
            ease.invert(matrix - 3 * torch.eye(n, dtype=torch.float64))


def test_no_user_has_two_separate_items():
    data = random_interactions(5, 80, 120, 3, 8)
    matrix = data.training().matrix().tocsc()
    separate, joined = ease.separate_items(matrix)
    assert sorted([*separate, *joined]) == list(range(120)) and len(separate) > 20
    assert (matrix[:, separate].sum(axis=1) <= 1).all()
    assert set(np.flatnonzero(np.diff(matrix.indptr) == 0)) <= set(separate), "items without interactions are separate"


@pytest.mark.parametrize("items_per_block", [2, 512])
@pytest.mark.parametrize("pruning", ["history", "candidate"])
@pytest.mark.parametrize("weighting", ["cosine", "tf-idf"])
def test_item_knn_keeps_the_most_similar(data, monkeypatch, weighting, pruning, items_per_block):
    """A row of the similarity, or a column if candidates are pruned, has the two best; at ties the lower index."""
    monkeypatch.setattr(item_knn, "ITEMS_PER_BLOCK", items_per_block)
    model = fitted(item_knn, data, neighbours=2, shrink=0.5, weighting=weighting, pruning=pruning, history_decay=0.9)
    x = chosen(data)
    if weighting == "tf-idf":
        x = x * np.log1p(data.n_items / x.sum(1, keepdims=True))
    norms = np.linalg.norm(x, axis=0)
    similarity = (x.T @ x) / (np.outer(norms, norms) + 0.5)
    np.fill_diagonal(similarity, 0)
    for row in similarity:
        row[np.argsort(-row, kind="stable")[2:]] = 0
    if pruning == "candidate":
        similarity = similarity.T
    np.testing.assert_allclose(model.similarity.toarray(), similarity, rtol=1e-6)
    np.testing.assert_allclose(scores_of(model, data), weights_of(data, 0.9) @ similarity, rtol=1e-5)


def test_item_knn_without_weights_is_the_cosine_of_implicit():
    nearest_neighbours = pytest.importorskip("implicit.nearest_neighbours")
    data = random_interactions(7, n_users=40, n_items=12)
    theirs = nearest_neighbours.CosineRecommender(K=12, num_threads=1)
    theirs.fit(data.training().matrix().astype(np.float64), show_progress=False)
    expected = theirs.similarity.toarray()
    np.fill_diagonal(expected, 0)
    ours = fitted(item_knn, data, neighbours=12).similarity.toarray()
    np.testing.assert_allclose(ours, expected, atol=1e-6)


def test_a_weighting_that_does_not_exist_is_refused():
    with pytest.raises(InputError, match="weighting: 'bm25' is not one of"):
        complete_options("models", "item_knn", weighting="bm25")


@pytest.mark.parametrize("floats", [1, 40, als.FLOATS_PER_CHUNK])
def test_als_solves_the_systems_of_the_paper(data, monkeypatch, floats):
    monkeypatch.setattr(als, "FLOATS_PER_CHUNK", floats)
    model = fitted(als, data, embedding_size=3, regularization=0.7, alpha=4.0, iterations=2)
    items = model.items.double().numpy()
    preference = chosen(data)
    found = model._solve(data.training().matrix().astype(np.float32), model.items)
    histories = np.flatnonzero(data.training().matrix().toarray().max(1) == 1)
    for user in histories:
        confidence = np.diag(1 + 3.0 * preference[user])
        system = items.T @ confidence @ items + 0.7 * np.eye(3)
        expected = np.linalg.solve(system, items.T @ confidence @ preference[user])
        np.testing.assert_allclose(found[user].numpy(), expected, rtol=1e-3, atol=1e-5)


def test_als_folds_in_as_implicit_does():
    implicit_als = pytest.importorskip("implicit.cpu.als")
    data = random_interactions(7, n_users=40, n_items=12)
    model = fitted(als, data, embedding_size=4, regularization=0.5, alpha=3.0, iterations=3)
    theirs = implicit_als.AlternatingLeastSquares(4, regularization=0.5, alpha=3.0, num_threads=1, use_cg=False)
    theirs.item_factors = model.items.numpy()
    matrix = data.training().matrix()
    expected = theirs.recalculate_user(np.arange(40), matrix)
    np.testing.assert_allclose(model._solve(matrix, model.items).numpy(), expected, rtol=1e-3, atol=1e-4)


def test_als_stops_early_and_keeps_the_best_round():
    data = checkerboard()
    model = model_of("als", data.n_users, data.n_items, embedding_size=4, iterations=30, patience=2)
    ndcgs = [row["valid_ndcg"] for row in model.fit(data, seed=1)]
    best = int(np.argmax(ndcgs))
    assert len(ndcgs) <= best + 3
    shorter = model_of("als", data.n_users, data.n_items, embedding_size=4, iterations=best + 1)
    shorter.fit(data, seed=1)
    assert torch.equal(model.items, shorter.items)


def test_systems_that_cannot_be_solved_name_the_hyperparameters():
    unseen = interactions_of([[0, 1, 2], [1, 0, 3]], 9)
    with pytest.raises(InputError, match=r"ease: .*regularization 0\.0; expected a larger regularization"):
        ease.Model({"regularization": 0.0, "history_decay": 1.0}, unseen.n_users, unseen.n_items).fit(unseen, 1)
    model = als.Model(complete_options("models", "als", embedding_size=4) | {"regularization": 0.0}, 2, 9)
    model.items = torch.zeros(9, 4)
    with pytest.raises(InputError, match=r"als: .*regularization 0\.0 and alpha 10\.0; expected a larger"):
        model._solve(unseen.training().matrix().astype(np.float32), model.items)


def test_als_solves_in_float32_whatever_surrounds_it(data):
    model = fitted(als, data, embedding_size=3)
    queries, seen = data.queries("test"), []
    expected = model.vectors(queries.users, queries.history)[0]
    with torch.autocast("cpu", torch.bfloat16), gpu_arithmetic("tf32"), pytest.MonkeyPatch.context() as patch:
        real = torch.linalg.cholesky
        patch.setattr(
            torch.linalg, "cholesky", lambda one: seen.append(torch.get_float32_matmul_precision()) or real(one)
        )
        found = model.vectors(queries.users, queries.history)[0]
    assert torch.equal(found, expected) and set(seen) == {"highest"}


def test_an_empty_history_scores_zero():
    data = interactions_of([[0, 1, 2], [2, 1, 0], [1, 2, 3]], 4)
    queries = data.queries("test")
    nothing = type(queries.history)(queries.history.items, queries.history.starts, queries.history.starts, 4)
    for module in (ease, item_knn, als):
        assert (np.asarray(fitted(module, data).score(queries.users, nothing)) == 0).all(), module.__name__


def test_bpr_draws_negatives_that_the_user_did_not_choose():
    data = random_interactions(3, n_users=50, n_items=30, longest=20)
    samples = bpr.PairSamples(data, 40, torch.device("cpu"))
    samples.redraw(torch.Generator().manual_seed(1))
    users, positives, negatives = samples.batch(torch.arange(len(samples)))
    owned = chosen(data).astype(bool)
    assert owned[users, positives].all() and len(samples) == owned.sum()
    assert owned[users[:, None], negatives].mean() < 0.005
    assert (np.bincount(negatives.flatten(), minlength=30) > 0).all()
    before = negatives.clone()
    samples.redraw(torch.Generator().manual_seed(2))
    assert (samples.negatives != before).any()


def test_the_loss_of_bpr_is_that_of_the_paper():
    torch.manual_seed(0)
    module = bpr.Module(3, 5, 2)
    users, positives, negatives = torch.tensor([0, 2]), torch.tensor([1, 4]), torch.tensor([[0, 2], [3, 3]])
    scores = module(torch.arange(3), torch.arange(5).repeat(3, 1))
    differences = torch.stack(
        [scores[u, p] - scores[u, n] for u, p, n in zip(users, positives, negatives, strict=True)]
    )
    expected = -torch.log(torch.sigmoid(differences)).mean()
    torch.testing.assert_close(module.loss((users, positives, negatives)), expected)

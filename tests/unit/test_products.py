"""Products, cosines and neutral scores against loops over dense arrays."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from reelrank.rerank.signals import products as module
from reelrank.rerank.signals.cosines import cosines, neutral
from reelrank.rerank.signals.products import products

N_ITEMS, COLUMNS = 9, 5


def world(seed, users, depth, length):
    """Return candidates with padding, latest items with padding on the left, and a matrix with empty rows."""
    rng = np.random.default_rng(seed)
    items = rng.integers(-1, N_ITEMS, (users, depth)).astype(np.int32)
    latest = rng.integers(0, N_ITEMS, (users, length))
    latest[np.arange(length) < rng.integers(0, length + 1, users)[:, None]] = N_ITEMS
    matrix = rng.normal(size=(N_ITEMS, COLUMNS)) * (rng.random((N_ITEMS, COLUMNS)) < 0.5)
    return items, latest, matrix.astype(np.float32)


SIZES = st.tuples(st.integers(0, 50), st.integers(0, 6), st.integers(1, 5), st.integers(1, 4))


@given(SIZES, st.sampled_from([1, 20, 2**22]))
def test_products_equal_a_loop(sizes, budget):
    items, latest, left = world(*sizes)
    right = world(sizes[0] + 1, 1, 1, 1)[2]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BUDGET", budget)
        dense = products(items, latest, left, right)
        thin = products(items, latest, sparse.csr_matrix(left), sparse.csr_matrix(right))
    assert dense.shape == thin.shape == (*items.shape, latest.shape[1]) and dense.dtype == thin.dtype == np.float32
    for user, column in np.argwhere(items >= 0):
        rows = [right[item] if item < N_ITEMS else np.zeros(COLUMNS) for item in latest[user]]
        expected = [float(left[items[user, column]] @ row) for row in rows]
        np.testing.assert_allclose(dense[user, column], expected, atol=1e-5)
        np.testing.assert_allclose(thin[user, column], expected, atol=1e-5)


@given(SIZES, st.integers(1, 5))
def test_users_do_not_change_each_others_products(sizes, some):
    items, latest, matrix = world(*sizes)
    thin = sparse.csr_matrix(matrix)
    whole = products(items, latest, thin, thin)
    assert whole[:some].tobytes() == products(items[:some], latest[:some], thin, thin).tobytes()


@given(SIZES)
def test_cosines_equal_a_loop(sizes):
    items, latest, matrix = world(*sizes)
    norms = np.linalg.norm(matrix, axis=1, keepdims=True)
    vectors, present = matrix / np.where(norms > 0, norms, 1), norms[:, 0] > 0
    found = cosines(items, latest, vectors, present)
    thin = cosines(items, latest, sparse.csr_matrix(vectors), present)
    for row, own in enumerate(items):
        known = [item for item in latest[row] if item < N_ITEMS and present[item]]
        total = sum((vectors[item].astype(float) for item in known), np.zeros(COLUMNS))
        for column, item in enumerate(own):
            got = [value[row, column] for value in found]
            np.testing.assert_allclose(got, [value[row, column] for value in thin], atol=1e-4)
            if item < 0 or not present[item]:
                assert np.isnan(got).all()
                continue
            last = latest[row][-1]
            expected = [
                vectors[item] @ vectors[last] if last in known else np.nan,
                vectors[item] @ total / np.linalg.norm(total) if np.linalg.norm(total) > 1e-3 else got[1],
                max(vectors[item] @ vectors[other] for other in known) if known else np.nan,
            ]
            np.testing.assert_allclose(got, expected, atol=1e-4)


def test_an_item_marked_absent_has_no_cosine():
    vectors, present = np.eye(3, dtype=np.float32), np.array([True, True, False])
    for matrix in (vectors, sparse.csr_matrix(vectors)):
        found = cosines(np.array([[2, 1]]), np.array([[1, 2]]), matrix, present)
        np.testing.assert_allclose(np.array(found)[:, 0], [[np.nan, np.nan], [np.nan, 1], [np.nan, 1]])


def test_a_missing_score_is_the_mean_of_its_list():
    scores = np.array([[0.5, np.nan, 0.1], [np.nan] * 3, [0.3, 0.3, np.nan]], np.float32)
    found = neutral(scores)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, [[0.5, 0.3, 0.1], [0, 0, 0], [0.3, 0.3, 0.3]], rtol=1e-6)
    assert len(set(found[2].tolist())) == 1, "the mean of equal scores is exactly that score"

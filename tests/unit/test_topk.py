"""Exact top-K: ties by index, seen items out, chunks without effect."""

import contextlib

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from small_data import FixedScores, interactions_of, random_interactions

from reelrank.training import topk

VALUES = st.sampled_from([-torch.inf, -1.0, -0.0, 0.0, 0.25, 1.0, 7.0])


@given(st.integers(1, 5), st.integers(1, 12), st.data())
def test_stable_top_k_equals_a_full_sort(n_users, n_items, data):
    flat = data.draw(st.lists(VALUES, min_size=n_users * n_items, max_size=n_users * n_items))
    k = data.draw(st.integers(1, n_items))
    scores = torch.tensor(flat).view(n_users, n_items)
    values, indices = topk.stable_top_k(scores.clone(), k)
    for row in range(n_users):
        order = sorted(range(n_items), key=lambda item, own=scores[row]: (-own[item].item(), item))[:k]
        assert values[row].tolist() == scores[row, order].tolist()
        finite = [place for place, item in enumerate(order) if scores[row, item] > -torch.inf]
        assert indices[row, finite].tolist() == [order[place] for place in finite]


def scored(seed, ties=4, **sizes):
    """Return data and a model with few distinct scores."""
    data = random_interactions(seed, **sizes)
    scores = np.random.default_rng(seed).integers(0, ties, (data.n_users, data.n_items))
    return data, FixedScores(scores)


def slow_order(model, queries, row):
    """Return the unseen items of a query by (-score, index)."""
    seen = set(queries.seen[row : row + 1].last(50)[0].tolist())
    own = model.scores[queries.users[row]]
    return sorted((item for item in range(len(own)) if item not in seen), key=lambda item: (-own[item], item))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("part", ["valid", "test"])
@pytest.mark.parametrize("k", [1, 5, 15, 40])
def test_lists_equal_a_full_sort_of_unseen_items(seed, part, k):
    data, model = scored(seed)
    queries = data.queries(part)
    items, scores = topk.top_k(model, queries, k)
    assert items.shape == scores.shape == (len(queries), min(k, data.n_items))
    assert (items.dtype, scores.dtype) == (np.int32, np.float32)
    for row in range(len(queries)):
        expected = slow_order(model, queries, row)[:k]
        assert items[row, : len(expected)].tolist() == expected
        assert scores[row, : len(expected)].tolist() == model.scores[queries.users[row], expected].tolist()
        assert (items[row, len(expected) :] == -1).all() and np.isneginf(scores[row, len(expected) :]).all()


@pytest.mark.parametrize("seed", range(4))
def test_the_rank_of_a_target_is_its_place_in_the_full_ranking(seed):
    data, model = scored(seed)
    queries = data.queries("test")
    expected = [slow_order(model, queries, row).index(target) + 1 for row, target in enumerate(queries.targets)]
    assert topk.target_ranks(model, queries).tolist() == expected


def test_lists_are_ragged_where_few_items_are_unseen():
    data = interactions_of([[0, 1, 2, 3], [0, 1, 2]], 4)
    items, scores = topk.top_k(FixedScores(np.ones((2, 4))), data.queries("test"), 3)
    assert items.tolist() == [[3, -1, -1], [2, 3, -1]]
    assert np.isneginf(scores[0, 1:]).all()


@pytest.mark.parametrize("pairs", [1, 15, 40, 10_000])
def test_chunks_do_not_change_the_result(monkeypatch, pairs):
    data, model = scored(9)
    queries = data.queries("test")
    expected = (*topk.top_k(model, queries, 6), topk.target_ranks(model, queries))
    monkeypatch.setattr(topk, "PAIRS_PER_CHUNK", pairs)
    for found, whole in zip((*topk.top_k(model, queries, 6), topk.target_ranks(model, queries)), expected, strict=True):
        np.testing.assert_array_equal(found, whole)


@pytest.mark.parametrize(("n", "n_items", "pairs"), [(0, 5, 10), (7, 5, 10), (7, 100, 10), (10, 3, 9)])
def test_chunks_cover_all_once(monkeypatch, n, n_items, pairs):
    monkeypatch.setattr(topk, "PAIRS_PER_CHUNK", pairs)
    queries = random_interactions(3, n_users=max(n, 1), n_items=n_items).queries("test")[:n]
    parts = list(topk.in_chunks(lambda part: part.users.tolist(), queries))
    assert [user for part in parts for user in part] == queries.users.tolist()
    assert all(len(part) * n_items <= max(pairs, n_items) for part in parts)


def test_no_users_give_no_rows():
    data, model = scored(1)
    nobody = data.queries("test")[:0]
    items, scores = topk.top_k(model, nobody, 5)
    assert items.shape == scores.shape == (0, 5) and topk.target_ranks(model, nobody).shape == (0,)


class Coarse(FixedScores):
    """A model with scores for every user and item that a lower precision rounds to steps of `step`."""

    def __init__(self, scores, step):
        super().__init__(scores)
        self.step, self.lower, self.whole = step, False, 0

    def score(self, users, history):
        """Return the scores, rounded where the precision is lower."""
        scores = torch.as_tensor(self.scores[users])
        self.whole += 0 if self.lower else len(users)
        return torch.floor(scores / self.step) * self.step if self.lower else scores

    def rescore(self, users, history, candidates):
        """Return the scores of some items of each user."""
        return torch.as_tensor(self.scores[users]).gather(1, candidates)

    @contextlib.contextmanager
    def arithmetic(self):
        """Compute in the lower precision."""
        self.lower = True
        yield
        self.lower = False


@pytest.mark.parametrize(("step", "least", "most"), [(1e-4, 0, 0), (0.6, 2, 14), (3.0, 20, 40)])
def test_a_lower_precision_finds_the_same_lists(step, least, most):
    data = random_interactions(5, n_users=40, n_items=60, longest=12)
    queries = data.queries("test")
    model = Coarse(np.random.default_rng(5).normal(size=(data.n_users, data.n_items)), step)
    values, indices = topk.rescored_top_k(model, queries, 6, model.arithmetic)
    again = model.whole
    expected_values, expected_indices = topk.stable_top_k(topk.masked_scores(model, queries), 6)
    assert indices.tolist() == expected_indices.tolist() and values.tolist() == expected_values.tolist()
    assert least <= again <= most, "users ranked again in float32"


def test_a_lower_precision_leaves_short_lists_short():
    data = interactions_of([[0, 1, 2, 3], [0, 1, 2], [*range(12)]], 13)
    model = Coarse(np.random.default_rng(5).normal(size=(data.n_users, data.n_items)), 0.1)
    for k in (2, 3, 13):
        values, indices = topk.rescored_top_k(model, data.queries("test"), k, model.arithmetic)
        expected_values, expected_indices = topk.stable_top_k(topk.masked_scores(model, data.queries("test")), k)
        real = torch.isfinite(expected_values)
        assert torch.equal(values, expected_values) and torch.equal(indices[real], expected_indices[real])


def test_a_nan_is_an_error():
    data = random_interactions(2)
    scores = np.ones((data.n_users, data.n_items))
    scores[3, 1] = np.nan
    with pytest.raises(FloatingPointError, match="NaN"):
        topk.top_k(FixedScores(scores), data.queries("test"), 5)


class Crowded(FixedScores):
    """A model whose scores of more than a few users do not fit into memory."""

    def __init__(self, scores, most):
        super().__init__(scores)
        self.most, self.sizes = most, []

    def score(self, users, history):
        """Refuse more than `most` users."""
        self.sizes.append(len(users))
        if len(users) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return super().score(users, history)


@pytest.mark.parametrize("most", [1, 2, 5])
def test_chunks_that_do_not_fit_are_halved(most, caplog):
    data, model = scored(9)
    queries = data.queries("test")
    crowded = Crowded(model.scores, most)
    items, scores = topk.top_k(crowded, queries, 6)
    expected_items, expected_scores = topk.top_k(model, queries, 6)
    np.testing.assert_array_equal(items, expected_items)
    np.testing.assert_array_equal(scores, expected_scores)
    assert f"out of GPU memory with {len(queries)} users at a time: continuing with {len(queries) // 2}" in caplog.text
    fitting = [size for size in crowded.sizes if size <= most]
    assert crowded.sizes == [*crowded.sizes[: -len(fitting)], *fitting], "what did not fit is not tried again"
    assert sum(fitting) == len(queries)
    np.testing.assert_array_equal(
        topk.target_ranks(Crowded(model.scores, most), queries), topk.target_ranks(model, queries)
    )


def test_one_user_who_does_not_fit_is_an_error():
    data, model = scored(9)
    with pytest.raises(torch.OutOfMemoryError):
        topk.top_k(Crowded(model.scores, 0), data.queries("test"), 6)

"""Counts of successors against a loop, and from training interactions only."""

from collections import defaultdict
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_data import interactions_of, random_interactions

from reelrank.data.splits import TRAIN
from reelrank.rerank.signals.context import transitions_to
from reelrank.rerank.signals.transitions import WINDOW, transitions

N_ITEMS = 7


@given(st.lists(st.lists(st.integers(0, N_ITEMS - 1), min_size=3, max_size=12), min_size=1, max_size=5))
def test_counts_equal_a_loop(histories):
    data = interactions_of(histories, N_ITEMS)
    expected = np.zeros((N_ITEMS, N_ITEMS))
    for history in (own[:-2] for own in histories):
        for first, item in enumerate(history):
            for step, other in enumerate(history[first + 1 : first + 1 + WINDOW], start=1):
                expected[item, other] += 1 / step
    found = transitions(data.training())
    assert found.shape == (N_ITEMS, N_ITEMS) and found.dtype == np.float32
    np.testing.assert_allclose(found.toarray(), expected, rtol=1e-6)


def test_users_without_training_interactions_add_nothing():
    data = interactions_of([[0, 1], [2, 3, 4, 5]], N_ITEMS)
    codes = data.codes.copy()
    codes[:2] = [1, 2]
    assert transitions(replace(data, codes=codes).training()).nonzero()[0].tolist() == [2]


@pytest.mark.parametrize("seed", range(3))
def test_held_out_items_are_not_counted(seed):
    """Other held-out items change no count, though each is the successor of its user's history."""
    data = random_interactions(seed, n_users=40)
    held_out = data.codes != TRAIN
    redrawn = replace(data, items=np.where(held_out, (data.items + 1) % data.n_items, data.items))
    assert held_out.sum() == 80
    assert (transitions(redrawn.training()) != transitions(data.training())).nnz == 0
    # With the held-out items among the training interactions, the same comparison does find them.
    every = np.full_like(data.codes, TRAIN)
    leaking = [transitions(replace(own, codes=every).training()) for own in (data, redrawn)]
    assert (leaking[0] != leaking[1]).nnz > 0


def test_a_pair_that_only_a_held_out_item_makes_has_no_count():
    data = interactions_of([[0, 1, 2, 3], [4, 5, 6, 0]], N_ITEMS)
    counts = transitions(data.training())
    assert sorted(zip(*counts.nonzero(), strict=True)) == [(0, 1), (4, 5)]
    for split in ("valid", "test"):
        queries = data.queries(split)
        found = transitions_to(queries.targets[:, None], queries.history.last(10), counts)
        assert not np.array(found).any()


def test_candidates_are_compared_with_last_mean_and_nearest():
    data = interactions_of([[0, 1, 5, 5], [0, 2, 5, 5], [0, 1, 2, 5, 5], [3, 2, 5, 5], [4, 6, 6]], N_ITEMS)
    counts = transitions(data.training())
    latest = np.array([[N_ITEMS, 0, 3, 1], [N_ITEMS] * 4])
    last, mean, nearest = transitions_to(np.array([[2, 5], [2, 5]]), latest, counts)
    # Item 2 follows 0 once directly and once after two steps, 3 once and 1 once.
    np.testing.assert_allclose(last[0], [np.log1p(1), 0], rtol=1e-6)
    np.testing.assert_allclose(mean[0], [np.log1p((1.5 + 1 + 1) / 3), 0], rtol=1e-6)
    np.testing.assert_allclose(nearest[0], [np.log1p(1.5), 0], rtol=1e-6)
    assert np.isnan([last[1], mean[1], nearest[1]]).all(), "a user without a history"


def test_every_pair_is_counted_once():
    counts = defaultdict(float)
    data = interactions_of([[*range(6), 6, 6]], N_ITEMS)
    found = transitions(data.training()).tocoo()
    for row, column, value in zip(found.row, found.col, found.data, strict=True):
        counts[column - row] += value
    assert {step: round(total, 5) for step, total in counts.items()} == {
        step: round((6 - step) / step, 5) for step in range(1, WINDOW + 1)
    }

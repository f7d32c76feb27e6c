"""Signals in the order of the candidates, and what of them is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from planted import ABOUT, planted

from reelrank.data.lists import BASE, RankedLists, write_lists
from reelrank.errors import InputError
from reelrank.metrics.standardising import standardised
from reelrank.rerank.fusion import rrf
from reelrank.rerank.signals.aligned import align, truth_ranks, valid_ndcg

SCORES = st.lists(st.lists(st.integers(-3, 3), min_size=5, max_size=5), min_size=1, max_size=6)


def wide(users=30, depth=12, seed=0):
    """Return base lists, some of them shorter than the others."""
    lists, _ = planted(seed, users, depth)
    lengths = np.random.default_rng(seed).integers(depth // 2, depth + 1, users)
    lengths[0] = depth
    absent = np.arange(depth) >= lengths[:, None]
    return RankedLists(lists.users, np.where(absent, -1, lists.items), np.where(absent, -np.inf, lists.scores))


def written(tmp_path, base, name, depth, scores, rows=None, **about):
    """Write the re-ranking of the head of a base list by scores; return its path."""
    head = base.head(depth)
    lists = head.reordered(scores[:, : head.items.shape[1]])
    rows = np.arange(len(lists.users)) if rows is None else rows
    lists = RankedLists(lists.users[rows], lists.items[rows], lists.scores[rows])
    write_lists(lists, tmp_path / name, {**ABOUT, "depth": depth, **about})
    return tmp_path / name


@pytest.mark.parametrize("own", [4, 12, 20])
@pytest.mark.parametrize("depth", [4, 8, 12])
def test_a_signal_is_brought_to_the_order_of_the_candidates(tmp_path, own, depth):
    base = wide()
    scores = np.random.default_rng(own).normal(size=base.items.shape).astype(np.float32)
    found = align(base, {"s": written(tmp_path, base, "s.parquet", own, scores)}, depth)
    assert found.lists.items.shape[1] == depth and found.asked == "all"
    known = found.lists.present & (np.arange(depth) < own)
    for row in range(len(base.users)):
        values = scores[row, :depth][known[row]].astype(float)
        expected = (values - values.mean()) / values.std()
        np.testing.assert_allclose(found.scores["s"][row][known[row]], expected, atol=1e-5)
        assert (found.scores["s"][row][~known[row]] == found.scores["s"][row][known[row]].min()).all()
        order = np.argsort(-scores[row, :own][base.items[row, :own] >= 0], kind="stable")
        places = np.argsort(order)[: known[row].sum()] + 1
        assert list(found.ranks["s"][row][known[row]]) == list(places)
        assert (found.ranks["s"][row][~known[row]] == 0).all()


def test_users_are_those_who_were_asked_and_are_counted(tmp_path):
    base = wide()
    scores = np.zeros(base.items.shape, np.float32)
    paths = {
        "all": written(tmp_path, base, "a.parquet", 12, scores),
        "hits": written(tmp_path, base, "h.parquet", 12, scores, rows=[2, 5, 9], users="hits"),
    }
    found = align(base, paths, 12)
    assert list(found.lists.users) == [2, 5, 9] and found.asked == "hits" and found.all_users == 30
    truth = np.array([0, 0, 0])
    assert valid_ndcg(found, truth, found.scores[BASE]) == pytest.approx(3 / 30), "those left out are misses"


def test_lists_of_other_users_are_refused(tmp_path):
    base = wide()
    scores = np.zeros(base.items.shape, np.float32)
    few = written(tmp_path, base, "few.parquet", 12, scores, rows=np.arange(1, 30))
    with pytest.raises(InputError, match=r"few.parquet: found no list of user 0 .*\(1 such users\)"):
        align(base, {"few": few}, 12)
    more = written(tmp_path, base, "more.parquet", 12, scores)
    less = RankedLists(base.users[:-2], base.items[:-2], base.scores[:-2])
    with pytest.raises(InputError, match=r"more.parquet: found user 28, .*\(2 such users\)"):
        align(less, {"more": more}, 12)
    samples = {
        name: written(tmp_path, base, name, 12, scores, rows=[1, 2], users=name) for name in ("sample 2", "sample 3")
    }
    with pytest.raises(InputError, match="sample 3: was asked about users: sample 3; expected sample 2"):
        align(base, samples, 12)


def test_lists_of_other_candidates_are_refused(tmp_path):
    base = wide()
    other = base.items.copy()
    other[3, 0] = 999
    scores = np.zeros(base.items.shape, np.float32)
    changed = written(tmp_path, RankedLists(base.users, other, base.scores), "c.parquet", 12, scores)
    with pytest.raises(InputError, match=r"c.parquet: the list of user 3 is not a permutation of the first 12"):
        align(base, {"c": changed}, 12)
    longer = tmp_path / "l.parquet"
    write_lists(base, longer, {**ABOUT, "depth": 6})
    with pytest.raises(InputError, match="not a permutation of the first 6"):
        align(base, {"l": longer}, 12)


@given(SCORES, st.floats(0.01, 100), st.floats(-100, 100))
def test_standardising_forgets_scale_and_place(rows, scale, shift):
    scores = np.array(rows, float)
    found = standardised(scores, np.ones(scores.shape, bool))
    np.testing.assert_allclose(found, standardised(scale * scores + shift, np.ones(scores.shape, bool)), atol=1e-4)
    for row, values in zip(found, rows, strict=True):
        assert abs(row.mean()) < 1e-6
        assert row.std() == pytest.approx(float(len(set(values)) > 1), abs=1e-5)


def test_equal_absent_and_infinite_scores_are_no_numbers_to_fear():
    scores = np.array([[0.1, 0.1, 0.1], [-np.inf, 2, 1], [-np.inf, -np.inf, -np.inf], [5, 3, 0]], np.float32)
    there = np.array([[True] * 3, [True] * 3, [True] * 3, [True, True, False]])
    found = standardised(scores, there)
    assert (found[0] == 0).all() and (found[2] == 0).all()
    assert found[1, 0] == found[1, 2] < 0 < found[1, 1]
    np.testing.assert_allclose(found[3], [1, -1, 0])


@given(SCORES, st.integers(0, 4))
def test_counting_gives_the_rank_that_sorting_gives(rows, column):
    scores = np.array(rows, np.float32)
    items = np.tile(np.arange(5, dtype=np.int32), (len(rows), 1))
    lists = RankedLists(np.arange(len(rows), dtype=np.int32), items, scores).reordered(scores)
    expected = (lists.items == column).argmax(1) + 1
    assert list(truth_ranks(scores, np.full(len(rows), column))) == list(expected)


def test_reciprocal_ranks_are_added(tmp_path):
    base = wide(users=5)
    scores = np.random.default_rng(1).normal(size=base.items.shape).astype(np.float32)
    found = align(base, {"s": written(tmp_path, base, "s.parquet", 4, scores)}, 8)
    fused = rrf.score(rrf.fit(found, None, {"k": 60}, [], None)[0], "valid", found, None)
    for row in range(5):
        places = np.argsort(np.argsort(-scores[row, :4])) + 1
        for column in range(8):
            own = places[column] if column < 4 else column + 1
            assert fused[row, column] == pytest.approx(1 / (60 + column + 1) + 1 / (60 + own)) or column >= 6

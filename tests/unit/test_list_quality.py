"""What lists hold: coverage, diversity, novelty and popularity, on lists whose numbers are known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelrank.data.lists import RankedLists
from reelrank.evaluation.csv_rows import KEYS, to_csv
from reelrank.evaluation.list_quality import item_novelty, list_quality, quality_rows, unit_vectors
from reelrank.metrics.ranking import nearest_cutoff

ABOUT = dict.fromkeys(KEYS, "x")
LISTS = np.array([[0, 1, 2], [0, 3, -1]], np.int32)
POPULARITY = np.array([7, 3, 1, 0, 0])


def ranked(items, users=None):
    items = np.asarray(items, np.int32)
    users = np.arange(len(items), dtype=np.int32) if users is None else np.asarray(users, np.int32)
    return RankedLists(users, items, np.zeros(items.shape, np.float32))


def test_values_by_hand():
    found = list_quality(LISTS, [1, 2, 3], POPULARITY, n_users=7)
    assert [found[n]["coverage"] for n in (1, 2, 3)] == [1 / 5, 3 / 5, 4 / 5]
    # Bits: (7+1)/8 -> 0, (3+1)/8 -> 1, (1+1)/8 -> 2, 1/8 -> 3.
    assert [found[n]["novelty"] for n in (1, 2, 3)] == [0, (0.5 + 1.5) / 2, (1 + 1.5) / 2]
    assert [found[n]["mean_popularity"] for n in (1, 2, 3)] == [7, (5 + 3.5) / 2, (11 / 3 + 3.5) / 2]
    assert np.isnan(found[3]["diversity"]), "no vectors, no diversity"


def test_diversity_by_hand():
    vectors = np.array([[2, 0], [0, 3], [-1, 0], [1, 0], [0, 0]], np.float32)  # brought to length 1
    features = unit_vectors(vectors, np.array([True, True, True, True, False]))
    found = list_quality(np.array([[0, 1, 2], [0, 3, 4]], np.int32), [1, 2, 3], POPULARITY, 7, features)
    assert np.isnan(found[1]["diversity"]), "one entry makes no pair"
    assert found[2]["diversity"] == pytest.approx((1 + 0) / 2)
    # (1 + 2 + 1) / 3 of the first list; the item without vector leaves one pair of the second.
    assert found[3]["diversity"] == pytest.approx((4 / 3 + 0) / 2)


def test_an_item_without_vector_counts_for_no_pair():
    vectors = np.ones((5, 3), np.float32)
    features = unit_vectors(vectors, np.array([True, False, False, False, False]))
    assert np.isnan(list_quality(LISTS, [3], POPULARITY, 7, features)[3]["diversity"])


@given(
    st.lists(st.permutations(range(8)).map(lambda order: order[:5]), min_size=1, max_size=6),
    st.integers(1, 7),
    st.integers(0, 2**31),
)
def test_properties(items, n, seed):
    rng = np.random.default_rng(seed)
    popularity = rng.integers(0, 20, 8)
    features = unit_vectors(rng.standard_normal((8, 4)).astype(np.float32), rng.random(8) < 0.8)
    found = list_quality(np.array(items, np.int32), [n, 5], popularity, 20, features)
    assert 0 < found[n]["coverage"] <= 1
    assert found[n]["novelty"] >= 0
    vectors, known = features
    heads = [[item for item in row[:n] if known[item]] for row in items]
    pairs = [
        np.mean([1 - vectors[a] @ vectors[b] for i, a in enumerate(head) for b in head[:i]])
        for head in heads
        if len(head) > 1
    ]
    if pairs:
        assert found[n]["diversity"] == pytest.approx(np.mean(pairs), abs=1e-5)
    else:
        assert np.isnan(found[n]["diversity"])


@given(st.integers(2, 6), st.integers(0, 2**31))
def test_equal_items_are_not_diverse(depth, seed):
    vector = np.random.default_rng(seed).standard_normal(7).astype(np.float32)
    features = unit_vectors(np.tile(vector, (6, 1)), np.ones(6, bool))
    found = list_quality(np.arange(depth, dtype=np.int32)[None], [depth], np.ones(6, int), 9, features)
    assert 0 <= found[depth]["diversity"] < 1e-6


@given(st.lists(st.integers(0, 50), min_size=2, max_size=20))
def test_the_less_popular_is_the_more_novel(popularity):
    novelty = item_novelty(np.array(popularity), 50)
    order = np.argsort(popularity)
    assert (np.diff(novelty[order]) <= 0).all() and (novelty >= 0).all()


def test_a_list_is_compared_to_its_base_on_the_same_users():
    base, asked = ranked([[0, 1], [1, 0], [2, 3]]), ranked([[1, 0], [3, 2]], users=[0, 2])
    describe = lambda items: list_quality(items, [1], POPULARITY, 7)  # noqa: E731
    [row] = quality_rows(asked, ABOUT, base, describe(base.items), [1], describe)
    assert row["users"] == 2
    assert (row["coverage"], row["coverage_base"]) == (2 / 5, 2 / 5), "items 1, 3 against 0, 2; not 0, 1, 2"
    assert row["popularity_change_percent"] == pytest.approx(100 * (1.5 - 4) / 4)
    [row] = quality_rows(base, ABOUT, base, describe(base.items), [1], describe)
    assert row["popularity_change_percent"] == 0


def test_nobody_was_asked():
    describe = lambda items: list_quality(items, [1, 2], POPULARITY, 7, unit_vectors(np.eye(5), np.ones(5, bool)))  # noqa: E731
    base = ranked([[0, 1]])
    rows = quality_rows(ranked(np.zeros((0, 0))), ABOUT, base, describe(base.items), [1, 2], describe)
    text = to_csv(rows, ("n", "users", "coverage", "diversity", "popularity_change_percent"))
    assert text.splitlines()[1:] == ["x,x,x,x,x,1,0,,,", "x,x,x,x,x,2,0,,,"]


def test_a_base_without_popularity_has_no_change():
    describe = lambda items: list_quality(items, [1], POPULARITY, 7)  # noqa: E731
    base = ranked([[4]])
    [row] = quality_rows(ranked([[0]]), ABOUT, base, describe(base.items), [1], describe)
    assert np.isnan(row["popularity_change_percent"])


def test_text_of_a_table():
    rows = [{**ABOUT, "small": True, "a": -1e-9, "b": np.nan}, {**ABOUT, "small": False, "a": 0.5, "b": 1.0}]
    text = to_csv(rows, ("small", "a", "b"))
    assert text.splitlines()[1:] == ["x,x,x,x,x,true,0.000000,", "x,x,x,x,x,false,0.500000,1.000000"]
    assert to_csv([], ("a",)) == ",".join([*KEYS, "a"]) + "\n"


@pytest.mark.parametrize(("cutoffs", "n"), [([5, 10, 20], 10), ([5, 15], 5), ([1, 20], 1), ([30], 30)])
def test_the_cut_off_of_slices(cutoffs, n):
    assert nearest_cutoff(cutoffs) == n

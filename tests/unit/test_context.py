"""Features of candidates and users: what their names say, from the history and training interactions only."""

from dataclasses import replace

import numpy as np
import pytest
from fuse_fixture import tables
from small_data import interactions_of

from reelrank.data.interactions import Histories
from reelrank.data.lists import RankedLists
from reelrank.features.words import tfidf
from reelrank.rerank.signals.context import Categories, Context, Sources, context_names, load_sources
from reelrank.rerank.signals.transitions import transitions

HISTORIES = [[0, 1, 2, 3, 4], [1, 2, 5, 0], [5, 4, 3, 1]]
ITEMS = np.array([[5, 4, 2], [0, 3, -1], [1, 0, 2]], np.int32)
CATEGORIES = ["a|b", "b", "c", None, "a | c", ""]
PRESENT = np.array([True, True, True, False, True, True])
TITLES = ["hot soup", "soup kitten", "kitten", "", "hot kitten", "soup"]


def everything():
    """Return sources with every group of features."""
    data = interactions_of(HISTORIES, 6)
    vectors = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
    vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True) * PRESENT[:, None]
    return Sources(
        data,
        np.arange(len(data.items)),
        np.arange(6, dtype=np.float64),
        CATEGORIES,
        {("e", "f"): (vectors, PRESENT)},
        "full",
        1,
        transitions(data.training()),
        {"title": tfidf(TITLES)[0]},
    )


def features(sources, split="valid"):
    """Return the features of `ITEMS` by name."""
    lists = RankedLists(np.arange(3, dtype=np.int32), ITEMS, np.zeros(ITEMS.shape, np.float32))
    found = Context(sources, split, lists).features(np.arange(3))
    assert found.dtype == np.float32 and found.shape == (*ITEMS.shape, len(context_names(sources)))
    return {name: found[..., number] for number, name in enumerate(context_names(sources))}


def entries():
    """Yield row, column, candidate and history of each candidate on valid."""
    for row, column in np.argwhere(ITEMS >= 0):
        yield row, column, ITEMS[row, column], HISTORIES[row][:-2]


def categories_of(item):
    """Return the categories of an item."""
    return set((CATEGORIES[item] or "").replace(" ", "").split("|")) - {""}


def test_popularity_length_and_age():
    sources = everything()
    get, popularity = features(sources), sources.data.popularity()
    for row, column, item, seen in entries():
        assert get["log_popularity"][row, column] == pytest.approx(np.log1p(popularity[item]))
        assert get["history_length"][row, column] == len(seen)
    # User 0 reads up to time 2: item 4 is first seen at 4, which is the future, item 2 at 2; user 1 up to 6.
    assert get["item_age_days"][0].tolist() == [0, 0, 0]
    assert get["item_age_days"][1, 0] == pytest.approx((sources.data.starts[1] + 1) / 86_400_000)


def test_overlap_of_categories():
    get = features(everything())
    for row, column, item, seen in entries():
        own = categories_of(item)
        known = [bool(own & categories_of(other)) for other in seen if categories_of(other)]
        expected = np.mean(known) if own and known else np.nan
        np.testing.assert_allclose(get["category_match"][row, column], expected, rtol=1e-6)
        last = categories_of(seen[-1])
        expected = float(bool(own & last)) if own and last else np.nan
        np.testing.assert_equal(get["category_last"][row, column], expected)
    assert {0.0, 1.0} <= set(get["category_last"].ravel().tolist())


@pytest.mark.parametrize("name", ["e/f", "words/title"])
def test_cosines_of_vectors_and_of_words(name):
    sources = everything()
    dense, present = sources.vectors[("e", "f")]
    if name == "words/title":
        dense, present = sources.words["title"].toarray(), np.array([bool(title) for title in TITLES])
    get = features(sources)
    for row, column, item, seen in entries():
        last, mean, nearest = (get[f"{name}:{what}"][row, column] for what in ("last", "mean", "nearest"))
        known = [dense[other] for other in seen if present[other]]
        if not present[item] or not known:
            assert np.isnan([last, mean, nearest]).all()
            continue
        total = np.sum(known, axis=0)
        assert nearest == pytest.approx(max(float(dense[item] @ other) for other in known), abs=1e-5)
        assert mean == pytest.approx(float(dense[item] @ total / np.linalg.norm(total)), abs=1e-5)
        expected = float(dense[item] @ dense[seen[-1]]) if present[seen[-1]] else np.nan
        np.testing.assert_allclose(last, expected, atol=1e-5)


def test_transitions_from_the_history():
    sources = everything()
    counts, get = sources.transitions.toarray(), features(sources)
    for row, column, item, seen in entries():
        own = [counts[other, item] for other in seen]
        found = [get[f"transition_{what}"][row, column] for what in ("last", "mean", "nearest")]
        np.testing.assert_allclose(found, np.log1p([own[-1], np.mean(own), max(own)]), rtol=1e-6)


@pytest.mark.parametrize(
    ("without", "columns"),
    [
        ({"transitions": None}, {"transition_last", "transition_mean", "transition_nearest"}),
        ({"words": {}}, {"words/title:last", "words/title:mean", "words/title:nearest"}),
        ({"vectors": {}}, {"e/f:last", "e/f:mean", "e/f:nearest"}),
        ({"categories": None}, {"category_match", "category_last"}),
        ({"timestamps": np.zeros(13, np.int64)}, {"item_age_days"}),
    ],
)
def test_a_group_without_its_source_has_no_column(without, columns):
    sources = everything()
    whole, less = features(sources), features(replace(sources, **without))
    assert set(whole) - set(less) == columns
    assert all(np.array_equal(less[name], whole[name], equal_nan=True) for name in less)


def test_sources_are_read_by_what_is_asked_for(tmp_path):
    data = interactions_of(HISTORIES, 6)
    paths = tables(tmp_path, data)
    (tmp_path / "items.parquet").symlink_to(paths["catalogue"])  # titles: the numbers of the items
    plain = load_sources({**paths, "matrices": [], "texts": []}, data, [], {}, "full", 1)
    assert context_names(plain)[:3] == ["log_popularity", "history_length", "item_age_days"] and not plain.words
    inputs = {**paths, "matrices": [], "texts": [tmp_path / "items.parquet"]}
    full = load_sources(inputs, data, [], {"title": ["title"]}, "full", 1)
    assert (full.transitions != transitions(data.training())).nnz == 0
    assert full.words["title"].shape == (6, 0), "no two titles share a word"
    assert np.isnan(features(full)["words/title:mean"]).all()


def test_what_is_unknown_is_missing():
    nobody = Histories(np.array([0]), np.array([0]), np.array([0]), 3)
    assert np.isnan(Categories(["a", "b", "c"]).match(np.array([[0, 1]]), nobody)).all()
    assert np.isnan(Categories([None, "", None]).match(np.array([[0, 1]]), nobody)).all()

"""Vectors of words, vectors dealt out again, and own matrices: the library and the steps."""

import itertools

import embed_words
import numpy as np
import permute_features
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelrank.data.splits import item_statistics
from reelrank.data.tables import write_table
from reelrank.data.texts import texts_table
from reelrank.errors import InputError
from reelrank.features.encoders.imported import read_matrix
from reelrank.features.matrices import read_features, write_features
from reelrank.features.permuting import GROUP, permuted, popularity_groups
from reelrank.features.words import reduced_words, tfidf
from reelrank.files import read_json, write_json

TEXTS = ["Red cat", "red dog", "a CAT sleeps", "", "dog; dog", "unique", "猫 red"]


def test_tfidf_has_unit_rows_and_none_for_a_text_without_a_word():
    matrix, words = tfidf(TEXTS)
    assert words == ["cat", "dog", "red"] and matrix.dtype == np.float32 and matrix.shape == (7, 3)
    np.testing.assert_allclose(np.linalg.norm(matrix.toarray(), axis=1), [1, 1, 1, 0, 1, 0, 1], atol=1e-6)
    assert "猫" in tfidf(TEXTS, 1)[1]
    assert tfidf(["", " "])[0].shape == (2, 0)


def test_a_reduction_is_as_wide_as_it_can_be_and_keeps_cosines():
    matrix, _ = tfidf(TEXTS)
    vectors, present = reduced_words(matrix, 384)
    assert vectors.shape == (7, 3) and vectors.dtype == np.float32
    assert present.tolist() == [True, True, True, False, True, False, True]
    np.testing.assert_allclose(vectors @ vectors.T, (matrix @ matrix.T).toarray(), atol=1e-5)
    narrow, _ = reduced_words(matrix, 2)
    assert narrow.shape == (7, 2) and narrow.tobytes() == reduced_words(matrix, 2)[0].tobytes()


@given(st.lists(st.integers(0, 30), max_size=200))
def test_groups_cover_every_item_and_never_cut_a_tie(counts):
    counts = np.array(counts, int)
    groups = popularity_groups(counts)
    assert sorted(item for group in groups for item in group.tolist()) == list(range(len(counts)))
    if len(counts) >= GROUP:
        assert min(map(len, groups)) >= GROUP
    for one, two in itertools.pairwise(groups):
        assert counts[one].max() < counts[two].min()


@given(st.integers(2, 150), st.integers(0, 5), st.integers(0, 3))
def test_every_vector_is_dealt_out_once_among_items_of_like_popularity(n_items, missing, seed):
    rng = np.random.default_rng(seed)
    popularity, present = rng.geometric(0.1, n_items), np.ones(n_items, bool)
    present[rng.choice(n_items, min(missing, n_items - 2), replace=False)] = False
    vectors = np.where(present[:, None], np.arange(n_items)[:, None] + 1.0, 0).astype(np.float32)
    dealt, n_groups = permuted(vectors, present, popularity, seed)
    assert not dealt[~present].any()
    assert sorted(dealt[present].tolist()) == sorted(vectors[present].tolist())
    groups = popularity_groups(popularity[present])
    assert len(groups) == n_groups
    for group in groups:
        items = np.flatnonzero(present)[group]
        assert sorted(dealt[items, 0]) == sorted(vectors[items, 0])
    assert (dealt[present] != vectors[present]).all(), "nobody keeps the own vector"
    np.testing.assert_array_equal(dealt, permuted(vectors, present, popularity, seed)[0])


def test_another_seed_deals_otherwise():
    vectors = np.arange(100, dtype=np.float32)[:, None] + 1
    one, two = (permuted(vectors, np.ones(100, bool), np.ones(100), seed)[0] for seed in (1, 2))
    assert (one != two).any() and permuted(vectors[:0], np.ones(0, bool), np.ones(0), 1)[0].shape == (0, 1)


def words_step(folder, texts=TEXTS, width=None, **block):
    """Run the step embed_words; return its matrix, mask and description."""
    write_table(texts_table(texts), "texts", folder / "texts.parquet")
    block = {"type": "words", "dimensions": 2, "width_of": None, "min_count": 2, **block}
    matrix = folder / "title.npy"
    if width:
        write_json(folder / "width.json", {"dimension": width})
    width_of = folder / "width.json" if width else None
    embed_words.main([folder / "texts.parquet"], matrix, "tf", block, ["comments"], "title", 1, width_of)
    return *read_features(matrix, len(texts), "tf", "title"), read_json(folder / "title.json")


def test_the_step_of_words(tmp_path):
    vectors, present, about = words_step(tmp_path)
    assert vectors.shape == (7, 2) and about["counts"] == {"texts": 5, "empty": 2} and about["missing"] == [3, 5]
    assert present.sum() == 5 and about["words"] == 3 and about["wanted_dimensions"] == 2
    vectors, _, about = words_step(tmp_path, width=384, width_of="other")
    assert vectors.shape == (7, 3) and (about["dimension"], about["wanted_dimensions"]) == (3, 384)
    with pytest.raises(
        InputError, match=r"encoders\.tf\.min_count: the field 'title' has no word in 9 items or more, of 7"
    ):
        words_step(tmp_path, min_count=9)


def test_the_step_of_permuted_vectors(tmp_path):
    vectors = np.eye(6, dtype=np.float32)
    vectors[2] = 0
    present = np.arange(6) != 2
    write_features(tmp_path / "of.npy", vectors, present, {"encoder": "e", "field": "title"})
    counts = item_statistics(np.array([0, 0, 1, 3]), np.zeros(4, np.int64), np.zeros(4, np.int8), 6)
    write_table(counts, "item_statistics", tmp_path / "counts.parquet")
    block = {"type": "permuted", "of": "e", "seed": 1}
    arguments = (tmp_path / "of.npy", tmp_path / "counts.parquet", tmp_path / "title.npy", "mine", block, "title")
    permute_features.main(*arguments)
    dealt, there = read_features(tmp_path / "title.npy", 6, "mine", "title")
    assert there.tolist() == present.tolist() and dealt.sum(0).tolist() == [1, 1, 0, 1, 1, 1]
    assert read_json(tmp_path / "title.json")["of"] == "e"
    with pytest.raises(InputError, match=r"of\.npy: found encoder 'e' in the description; expected 'other'"):
        permute_features.main(*arguments[:4], {**block, "of": "other"}, "title")


def test_the_step_of_own_matrices(tmp_path):
    catalogue = pa.table({"item_id": ["a", "7"], "title": ["x", "y"]})
    matrix = np.array([[3.0, 4.0], [0, 0]])
    np.save(tmp_path / "mine.npy", matrix)
    vectors, present = read_matrix(tmp_path / "mine.npy", catalogue["item_id"].to_pylist())
    np.testing.assert_allclose(vectors, [[0.6, 0.8], [0, 0]])
    assert present.tolist() == [True, False]


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (np.ones((3, 4)), r"own\.npy: found a matrix of shape \(3, 4\); expected 2 rows, one for each row"),
        (np.ones((2, 0)), r"own\.npy: found a matrix of shape \(2, 0\)"),
        (np.array([[1, 2], [np.nan, 1]]), r"own\.npy: row 1: found NaN or infinity"),
        (np.array([["a"], ["b"]]), r"own\.npy: found dtype <U1"),
    ],
)
def test_an_own_matrix_of_something_else_is_refused(tmp_path, matrix, message):
    np.save(tmp_path / "own.npy", matrix)
    with pytest.raises(InputError, match=message):
        read_matrix(tmp_path / "own.npy", ["a", "b"])

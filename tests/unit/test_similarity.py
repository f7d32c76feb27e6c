"""Similarity against slow readings."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_data import interactions_of

from reelrank.data.lists import RankedLists
from reelrank.errors import InputError
from reelrank.features.encoders import build_encoder, encode_present
from reelrank.metrics.standardising import mean_of_standardised
from reelrank.rerank import similarity
from reelrank.rerank.similarity import cosine_scores, history_texts, mean_profiles

N_ITEMS, SIZE = 10, 4


def vectors_of(seed, share=0.7):
    """Return unit vectors, zero where absent, and where they are present."""
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(N_ITEMS, SIZE)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    present = rng.random(N_ITEMS) < share
    vectors[~present] = 0
    return vectors, present


def histories_of(rows):
    """Return `Histories` of lists of items (any may be empty), as training histories."""
    ends = np.cumsum([len(row) for row in rows])
    starts = ends - [len(row) for row in rows]
    data = interactions_of([[item for row in rows for item in row] or [0]], N_ITEMS, None)
    whole = data.training()
    return type(whole)(whole.items, starts, ends, N_ITEMS)


ROWS = st.lists(st.lists(st.integers(0, N_ITEMS - 1), max_size=6), min_size=1, max_size=5)


@given(ROWS, st.integers(1, 7), st.integers(0, 5))
def test_profiles_are_the_direction_of_the_mean(rows, length, seed):
    vectors, present = vectors_of(seed)
    profiles = mean_profiles(histories_of(rows), vectors, present, length)
    assert profiles.dtype == np.float32
    for profile, row in zip(profiles, rows, strict=True):
        known = [vectors[item].astype(float) for item in row[-length:] if present[item]]
        mean = np.mean(known, axis=0) if known else np.zeros(SIZE)
        norm = np.linalg.norm(mean)
        np.testing.assert_allclose(profile, mean / norm if norm > 1e-6 else mean, atol=1e-4)


def test_a_vector_marked_absent_does_not_count():
    vectors, _ = vectors_of(1, share=2)
    present = np.arange(N_ITEMS) != 3
    profiles = mean_profiles(histories_of([[3, 5], [3]]), vectors, present, 10)
    np.testing.assert_allclose(profiles, [vectors[5], np.zeros(SIZE)], atol=1e-6)


@given(ROWS, st.integers(1, 7))
def test_texts_of_histories(rows, length):
    texts = [f"t{item}" if item % 3 else "" for item in range(N_ITEMS)]
    expected = [similarity.SEPARATOR.join(texts[item] for item in row[-length:][::-1] if texts[item]) for row in rows]
    assert history_texts(histories_of(rows), texts, length) == expected


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("per_chunk", [1, 2, 2048])
def test_scores_equal_a_loop(monkeypatch, seed, per_chunk):
    monkeypatch.setattr(similarity, "USERS_PER_CHUNK", per_chunk)
    rng = np.random.default_rng(seed)
    vectors, present = vectors_of(seed)
    rows = [rng.permutation(N_ITEMS)[: rng.integers(1, 7)].tolist() for _ in range(5)]
    items = np.array([[*row, *[-1] * (6 - len(row))] for row in rows], np.int32)
    lists = RankedLists(np.arange(5), items, np.zeros(items.shape, np.float32))
    profiles = mean_profiles(histories_of([[1, 2], [], [0, 3, 4], [5], [9, 8]]), vectors, present, 10)
    scores = cosine_scores(lists, profiles, vectors, present)
    assert scores.shape == items.shape and scores.dtype == np.float32 and np.isfinite(scores).all()
    for row, own in enumerate(rows):
        cosines = {item: float(vectors[item] @ profiles[row]) for item in own if present[item]}
        mean = sum(cosines.values()) / len(cosines) if cosines else 0
        np.testing.assert_allclose(scores[row, : len(own)], [cosines.get(item, mean) for item in own], atol=1e-5)
    assert (scores[1, : len(rows[1])] == 0).all(), "a user without a profile keeps the base order"
    assert lists.reordered(scores).items[1].tolist() == items[1].tolist()


def test_no_vector_at_all_keeps_the_base_order():
    items = np.array([[4, 2, 7]], np.int32)
    lists = RankedLists(np.array([0]), items, np.zeros((1, 3), np.float32))
    vectors, present = np.zeros((N_ITEMS, SIZE), np.float32), np.zeros(N_ITEMS, bool)
    profiles = mean_profiles(histories_of([[1, 2]]), vectors, present, 10)
    assert lists.reordered(cosine_scores(lists, profiles, vectors, present)).items.tolist() == [[4, 2, 7]]


class CountingEncoder:
    """Encodes a text as its length and first letter, and remembers what it was asked."""

    def __init__(self):
        self.asked = []

    def encode(self, texts, role="passage"):
        """Return ``(n, 2)``."""
        self.asked += texts
        return np.array([[len(text), ord(text[0])] for text in texts], np.float32)


@given(st.lists(st.sampled_from(["", "a", "b", "bb", "the wonderful video"]), max_size=12))
def test_each_distinct_text_is_encoded_once(texts):
    encoder = CountingEncoder()
    vectors, present = encode_present(encoder, texts)
    assert sorted(encoder.asked) == (sorted(set(texts) - {""}) or ["-"])
    assert present.tolist() == [bool(text) for text in texts] and present.dtype == bool
    expected = [[len(text), ord(text[0])] if text else [0, 0] for text in texts]
    assert vectors.shape == (len(texts), 2) and vectors.dtype == np.float32 and vectors.tolist() == expected


def test_an_unknown_encoder_type_is_named():
    with pytest.raises(InputError, match=r"encoders.mine.type: unknown encoder type 'word2vec'"):
        build_encoder("mine", {"type": "word2vec"})


@given(st.integers(0, 1000), st.integers(1, 3))
def test_several_features_count_alike_whatever_their_spread(seed, n_features):
    rng = np.random.default_rng(seed)
    there = np.arange(5) < rng.integers(1, 6, 4)[:, None]
    scores = [
        rng.normal(rng.normal(), 10.0 ** rng.integers(-2, 2), (4, 5)).astype(np.float32) for _ in range(n_features)
    ]
    found = mean_of_standardised(scores, there)
    for row in range(4):
        own = np.array([values[row][there[row]] for values in scores], float)
        deviation = own.std(1, keepdims=True)
        expected = np.where(deviation > 1e-7, (own - own.mean(1, keepdims=True)) / np.maximum(deviation, 1e-7), 0)
        np.testing.assert_allclose(found[row][there[row]], expected.mean(0), atol=1e-3)


def test_a_feature_that_knows_nothing_does_not_count():
    there, known = np.ones((1, 3), bool), np.array([[3.0, 1.0, 2.0]], np.float32)
    together = mean_of_standardised([known, np.full((1, 3), 0.25, np.float32)], there)
    assert np.argsort(-together[0]).tolist() == [0, 2, 1] and np.allclose(
        together * 2, mean_of_standardised([known], there)
    )

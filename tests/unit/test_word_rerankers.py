"""The re-rankers of words: TF-IDF against dense arrays, BM25 against the library's own scores."""

from types import SimpleNamespace

import bm25s
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_data import interactions_of

from reelrank.config.schema import load_schema, options
from reelrank.data.lists import RankedLists
from reelrank.features.words import tfidf, tokens
from reelrank.rerank import bm25, words
from reelrank.rerank.signals.cosines import SIMILARITIES

WORDS = ["soup", "kitten", "goal", "#kitten", "rain rain", "the", "the kitten"]
TEXTS = st.lists(st.lists(st.sampled_from(WORDS), max_size=4).map(" ".join), min_size=6, max_size=6)
ITEMS = np.array([[4, 2, 1, 5], [3, 0, 5, -1], [1, 2, 3, 4]], np.int32)
LISTS = RankedLists(np.arange(3, dtype=np.int32), ITEMS, np.zeros(ITEMS.shape, np.float32))
HISTORIES = [[0, 3], [2, 4, 1], [5, 0]]


def scores_of(module, kind, texts, **given_options):
    """Return the scores of `LISTS` for `HISTORIES`."""
    reranker = module.Reranker(options("rerankers", kind, **given_options), SimpleNamespace(texts=texts))
    data = interactions_of([[*own, 0, 0] for own in HISTORIES], 6)
    return reranker.scores(LISTS, data.training())


def filled(values, known):
    """Return a list's values, the mean of the known ones for each unknown one."""
    mean = sum(value for value, there in zip(values, known, strict=True) if there) / max(sum(known), 1)
    return [value if there else mean for value, there in zip(values, known, strict=True)]


@given(TEXTS, st.sampled_from(SIMILARITIES), st.integers(1, 4))
def test_words_equal_dense_cosines(texts, profile, length):
    vectors = tfidf(texts)[0].toarray().astype(float)
    present = vectors.any(1)
    found = scores_of(words, "words", texts, profile=profile, history_length=length)
    assert found.dtype == np.float32
    for row, history in enumerate(HISTORIES):
        latest = [vectors[item] for item in history[-length:] if present[item]]
        if profile == "last":
            latest = latest[-1:] if present[history[-1]] else []
        own = [item for item in ITEMS[row] if item >= 0]
        total = np.sum(latest, axis=0) if latest else np.zeros(vectors.shape[1])
        norm = np.linalg.norm(total) or 1
        near = [max((vectors[item] @ other for other in latest), default=0) for item in own]
        expected = near if profile == "nearest" else [vectors[item] @ total / norm for item in own]
        expected = filled(expected, [bool(present[item] and latest) for item in own])
        np.testing.assert_allclose(found[row, : len(own)], expected, atol=1e-5)


@pytest.mark.parametrize("method", load_schema("rerankers")["bm25"]["properties"]["method"]["enum"])
@given(TEXTS, st.sampled_from(["mean", "last"]), st.integers(1, 4), st.sampled_from([0.5, 1.5]))
def test_bm25_equals_the_library(method, texts, profile, length, k1):
    found = scores_of(bm25, "bm25", texts, profile=profile, history_length=length, method=method, k1=k1, b=0.6)
    own = [tokens(text) for text in texts]
    if not any(own):
        assert not found.any()
        return
    model = bm25s.BM25(k1=k1, b=0.6, method=method)
    vocabulary = {word: number for number, word in enumerate(sorted({word for row in own for word in row}))}
    model.index(([[vocabulary[word] for word in row] for row in own], vocabulary), show_progress=False)
    for row, history in enumerate(HISTORIES):
        query = [word for item in history[-1 if profile == "last" else -length :] for word in own[item]]
        scores = model.get_scores(query) if query else np.zeros(len(texts))
        if method == "bm25l":  # a constant of the query, which the re-ranker leaves out
            scores = scores - model.nonoccurrence_array[[vocabulary[word] for word in query]].sum()
        candidates = [item for item in ITEMS[row] if item >= 0]
        expected = filled([scores[item] for item in candidates], [bool(own[item]) for item in candidates])
        np.testing.assert_allclose(found[row, : len(candidates)], expected, atol=1e-4)


@pytest.mark.parametrize(("module", "kind"), [(words, "words"), (bm25, "bm25")])
def test_an_item_with_the_words_of_the_history_comes_first(module, kind):
    texts = ["soup hot", "cold rain", "goal of the day", "hot #soup again", "a kitten", "kitten rain"]
    assert LISTS.reordered(scores_of(module, kind, texts)).items[2, 0] == 3


def test_the_library_does_not_number_the_words(monkeypatch):
    texts = ["hot soup soup", "cold rain", "goal of the day", "soup again", "a kitten", "kitten goal"]
    once = scores_of(bm25, "bm25", texts)
    monkeypatch.setattr(bm25s, "get_unique_tokens", None)
    assert once.tobytes() == scores_of(bm25, "bm25", texts).tobytes()

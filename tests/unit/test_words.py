"""Words of texts, their counts and TF-IDF vectors, in any script."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer

from reelrank.features.words import tfidf, tokens, word_counts

WORDS = st.sampled_from(["panda", "Panda", "#soup", "goal!", "猫咪", "a", "été", ""])
TEXTS = st.lists(st.lists(WORDS, max_size=5).map(" ".join), min_size=1, max_size=8)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# NationalTreasure #panda, PANDAS 8K", ["national", "treasure", "panda", "pandas", "8k"]),
        ("snake_case don't 2.5kg", ["snake", "case", "don", "t", "2", "5kg"]),
        ("ＦＵＬＬ　ＷＩＤＴＨ ﬁsh", ["full", "width", "fish"]),
        ("猫吃鱼asmr播", ["猫", "吃", "鱼", "asmr", "播"]),
        ("ラーメン 한국 요리", ["ラ", "ー", "メ", "ン", "한국", "요리"]),
        ("हिन्दी वीडियो", ["हिन्दी", "वीडियो"]),
        ("Straße STRASSE e\u0301te\u0301 été", ["strasse", "strasse", "été", "été"]),
        ("ролик 🤣🤣 !?", ["ролик"]),
        ("", []),
    ],
)
def test_tokens(text, expected):
    assert tokens(text) == expected


@given(st.text())
def test_any_text_has_tokens_without_spaces_or_signs(text):
    assert all(token and not set(token) & set(" #_.,!\n") for token in tokens(text))


@given(TEXTS, st.integers(1, 3))
def test_counts_equal_a_loop(texts, min_count):
    counts, words = word_counts(texts, min_count)
    own = [tokens(text) for text in texts]
    assert words == sorted({word for row in own for word in row if sum(word in other for other in own) >= min_count})
    assert counts.shape == (len(texts), len(words)) and counts.dtype == np.float32
    assert counts.toarray().tolist() == [[row.count(word) for word in words] for row in own]


@given(TEXTS, st.integers(1, 3))
def test_vectors_are_those_of_scikit_learn(texts, min_count):
    vectors, words = tfidf(texts, min_count)
    assert vectors.shape == (len(texts), len(words)) and vectors.dtype == np.float32
    norms = np.sqrt(vectors.multiply(vectors).sum(1))
    expected = [any(word in words for word in tokens(text)) for text in texts]
    np.testing.assert_allclose(np.asarray(norms).ravel(), expected, atol=1e-6)
    if words:
        vectorizer = TfidfVectorizer(analyzer=tokens, vocabulary=words, sublinear_tf=True)
        np.testing.assert_allclose(vectors.toarray(), vectorizer.fit_transform(texts).toarray(), atol=1e-6)


@pytest.mark.parametrize("texts", [["", " !"], ["one", "two"]])
def test_texts_without_a_common_word_have_no_column(texts):
    vectors, words = tfidf(texts)
    assert vectors.shape == (2, 0) and words == []

"""Texts as bags of words: tokens, counts and TF-IDF vectors. No model and no download."""

import re
import unicodedata

import numpy as np
from scipy import sparse
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer

#: Seed of the randomised singular value decomposition.
SEED = 0

#: Shorter vectors are rounding noise: the item has no word in the kept dimensions.
NOISE = 1e-6

#: Characters of scripts that put no space between words. Each is a token of its own: with spaces as the only
#: boundaries, a whole Chinese sentence would be one word that no other text has.
UNSPACED = (
    "\u0e00-\u0eff"  # Thai and Lao
    "\u1000-\u109f\u1780-\u17ff"  # Burmese and Khmer
    "\u3040-\u30ff\u31f0-\u31ff"  # Hiragana and Katakana
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Chinese characters
)

#: Marks that continue a word (accents and vowel signs of Arabic, Hindi, ...); for `re` they are no word characters.
MARKS = "".join(character for character in map(chr, range(0x10000)) if unicodedata.category(character)[0] == "M")

#: A token: one character of an unspaced script with its marks, or a word of letters and digits. The sign of a hashtag
#: is no part of it, so that "#panda" and "panda" are the same word.
TOKEN = re.compile(f"[{UNSPACED}][{MARKS}]*|(?:(?![{UNSPACED}])[^\\W_][{MARKS}]*)+")

#: Where words are joined without a space, as in the hashtag "#NationalTreasure".
JOINT = re.compile(r"(?<=[a-z])(?=[A-Z])")


def tokens(text):
    """Return the words of a text in any script, in order: normalised to NFKC, without case.

    Joined words are split: "#NationalTreasure" has the words "national" and "treasure".

    Parameters
    ----------
    text : str

    Returns
    -------
    list of str
    """
    return TOKEN.findall(JOINT.sub(" ", unicodedata.normalize("NFKC", text)).casefold())


def word_counts(texts, min_count=1):
    """Count the words of texts.

    Parameters
    ----------
    texts : sequence of str
    min_count : int
        Words in fewer texts than this are left out.

    Returns
    -------
    counts : scipy.sparse.csr_matrix
        ``(n_texts, n_words)`` float32.
    words : list of str
        The words of the columns, sorted.
    """
    vectorizer = CountVectorizer(analyzer=tokens, dtype=np.float32)
    try:
        counts = sparse.csr_matrix(vectorizer.fit_transform(texts))
    except ValueError:  # scikit-learn refuses texts without any word
        return sparse.csr_matrix((len(texts), 0), dtype=np.float32), []
    frequent = np.bincount(counts.indices, minlength=counts.shape[1]) >= min_count
    words = vectorizer.get_feature_names_out()[frequent]
    return counts[:, np.flatnonzero(frequent)], words.tolist()


def tfidf(texts, min_count=2):
    """Return TF-IDF vectors of texts: ``(1 + ln tf) (1 + ln((1 + n) / (1 + df)))``, scaled to length 1.

    There is no list of stop words: words that most texts have weigh little by themselves.

    Parameters
    ----------
    texts : sequence of str
        One per item.
    min_count : int
        Words in fewer texts than this are left out: they tell no two items alike.

    Returns
    -------
    vectors : scipy.sparse.csr_matrix
        ``(n_items, n_words)`` float32, unit rows; a zero row for an item without a word.
    words : list of str
        The words of the columns, sorted.
    """
    counts, words = word_counts(texts, min_count)
    if not words:
        return counts, words
    vectors = TfidfTransformer(norm="l2", smooth_idf=True, sublinear_tf=True).fit_transform(counts)
    return sparse.csr_matrix(vectors, dtype=np.float32), words


def reduced_words(matrix, dimensions):
    """Reduce a TF-IDF matrix by a truncated singular value decomposition (scikit-learn's, randomised).

    Parameters
    ----------
    matrix : scipy.sparse.csr_matrix
        ``(n_items, n_words)``, see `tfidf`.
    dimensions : int
        At most as many as words and items are kept.

    Returns
    -------
    vectors : numpy.ndarray
        ``(n_items, min(dimensions, n_items, n_words))`` float32, rows of length 1; zero for an item without a word.
    present : numpy.ndarray
        ``(n_items,)`` bool.
    """
    width = min(dimensions, *matrix.shape)
    vectors = TruncatedSVD(width, random_state=SEED).fit_transform(matrix).astype(np.float32)
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    present = norms[:, 0] > NOISE
    return np.where(present[:, None], vectors / np.maximum(norms, NOISE), 0).astype(np.float32), present

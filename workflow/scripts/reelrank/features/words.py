"""Words of item texts: TF-IDF, and its reduction to dense vectors."""

import numpy as np
from scipy import sparse
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer

#: Seed of the randomised singular value decomposition.
SEED = 0

#: Shorter vectors are rounding noise: the item has no word in the kept dimensions.
NOISE = 1e-6


def tfidf(texts, min_count=2):
    """Return the TF-IDF of the words of each text.

    Parameters
    ----------
    texts : sequence of str
    min_count : int
        Least number of texts with a word.

    Returns
    -------
    matrix : scipy.sparse.csr_matrix
        ``(n_texts, n_words)`` float32, rows of length 1; a row of zeros for a text without a word.
    words : list of str
        The words of the columns.
    """
    # A word of one letter or sign counts: in Chinese or Japanese it is one.
    vectorizer = TfidfVectorizer(token_pattern=r"(?u)\b\w+\b", min_df=min_count, dtype=np.float32)
    try:
        matrix = vectorizer.fit_transform(texts)
    except ValueError:  # no word is left
        return sparse.csr_matrix((len(texts), 0), dtype=np.float32), []
    return sparse.csr_matrix(matrix), vectorizer.get_feature_names_out().tolist()


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

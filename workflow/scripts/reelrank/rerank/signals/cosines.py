"""Cosines of candidates to a history, for dense vectors of encoders and sparse vectors of words."""

import numpy as np
from scipy import sparse

from reelrank.rerank.signals.products import products

#: The history items that candidates are compared with, in the order of `cosines`.
SIMILARITIES = ("last", "mean", "nearest")


def cosines(items, latest, vectors, present):
    """Return the cosines of candidates to the last item, the mean of the latest items and the nearest of them.

    Parameters
    ----------
    items : numpy.ndarray
        ``(k, depth)`` candidates; -1 pads shorter lists.
    latest : numpy.ndarray
        ``(k, length)`` latest items of each user, oldest first, padded on the left with ``n_items``.
    vectors : numpy.ndarray or scipy.sparse.csr_matrix
        ``(n_items, columns)`` float32, unit rows.
    present : numpy.ndarray
        ``(n_items,)`` bool: True if the item has a vector.

    Returns
    -------
    list of numpy.ndarray
        Three arrays in the order of `SIMILARITIES`, ``(k, depth)`` float32; NaN if a vector is missing.
    """
    n_items = vectors.shape[0]
    known = (latest < n_items) & present[np.minimum(latest, n_items - 1)]
    latest = np.where(known, latest, n_items)
    found = products(items, latest, vectors, vectors)
    norms = _norms(latest, vectors)[:, None]
    mean = np.where(norms > 1e-6, found.sum(2) / np.maximum(norms, 1e-6), np.nan)
    nearest = np.where(known[:, None], found, -np.inf).max(2)
    last = np.where(known[:, None, -1], found[..., -1], np.nan)
    values = [last, mean, np.where(np.isfinite(nearest), nearest, np.nan)]
    there = (items >= 0) & present[items]
    return [np.where(there, value, np.nan).astype(np.float32) for value in values]


def _norms(latest, vectors):
    """Return the length of the sum of the latest items' vectors, ``(k,)``."""
    user, place = np.nonzero(latest < vectors.shape[0])
    chosen = (np.ones(len(user), np.float32), (user, latest[user, place]))
    sums = sparse.csr_matrix(chosen, shape=(len(latest), vectors.shape[0])) @ vectors
    squares = sums.multiply(sums) if sparse.issparse(sums) else sums * sums
    return np.sqrt(np.asarray(squares.sum(1)).ravel())


def neutral(scores):
    """Return scores in which a missing one is the mean of its list, so that it moves the item neither up nor down.

    Parameters
    ----------
    scores : numpy.ndarray
        ``(n_users, depth)``; NaN where missing.

    Returns
    -------
    numpy.ndarray
        ``(n_users, depth)`` float32; a list without any score has zeros, which keep the base order.
    """
    known = ~np.isnan(scores)
    mean = np.where(known, scores, 0).sum(1, dtype=np.float64) / np.maximum(known.sum(1), 1)
    # With rounding, the mean of equal scores could differ from them.
    least = np.where(known, scores, np.inf).min(1, initial=np.inf)
    most = np.where(known, scores, -np.inf).max(1, initial=-np.inf)
    filled = np.where(known.any(1), np.clip(mean, least, most), 0)
    return np.where(known, scores, filled[:, None]).astype(np.float32)

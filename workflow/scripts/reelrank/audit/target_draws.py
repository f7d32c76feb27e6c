"""Held-out items drawn at random: no model can predict them without seeing the target."""

from dataclasses import replace

import numpy as np

from reelrank.data.splits import TEST, VALID


def redraw(data, seed, stays=None):
    """Return held-out items drawn uniformly from the items that the user did not have before.

    The valid item is drawn first. It then counts as history of the test item, as the real one
    does. So the items to draw from are exactly those that a base list can hold.

    Parameters
    ----------
    data : reelrank.data.interactions.Interactions
    seed : int
    stays : numpy.ndarray, optional
        ``(n_rows,)`` bool: held-out interactions that keep their item. Default: none.

    Returns
    -------
    rows : numpy.ndarray
        ``(n,)`` rows of the held-out interactions, ascending.
    items : numpy.ndarray
        ``(n,)`` int32 new items. A user who already had every item keeps the real one.
    """
    items = data.items.copy()
    for code, split in ((VALID, "valid"), (TEST, "test")):
        queries = replace(data, items=items).queries(split)
        rows = np.flatnonzero(data.codes == code)
        rng = np.random.default_rng([seed, code])
        drawn = _draw(queries.seen, queries.targets, rng)
        items[rows] = drawn if stays is None else np.where(stays[rows], items[rows], drawn)
    rows = np.flatnonzero((data.codes == VALID) | (data.codes == TEST))
    return rows, items[rows]


def _distinct(seen):
    """Return the distinct items of each user, sorted, in one array, and how many each user has."""
    matrix = seen.matrix()
    matrix.sum_duplicates()
    matrix.sort_indices()
    return matrix.indices.astype(np.int64), np.diff(matrix.indptr).astype(np.int64)


def _draw(seen, real, rng):
    """Return for each user the k-th item that the user did not have, k uniform."""
    owned, counts = _distinct(seen)
    sizes = seen.n_items - counts
    k = rng.integers(np.maximum(sizes, 1))
    user = np.repeat(np.arange(len(counts)), counts)
    place = np.arange(len(owned)) - np.repeat(np.cumsum(counts) - counts, counts)
    # `owned - place` counts the new items below an owned one. If the count is at most k, the owned item lies before the
    # k-th new item.
    passed = np.bincount(user[owned - place <= k[user]], minlength=len(counts))
    return np.where(sizes > 0, k + passed, real).astype(np.int32)


def redrawn_column(data, seed):
    """Return the column ``redrawn_item`` of a split table and its null mask, ``(n_rows,)`` int32 and bool."""
    rows, drawn = redraw(data, seed)
    values = np.zeros(len(data.items), np.int32)
    nulls = np.ones(len(data.items), bool)
    values[rows], nulls[rows] = drawn, False
    return values, nulls

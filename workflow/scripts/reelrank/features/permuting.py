"""Vectors dealt out again among items of like popularity: a control that keeps their values and loses their meaning."""

import numpy as np

#: Least number of items among which vectors are dealt out.
GROUP = 25


def popularity_groups(popularity):
    """Cut items into groups of like popularity; items with equal popularity are always in one group.

    Parameters
    ----------
    popularity : numpy.ndarray
        ``(n,)`` training interactions of each item.

    Returns
    -------
    list of numpy.ndarray
        Positions in `popularity`, the least popular group first. Each group has `GROUP` items or more, unless there
        are fewer in all.
    """
    order = np.argsort(popularity, kind="stable")
    ends = np.flatnonzero(np.diff(popularity[order])) + 1  # between different popularities
    cuts, last = [], 0
    for end in ends.tolist():
        if end - last >= GROUP and len(order) - end >= GROUP:
            cuts.append(end)
            last = end
    return np.split(order, cuts)


def permuted(vectors, present, popularity, seed):
    """Deal out the vectors again within groups of like popularity.

    Every vector is used exactly once. An item without a vector still has none, and no item of a group of two or more
    keeps its own.

    Parameters
    ----------
    vectors : numpy.ndarray
        ``(n_items, dimension)``.
    present : numpy.ndarray
        ``(n_items,)`` bool.
    popularity : numpy.ndarray
        ``(n_items,)`` training interactions.
    seed : int

    Returns
    -------
    numpy.ndarray
        ``(n_items, dimension)``.
    int
        The number of groups.
    """
    rng, items = np.random.default_rng(seed), np.flatnonzero(present)
    groups = popularity_groups(popularity[items]) if len(items) else []
    dealt = np.zeros_like(vectors)
    for group in groups:
        circle = rng.permutation(items[group])
        dealt[circle] = vectors[np.roll(circle, 1)]
    return dealt, len(groups)

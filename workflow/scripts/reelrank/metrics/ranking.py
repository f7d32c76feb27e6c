"""Metrics for one held-out item per user, computed from its rank.

With a single relevant item, HR@n equals Recall@n, and the ideal DCG is 1.
"""

import numpy as np

#: The n for headlines, slices and the family of tests; if it is not a cut-off, the nearest cut-off is used.
HEADLINE_N = 10


def nearest_cutoff(cutoffs):
    """Return the cut-off nearest to `HEADLINE_N`; of two, the smaller."""
    return min(cutoffs, key=lambda n: (abs(n - HEADLINE_N), n))


def ranks_in_lists(lists, users, targets):
    """Return the rank of each user's held-out item in the user's list.

    Parameters
    ----------
    lists : reelrank.data.lists.RankedLists
    users, targets : numpy.ndarray
        ``(n,)`` users, ascending, and their held-out items; must include all users of the lists.

    Returns
    -------
    rank : numpy.ndarray
        ``(len(lists.users),)`` int64, from 1; 0 if the item is not in the list.
    raw_rank : numpy.ndarray
        ``(len(lists.users),)`` int64: rank in the generative model's answer, before repair; 0
        if the item is not in the list or the answer lacked it.
    """
    rows = np.searchsorted(users, lists.users)
    if (rows >= len(users)).any() or not np.array_equal(users[rows], lists.users):
        raise ValueError("found lists of users without a held-out item")
    found = lists.items == targets[rows][:, None]
    rank = np.where(found.any(1), found.argmax(1) + 1, 0) if found.shape[1] else np.zeros(len(rows), np.int64)
    raw_rank = rank if lists.raw_ranks is None else np.where(found, lists.raw_ranks, 0).max(axis=1, initial=0)
    return rank, raw_rank.astype(np.int64)


def with_known_misses(lists_users, ranks, all_users):
    """Return ranks for all users; users without a list get rank 0, a miss.

    This is correct only if users were left out *because* their held-out item is not in the
    base list (``users: hits``): no order of the list makes them a hit.

    Parameters
    ----------
    lists_users : numpy.ndarray
        ``(k,)`` users with lists.
    ranks : sequence of numpy.ndarray
        ``(k,)`` each.
    all_users : numpy.ndarray
        ``(n,)`` ascending; must include all `lists_users`.

    Returns
    -------
    list of numpy.ndarray
        ``(n,)`` each.
    """
    rows = np.searchsorted(all_users, lists_users)
    spread = [np.zeros(len(all_users), np.int64) for _ in ranks]
    for values, rank in zip(spread, ranks, strict=True):
        values[rows] = rank
    return spread


def hits(rank, n):
    """Return whether each rank is from 1 to `n`, as bool; rank 0 is a miss."""
    return (rank > 0) & (rank <= n)


def ndcg(rank, n):
    """Return each user's NDCG@n: ``1 / log2(rank + 1)`` for a hit, else 0 (Järvelin & Kekäläinen 2002)."""
    return np.where(hits(rank, n), 1 / np.log2(np.maximum(rank, 1) + 1), 0.0)


def reciprocal_rank(rank, n):
    """Return each user's reciprocal rank at `n`: ``1 / rank`` for a hit, else 0."""
    return np.where(hits(rank, n), 1 / np.maximum(rank, 1), 0.0)

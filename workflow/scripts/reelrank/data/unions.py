"""Unions of base lists: several lists of a user, interleaved by quota."""

import numpy as np

from reelrank.data.lists import RankedLists
from reelrank.errors import InputError


def check_same_users(lists, paths):
    """Raise `InputError` if some lists do not have the users of the first; it names their file.

    Parameters
    ----------
    lists : sequence of RankedLists
    paths : sequence of path
        The file of each.
    """
    first = lists[0].users
    for own, path in zip(lists[1:], paths[1:], strict=True):
        if not np.array_equal(own.users, first):
            raise InputError(
                f"{path}: found lists of {len(own.users)} users, {np.isin(first, own.users).sum()} of the "
                f"{len(first)} users in {paths[0]}; expected the same users, since a union interleaves their lists"
            )


def interleaved(lists, quotas):
    """Interleave base lists.

    Each place goes to the list that is furthest behind its share of the places so far; at ties the first in the order
    given. The list fills the place with its next item that has no place yet. A list without such an item is left out.

    Parameters
    ----------
    lists : sequence of RankedLists
        Lists of the same users (`check_same_users`).
    quotas : sequence of int
        Number of places of each list; their sum is the depth of the union.

    Returns
    -------
    RankedLists
        ``(n, depth)``; the score is minus the rank. A user whose lists have too few items gets a shorter list.
    """
    users, depth = lists[0].users, sum(quotas)
    items = np.full((len(users), depth), -1, np.int32)
    sources = [np.pad(own.items, ((0, 0), (0, 1)), constant_values=-1) for own in lists]
    nexts, taken = np.zeros((len(lists), len(users)), np.int64), np.zeros((len(lists), len(users)))
    everyone = np.arange(len(users))
    for place in range(depth):
        candidates = np.stack([_next_new(*pair, items[:, :place]) for pair in zip(sources, nexts, strict=True)])
        behind = np.asarray(quotas)[:, None] * (place + 1) / depth - taken
        chosen = np.where(candidates >= 0, behind, -np.inf).argmax(axis=0)
        found = candidates[chosen, everyone]
        items[:, place] = found
        taken[chosen, everyone] += found >= 0
    scores = np.where(items >= 0, -np.arange(1, depth + 1, dtype=np.float32), -np.inf).astype(np.float32)
    return RankedLists(users, items, scores)


def _next_new(source, nexts, placed):
    """Return the next item of each list that is not in `placed`, -1 at its end; move `nexts`, in place, to it."""
    rows = np.arange(len(source))
    last = source.shape[1] - 1
    while True:
        found = source[rows, np.minimum(nexts, last)]
        repeated = (found >= 0) & (placed == found[:, None]).any(axis=1)
        if not repeated.any():
            return found
        nexts[repeated] += 1

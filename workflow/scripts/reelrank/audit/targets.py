"""Held-out items, read directly from the tables: the audit does not use the code that it checks."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Targets:
    """The held-out items of one split.

    Attributes
    ----------
    users, items : numpy.ndarray
        ``(n,)``, users ascending.
    pools : numpy.ndarray
        ``(n,)`` int64: number of items that the user did not have before.
    """

    users: np.ndarray
    items: np.ndarray
    pools: np.ndarray

    def of(self, users):
        """Return the row of each of `users`, and the users who have none."""
        rows = np.minimum(np.searchsorted(self.users, users), len(self.users) - 1)
        return rows, users[self.users[rows] != users]


def read_targets(interactions, split, n_items):
    """Return the held-out items of both splits; the redrawn ones if the split table has them.

    Parameters
    ----------
    interactions, split : pyarrow.Table
        Tables of contract ``interactions`` and ``split``, with the same rows.
    n_items : int

    Returns
    -------
    dict of str to Targets
    """
    user, item = (interactions[name].to_numpy().astype(np.int64) for name in ("user", "item"))
    if "redrawn_item" in split.column_names:
        drawn = split["redrawn_item"].to_pandas()
        item = drawn.fillna(-1).to_numpy().astype(np.int64)
        item = np.where(item < 0, interactions["item"].to_numpy(), item)
    split_of = np.array(split["split"].to_pylist())
    order = np.arange(len(user))
    found = {}
    for split in ("valid", "test"):
        held_out = np.flatnonzero(split_of == split)
        until = np.zeros(user.max(initial=0) + 1, np.int64)
        until[user[held_out]] = held_out
        before = order < until[user]
        owned = np.unique(user[before] * n_items + item[before]) // n_items
        pools = n_items - np.bincount(owned, minlength=len(until))
        found[split] = Targets(user[held_out], item[held_out], pools[user[held_out]])
    return found


def places(lists, targets):
    """Return the position of each user's held-out item in the user's list, from 1; 0 if it is not there.

    Parameters
    ----------
    lists : reelrank.data.lists.RankedLists
    targets : Targets
    """
    rows, _ = targets.of(lists.users)
    found = lists.items == targets.items[rows][:, None]
    return np.where(found.any(1), found.argmax(1) + 1, 0) if found.shape[1] else np.zeros(len(rows), np.int64)

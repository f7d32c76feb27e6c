"""The users that a language model is asked about."""

from dataclasses import dataclass

import numpy as np

from reelrank.data.interactions import Histories
from reelrank.data.lists import RankedLists
from reelrank.metrics.ranking import ranks_in_lists
from reelrank.sharding import shard_range


@dataclass(frozen=True)
class Asked:
    """The users of one split that a re-ranker is asked about.

    Attributes
    ----------
    split : {'valid', 'test'}
    lists : RankedLists
        The heads of their base lists.
    history : Histories
        Their histories, one row per user.
    """

    split: str
    lists: RankedLists
    history: Histories

    def of_shard(self, number, shards):
        """Return the users of shard `number`, from 1."""
        rows = slice(*shard_range(len(self.lists.users), number, shards))
        return Asked(self.split, self.lists.of_rows(rows), self.history[rows])


def choose_users(users, split, base, queries, depth):
    """Choose the users to ask about.

    Parameters
    ----------
    users : 'hits', 'all' or dict
        ``hits``: users whose held-out item is in the first `depth`; all others are misses in
        any order. ``{sample: N, seed: S}``: N users, drawn at random.
    split : {'valid', 'test'}
    base : RankedLists
    queries : reelrank.data.interactions.Queries
    depth : int

    Returns
    -------
    Asked
    """
    head = base.head(depth)
    rows = np.arange(len(head.users))
    if users == "hits":
        ranks, _ = ranks_in_lists(head, head.users, queries.of(head.users).targets)
        rows = np.flatnonzero(ranks)
    elif isinstance(users, dict):
        rng = np.random.default_rng([users.get("seed", 1), ("valid", "test").index(split)])
        rows = np.sort(rng.choice(rows, min(users["sample"], len(rows)), replace=False))
    lists = RankedLists(head.users[rows], head.items[rows], head.scores[rows])
    return Asked(split, lists, queries.of(lists.users).history)


def users_tag(users):
    """Return the metadata entry that says which users were asked about."""
    return users if isinstance(users, str) else f"sample {users['sample']} seed {users.get('seed', 1)}"

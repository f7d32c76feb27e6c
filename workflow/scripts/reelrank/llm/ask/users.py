"""Who is asked about, and what one job of asking is made of."""

from dataclasses import dataclass

import numpy as np

from reelrank.data.interactions import Histories
from reelrank.data.lists import RankedLists
from reelrank.metrics.ranking import ranks_in_lists
from reelrank.sharding import shard_range


@dataclass(frozen=True)
class Asked:
    """The users of one part that a re-ranker is asked about.

    Attributes
    ----------
    part : {'valid', 'test'}
    lists : RankedLists
        The heads of their base lists.
    history : Histories
        Theirs, row by row.
    """

    part: str
    lists: RankedLists
    history: Histories

    def of_shard(self, number, shards):
        """Return the users of a shard, of the same number; `number` is from 1."""
        rows = slice(*shard_range(len(self.lists.users), number, shards))
        return Asked(self.part, self.lists.of_rows(rows), self.history[rows])


def choose_users(users, part, base, queries, depth):
    """Return the users to ask about.

    Parameters
    ----------
    users : 'hits', 'all' or dict
        ``hits``: those whose held-out item is in the first `depth`; all others are misses
        whatever the order. ``{sample: N, seed: S}``: so many, drawn at random.
    part : {'valid', 'test'}
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
        rng = np.random.default_rng([users.get("seed", 1), ("valid", "test").index(part)])
        rows = np.sort(rng.choice(rows, min(users["sample"], len(rows)), replace=False))
    lists = RankedLists(head.users[rows], head.items[rows], head.scores[rows])
    return Asked(part, lists, queries.of(lists.users).history)


def users_tag(users):
    """Return how the metadata of a list say who was asked about."""
    return users if isinstance(users, str) else f"sample {users['sample']} seed {users.get('seed', 1)}"

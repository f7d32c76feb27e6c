"""Rules for every list: it permutes its candidates, its ranks are right, its hits at depth equal the base list's."""

import numpy as np

from reelrank.audit.targets import places


def permutation_faults(lists, about, base):
    """Return how a re-ranked list differs from a permutation of the head of its base list.

    Parameters
    ----------
    lists, base : reelrank.data.lists.RankedLists
    about : dict
        Metadata of `lists`: ``depth``, and ``users`` if not all users were asked.
    """
    depth, faults = int(about["depth"]), []
    strange = np.setdiff1d(lists.users, base.users)
    if len(strange):
        return [f"holds user {strange[0]}, who is not in the base list ({len(strange)} such users)"]
    if about.get("users", "all") == "all" and len(lists.users) != len(base.users):
        missing = np.setdiff1d(base.users, lists.users)
        faults.append(f"lacks user {missing[0]} of the base list ({len(missing)} such users)")
    head = base.items[np.searchsorted(base.users, lists.users), :depth]
    width = max(head.shape[1], lists.items.shape[1])
    wrong = (np.sort(_wide(head, width), axis=1) != np.sort(_wide(lists.items, width), axis=1)).any(1)
    if wrong.any():
        faults.append(
            f"the list of user {lists.users[wrong][0]} is not a permutation of the first {depth} of its base list "
            f"({wrong.sum()} such users)"
        )
    ordered = ~lists.present[:, 1:] | (lists.scores[:, 1:] <= lists.scores[:, :-1])
    if not ordered.all():
        faults.append(f"the scores of user {lists.users[~ordered.all(1)][0]} are not in descending order")
    return faults


def _wide(items, width):
    return np.pad(items, ((0, 0), (0, width - items.shape[1])), constant_values=-1)


def rank_faults(lists, about, base, targets, ranks):
    """Return how a table of ranks differs from the position of each held-out item in its list.

    Parameters
    ----------
    lists, base : reelrank.data.lists.RankedLists
    about : dict
    targets : reelrank.audit.targets.Targets
    ranks : pyarrow.Table
        Contract ``ranks``.
    """
    found = ranks["rank"].fill_null(0).to_numpy()
    users = ranks["user"].to_numpy()
    expected_users = base.users if about.get("users") == "hits" else lists.users
    if not np.array_equal(users, expected_users):
        return [f"found ranks of {len(users)} users; expected the {len(expected_users)} users of its lists"]
    expected = np.zeros(len(users), np.int64)
    expected[np.searchsorted(users, lists.users)] = places(lists, targets)
    wrong = np.flatnonzero((found != expected) | (ranks["in_list"].to_numpy() != (expected > 0)))
    if not len(wrong):
        return []
    first = wrong[0]
    return [
        f"the rank of user {users[first]} is {found[first] or 'none'}; expected {expected[first] or 'none'}, "
        f"the position of the held-out item in the list ({len(wrong)} such users)"
    ]


def strangers(lists, targets):
    """Return a fault if a list belongs to a user without a held-out item."""
    _, without = targets.of(lists.users)
    return [f"holds user {without[0]}, who has no held-out item ({len(without)} such users)"] if len(without) else []


def hits_at_depth(lists, about, base, targets):
    """Return the hits of a list at its depth, and of its base list at that depth, for the same users."""
    depth = int(about["depth"])
    own, head = places(lists, targets), places(base.head(depth), targets)
    if about.get("users") != "hits":  # with `hits`, users who were not asked are misses in both lists
        head = head[np.isin(base.users, lists.users)]
    return int((own > 0).sum()), int((head > 0).sum())

"""Quality of lists without regard to hits: coverage, diversity, novelty and popularity."""

import numpy as np
from scipy import sparse

from reelrank.data.lists import RankedLists
from reelrank.evaluation.csv_rows import keys

COLUMNS = (
    "n", "users", "coverage", "diversity", "novelty", "mean_popularity", "popularity_change_percent",
    "coverage_base", "diversity_base", "novelty_base",
)  # fmt: skip

#: Lists that are summed at a time; limits memory to about 50 MB for 768-d vectors.
USERS_PER_CHUNK = 8192


def item_novelty(popularity, n_users):
    """Return the novelty of each item in bits: ``-log2((popularity + 1) / (n_users + 1))``.

    The self-information of Vargas & Castells (RecSys 2011), ``-log2 p(seen)``, where p is the share of users who chose
    the item. One extra user who chose everything keeps the value finite for items without training interactions.

    Parameters
    ----------
    popularity : numpy.ndarray
        ``(n_items,)`` training interactions, at most one per user.
    n_users : int
        Users with training interactions.
    """
    return -np.log2((popularity + 1) / (n_users + 1))


def unit_vectors(vectors, present):
    """Return the vectors scaled to length 1, and which items have one."""
    norms = np.linalg.norm(vectors.astype(np.float64), axis=1)
    known = present & (norms > 0)
    return (vectors / np.where(known, norms, 1)[:, None] * known[:, None]).astype(np.float32), known


def list_quality(items, cutoffs, popularity, n_users, features=None):
    """Return the quality of the first n items of each list, for each n.

    Parameters
    ----------
    items : numpy.ndarray
        ``(n_lists, depth)`` int32, best first, -1 where a list is shorter.
    cutoffs : sequence of int
    popularity : numpy.ndarray
        ``(n_items,)`` training interactions; its length is the size of the catalogue.
    n_users : int
        Users with training interactions.
    features : tuple of numpy.ndarray, optional
        Result of `unit_vectors`.

    Returns
    -------
    dict of int to dict of str to float
        By n: ``coverage`` (share of the catalogue in the first n of any list), ``novelty`` and ``mean_popularity``
        (means over lists of the mean over entries), ``diversity`` (mean over lists of the mean of 1 - cosine over
        pairs of entries that both have a vector: Ziegler et al., WWW 2005; Smyth & McClave 2001). NaN if there is
        no list, no pair or no vector.
    """
    items = items[:, : max(cutoffs)]
    present = items >= 0
    entries = np.cumsum(present, axis=1)
    popular, novel = (
        np.cumsum(np.where(present, values[items], 0), axis=1)
        for values in (popularity, item_novelty(popularity, n_users))
    )
    diverse = _diversities(items, present, sorted(cutoffs), *features) if features is not None else {}
    seen = np.zeros(len(popularity), bool)
    found = {}
    for n in sorted(cutoffs):
        head = items[:, :n]
        seen[head[present[:, :n]]] = True
        last = min(n, items.shape[1]) - 1
        held = entries[:, last] > 0 if last >= 0 else np.zeros(len(items), bool)
        found[n] = {
            "coverage": seen.mean() if held.any() else np.nan,
            "diversity": diverse.get(n, np.nan),
            "novelty": _mean(novel[held, last] / entries[held, last]) if held.any() else np.nan,
            "mean_popularity": _mean(popular[held, last] / entries[held, last]) if held.any() else np.nan,
        }
    return found


def _diversities(items, present, cutoffs, vectors, known):
    """Return the mean diversity within the first n entries, by n.

    The sum of k unit vectors has the squared length k + 2 * (sum of the cosines of all pairs), so no pair is formed.
    """
    sums = dict.fromkeys(cutoffs, 0.0)
    lists = dict.fromkeys(cutoffs, 0)
    there = present & known[items]
    for start in range(0, len(items), USERS_PER_CHUNK):
        rows = slice(start, start + USERS_PER_CHUNK)
        total, before = 0, 0
        for n in cutoffs:
            segment = there[rows, before:n]
            indptr = np.concatenate([[0], np.cumsum(segment.sum(1))])
            chosen = items[rows, before:n][segment]
            ones = np.ones(len(chosen), np.float32)
            total += sparse.csr_matrix((ones, chosen, indptr), shape=(len(segment), len(vectors))) @ vectors
            count = there[rows, :n].sum(1)
            pairs = count * (count - 1)
            squared = np.einsum("ud,ud->u", total, total, dtype=np.float64)
            enough = pairs > 0
            # Rounding must not make the diversity of equal items negative.
            sums[n] += np.maximum(1 - (squared - count)[enough] / pairs[enough], 0).sum()
            lists[n] += int(enough.sum())
            before = n
    return {n: sums[n] / lists[n] if lists[n] else np.nan for n in cutoffs}


def _mean(values):
    return float(values.mean()) if len(values) else np.nan


def quality_rows(lists, about, base, base_found, cutoffs, describe):
    """Return the rows of one list, compared with its base list on the users that both have.

    Parameters
    ----------
    lists, base : RankedLists
    about : dict
        Metadata of `lists`.
    base_found : dict
        Result of ``describe(base.items)``, used if the list holds all users of its base list.
    cutoffs : sequence of int
    describe : callable
        Returns what `list_quality` returns, for an array of items.
    """
    own_lists, shared = on_shared_users(lists, base)
    other = base_found if shared is base else describe(shared.items)
    own = base_found if lists is base else describe(own_lists.items)
    rows = []
    for n in cutoffs:
        popularity, before = own[n]["mean_popularity"], other[n]["mean_popularity"]
        rows.append(
            {
                **keys(about),
                "n": n,
                "users": len(own_lists.users),
                **own[n],
                "popularity_change_percent": 100 * (popularity - before) / before if before > 0 else np.nan,
                **{f"{name}_base": other[n][name] for name in ("coverage", "diversity", "novelty")},
            }
        )
    return rows


def on_shared_users(lists, base):
    """Return both lists restricted to the users that both have."""
    shared = np.intersect1d(lists.users, base.users)
    return tuple(
        one
        if len(one.users) == len(shared)
        else RankedLists(shared, *(values[np.searchsorted(one.users, shared)] for values in (one.items, one.scores)))
        for one in (lists, base)
    )

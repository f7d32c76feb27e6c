"""Align the lists of several re-rankers to the candidates of their base list."""

from dataclasses import dataclass, replace

import numpy as np

from reelrank.data.lists import BASE, RankedLists, read_about, read_lists, read_lists_of, read_users
from reelrank.errors import InputError
from reelrank.metrics.ranking import ndcg
from reelrank.metrics.standardising import standardised

#: Fusions are fitted by NDCG at this cutoff.
FITTED_AT = 10


@dataclass(frozen=True)
class Aligned:
    """Signals over the candidates of some users; column c is the candidate of base rank c + 1.

    Attributes
    ----------
    lists : RankedLists
        ``(n, depth)`` heads of the base lists.
    scores : dict of str to numpy.ndarray
        ``(n, depth)`` float32 scores of each signal, the base list first, standardised within
        the list. A candidate beyond a signal's depth has the lowest score of its list.
    ranks : dict of str to numpy.ndarray
        ``(n, depth)`` int16: rank of the candidate in the signal's own list; 0 beyond its depth.
    asked : str
        Which users the signals cover, from their metadata: ``all``, ``hits``, ``sample ...``.
    all_users : int
        Number of users of the base list, including users that the signals do not cover.
    """

    lists: RankedLists
    scores: dict
    ranks: dict
    asked: str
    all_users: int

    def only(self, name):
        """Return the same candidates with one signal."""
        return replace(self, scores={name: self.scores[name]}, ranks={name: self.ranks[name]})

    def orders(self, name, rows=slice(None)):
        """Return ranks by one signal, ``(k, depth)`` int16; candidates that it did not rank keep their base rank."""
        own, beneath = self.ranks[name][rows], self.ranks[BASE][rows]
        return np.where(own > 0, own, beneath)


def align(base, paths, depth, some_users=None):
    """Read signals and align them to the candidates of a base list; return an `Aligned`.

    Parameters
    ----------
    base : RankedLists
        The complete base list.
    paths : dict of str to path
        The list of each signal.
    depth : int
        Number of candidates at the head of the base list.
    some_users : numpy.ndarray, optional
        Align only these users, ascending. Then `base` has no others. Default: all users of the base list.

    Returns
    -------
    Aligned
        Covers the users that all signals have.

    Raises
    ------
    InputError
        Names the file and a user: if a signal for all users lacks users of the base list, if it
        has users or candidates that the base list does not have, or if two signals cover
        different samples of users.
    """
    users, asked = base.users, "all"
    for path in paths.values():
        whom = read_about(path).get("users", "all")
        found = read_users(path) if some_users is None else read_lists_of(path, some_users).users
        _check_users(path, found, base.users, whom)
        if whom != "all":
            if asked not in ("all", whom):
                raise InputError(
                    f"{path}: was asked about users: {whom}; expected {asked}, like another signal of the fusion"
                )
            asked = whom
        users = np.intersect1d(users, found, assume_unique=True)
    whole = _rows(base, users)
    heads = whole.head(depth)
    shape = heads.items.shape
    scores = {name: np.empty(shape, np.float32) for name in (BASE, *paths)}
    ranks = {name: np.empty(shape, np.int16) for name in scores}
    for name, path in paths.items():
        lists = _rows(read_lists(path)[0] if some_users is None else read_lists_of(path, some_users), users)
        about = read_about(path)
        for (
            rows,
            some,
        ) in whole.chunks():  # in chunks, since sorting and standardising take many times the memory of a list
            found = _aligned(some, some.head(depth), lists.of_rows(rows), path, int(about["depth"]))
            scores[name][rows], ranks[name][rows] = found
    for rows, some in heads.chunks():
        scores[BASE][rows] = standardised(some.scores, some.present)
        ranks[BASE][rows] = np.where(some.present, np.arange(1, shape[1] + 1), 0)
    return Aligned(heads, scores, ranks, asked, len(base.users))


def _check_users(path, found, expected, whom):
    strange = np.setdiff1d(found, expected)
    if len(strange):
        raise InputError(f"{path}: found user {strange[0]}, who is not in the base list ({len(strange)} such users)")
    absent = np.setdiff1d(expected, found)
    if whom == "all" and len(absent):
        raise InputError(
            f"{path}: found no list of user {absent[0]} of the base list ({len(absent)} such users); expected the same "
            "users, or metadata that say which users were asked about"
        )


def _rows(lists, users):
    if len(users) == len(lists.users):  # all users: no copy
        return lists
    rows = np.searchsorted(lists.users, users)
    return RankedLists(lists.users[rows], lists.items[rows], lists.scores[rows])


def _aligned(whole, heads, signal, path, depth):
    """Return a signal's standardised scores and ranks in the order of the candidates."""
    expected = whole.items[:, :depth]
    width = expected.shape[1]
    items, scores = np.full(expected.shape, -1, np.int32), np.zeros(expected.shape, np.float32)
    shown = min(width, signal.items.shape[1])
    items[:, :shown], scores[:, :shown] = signal.items[:, :shown], signal.scores[:, :shown]
    in_base, in_signal = (np.argsort(values, axis=1, kind="stable") for values in (expected, items))
    same = np.take_along_axis(expected, in_base, axis=1) == np.take_along_axis(items, in_signal, axis=1)
    wrong = ~same.all(1) | (signal.present[:, shown:].any(1))
    if wrong.any():
        raise InputError(
            f"{path}: the list of user {signal.users[wrong][0]} is not a permutation of the first {depth} items of its "
            f"base list ({wrong.sum()} such users)"
        )
    ranks = np.zeros(expected.shape, np.int16)
    np.put_along_axis(ranks, in_base, (in_signal + 1).astype(np.int16), axis=1)
    moved = np.zeros(expected.shape, np.float32)
    np.put_along_axis(moved, in_base, np.take_along_axis(scores, in_signal, axis=1), axis=1)
    ranks[expected < 0] = 0
    there = np.zeros(heads.items.shape, bool)
    cut = min(width, there.shape[1])
    there[:, :cut] = expected[:, :cut] >= 0
    full = np.zeros(heads.items.shape, np.float32)
    full[:, :cut] = moved[:, :cut]
    spread = standardised(full, there)
    least = np.where(there, spread, np.inf).min(1, keepdims=True, initial=np.inf)
    beneath = np.where(np.isfinite(least), least, 0)
    places = np.zeros(heads.items.shape, np.int16)
    places[:, :cut] = ranks[:, :cut]
    return np.where(there, spread, beneath).astype(np.float32), places


def truth_columns(lists, queries):
    """Return the column of each user's held-out item among the candidates; -1 if it is not a candidate.

    Parameters
    ----------
    lists : RankedLists
    queries : reelrank.data.interactions.Queries
        Must cover the lists' users.

    Returns
    -------
    numpy.ndarray
        ``(n,)`` int64.
    """
    found = lists.items == queries.of(lists.users).targets[:, None]
    return np.where(found.any(1), found.argmax(1), -1)


def truth_ranks(scores, truth):
    """Return the rank of each held-out item in lists ordered by (-score, base rank).

    Equal to the ranks in `RankedLists.reordered`, but without sorting.

    Parameters
    ----------
    scores : numpy.ndarray
        ``(k, depth)`` float32, for users whose held-out item is a candidate.
    truth : numpy.ndarray
        ``(k,)`` columns of the held-out items.
    """
    own = np.take_along_axis(scores, truth[:, None], axis=1)
    before = np.arange(scores.shape[1]) < truth[:, None]
    above = np.count_nonzero(scores > own, axis=1)
    return 1 + above + np.count_nonzero((scores == own) & before, axis=1)


def valid_ndcg(aligned, truth, scores):
    """Return the mean NDCG@10 of lists ordered by `scores`.

    With ``hits``, users who were skipped because their held-out item is not in the list count as misses.

    Parameters
    ----------
    aligned : Aligned
    truth : numpy.ndarray
        ``(n,)``, result of `truth_columns`.
    scores : numpy.ndarray
        ``(n, depth)`` float32.
    """
    rows = np.flatnonzero(truth >= 0)
    users = aligned.all_users if aligned.asked == "hits" else len(truth)
    if not users:
        return 0.0
    return float(ndcg(truth_ranks(usable(aligned, scores)[rows], truth[rows]), FITTED_AT).sum() / users)


def usable(aligned, scores):
    """Return scores in which padding is never before a candidate."""
    scores = np.asarray(scores, np.float32)
    return scores if aligned.lists.present.all() else np.where(aligned.lists.present, scores, -np.inf)


def single_scores(aligned, name):
    """Return scores for the order of one signal alone: minus its ranks, ``(n, depth)`` float32."""
    return -aligned.orders(name).astype(np.float32)


def refuse_unfitted(lists, path):
    """Raise `InputError` if there are no valid lists to fit on."""
    if not len(lists.users):
        raise InputError(f"{path}: found no valid lists; a fusion is fitted on valid lists")


def gain_z(differences, users):
    """Return how many standard errors the mean of paired differences lies above 0.

    Parameters
    ----------
    differences : numpy.ndarray
        ``(k,)``; the differences of the other ``users - k`` users are 0.
    users : int
    """
    mean = differences.sum() / max(users, 1)
    variance = max((differences**2).sum() / max(users, 1) - mean**2, 0)
    return mean / np.sqrt(variance / users) if variance > 0 else 0.0

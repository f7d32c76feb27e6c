"""Score lists again with other held-out items: a score that changes has read them.

Everything else stays what the run used: its lists, trained models, fitted fusions, features and texts.
"""

from dataclasses import dataclass

import numpy as np

from reelrank.audit.checks import row_keys, row_name
from reelrank.audit.target_draws import redraw
from reelrank.data.interactions import Interactions, some_rows
from reelrank.data.lists import RankedLists
from reelrank.data.splits import VALID

#: How far a published score may lie from the same score computed again, as a share of the list's range of scores. The
#: size of a batch and the processor change the last bits of a sum.
TOLERANCE = 1e-3

#: Faults of one list that are described; all are counted.
DESCRIBED = 3


@dataclass(frozen=True)
class Audited:
    """Some users of one split, and the interactions with other held-out items.

    Attributes
    ----------
    split : {'valid', 'test'}
    rows : numpy.ndarray
        Rows of the audited users in the lists, ascending.
    users : numpy.ndarray
        The audited users.
    real, other : reelrank.data.interactions.Interactions
        The interactions of the run, and the same with the held-out items drawn again.
    """

    split: str
    rows: np.ndarray
    users: np.ndarray
    real: Interactions
    other: Interactions


def audited(data, split, users, most, seed):
    """Choose users and draw other held-out items.

    What the lists of the users may read stays: for test, their own valid item is history. The valid items of all
    other users are held out from everybody, so they are drawn again. For this, at most half of the users are chosen.

    Parameters
    ----------
    data : reelrank.data.interactions.Interactions
    split : {'valid', 'test'}
    users : numpy.ndarray
        ``(n,)`` users of the lists, ascending.
    most : int
        Number of users at most.
    seed : int

    Returns
    -------
    Audited
    """
    rows = some_rows(len(users), min(most, max(1, data.n_users // 2)), seed)
    own = users[rows]
    stays = (data.codes == VALID) & np.isin(data.users, own) if split == "test" else None
    held_out, items = redraw(data, seed, stays)
    other = data.items.copy()
    other[held_out] = items
    return Audited(split, rows, own, data, Interactions(data.n_users, data.n_items, other, data.starts, data.codes))


def changed_scores(lists, scores, others):
    """Return faults: the users for whom a score changed with the held-out items.

    Parameters
    ----------
    lists : RankedLists
        ``(k, depth)`` candidates.
    scores, others : numpy.ndarray
        ``(k, depth)`` scores of the candidates with the real and with other held-out items.
    """
    there = lists.present
    different = (scores.view(np.int32) != others.view(np.int32)) & there
    rows = np.flatnonzero(different.any(1))
    faults = []
    for row in rows[:DESCRIBED]:
        column = int(different[row].argmax())
        faults.append(
            f"the score of item {lists.items[row, column]} for user {lists.users[row]} changes from "
            f"{scores[row, column]:.6g} to {others[row, column]:.6g} with other held-out items: expected the same bytes"
        )
    return _counted(faults, len(rows), "users with such a score")


def changed_columns(lists, names, values, others):
    """Return faults: the columns of a fusion that change with the held-out items.

    Parameters
    ----------
    lists : RankedLists
        ``(k, depth)`` candidates.
    names : list of str
        Names of the columns.
    values, others : numpy.ndarray
        ``(k, depth, c)`` float32.
    """
    different = values.view(np.int32) != others.view(np.int32)
    different &= ~(np.isnan(values) & np.isnan(others)) & lists.present[..., None]
    faults = []
    for number, name in enumerate(names):
        rows = np.flatnonzero(different[..., number].any(1))
        if not len(rows):
            continue
        row = rows[0]
        column = int(different[row, :, number].argmax())
        faults.append(
            f"column {name!r} of item {lists.items[row, column]} for user {lists.users[row]} changes from "
            f"{values[row, column, number]:.6g} to {others[row, column, number]:.6g} with other held-out items, and so "
            f"for {len(rows)} of {len(lists.users)} users: expected the same bytes"
        )
    return faults


def changed_lists(lists, others):
    """Return faults: the users whose base list changes with the held-out items."""
    same = lists.items.shape == others.items.shape
    different = (lists.items != others.items) | (lists.scores.view(np.int32) != others.scores.view(np.int32))
    rows = np.flatnonzero(different.any(1)) if same else np.arange(len(lists.users))
    faults = []
    for row in rows[:DESCRIBED]:
        rank = int(different[row].argmax()) if same else 0
        faults.append(
            f"the list of user {lists.users[row]} has item {lists.items[row, rank]} at rank {rank + 1}, and item "
            f"{others.items[row, rank]} with other held-out items: expected the same bytes"
        )
    return _counted(faults, len(rows), "users with another list")


def not_reproduced(published, again):
    """Return faults: the users whose published list is not what the run's own model gives.

    Parameters
    ----------
    published, again : RankedLists
        The published lists, and the same lists made again; ``(k, depth)``.
    """
    least, most = (
        np.where(again.present, again.scores, np.inf).min(1),
        np.where(again.present, again.scores, -np.inf).max(1),
    )
    allowed = (TOLERANCE * (most - least) + 1e-6)[:, None]
    # Item by item. An item at the end of a base list may give way to one with nearly the same score.
    expected, known = _scores_of(published.items, again)
    expected = np.where(known, expected, least[:, None])
    same = (published.scores == expected) | (np.abs(published.scores - expected) <= allowed) | ~published.present
    rows = np.flatnonzero(~same.all(1) | (published.present.sum(1) != again.present.sum(1)))
    faults = [
        f"the published list of user {published.users[row]} is not what the run's own model gives: expected the same "
        f"scores to {TOLERANCE:g} of their range"
        for row in rows[:DESCRIBED]
    ]
    return _counted(faults, len(rows), "users with such a list")


def _scores_of(items, lists):
    """Return the score of each item in the user's list, and whether it is there, both ``(k, depth)``."""
    order = np.argsort(lists.items, axis=1)
    sorted_items = np.take_along_axis(lists.items, order, axis=1)
    # One search in all lists at once: a user's items are moved into a range of their own.
    span = int(max(items.max(initial=0), lists.items.max(initial=0))) + 2
    base = np.arange(len(items), dtype=np.int64)[:, None] * span + 1
    flat, wanted = (sorted_items + base).ravel(), (items + base).ravel()
    found = np.minimum(np.searchsorted(flat, wanted), max(len(flat) - 1, 0))
    there = (flat[found] == wanted) if len(flat) else np.zeros(wanted.shape, bool)
    scores = np.take_along_axis(lists.scores, order, axis=1).ravel()
    values = scores[found] if len(flat) else np.zeros(wanted.shape)
    return values.reshape(items.shape), there.reshape(items.shape)


def _counted(faults, count, what):
    return faults + ([f"{count - len(faults)} more {what}"] if count > len(faults) else [])


def result(about, split, held_out, lists, faults, published):
    """Return the row of one list, as JSON can hold it.

    Parameters
    ----------
    about : dict
        ``base_model``, ``seed``, ``reranker``, ``depth``.
    split : {'valid', 'test'}
    held_out : Audited
    lists : RankedLists
        The lists made with other held-out items.
    faults, published : list of str
        Changed scores or columns, and published lists that are not reproduced.

    Returns
    -------
    dict
        ``place``: position of the other held-out item in each list, 0 if it is not there; ``lengths``: of the lists;
        ``pools``: number of items that the user did not have before. The last three are for the test of chance.
    """
    queries = held_out.other.queries(split).of(lists.users)
    found = lists.items == queries.targets[:, None]
    seen = queries.seen.matrix()
    seen.sum_duplicates()
    return {
        **row_keys({**about, "split": split}),
        "name": row_name({**about, "split": split}),
        "depth": int(about["depth"]),
        "users": len(lists.users),
        "changed": faults,
        "not_reproduced": published,
        "place": np.where(found.any(1), found.argmax(1) + 1, 0).tolist(),
        "lengths": lists.present.sum(1).tolist(),
        "pools": (held_out.other.n_items - np.diff(seen.indptr)).tolist(),
    }


def of_users(lists, users):
    """Return the lists of some users; users without a list are left out."""
    rows = np.flatnonzero(np.isin(lists.users, users))
    return RankedLists(lists.users[rows], lists.items[rows], lists.scores[rows])

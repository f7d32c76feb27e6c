"""Reads lists of another system from its file, so that any recommender can be re-ranked.

The ending of the file's name decides the format:

- ``.parquet``: the columns of contract ``list`` (user, rank, item, score), with dense indices;
- ``.csv``: a header with user, item, and rank or score (or both), with the source's ids;
- ``.txt``: ``User 7: Top 20 recommended items: [1, 2, ...]``, one user per line, with the source's ids.
"""

import logging
from pathlib import Path

import numpy as np

from reelrank.data.list_formats import READERS, parquet_metadata
from reelrank.data.lists import RankedLists
from reelrank.errors import InputError

#: Number of faults that a message names.
NAMED = 5


def read_external(path, users, items, depth):
    """Read the lists of a file.

    Items are ordered by rank if the file has ranks, else by score; ties keep the file's order.
    Without scores, a score is minus the rank.

    Parameters
    ----------
    path : str or Path
    users, items : sequence of str
        The source's ids, in the order of the indices.
    depth : int
        Entries beyond this depth are left out and counted.

    Returns
    -------
    lists : RankedLists
    counts : dict of str to int
        As read: ``entries``, ``users`` and ``deepest`` (length of the longest list). Also
        ``unknown_users`` (ids, dropped), ``short_lists`` (users with fewer entries than the
        longest list or `depth`, whichever is smaller) and ``entries_beyond_depth``.

    Raises
    ------
    InputError
        For an unknown format, a malformed line, an unknown item, a repeated item in a user's
        list, a gap in the ranks, a score that is no number, is not finite in float32 or rises
        with the rank, or a file without a known user. Names the file, the line, what was found
        and what was expected.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in READERS:
        raise InputError(f"{path}: found the ending {suffix!r}; expected one of {', '.join(READERS)}")
    entries = READERS[suffix](path, users, items)
    where = "row" if suffix == ".parquet" else "line"
    unknown = {name for _, name in entries.unknown_users}
    if unknown:
        logging.warning("%s: dropped %d unknown users: %s", path, len(unknown), _named(entries.unknown_users, where))
    if entries.unknown_items:
        raise InputError(
            f"{path}: found {len(entries.unknown_items)} entries with an unknown item: "
            f"{_named(entries.unknown_items, where)}; expected items of the dataset, {_examples(items, suffix)}"
        )
    known = np.flatnonzero(entries.user >= 0)
    if not len(known):
        raise InputError(f"{path}: found no list of a known user; expected users such as {_examples(users, suffix)}")
    key = entries.rank if entries.rank is not None else -entries.score
    order = known[np.lexsort((known, key[known], entries.user[known]))]
    user_names, item_names = (None, None) if suffix == ".parquet" else (users, items)
    _refuse_repeats(path, where, entries, order, user_names, item_names)
    if entries.rank is not None:
        _refuse_gaps(path, where, entries, order, user_names)
    if entries.score is not None:
        _refuse_scores(path, where, entries, order, user_names)
    lists, lengths = _to_lists(entries, order, depth)
    width = lists.items.shape[1]
    if (short := lengths < width).any():
        few = _first_users(lists.users[short], users)
        logging.warning("%s: the lists of %d users are shorter than %d: %s", path, short.sum(), width, few)
    return lists, {
        "entries": len(entries.line),
        "users": len(lengths),
        "deepest": int(lengths.max()),
        "unknown_users": len(unknown),
        "short_lists": int((lengths < width).sum()),
        "entries_beyond_depth": int(np.maximum(lengths - width, 0).sum()),
    }


def restrict_to(lists, queries):
    """Return the lists of users with a target, and counts of what does not fit.

    Parameters
    ----------
    lists : RankedLists
    queries : reelrank.data.interactions.Queries

    Returns
    -------
    lists : RankedLists
    counts : dict of str to int
        ``users_without_target`` (dropped), ``users_without_list`` (absent from every
        comparison) and ``seen_entries`` (items of the user's history in the list; they are kept).
    """
    keep = np.isin(lists.users, queries.users)
    kept = RankedLists(lists.users[keep], lists.items[keep], lists.scores[keep])
    rows = np.searchsorted(queries.users, kept.users)
    seen = queries.seen[rows].matrix().tocoo()
    n_items = queries.seen.n_items
    listed = (np.arange(len(kept.users))[:, None] * n_items + kept.items)[kept.present]
    return kept, {
        "users_without_target": int((~keep).sum()),
        "users_without_list": len(queries) - len(kept.users),
        "seen_entries": int(np.isin(listed, seen.row.astype(np.int64) * n_items + seen.col).sum()),
    }


def refuse_foreign(path, about):
    """Refuse a Parquet file whose metadata name another dataset, protocol or split.

    Parameters
    ----------
    path : str or Path
        Files with another ending have no metadata and pass.
    about : dict
        The expected ``dataset``, ``protocol`` and ``split``. Keys that the file lacks are not checked.

    Raises
    ------
    InputError
        Names the file and the key.
    """
    if Path(path).suffix.lower() != ".parquet":
        return
    found = parquet_metadata(path)
    for key in ("dataset", "protocol", "split"):
        if key in found and found[key] != about[key]:
            raise InputError(f"{path}: the metadata have {key} {found[key]!r}; expected {about[key]!r}")


def refuse_shallow(path, base_model, lists, users, cutoff):
    """Refuse lists that are shorter than the largest cut-off n: their HR@n would not be comparable.

    Parameters
    ----------
    path : str or Path
    base_model : str
    lists : RankedLists
        Lists of the users with a target.
    users : sequence of str
        The source's ids.
    cutoff : int

    Raises
    ------
    InputError
        Names the file, the base model and the first few users.
    """
    lengths = lists.present.sum(1)
    if (short := lengths < cutoff).any():
        raise InputError(
            f"{path}: {short.sum()} lists of the base model {base_model!r} are shorter than the largest cutoff: "
            f"{_first_users(lists.users[short], users)}; found {lengths[short].min()} items, expected {cutoff} or more"
        )


def _first_users(index, users):
    """Return the source's ids of the first few users as text."""
    text = ", ".join(f"user {str(users[user])!r}" for user in index[:NAMED])
    return text + (", ..." if len(index) > NAMED else "")


def no_lists(depth=0):
    """Return lists without users."""
    return RankedLists(np.empty(0, np.int32), np.empty((0, depth), np.int32), np.empty((0, depth), np.float32))


def _named(faults, where):
    """Return the first few faults, ``(line, id)``, as text."""
    text = ", ".join(f"{where} {line} {name!r}" for line, name in faults[:NAMED])
    return text + (", ..." if len(faults) > NAMED else "")


def _examples(ids, suffix):
    if suffix == ".parquet":
        return f"indices from 0 to {len(ids) - 1}"
    return ", ".join(map(repr, ids[:3]))


def _name(names, index):
    """Return the source's id, or the index itself if the file holds indices."""
    return repr(str(names[index])) if names is not None else int(index)


def _refuse_repeats(path, where, entries, order, users, items):
    line, user, item = entries.line[order], entries.user[order], entries.item[order]
    by_item = np.lexsort((line, item, user))
    same = (np.diff(user[by_item]) == 0) & (np.diff(item[by_item]) == 0)
    if same.any():
        repeats = by_item[1:][same]
        at = repeats[line[repeats].argmin()]
        raise InputError(
            f"{path}: {where} {line[at]}: item {_name(items, item[at])} is repeated in the list of user "
            f"{_name(users, user[at])} ({len(repeats)} such entries); expected each item once"
        )


def _refuse_gaps(path, where, entries, order, users):
    user, rank = entries.user[order], entries.rank[order]
    expected = _position(user) + 1
    wrong = rank != expected
    if wrong.any():
        at = wrong.argmax()
        raise InputError(
            f"{path}: {where} {entries.line[order[at]]}: found rank {rank[at]} for user {_name(users, user[at])}; "
            f"expected {expected[at]}, since ranks are 1, 2, 3, ... without gaps"
        )


def _refuse_scores(path, where, entries, order, users):
    user, score = entries.user[order], entries.score[order]
    with np.errstate(over="ignore"):
        infinite = ~np.isfinite(score.astype(np.float32))
    if infinite.any():
        at = infinite.argmax()
        raise InputError(
            f"{path}: {where} {entries.line[order[at]]}: found score {score[at]}; expected a finite float32 number"
        )
    rises = (np.diff(user) == 0) & (np.diff(score) > 0)
    if rises.any():
        at = rises.argmax() + 1
        raise InputError(
            f"{path}: {where} {entries.line[order[at]]}: found score {score[at]} at rank {entries.rank[order[at]]} of "
            f"user {_name(users, user[at])}, above the previous score {score[at - 1]}; expected scores that do "
            "not rise with the rank"
        )


def _position(user):
    """Return the position of each entry in its user's list, from 0; `user` is sorted."""
    return np.arange(len(user)) - np.searchsorted(user, user)


def _to_lists(entries, order, depth):
    """Return the entries in `order` as lists of at most `depth` items, and the full length of each user's list."""
    users, row, lengths = np.unique(entries.user[order], return_inverse=True, return_counts=True)
    position = _position(entries.user[order])
    keep = position < depth
    shape = (len(users), min(depth, int(lengths.max())))
    items, scores = np.full(shape, -1, np.int32), np.full(shape, -np.inf, np.float32)
    place = row[keep], position[keep]
    items[place] = entries.item[order[keep]]
    scores[place] = -1.0 - position[keep] if entries.score is None else entries.score[order[keep]]
    return RankedLists(users.astype(np.int32), items, scores), lengths

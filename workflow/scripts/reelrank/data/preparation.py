"""Makes the prepared tables from a source's ids: dense indices, order, statistics."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pyarrow as pa

from reelrank.data.comments import comments_of
from reelrank.errors import InputError

#: Rows per block in steps that need extra memory per row.
BLOCK = 4_000_000


def prepare(raw, min_interactions=3, tie_seed=None):
    """Return the prepared tables of a dataset: cleaned, indexed, sorted and counted.

    A repeated (user, item) keeps its first interaction. Then users with fewer than
    `min_interactions` are dropped. Items without a remaining interaction are dropped too.
    Users and items are indexed in the order of their ids. A user's interactions with equal
    timestamps keep the order of the file, or are put in a random order.

    Parameters
    ----------
    raw : reelrank.datasets.RawTables
        Its columns are set to None after their last use, to free memory.
    min_interactions : int
        At least 1.
    tie_seed : int, optional
        Seed of the order of equal timestamps of a user. Default: the order of the file.

    Returns
    -------
    tables : dict of str to pyarrow.Table
        ``interactions``, ``users``, ``items``, ``comments`` (see `reelrank.data.tables`);
        ``comments`` may be a `CommentTables`, which yields tables one at a time.
    statistics : dict
        Counts of kept, dropped and accepted rows.

    Raises
    ------
    InputError
        If there is no interaction, no user has enough of them, or a field has no value for any of the items: then its
        file is that of another dataset.
    """
    if not raw.user_ids.size:
        raise InputError("the source has no interactions; expected at least one")
    user_ids, item_ids, order, user, item, dropped = _clean(raw, min_interactions)
    if not order.size:
        raise InputError(f"no user has {min_interactions} or more interactions; expected at least one such user")
    if tie_seed is not None and raw.timestamps.any():
        drawn = np.random.default_rng(tie_seed).random(len(order))
        moved = np.lexsort((drawn, raw.timestamps[order], user))  # users stay where they are
        order, item = order[moved], item[moved]
    lengths = np.bincount(user)
    columns = {
        "user": user,
        "item": item,
        "timestamp": raw.timestamps[order],
        "position": _positions(lengths),
    }
    dated, raw.timestamps = bool(raw.timestamps.any()), None
    if raw.ratings is not None:
        columns["rating"] = raw.ratings[order].astype(np.float32)
    del order
    items, item_counts = _items_table(item_ids, raw.items, raw.files)
    comments, comment_counts = comments_of(raw.comments, user_ids, item_ids, lengths, item)
    if comment_counts.get("comments") == 0:
        raise InputError(
            f"{raw.files.get('comments', 'comments')}: found {comment_counts['comments_dropped']} comments, none of an "
            f"interaction; expected comments of the {len(user)} interactions: is it a file of another dataset?"
        )
    tables = {
        "interactions": pa.table(columns),
        "users": _users_table(user_ids, lengths, raw.users),
        "items": items,
        "comments": comments,
    }
    last = (np.cumsum(lengths) - 1)[lengths > 1]
    tied = columns["timestamp"][last] == columns["timestamp"][last - 1]
    statistics = {
        "users": len(user_ids),
        "items": len(item_ids),
        "interactions": len(user),
        "mean_length": round(len(user) / len(user_ids), 4),
        "density": round(len(user) / (len(user_ids) * len(item_ids)), 8),
        "has_timestamps": bool(columns["timestamp"].any()),
        "first_timestamp": int(columns["timestamp"].min()),
        "last_timestamp": int(columns["timestamp"].max()),
        "users_whose_last_two_tie": int(dated) * int(tied.sum()),
        **dropped,
        **item_counts,
        **comment_counts,
        **raw.counts,
    }
    return tables, statistics


def dense_index(ids):
    """Replace ids by their rank among the distinct ids.

    Parameters
    ----------
    ids : numpy.ndarray
        ``(n,)`` int64.

    Returns
    -------
    distinct : numpy.ndarray
        ``(k,)`` int64, ascending.
    index : numpy.ndarray
        ``(n,)`` int32 in ``[0, k)``, with ``distinct[index] == ids``.
    """
    low, high = int(ids.min()), int(ids.max())
    if high - low < 8 * ids.size + 1024:  # for nearly dense ids, the usual case, a lookup table is faster than a sort
        present = np.zeros(high - low + 1, bool)
        for rows in _blocks(ids.size):
            present[ids[rows] - low] = True
        distinct, lookup = np.flatnonzero(present) + low, np.cumsum(present, dtype=np.int32) - np.int32(1)
        return distinct, _by_blocks(ids, lambda block: lookup[block - low])
    distinct = np.unique(ids)
    return distinct, _by_blocks(ids, lambda block: np.searchsorted(distinct, block))


def _blocks(n_rows):
    """Yield slices of at most `BLOCK` rows, which bound the memory for temporary arrays."""
    for start in range(0, n_rows, BLOCK):
        yield slice(start, min(start + BLOCK, n_rows))


def _by_blocks(values, index_of):
    """Return ``index_of(values)`` (n,) as int32, computed block by block."""
    index = np.empty(values.size, np.int32)
    for rows in _blocks(values.size):
        index[rows] = index_of(values[rows])
    return index


def _clean(raw, min_interactions):
    """Drop repeated interactions, and users with too few interactions.

    Returns
    -------
    user_ids, item_ids : numpy.ndarray
        The remaining ids, ascending.
    order : numpy.ndarray
        Kept rows of the file, sorted by user and time.
    user, item : numpy.ndarray
        int32 indices of these rows.
    counts : dict of str to int
        Numbers of dropped rows and users.
    """
    user_ids, user = dense_index(raw.user_ids)
    item_ids, item = dense_index(raw.item_ids)
    raw.user_ids = raw.item_ids = None
    order = _chronological(user, raw.timestamps)
    user, item = user[order], item[order]
    first = _first_of_pairs(user, item, len(item_ids))
    enough = np.bincount(user[first], minlength=len(user_ids)) >= min_interactions
    keep = first & enough[user]
    order, user, item = order[keep], user[keep], item[keep]
    n_first = int(first.sum())
    counts = {
        "interactions_read": int(first.size),
        "duplicates_dropped": int(first.size - n_first),
        "min_interactions": int(min_interactions),
        "users_dropped_too_short": int((~enough).sum()),
        "interactions_dropped_with_users": int(n_first - order.size),
    }
    used = np.bincount(item, minlength=len(item_ids)) > 0
    return user_ids[enough], item_ids[used], order, _renumber(enough)[user], _renumber(used)[item], counts


def _renumber(kept):
    """Return the new index (int32) of each old index; only old indices where `kept` (k,) is True are valid."""
    return np.cumsum(kept, dtype=np.int32) - np.int32(1)


def _chronological(user, timestamps):
    """Return the stable order by (user, timestamp). One combined key sorts twice as fast as two keys."""
    low, span = int(timestamps.min()), int(timestamps.max()) - int(timestamps.min()) + 1
    if (int(user.max()) + 1) * span < 2**63:
        key = user * np.int64(span)
        key += timestamps
        key -= low
        order = np.argsort(key, kind="stable")
    else:
        order = np.lexsort((timestamps, user))
    return order.astype(np.int32) if order.size < 2**31 else order


def _first_of_pairs(user, item, n_items):
    """Return which rows are the first of their (user, item), as bool; `user` (n,) is ascending."""
    first = np.empty(user.size, bool)
    # Blocks of whole users keep the hash table small.
    bounds = np.searchsorted(user, user[::BLOCK]).tolist()
    for start, end in pairwise([*bounds, user.size]):
        key = user[start:end] * np.int64(n_items) + item[start:end]
        first[start:end] = ~pd.Series(key).duplicated().to_numpy()
    return first


def _positions(lengths):
    """Return the positions 0, 1, ... of each user's rows, int32."""
    position = np.ones(lengths.sum(), np.int32)
    starts = np.cumsum(lengths)[:-1]
    position[0] = 0
    position[starts] = 1 - lengths[:-1]
    return np.cumsum(position, dtype=np.int32, out=position)


def _users_table(user_ids, lengths, profiles):
    columns = {
        "user": np.arange(len(user_ids), dtype=np.int32),
        "user_id": pa.array(user_ids).cast(pa.string()),
        "length": lengths.astype(np.int32),
    }
    for name in profiles.columns:
        columns[name] = pa.Array.from_pandas(profiles[name].reindex(user_ids))
    return pa.table(columns)


def sparse_fields(statistics):
    """Return a sentence for each field that fewer than half of the items have, from the counts of `prepare`."""
    n_items, sentences = statistics.get("items", 0), []
    without = {key.removeprefix("items_without_"): n for key, n in statistics.items() if "items_without_" in key}
    if "title_row" in without:
        without["title"] = without.pop("title_row") + statistics["items_with_empty_title"]
    for name, missing in sorted(without.items()):
        if n_items - missing < n_items / 2:
            sentences.append(f"only {n_items - missing} of {n_items} items have the field {name}")
    return sentences


def _check_field(name, values, fields, item_ids, path):
    """Raise `InputError` if no item has a value of a field."""
    if not (values.isna() | (values == "")).all():
        return
    other = ", ".join(map(str, fields.index[:3]))
    raise InputError(
        f"{path}: found the field {name!r} of 0 of {len(item_ids)} items; expected it for items of the interactions "
        f"(ids {', '.join(map(str, item_ids[:3]))}, ...); ids found: {other or 'none'}. Is it of another dataset?"
    )


def _items_table(item_ids, fields, files):
    known = fields.reindex(item_ids)
    for name in known:
        _check_field(name, known[name], fields[name].dropna(), item_ids, files.get(name, name))
    columns = {
        "item": np.arange(len(item_ids), dtype=np.int32),
        "item_id": pa.array(item_ids).cast(pa.string()),
        "title": pa.array([""] * len(item_ids), pa.string()),
    }
    counts = {}
    if "title" in fields:
        title = known["title"]
        counts["items_without_title_row"] = int(title.isna().sum())
        counts["items_with_empty_title"] = int((title == "").sum())
        columns["title"] = pa.Array.from_pandas(title.fillna(""), type=pa.string())
    for name in fields.columns.drop("title", errors="ignore"):
        counts[f"items_without_{name}"] = int(known[name].isna().sum())
        columns[name] = pa.Array.from_pandas(known[name], type=pa.string())
    counts["item_rows_without_interaction"] = int((~fields.index.isin(item_ids)).sum())
    return pa.table(columns), counts

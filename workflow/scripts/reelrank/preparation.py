"""From a source's own ids to the prepared tables: dense indices, order, statistics."""

import numpy as np
import pandas as pd
import pyarrow as pa

from reelrank.errors import InputError


def prepare(raw, min_interactions=3):
    """Index, sort, clean and count the interactions of a dataset.

    A repeated (user, item) keeps its first interaction; then users with fewer than
    `min_interactions` are dropped; the catalogue is every item with an interaction
    left. Users and items are indexed in the order of their ids. Equal timestamps
    keep the order of the file.

    Parameters
    ----------
    raw : reelrank.datasets.RawTables
    min_interactions : int
        At least 1.

    Returns
    -------
    tables : dict of str to pyarrow.Table
        ``interactions``, ``users``, ``items``, ``comments`` (see `reelrank.tables`).
    statistics : dict
        Counts of what was kept, dropped and allowed.

    Raises
    ------
    InputError
        If there is no interaction, or no user has enough of them.
    """
    if not raw.user_ids.size:
        raise InputError("the source holds no interactions; nothing is left to learn from")
    order, user, item, dropped = _clean(raw, min_interactions)
    if not order.size:
        raise InputError(f"no user has {min_interactions} interactions or more; nothing is left to learn from")
    user_ids, user = dense_index(user)
    item_ids, item = dense_index(item)
    lengths = np.bincount(user)
    starts = np.cumsum(lengths) - lengths
    columns = {
        "user": user.astype(np.int32),
        "item": item.astype(np.int32),
        "timestamp": raw.timestamps[order],
        "position": (np.arange(user.size) - np.repeat(starts, lengths)).astype(np.int32),
    }
    if raw.ratings is not None:
        columns["rating"] = raw.ratings[order].astype(np.float32)
    items, item_counts = _items_table(item_ids, raw.items)
    comments, comment_counts = _comments_table(raw.comments, user_ids, item_ids, user, item)
    tables = {
        "interactions": pa.table(columns),
        "users": _users_table(user_ids, lengths, raw.users),
        "items": items,
        "comments": comments,
    }
    tied = (columns["timestamp"][1:] == columns["timestamp"][:-1]) & (user[1:] == user[:-1])
    statistics = {
        "users": len(user_ids),
        "items": len(item_ids),
        "interactions": len(user),
        "mean_length": round(len(user) / len(user_ids), 4),
        "density": round(len(user) / (len(user_ids) * len(item_ids)), 8),
        "has_timestamps": bool(columns["timestamp"].any()),
        "first_timestamp": int(columns["timestamp"].min()),
        "last_timestamp": int(columns["timestamp"].max()),
        "users_whose_last_two_tie": int(raw.timestamps.any())
        * int(tied[starts[lengths > 1] + lengths[lengths > 1] - 2].sum()),
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
        ``(n,)`` int64 in ``[0, k)``, with ``distinct[index] == ids``.
    """
    low, high = int(ids.min()), int(ids.max())
    if high - low < 8 * ids.size + 1024:  # a lookup table beats a sort where ids are nearly dense, as they mostly are
        present = np.zeros(high - low + 1, bool)
        present[ids - low] = True
        lookup = np.cumsum(present) - 1
        return np.flatnonzero(present) + low, lookup[ids - low]
    return np.unique(ids, return_inverse=True)


def _clean(raw, min_interactions):
    """Return the kept rows (ordered by user and time), their ids, and counts of the dropped."""
    n_rows = raw.user_ids.size
    _, user = dense_index(raw.user_ids)
    distinct_items, item = dense_index(raw.item_ids)
    order = _chronological(user, raw.timestamps)
    user, item = user[order], item[order]
    first = ~pd.Series(user * len(distinct_items) + item).duplicated().to_numpy()
    enough = np.bincount(user[first], minlength=int(user.max()) + 1) >= min_interactions
    keep = first & enough[user]
    order = order[keep]
    counts = {
        "interactions_read": int(n_rows),
        "duplicates_dropped": int(n_rows - first.sum()),
        "min_interactions": int(min_interactions),
        "users_dropped_too_short": int((~enough).sum()),
        "interactions_dropped_with_users": int((first & ~enough[user]).sum()),
    }
    return order, raw.user_ids[order], raw.item_ids[order], counts


def _chronological(user, timestamps):
    """Return the stable order by (user, timestamp); one fused key sorts twice as fast as two."""
    offset = timestamps - timestamps.min()
    span = int(offset.max()) + 1
    if (int(user.max()) + 1) * span < 2**63:
        return np.argsort(user * span + offset, kind="stable")
    return np.lexsort((timestamps, user))


def _users_table(user_ids, lengths, profiles):
    columns = {
        "user": np.arange(len(user_ids), dtype=np.int32),
        "user_id": pa.array(user_ids).cast(pa.string()),
        "length": lengths.astype(np.int32),
    }
    for name in profiles.columns:
        columns[name] = pa.Array.from_pandas(profiles[name].reindex(user_ids))
    return pa.table(columns)


def _items_table(item_ids, fields):
    known = fields.reindex(item_ids)
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


def _comments_table(comments, user_ids, item_ids, user, item):
    """Keep the first comment of each kept interaction; a comment belongs to its interaction."""
    empty = {"user": np.array([], np.int32), "item": np.array([], np.int32), "comment": pa.array([], pa.string())}
    if comments is None:
        return pa.table(empty), {}
    row_user = pd.Index(user_ids).get_indexer(comments["user_id"])
    row_item = pd.Index(item_ids).get_indexer(comments["item_id"])
    key = np.where((row_user >= 0) & (row_item >= 0), row_user * len(item_ids) + row_item, -1)
    first = ~pd.Index(key).duplicated()
    keep = np.flatnonzero(np.isin(key, user.astype(np.int64) * len(item_ids) + item) & first)
    keep = keep[np.argsort(key[keep], kind="stable")]
    table = pa.table(
        {
            "user": row_user[keep].astype(np.int32),
            "item": row_item[keep].astype(np.int32),
            "comment": pa.array(comments["comment"].to_numpy()[keep], pa.string()),
        }
    )
    return table, {"comments": len(keep), "comments_dropped": int(len(comments) - len(keep))}

"""Comments of kept interactions, read from a file that may be larger than memory."""

import numpy as np
import pyarrow as pa

#: Rows of each table that `CommentTables` yields; one row group of the file.
ROWS = 1024 * 1024


def comments_of(file, user_ids, item_ids, lengths, item):
    """Return the first comment of each kept interaction.

    Parameters
    ----------
    file : reelrank.datasets.comment_file.CommentFile or None
    user_ids, item_ids : numpy.ndarray
        Kept ids, ascending; the position of an id is its index.
    lengths : numpy.ndarray
        ``(n_users,)`` number of interactions of each user.
    item : numpy.ndarray
        ``(n_rows,)`` item indices of the kept interactions, by user.

    Returns
    -------
    tables : pyarrow.Table or CommentTables
        Sorted by user and item.
    counts : dict of str to int
    """
    if file is None:
        return CommentTables.empty(), {}
    key, starts, sizes, n_read = _read(file, user_ids, item_ids)
    order = np.argsort(key, kind="stable")
    order = order.astype(np.int32) if order.size < 2**31 else order
    key = key[order]
    keep = np.append(True, key[1:] != key[:-1])[: key.size]
    _drop_without_interaction(keep, key, lengths, item, len(item_ids))
    key, order = key[keep], order[keep]
    starts = starts[order]
    sizes = sizes[order]
    tables = CommentTables(file, key, len(item_ids), starts, sizes)
    return tables, {"comments": len(order), "comments_dropped": n_read - len(order)}


class CommentTables:
    """Tables of contract ``comments``, made while iterating; can be iterated any number of times."""

    def __init__(self, file, key, n_items, starts, sizes):
        self.file, self.key, self.n_items, self.starts, self.sizes = file, key, n_items, starts, sizes

    @staticmethod
    def empty():
        """Return the table without rows."""
        kinds = {"user": pa.int32(), "item": pa.int32(), "comment": pa.string()}
        return pa.table({name: pa.array([], kind) for name, kind in kinds.items()})

    def __iter__(self):
        if not len(self.key):
            yield self.empty()
        for start in range(0, len(self.key), ROWS):
            rows = slice(start, start + ROWS)
            user, item = np.divmod(self.key[rows], self.n_items)
            texts = self.file.texts(self.starts[rows], self.sizes[rows])
            yield pa.table({"user": user.astype(np.int32), "item": item.astype(np.int32), "comment": texts})


def _read(file, user_ids, item_ids):
    """Return ``user * n_items + item``, start and size of comments with kept ids, and the number of comments read."""
    key, starts, sizes, n_read = np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.int32), 0
    for users, items, begins, lengths in file.rows():
        user, item = _index_of(user_ids, users), _index_of(item_ids, items)
        known = np.flatnonzero((user >= 0) & (item >= 0))
        n_read += len(users)
        for column, values in (
            (key, user[known] * len(item_ids) + item[known]),
            (starts, begins[known]),
            (sizes, lengths[known]),
        ):
            column.resize(column.size + known.size, refcheck=False)
            column[column.size - known.size :] = values
    return key, starts, sizes, n_read


def _index_of(distinct, ids):
    """Return the index of each id in `distinct` (k,), ascending, or -1."""
    index = np.minimum(np.searchsorted(distinct, ids), len(distinct) - 1)
    return np.where(distinct[index] == ids, index, -1)


def _drop_without_interaction(keep, key, lengths, item, n_items):
    """Set `keep` to False where `key` (ascending) is not an interaction, for a block of whole users at a time."""
    ends = np.cumsum(lengths)
    first, n_users = 0, len(lengths)
    while first < n_users:
        done = int(ends[first] - lengths[first])
        last = max(first + 1, int(np.searchsorted(ends, done + 4 * ROWS, side="right")))
        user = np.repeat(np.arange(first, last), lengths[first:last])
        own = np.sort(user * n_items + item[done : int(ends[last - 1])])
        rows = slice(*np.searchsorted(key, [first * n_items, last * n_items]))
        place = np.minimum(np.searchsorted(own, key[rows]), own.size - 1)
        keep[rows] &= own[place] == key[rows]
        first = last

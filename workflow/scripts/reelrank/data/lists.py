"""The list format: base, re-ranked and fused lists are the same kind of table."""

from contextlib import closing
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from reelrank.data.tables import ROWS_PER_CHUNK, metadata, read_chunks, to_table, write_table
from reelrank.errors import InputError

#: The base list as a re-ranker and as a signal.
BASE = "identity"


@dataclass(frozen=True)
class RankedLists:
    """Lists of several users.

    Attributes
    ----------
    users : numpy.ndarray
        ``(n,)`` int32, ascending.
    items : numpy.ndarray
        ``(n, depth)`` int32, best first, -1 where a user's list is shorter.
    scores : numpy.ndarray
        ``(n, depth)`` float32.
    raw_ranks : numpy.ndarray or None
        ``(n, depth)`` int16: rank of each entry in the generative model's answer, before
        repair; 0 if the answer lacked it and the repair added it. None for other re-rankers.
    """

    users: np.ndarray
    items: np.ndarray
    scores: np.ndarray
    raw_ranks: np.ndarray | None = None

    @property
    def present(self):
        """``(n, depth)`` bool: True where a list has an entry."""
        return self.items >= 0

    def head(self, depth):
        """Return the first `depth` entries of each list."""
        cut = None if self.raw_ranks is None else self.raw_ranks[:, :depth]
        return RankedLists(self.users, self.items[:, :depth], self.scores[:, :depth], cut)

    def of_rows(self, rows):
        """Return the lists in some rows, given as a slice or an ascending array."""
        cut = None if self.raw_ranks is None else self.raw_ranks[rows]
        return RankedLists(self.users[rows], self.items[rows], self.scores[rows], cut)

    def chunks(self):
        """Yield ``(slice, lists in these rows)`` for all users in turn; one empty chunk if there are no users.

        A chunk has at most `ROWS_PER_CHUNK` entries, or one user, so that results per chunk fit into memory.
        """
        size = max(1, ROWS_PER_CHUNK // max(1, self.items.shape[1]))
        for start in range(0, max(1, len(self.users)), size):
            rows = slice(start, start + size)
            yield rows, self.of_rows(rows)

    def reordered(self, scores, raw_ranks=None):
        """Return the same items, sorted by descending score; ties keep their order.

        Parameters
        ----------
        scores : numpy.ndarray
            ``(n, depth)``; must not be NaN for an entry.
        raw_ranks : numpy.ndarray, optional
            ``(n, depth)`` int16, in the current order.
        """
        scores = np.asarray(scores, np.float32)
        if scores.shape != self.items.shape:
            raise ValueError(f"scores have shape {scores.shape}; expected {self.items.shape}")
        if (np.isnan(scores) & self.present).any():
            raise ValueError("found a score of NaN; expected a number for each entry")
        moved = [None if values is None else np.empty_like(values) for values in (self.items, scores, raw_ranks)]
        for rows, chunk in self.chunks():
            # Lists have no gaps, so an entry with score -inf still comes before absent ones.
            order = np.argsort(np.where(chunk.present, -scores[rows], np.inf), axis=1, kind="stable")
            for into, values in zip(moved, (self.items, scores, raw_ranks), strict=True):
                if values is not None:
                    into[rows] = np.take_along_axis(values[rows], order, axis=1)
        return RankedLists(self.users, *moved)


def read_lists(path, depth=None):
    """Read a Parquet file of contract ``list`` as ``(RankedLists, metadata)``; refuse gaps in ranks.

    The file is read twice in chunks: first the users, then the lists. So only the result and one chunk are in
    memory.

    Parameters
    ----------
    path : str or Path
    depth : int, optional
        Read only the first `depth` entries of each list; default: all.
    """
    users, counts = _lengths(path)
    starts = np.concatenate([[0], np.cumsum(counts)])
    width = int(counts.max(initial=0)) if depth is None else min(int(counts.max(initial=0)), depth)
    items = np.full((len(users), width), -1, np.int32)
    scores = np.full((len(users), width), -np.inf, np.float32)
    raw_ranks, first = None, 0
    for chunk in read_chunks(path, "list", ("rank", "item", "score", "raw_rank")):
        if "raw_rank" in chunk.column_names and raw_ranks is None:
            raw_ranks = np.zeros((len(users), width), np.int16)
        begin, end = np.searchsorted(starts, [first, first + len(chunk)], side="right") - 1
        within = np.clip(starts[begin : end + 2], first, first + len(chunk))
        row = np.repeat(np.arange(begin, begin + len(within) - 1), np.diff(within))
        column = np.arange(first, first + len(chunk)) - starts[row]
        if (chunk["rank"].to_numpy() != column + 1).any():
            raise _unsorted(path)
        keep = column < width
        to = row[keep], column[keep]
        items[to], scores[to] = chunk["item"].to_numpy()[keep], chunk["score"].to_numpy()[keep]
        if raw_ranks is not None:
            raw_ranks[to] = chunk["raw_rank"].fill_null(0).to_numpy()[keep]
        first += len(chunk)
    return RankedLists(users, items, scores, raw_ranks), read_about(path)


def read_lists_of(path, users):
    """Read the lists of some users from a Parquet file of contract ``list``; users without a list are left out.

    Much faster and smaller than `read_lists` for few of many users.

    Parameters
    ----------
    path : str or Path
    users : numpy.ndarray
        Ascending.

    Returns
    -------
    RankedLists
    """
    kept = []
    for chunk in read_chunks(path, "list", ("user", "item", "score")):
        found = chunk["user"].to_numpy()
        rows = np.flatnonzero(np.isin(found, users))
        kept.append([chunk[name].to_numpy()[rows] for name in ("user", "item", "score")])
    user, item, score = (np.concatenate(parts) for parts in zip(*kept, strict=True))
    own, starts, counts = np.unique(user, return_index=True, return_counts=True)
    width = int(counts.max(initial=0))
    items = np.full((len(own), width), -1, np.int32)
    scores = np.full((len(own), width), -np.inf, np.float32)
    row = np.repeat(np.arange(len(own)), counts)
    to = row, np.arange(len(user)) - np.repeat(starts, counts)
    items[to], scores[to] = item, score
    return RankedLists(own.astype(np.int32), items, scores)


def read_about(path):
    """Return the metadata of a file of lists."""
    with closing(read_chunks(path, "list")) as chunks:
        return metadata(next(chunks))


def read_users(path):
    """Return the users of a file of lists, ascending, int32."""
    return _lengths(path)[0]


def _lengths(path):
    """Return the users of a file, ascending, and the number of rows of each."""
    users, counts = [np.empty(0, np.int32)], [np.empty(0, np.int64)]
    for chunk in read_chunks(path, "list", ("user",)):
        found = chunk["user"].to_numpy()
        begins = np.flatnonzero(np.concatenate([[True], found[1:] != found[:-1]])) if len(found) else found[:0]
        lengths = np.diff(np.append(begins, len(found)))
        if len(found) and len(users[-1]) and users[-1][-1] == found[0]:  # a list goes on in the next chunk
            counts[-1][-1] += lengths[0]
            begins, lengths = begins[1:], lengths[1:]
        if len(begins):
            users.append(found[begins])
            counts.append(lengths)
    users = np.concatenate(users)
    if (np.diff(users) <= 0).any():
        raise _unsorted(path)
    return users, np.concatenate(counts)


def _unsorted(path):
    return InputError(
        f"{path}: rows are not sorted by user and rank, or ranks have gaps; expected ranks 1, 2, 3, ... per user"
    )


def concatenate(shards):
    """Return several `RankedLists` as one; their users must ascend from shard to shard."""
    depth = max(shard.items.shape[1] for shard in shards)

    def together(name, fill):
        """Return one array of all shards, padded to the width of the widest."""
        columns = [getattr(shard, name) for shard in shards]
        wide = [np.pad(one, ((0, 0), (0, depth - one.shape[1])), constant_values=fill) for one in columns]
        return np.concatenate(wide)

    with_raw = all(shard.raw_ranks is not None for shard in shards)
    users = np.concatenate([shard.users for shard in shards])
    raw_ranks = together("raw_ranks", 0) if with_raw else None
    return RankedLists(users, together("items", -1), together("scores", -np.inf), raw_ranks)


def write_lists(lists, path, about, base=None):
    """Check lists and write them to `path` as Parquet of contract ``list``.

    Parameters
    ----------
    lists : RankedLists
    path : str or Path
    about : dict
        The metadata of the lists (`reelrank.data.tables.LIST_METADATA`).
    base : RankedLists, optional
        The re-ranked base list; each user's list must be a permutation of its first ``depth`` items.

    Raises
    ------
    InputError
        If a list repeats an item, has a gap, or is not a permutation of its base.
    """
    if (np.diff(lists.users) <= 0).any():
        raise InputError(f"{path}: found users out of order; expected them ascending")
    write_table((_checked(chunk, path, about, base) for _, chunk in lists.chunks()), "list", path, about)


def _checked(lists, path, about, base):
    """Return the rows of some users' lists as a table."""
    sorted_items = np.sort(lists.items, axis=1)
    repeats = (sorted_items[:, 1:] == sorted_items[:, :-1]) & (sorted_items[:, 1:] >= 0)
    if repeats.any():
        user = lists.users[repeats.any(1)][0]
        raise InputError(f"{path}: the list of user {user} repeats an item; expected each item once")
    if (np.diff(lists.present.astype(np.int8), axis=1) > 0).any():
        raise InputError(f"{path}: found a gap in a list; expected lists without gaps")
    if base is not None:
        _check_permutation(lists, base, int(about["depth"]), path)
    n, depth = lists.items.shape
    keep = lists.present.ravel()
    columns = {
        "user": np.repeat(lists.users.astype(np.int32), depth)[keep],
        "rank": np.tile(np.arange(1, depth + 1, dtype=np.int16), n)[keep],
        "item": lists.items.ravel()[keep].astype(np.int32),
        "score": lists.scores.ravel()[keep].astype(np.float32),
    }
    if lists.raw_ranks is not None:
        raw_ranks = lists.raw_ranks.ravel()[keep].astype(np.int16)
        columns["raw_rank"] = pa.array(raw_ranks, mask=raw_ranks == 0)
    return to_table(columns, "list")


def _check_permutation(lists, base, depth, path):
    if not np.isin(lists.users, base.users).all():
        raise InputError(f"{path}: found users that are not in the base list")
    expected = base.items[np.searchsorted(base.users, lists.users), :depth]
    width = expected.shape[1]
    if lists.items.shape[1] > width:
        raise InputError(f"{path}: lists are {lists.items.shape[1]} deep; expected at most {width}")
    found = np.full(expected.shape, -1, np.int32)
    found[:, : lists.items.shape[1]] = lists.items
    wrong = (np.sort(expected, axis=1) != np.sort(found, axis=1)).any(1)
    if wrong.any():
        raise InputError(
            f"{path}: the list of user {lists.users[wrong][0]} is not a permutation of the first {depth} items of its "
            f"base list ({wrong.sum()} such users)"
        )

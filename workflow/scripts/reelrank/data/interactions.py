"""Interactions as arrays: training histories, and queries of users with a held-out item."""

from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from reelrank.data.splits import TEST, TRAIN, UNUSED
from reelrank.data.tables import SPLITS, metadata, read_table
from reelrank.errors import InputError


@dataclass(frozen=True)
class Histories:
    """The interactions of a batch of users, oldest first, as slices of one array.

    Attributes
    ----------
    items : numpy.ndarray
        ``(n_rows,)`` item indices of all users.
    starts, ends : numpy.ndarray
        ``(batch,)`` row ranges, one per user of the batch.
    n_items : int
    """

    items: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    n_items: int

    def __len__(self):
        return len(self.starts)

    def __getitem__(self, rows):
        return Histories(self.items, self.starts[rows], self.ends[rows], self.n_items)

    def last(self, length):
        """Return the latest `length` items of each user.

        Returns
        -------
        numpy.ndarray
            ``(batch, length)`` int64, oldest first, padded on the left with `n_items`.
        """
        rows = self.ends[:, None] - np.arange(length, 0, -1)
        inside = rows >= self.starts[:, None]
        return np.where(inside, self.items[np.where(inside, rows, 0)], self.n_items).astype(np.int64)

    def matrix(self, decay=1.0):
        """Return the histories as a ``(batch, n_items)`` float32 CSR matrix.

        Parameters
        ----------
        decay : float
            An interaction has weight ``decay ** age``; a user's latest has age 0. With 1, all
            weights are 1. A repeated item has one entry per interaction.
        """
        lengths = self.ends - self.starts
        indptr = np.concatenate([[0], np.cumsum(lengths)])
        rows = np.repeat(self.starts - indptr[:-1], lengths) + np.arange(indptr[-1])
        age = np.repeat(self.ends, lengths) - 1 - rows
        weights = np.power(decay, age, dtype=np.float64).astype(np.float32)
        return sparse.csr_matrix((weights, self.items[rows], indptr), shape=(len(self), self.n_items))


@dataclass(frozen=True)
class Queries:
    """Users whose next item is predicted.

    Attributes
    ----------
    users, targets : numpy.ndarray
        ``(n,)`` user indices, ascending, and the held-out items.
    history : Histories
        The interactions that a model may read.
    seen : Histories
        All interactions before the target; their items are masked.
    """

    users: np.ndarray
    targets: np.ndarray
    history: Histories
    seen: Histories

    def __len__(self):
        return len(self.users)

    def __getitem__(self, rows):
        return Queries(self.users[rows], self.targets[rows], self.history[rows], self.seen[rows])

    def of(self, users):
        """Return the queries of `users` (ascending); raise ValueError if a user has none."""
        rows = np.searchsorted(self.users, users)
        if (rows >= len(self)).any() or not np.array_equal(self.users[rows], users):
            raise ValueError("found lists of users without a held-out item")
        return self[rows]


@dataclass(frozen=True)
class Interactions:
    """All interactions of a split dataset, sorted by user and time.

    Attributes
    ----------
    n_users, n_items : int
    items : numpy.ndarray
        ``(n_rows,)`` int32.
    starts : numpy.ndarray
        ``(n_users + 1,)`` first row of each user.
    codes : numpy.ndarray
        ``(n_rows,)`` int8 indices into `reelrank.data.tables.SPLITS`.
    """

    n_users: int
    n_items: int
    items: np.ndarray
    starts: np.ndarray
    codes: np.ndarray

    @property
    def users(self):
        """User of each row, ``(n_rows,)`` int64."""
        return np.repeat(np.arange(self.n_users), np.diff(self.starts))

    @property
    def train_ends(self):
        """Row after each user's last training interaction, ``(n_users,)``."""
        counts = np.add.reduceat(self.codes == TRAIN, self.starts[:-1], dtype=np.int64)
        return self.starts[:-1] + counts

    def without_test(self):
        """Return the same interactions without the held-out items of test: no user has a target in test.

        The rows stay, so that arrays beside these interactions still fit.
        """
        test = self.codes == TEST
        return replace(self, items=np.where(test, 0, self.items), codes=np.where(test, UNUSED, self.codes))

    def training(self):
        """Return the training interactions of all users as `Histories`."""
        return Histories(self.items, self.starts[:-1], self.train_ends, self.n_items)

    def popularity(self):
        """Return the number of training interactions per item, ``(n_items,)`` int64."""
        return np.bincount(self.items[self.codes == TRAIN], minlength=self.n_items)

    def queries(self, split, history="full"):
        """Return the users with a target in `split` and their histories.

        Parameters
        ----------
        split : {'valid', 'test'}
        history : {'full', 'train_only'}
            ``full``: all interactions before the target (for test, this includes the valid
            item); ``train_only``: the training interactions. In both cases, all items before
            the target are masked.
        """
        rows = np.flatnonzero(self.codes == SPLITS.index(split))
        users = np.searchsorted(self.starts, rows, side="right") - 1
        starts = self.starts[users]
        seen = Histories(self.items, starts, rows, self.n_items)
        ends = rows if history == "full" else np.minimum(rows, self.train_ends[users])
        return Queries(users, self.items[rows], Histories(self.items, starts, ends, self.n_items), seen)


def some_rows(n, most, seed):
    """Return `most` of `n` rows, ascending, drawn with the seed; all rows if there are no more."""
    if n <= most:
        return np.arange(n)
    return np.sort(np.random.default_rng([seed, n]).choice(n, most, replace=False))


def load_interactions(interactions_path, split_path):
    """Read prepared interactions and their split into `Interactions`.

    If the split has redrawn items (see `reelrank.audit.target_draws`), they replace the real held-out items.

    Raises
    ------
    InputError
        If the rows of the split are not the rows of the interactions.
    """
    interactions = read_table(interactions_path, "interactions")
    split = read_table(split_path, "split")
    if any(not split[name].equals(interactions[name]) for name in ("user", "position")):
        raise InputError(
            f"{split_path}: users and positions differ from those of {interactions_path}; expected the same"
        )
    n_users, n_items = (int(metadata(interactions)[key]) for key in ("n_users", "n_items"))
    lengths = np.bincount(interactions["user"].to_numpy(), minlength=n_users)
    starts = np.concatenate([[0], np.cumsum(lengths)])
    items = interactions["item"].to_numpy()
    if "redrawn_item" in split.column_names:
        drawn = split["redrawn_item"]
        items = np.where(drawn.is_valid().to_numpy(), drawn.fill_null(0).to_numpy(), items)
    return Interactions(n_users, n_items, items, starts, _codes(split["split"], split_path))


def _codes(column, path):
    """Return indices into `SPLITS`, for any order of names in the file's dictionary."""
    column = column.combine_chunks()
    names = column.dictionary.to_pylist()
    if not set(names) <= set(SPLITS):
        raise InputError(f"{path}: found the splits {names}; expected {list(SPLITS)}")
    return np.array([SPLITS.index(name) for name in names], np.int8)[column.indices.to_numpy()]

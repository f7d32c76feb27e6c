"""Which items follow which in the training histories."""

import numpy as np
from scipy import sparse

#: Steps after an item within which another counts as its successor.
WINDOW = 5


def transitions(training):
    """Return how often each item follows each other one, nearer successors counting more.

    An item j steps after another adds 1 / j, up to `WINDOW` steps. Held-out interactions are no part of the
    histories, so a held-out item never counts as the successor of its own user's items.

    Parameters
    ----------
    training : reelrank.data.interactions.Histories
        The training interactions of all users.

    Returns
    -------
    scipy.sparse.csr_matrix
        ``(n_items, n_items)`` float32; the row is the earlier item.
    """
    shape = (training.n_items, training.n_items)
    total = sparse.csr_matrix(shape, dtype=np.float64)
    rows = _rows(training.starts, training.ends)
    ends = np.repeat(training.ends, np.maximum(training.ends - training.starts, 0))
    for step in range(1, WINDOW + 1):
        earlier = rows[rows + step < ends]
        weights = np.full(len(earlier), 1 / step)
        pairs = (training.items[earlier], training.items[earlier + step])
        total = total + sparse.csr_matrix((weights, pairs), shape=shape)
    return total.astype(np.float32)


def _rows(starts, ends):
    """Return the rows of all histories, one history after the other."""
    lengths = np.maximum(ends - starts, 0)
    return np.repeat(starts - np.cumsum(lengths) + lengths, lengths) + np.arange(lengths.sum())

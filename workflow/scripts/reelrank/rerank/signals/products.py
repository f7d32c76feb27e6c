"""Products of candidates and history items: a number for each candidate and each of its user's latest items."""

import numpy as np
from scipy import sparse

#: Numbers in memory at a time; 2**22 are about 100 MB.
BUDGET = 2**22


def products(items, latest, of_candidates, of_history):
    """Return the dot product of each candidate's row with the row of each of its user's latest items.

    With the same unit rows on both sides these are cosines; with a row of ones and zeros for each candidate they are
    entries of the other matrix. No array of items by items, or of items by columns, is made.

    Parameters
    ----------
    items : numpy.ndarray
        ``(k, depth)`` candidates; -1 pads shorter lists.
    latest : numpy.ndarray
        ``(k, length)`` latest items of each user; ``n_items`` stands for none.
    of_candidates, of_history : numpy.ndarray or scipy.sparse.csr_matrix
        ``(n_items, columns)`` float32; both dense or both sparse.

    Returns
    -------
    numpy.ndarray
        ``(k, depth, length)`` float32; 0 where there is no history item. What padding gets has no meaning.
    """
    found = np.zeros((*items.shape, latest.shape[1]), np.float32)
    part, costs = (_sparse, _entries) if sparse.issparse(of_candidates) else (_dense, _numbers)
    for rows in _chunks(costs(items, latest, of_candidates, of_history)):
        found[rows] = part(items[rows], latest[rows], of_candidates, of_history)
    return found


def _chunks(costs):
    """Yield slices of users whose costs add up to about `BUDGET`."""
    number = np.cumsum(costs) // BUDGET
    begins = np.flatnonzero(np.concatenate([[True], number[1:] != number[:-1]])) if len(costs) else []
    for start, stop in zip(begins, [*begins[1:], len(costs)], strict=False):
        yield slice(start, stop)


def _numbers(items, latest, of_candidates, of_history):
    """Return how many numbers `_dense` has in memory for each user."""
    return np.full(len(items), (items.shape[1] + latest.shape[1]) * of_candidates.shape[1])


def _dense(items, latest, of_candidates, of_history):
    rows = of_history[np.minimum(latest, len(of_history) - 1)]
    rows[latest == len(of_history)] = 0
    return of_candidates[items] @ rows.transpose(0, 2, 1)


def _entries(items, latest, of_candidates, of_history):
    """Return how many numbers `_sparse` has in memory for each user."""
    lengths = [np.append(np.diff(matrix.indptr), 0) for matrix in (of_candidates, of_history)]
    return lengths[0][items].sum(1) + lengths[1][latest].sum(1) + items.shape[1] + of_candidates.shape[1]


def _sparse(items, latest, of_candidates, of_history):
    """Return the products of some users as one sparse product: each user has columns of his own."""
    candidates, history = _blocks(of_candidates, items), _blocks(of_history, latest)
    found = (candidates @ history.T).tocoo()
    values = np.zeros((items.size, latest.shape[1]), np.float32)
    values[found.row, found.col % latest.shape[1]] = found.data
    return values.reshape(*items.shape, -1)


def _blocks(matrix, rows):
    """Return the rows of each user below each other, the columns of the next user beside those of the last.

    Parameters
    ----------
    matrix : scipy.sparse.csr_matrix
        ``(n, columns)``.
    rows : numpy.ndarray
        ``(k, m)``; -1 and n stand for an empty row.

    Returns
    -------
    scipy.sparse.csr_matrix
        ``(k m, k columns)``.
    """
    (k, m), (n, columns) = rows.shape, matrix.shape
    padded = sparse.csr_matrix(
        (matrix.data, matrix.indices, np.append(matrix.indptr, matrix.indptr[-1])), shape=(n + 1, columns)
    )
    taken = padded[rows.ravel()]
    lengths = np.diff(taken.indptr).reshape(k, m).sum(1)
    indices = taken.indices + np.repeat(np.arange(k) * columns, lengths).astype(taken.indices.dtype)
    return sparse.csr_matrix((taken.data, indices, taken.indptr), shape=(k * m, max(k * columns, 1)))

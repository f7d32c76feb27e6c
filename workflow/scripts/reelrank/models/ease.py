"""EASE: a linear item-item model with a closed-form solution.

Source: Steck, "Embarrassingly Shallow Autoencoders for Sparse Data" (WWW 2019).
Deviations: at scoring, older interactions of the history may get less weight
(`history_decay`). The fit is unchanged: training interactions have no weights.
"""

import numpy as np
import torch

from reelrank.errors import InputError
from reelrank.models import Recommender

#: Rows of a product that are dense in float64 at the same time, beside the inverse.
ROWS_PER_BLOCK = 1024

#: A matrix with at most this many rows is inverted by LAPACK, a larger one by its blocks.
ROWS_OF_LAPACK = 512


class Model(Recommender):
    """Score = history times B, the ``(n_items, n_items)`` matrix with a zero diagonal.

    B is ``I - P / diag(P)``, where P is the inverse of the regularised Gram matrix. P is computed in float64, and
    exactly: the Gram matrix of the `separate_items` is diagonal, so these are eliminated first (a Schur complement),
    and only the block of the other items is inverted as a dense matrix (`invert`). The sparser the data, the more items
    are eliminated. B is stored in float32.
    """

    reads_history = True

    def fit(self, data, seed, folder=None, features=None, code=""):
        """Solve in closed form; there are no epochs, and the seed changes nothing."""
        chosen = data.training().matrix().astype(np.float64)
        chosen.sum_duplicates()
        chosen.data[:] = 1
        chosen = chosen.tocsc()
        separate, joined = separate_items(chosen)
        diagonal = np.diff(chosen.indptr)[separate] + self.options["regularization"]
        if (diagonal <= 0).any():
            raise self._not_positive_definite()
        links = (chosen[:, separate].T @ chosen[:, joined]).tocsr()
        folded = links.multiply(1 / diagonal[:, None]).tocsr()
        gram = self._complement(chosen[:, joined], links, folded)
        try:
            invert(gram)
        except torch.linalg.LinAlgError:
            raise self._not_positive_definite() from None
        weights = _weights(gram.cpu().numpy(), folded, diagonal, separate, joined)
        self.weights = torch.as_tensor(weights, device=self.device)
        return []

    def _complement(self, chosen, links, folded):
        """Return the Gram matrix of the joined items without what the separate items explain of it.

        Returns
        -------
        torch.Tensor
            ``(n_joined, n_joined)`` float64.
        """
        n, by_item, by_joined = chosen.shape[1], chosen.T.tocsr(), links.T.tocsr()
        gram = torch.empty((n, n), dtype=torch.float64, device=self.device)
        for rows in _blocks(n):
            block = by_item[rows] @ chosen - by_joined[rows] @ folded
            gram[rows] = torch.as_tensor(block.toarray(), device=self.device)
        gram.diagonal().add_(self.options["regularization"])
        return gram

    def _not_positive_definite(self):
        return InputError(
            "ease: found a Gram matrix that is not positive definite with regularization "
            f"{self.options['regularization']}; expected a larger regularization"
        )

    def score(self, users, history):
        """Return the weighted sum of the rows of B that belong to each history."""
        matrix = history.matrix(self.options["history_decay"])
        return torch.nn.functional.embedding_bag(
            torch.as_tensor(matrix.indices, device=self.device).long(),
            self.weights,
            torch.as_tensor(matrix.indptr[:-1], device=self.device).long(),
            mode="sum",
            per_sample_weights=torch.as_tensor(matrix.data, device=self.device),
        )

    def arrays(self):
        """Return B."""
        return {"weights": self.weights.cpu().numpy()}

    def set_arrays(self, arrays):
        """Take B."""
        self.weights = torch.as_tensor(arrays["weights"], device=self.device)


def separate_items(chosen):
    """Choose items so that no user has two of them, the items with the fewest interactions first.

    Parameters
    ----------
    chosen : scipy.sparse.csc_matrix
        ``(n_users, n_items)``; an entry is an interaction.

    Returns
    -------
    separate, joined : numpy.ndarray
        The chosen items and all others, ascending.
    """
    taken, separate = np.zeros(chosen.shape[0], bool), np.zeros(chosen.shape[1], bool)
    for item in np.argsort(np.diff(chosen.indptr), kind="stable"):
        users = chosen.indices[chosen.indptr[item] : chosen.indptr[item + 1]]
        if not taken[users].any():
            taken[users] = separate[item] = True
    return np.flatnonzero(separate), np.flatnonzero(~separate)


def invert(matrix):
    """Invert a symmetric positive definite matrix in place, by its blocks.

    The inverse of ``[[A, B.T], [B, C]]`` follows from those of ``A`` and of ``S = C - B A^-1 B.T``. So almost all work
    is in matrix products, which take half the time of LAPACK's inverse of the same precision. Only the lower triangle
    is read.

    Parameters
    ----------
    matrix : torch.Tensor
        ``(n, n)``, of any float type.

    Raises
    ------
    torch.linalg.LinAlgError
        If the matrix is not positive definite.
    """
    n = len(matrix)
    if n <= ROWS_OF_LAPACK:
        matrix.copy_(torch.cholesky_inverse(torch.linalg.cholesky(matrix)))
        return
    half = n // 2
    first, link, second = matrix[:half, :half], matrix[half:, :half], matrix[half:, half:]
    invert(first)
    folded = link @ first
    _subtract(second, folded, link)
    invert(second)
    torch.mm(second, folded, out=link).neg_()
    _subtract(first, folded.T, link.T)
    for start in range(0, half, ROWS_OF_LAPACK):
        stop = start + ROWS_OF_LAPACK
        first[start:stop, stop:] = first[stop:, start:stop].T
    matrix[:half, half:] = link.T


def _subtract(matrix, left, right):
    """Subtract the symmetric product ``left @ right.T`` from `matrix`, in the lower triangle and a little above it."""
    for start in range(0, len(matrix), ROWS_OF_LAPACK):
        columns = slice(start, start + ROWS_OF_LAPACK)
        matrix[start:, columns].addmm_(left[start:], right[columns].T, alpha=-1)


def _weights(inverse, folded, diagonal, separate, joined):
    """Return B from the inverse of the joined items.

    With N = `inverse` and F = `folded`, the other blocks of P are ``P[separate, joined] = -F N`` and
    ``P[separate, separate] = 1 / diagonal + F N F.T``.

    Parameters
    ----------
    inverse : numpy.ndarray
        ``(n_joined, n_joined)`` float64.
    folded : scipy.sparse.csr_matrix
        ``(n_separate, n_joined)`` float64: the Gram matrix of separate and joined items, its rows divided by
        `diagonal`.
    diagonal : numpy.ndarray
        ``(n_separate,)`` float64, of the Gram matrix of the separate items.
    separate, joined : numpy.ndarray
        Item indices.

    Returns
    -------
    numpy.ndarray
        ``(n_items, n_items)`` float32.
    """
    n_items = len(separate) + len(joined)
    weights = np.empty((n_items, n_items), np.float32)
    across = folded @ inverse  # P[separate, joined] without its sign
    scale = np.empty(n_items)
    scale[joined] = np.diagonal(inverse)
    scale[separate] = 1 / diagonal + folded.multiply(across).sum(axis=1).A1
    for rows in _blocks(len(joined)):
        own = joined[rows, None]
        weights[own, joined] = -inverse[rows] / scale[joined]
        weights[own, separate] = across[:, rows].T / scale[separate]
    for rows in _blocks(len(separate)):
        own = separate[rows, None]
        weights[own, joined] = across[rows] / scale[joined]
        weights[own, separate] = -(folded @ across[rows].T).T / scale[separate]
    np.fill_diagonal(weights, 0)
    return weights


def _blocks(n):
    """Return slices that cover ``range(n)``."""
    return [slice(start, start + ROWS_PER_BLOCK) for start in range(0, n, ROWS_PER_BLOCK)]

"""ALS: matrix factorisation of implicit feedback, a least-squares problem per user and per item.

Source: Hu, Koren & Volinsky, "Collaborative Filtering for Implicit Feedback Datasets"
(ICDM 2008). Deviations: the confidence of a chosen item is `alpha`, not ``1 + alpha``
(as in the library `implicit`); the systems are solved exactly; early stopping by NDCG@10
on valid; scoring computes a user's factors from the history by the same least squares,
so no user factors are stored.
"""

import logging

import numpy as np
import torch

from reelrank.errors import InputError
from reelrank.hardware import gpu_arithmetic
from reelrank.models import DotProduct, Recommender
from reelrank.training.loop import validation_ndcg

#: Maximum number of gathered factors in memory, as float32: 64 MiB.
FLOATS_PER_CHUNK = 16 * 1024 * 1024


class Model(DotProduct, Recommender):
    """Score = user factors, fitted to the history, times item factors."""

    reads_history = True

    def fit(self, data, seed, folder=None, features=None, code=""):
        """Alternate between users and items; return one row per round, with the loss over chosen items."""
        options = self.options
        by_user = data.training().matrix()
        by_user.sum_duplicates()
        by_user.data[:] = 1
        by_item = by_user.T.tocsr()
        queries = data.queries("valid")
        generator = torch.Generator().manual_seed(seed)
        shape = (self.n_items, options["embedding_size"])
        self.items = torch.randn(shape, generator=generator).mul_(0.1).to(self.device)
        epochs, best, best_items, best_epoch = [], -1.0, None, 0
        for epoch in range(1, options["iterations"] + 1):
            users = self._solve(by_user, self.items)
            self.items = self._solve(by_item, users)
            ndcg = validation_ndcg(self, queries)
            epochs.append({"epoch": epoch, "loss": self._loss(by_user, users), "valid_ndcg": ndcg})
            logging.info("round %d/%d: valid NDCG@10 %.5f", epoch, options["iterations"], ndcg)
            if ndcg > best:
                best, best_items, best_epoch = ndcg, self.items, epoch
            elif epoch - best_epoch >= options["patience"]:
                break
        self.items = best_items
        return epochs

    def _loss(self, by_user, users):
        """Return the mean squared error of the preference for chosen items."""
        total = 0.0
        pairs = by_user.tocoo()
        for start in range(0, pairs.nnz, step := max(1, FLOATS_PER_CHUNK // users.shape[1])):
            rows, columns = (
                torch.as_tensor(index[start : start + step], device=self.device).long()
                for index in (pairs.row, pairs.col)
            )
            total += float((1 - (users[rows] * self.items[columns]).sum(1)).square().sum())
        return total / max(1, pairs.nnz)

    def _solve(self, matrix, factors):
        """Return the factors of the rows of `matrix`, given the factors of its columns.

        With preference and weight p (1 for plain ALS) and confidence c = 1 + (alpha - 1) p,
        solves ``(F'F + sum (c - 1) f f' + regularization) x = sum c p f``, in chunks of
        rows of similar length, padded with a zero factor. Always in float32: the systems are
        too ill-conditioned for a lower precision.

        Parameters
        ----------
        matrix : scipy.sparse.csr_matrix
            ``(n_rows, n_columns)`` preferences.
        factors : torch.Tensor
            ``(n_columns, d)``.

        Returns
        -------
        torch.Tensor
            ``(n_rows, d)``.

        Raises
        ------
        InputError
            If a system is not positive definite in float32.
        """
        options = self.options
        try:
            with gpu_arithmetic("float32"), torch.autocast(self.device.type, enabled=False):
                return self._solve_exactly(matrix, factors)
        except torch.linalg.LinAlgError:
            raise InputError(
                f"als: found a system that is not positive definite with regularization {options['regularization']} "
                f"and alpha {options['alpha']}; expected a larger regularization or a smaller alpha"
            ) from None

    def _solve_exactly(self, matrix, factors):
        options, size = self.options, factors.shape[1]
        common = factors.T @ factors + options["regularization"] * torch.eye(size, device=self.device)
        padded = torch.cat([factors, factors.new_zeros(1, size)])
        solved = factors.new_zeros(matrix.shape[0], size)
        for rows, columns, preference in _chunks(matrix, FLOATS_PER_CHUNK // size):
            gathered = padded[torch.as_tensor(columns, device=self.device)]  # (rows, longest, d)
            preference = torch.as_tensor(preference, device=self.device)[..., None]
            extra = (options["alpha"] - 1) * preference
            system = common + (gathered * extra).transpose(1, 2) @ gathered
            right = (gathered * ((1 + extra) * preference)).sum(1)
            solved[torch.as_tensor(rows, device=self.device)] = torch.cholesky_solve(
                right[..., None], torch.linalg.cholesky(system)
            )[..., 0]
        return solved

    def vectors(self, users, history):
        """Return user factors fitted to each history, and the item factors."""
        return self._solve(history.matrix(self.options["history_decay"]), self.items), self.items

    def arrays(self):
        """Return the item factors."""
        return {"items": self.items.cpu().numpy()}

    def set_arrays(self, arrays):
        """Set the item factors."""
        self.items = torch.as_tensor(arrays["items"], device=self.device)


def _chunks(matrix, entries):
    """Yield rows, padded columns and padded values of a CSR matrix, grouped by similar length."""
    lengths = np.diff(matrix.indptr)
    order = np.argsort(lengths, kind="stable")
    order = order[lengths[order] > 0]
    while len(order):
        # Longest first: the first row sets the width.
        longest = lengths[order[-1]]
        rows = order[-max(1, entries // longest) :]
        order = order[: -len(rows)]
        offsets = np.arange(longest)
        inside = offsets < lengths[rows][:, None]
        place = np.where(inside, matrix.indptr[rows][:, None] + offsets, 0)
        yield (
            rows,
            np.where(inside, matrix.indices[place], matrix.shape[1]).astype(np.int64),
            np.where(inside, matrix.data[place], 0),
        )

"""EASE: a linear item-item model with a closed-form solution.

Source: Steck, "Embarrassingly Shallow Autoencoders for Sparse Data" (WWW 2019).
Deviations: at scoring, older interactions of the history may get less weight
(`history_decay`). The fit is unchanged: training interactions have no weights.
"""

import torch

from reelrank.errors import InputError
from reelrank.models import Recommender


class Model(Recommender):
    """Score = history times B, the ``(n_items, n_items)`` matrix with a zero diagonal.

    The fit inverts a matrix in float64 and holds three of them in memory: 10 GB for the
    20,000 items of MicroLens-100k. B is stored in float32.
    """

    reads_history = True

    def fit(self, data, seed, folder=None, features=None, code=""):
        """Solve in closed form; there are no epochs, and the seed changes nothing."""
        interactions = data.training().matrix()
        interactions.sum_duplicates()
        interactions.data[:] = 1
        gram = torch.as_tensor((interactions.T @ interactions).toarray(), dtype=torch.float64, device=self.device)
        gram.diagonal().add_(self.options["regularization"])
        try:
            factor = torch.linalg.cholesky(gram)
        except torch.linalg.LinAlgError:
            raise InputError(
                "ease: found a Gram matrix that is not positive definite with regularization "
                f"{self.options['regularization']}; expected a larger regularization"
            ) from None
        del gram
        inverse = torch.cholesky_inverse(factor)
        weights = inverse.div_(-inverse.diagonal().clone())
        weights.fill_diagonal_(0)
        self.weights = weights.float()
        return []

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

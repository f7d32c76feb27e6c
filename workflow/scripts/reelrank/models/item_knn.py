"""ItemKNN: items that are similar to the history, because the same users chose them.

Source: Deshpande & Karypis, "Item-Based Top-N Recommendation Algorithms" (TOIS 2004):
each item keeps its `neighbours` most similar items, and the score of a candidate is the
sum of its similarities to the history. The shrunk cosine comes from Bell & Koren (KDD Cup
Workshop 2007). TF-IDF treats a user as a term, so users with many items count less.
Deviations: similarities are not normalised per item; at scoring, older interactions of
the history may get less weight (`history_decay`).
"""

import numpy as np
import torch
from scipy import sparse

from reelrank.models import Recommender


class Model(Recommender):
    """Score = history times the sparse ``(n_items, n_items)`` similarity; row i has the neighbours of item i."""

    reads_history = True

    def fit(self, data, seed, folder=None, features=None, code=""):
        """Compute similarities; there are no epochs, and the seed changes nothing."""
        options = self.options
        interactions = data.training().matrix().astype(np.float64)
        interactions.sum_duplicates()
        interactions.data[:] = 1
        if options["weighting"] == "tf-idf":
            lengths = np.diff(interactions.indptr)
            interactions.data *= np.repeat(np.log1p(self.n_items / np.maximum(lengths, 1)), lengths)
        by_item = interactions.T.tocsr()
        norms = np.sqrt(by_item.multiply(by_item).sum(axis=1).A1)
        rows = [_neighbours(by_item[item] @ interactions, norms, item, options) for item in range(self.n_items)]
        indptr = np.cumsum([0, *(len(columns) for columns, _ in rows)])
        columns, values = (np.concatenate(column) for column in zip(*rows, strict=True))
        self._set(values.astype(np.float32), columns.astype(np.int64), indptr.astype(np.int64))
        return []

    def _set(self, values, columns, indptr):
        self.similarity = sparse.csr_matrix((values, columns, indptr), shape=(self.n_items, self.n_items))

    def score(self, users, history):
        """Return the weighted sum of similarities to each history."""
        scores = history.matrix(self.options["history_decay"]) @ self.similarity
        return torch.as_tensor(scores.toarray(), device=self.device)

    def arrays(self):
        """Return the similarity matrix in CSR form."""
        own = self.similarity
        return {
            "values": own.data,
            "columns": own.indices.astype(np.int64),
            "indptr": own.indptr.astype(np.int64),
        }

    def set_arrays(self, arrays):
        """Set the similarity matrix."""
        self._set(arrays["values"], arrays["columns"], arrays["indptr"])


def _neighbours(dot, norms, item, options):
    """Return the items most similar to `item` and their similarities; at ties the lower item index comes first."""
    dot.sort_indices()
    other = dot.indices != item
    columns, values = dot.indices[other], dot.data[other]
    values = values / (norms[item] * norms[columns] + options["shrink"])
    best = np.sort(np.argsort(-values, kind="stable")[: options["neighbours"]])
    return columns[best], values[best]

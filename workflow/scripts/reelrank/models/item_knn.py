"""ItemKNN: items that are similar to the history, because the same users chose them.

Source: Deshpande & Karypis, "Item-Based Top-N Recommendation Algorithms" (TOIS 2004):
each item keeps its `neighbours` most similar items, and the score of a candidate is the
sum of its similarities to the history. `pruning` decides whose neighbours count: those of
the items of the history, as in the paper, or those of the candidate, as in RecBole. The
shrunk cosine comes from Bell & Koren (KDD Cup Workshop 2007). TF-IDF treats a user as a
term, so users with many items count less.
Deviations: similarities are not normalised per item; at scoring, older interactions of
the history may get less weight (`history_decay`).
"""

import itertools

import numpy as np
import torch
from scipy import sparse

from reelrank.models import Recommender

#: Items whose similarities to all items are in memory together.
ITEMS_PER_BLOCK = 512


class Model(Recommender):
    """Score = history times the sparse ``(n_items, n_items)`` similarity.

    Row i has the neighbours of item i with ``pruning: history``, column i with ``pruning: candidate``.
    """

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
        similarity = _pruned(interactions, self.options)
        if self.options["pruning"] == "candidate":
            similarity = similarity.T.tocsr()
        self._set(similarity.data, similarity.indices, similarity.indptr)
        return []

    def _set(self, values, columns, indptr):
        """Set the similarity from the arrays of its CSR form."""
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


def _pruned(interactions, options):
    """Return the similarities of each item to its most similar items.

    Parameters
    ----------
    interactions : scipy.sparse.csr_matrix
        ``(n_users, n_items)`` float64 weights.
    options : dict
        Has ``neighbours`` and ``shrink``.

    Returns
    -------
    scipy.sparse.csr_matrix
        ``(n_items, n_items)`` float32; row i has the neighbours of item i, without the item itself.
    """
    by_item, n_items = interactions.T.tocsr(), interactions.shape[1]
    norms = np.sqrt(by_item.multiply(by_item).sum(axis=1).A1)
    rows = []
    for start in range(0, n_items, ITEMS_PER_BLOCK):
        dots = by_item[start : start + ITEMS_PER_BLOCK] @ interactions
        dots.sort_indices()
        for row, (first, last) in enumerate(itertools.pairwise(dots.indptr)):
            rows.append(_neighbours(dots.indices[first:last], dots.data[first:last], norms, start + row, options))
    indptr = np.cumsum([0, *(len(columns) for columns, _ in rows)])
    columns, values = (np.concatenate(column) for column in zip(*rows, strict=True))
    return sparse.csr_matrix((values.astype(np.float32), columns, indptr), shape=(n_items, n_items))


def _neighbours(columns, dots, norms, item, options):
    """Return the items most similar to `item` and their similarities; at ties the lower item index comes first.

    `columns` are ascending item indices, `dots` the dot products of `item` with them.
    """
    other = columns != item
    columns, values = columns[other], dots[other]
    values = values / (norms[item] * norms[columns] + options["shrink"])
    if len(columns) > options["neighbours"]:
        best = np.sort(np.argsort(-values, kind="stable")[: options["neighbours"]])
        columns, values = columns[best], values[best]
    return columns, values

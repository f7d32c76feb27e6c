"""Rank candidates by BM25: the query is the text of the user's latest items, the documents are the items' texts.

Source: Robertson et al., "Okapi at TREC-3" (1994); the variants are those of Lù, "BM25S: Orders of magnitude faster
lexical search via eager sparse scoring" (2024), whose library makes the index.
"""

import logging

import bm25s
import numpy as np
from scipy import sparse

from reelrank import rerank
from reelrank.features.words import word_counts
from reelrank.rerank.signals.cosines import neutral
from reelrank.rerank.signals.products import products


class Reranker(rerank.Reranker):
    """Scores are those of the library, for the candidates only, up to a constant of the query.

    The variant ``bm25l`` adds a constant per query word, whether a document has it or not. It is left out, since it
    moves no candidate. In the library the lower bound of ``bm25+`` is such a constant too, so that variant is not
    offered. A candidate without a word gets the mean of its list; a user without one keeps the base order.
    """

    def __init__(self, options, material):
        super().__init__(options, material)
        self.queries, words = word_counts(material.texts)
        self.documents = index(self.queries, words, options) if words else self.queries
        self.present = np.diff(self.queries.indptr) > 0

    def scores(self, lists, histories):
        """Return ``(n_users, depth)`` float32."""
        length = 1 if self.options["profile"] == "last" else self.options["history_length"]
        # A score is a sum over the words of the query, so that of several items' texts is the sum of their scores.
        found = products(lists.items, histories.last(length), self.documents, self.queries).sum(2)
        return neutral(np.where(lists.present & self.present[lists.items], found, np.nan))


def index(counts, words, options):
    """Return the score of each word in each document, ``(n_items, n_words)`` float32 CSR.

    The words get their numbers here: the library would number them in the order of a set, which changes from run to
    run, and with it the last bits of the sums.
    """
    logging.getLogger("bm25s").setLevel(logging.WARNING)
    model = bm25s.BM25(k1=options["k1"], b=options["b"], method=options["method"])
    numbers = np.repeat(counts.indices, counts.data.astype(np.int64))
    ends = np.cumsum(np.asarray(counts.sum(1), np.int64).ravel())
    texts = [part.tolist() for part in np.split(numbers, ends[:-1])]
    model.index((texts, {word: number for number, word in enumerate(words)}), show_progress=False)
    scores = model.scores
    matrix = sparse.csc_matrix((scores["data"], scores["indices"], scores["indptr"][: len(words) + 1]), counts.shape)
    return sparse.csr_matrix(matrix, dtype=np.float32)

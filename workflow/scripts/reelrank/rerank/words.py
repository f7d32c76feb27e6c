"""Rank candidates by the words that they share with the user's latest items: TF-IDF, no model."""

import numpy as np

from reelrank import rerank
from reelrank.features.words import tfidf
from reelrank.rerank.signals.cosines import SIMILARITIES, cosines, neutral


class Reranker(rerank.Reranker):
    """Scores are TF-IDF cosines of the candidate to the last item, the mean of the latest items or the nearest of them.

    A candidate without a word gets the mean of its list; a user whose items have none keeps the base order.
    """

    def __init__(self, options, material):
        super().__init__(options, material)
        self.vectors, _ = tfidf(material.texts)
        self.present = np.diff(self.vectors.indptr) > 0

    def scores(self, lists, histories):
        """Return ``(n_users, depth)`` float32."""
        latest = histories.last(self.options["history_length"])
        found = cosines(lists.items, latest, self.vectors, self.present)
        return neutral(found[SIMILARITIES.index(self.options["profile"])])

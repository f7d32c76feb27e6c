"""Rank candidates by the likelihood of their title after the titles of the history, under a language model."""

import numpy as np

from reelrank import rerank
from reelrank.llm.titles import END, history_text, latest_items, plain_titles
from reelrank.progress import Progress


class Reranker(rerank.Reranker):
    """Scores are log-likelihoods of each candidate's title after the titles of the user's latest items.

    The title's log-likelihood without a history, times ``unconditional_weight``, is subtracted:
    weight 0 ranks by likelihood, weight 1 by the pointwise mutual information of title and
    history, which does not favour popular titles.

    A candidate without a title gets the mean score of its list, so that a missing title is
    neutral. Candidates with the same title get the same score. If no item of a user's history
    has a title, the score depends only on the candidate's title.
    """

    users_together = 256

    def __init__(self, options, material):
        super().__init__(options, material)
        self.titles, self.model = plain_titles(material.texts), material.language_model
        self.alone = {}

    def begin(self, split, lists):
        """Score the titles of all lists without a history, in one batching order that does not depend on the shard."""
        if self.options["unconditional_weight"] and len(lists.users):
            distinct = sorted({text for row in self.candidates(lists) for text in row if text})
            with Progress("likelihoods without a history"):
                scores = _log_likelihoods(self.model, [""], [distinct])[0] if distinct else []
            self.alone = dict(zip(distinct, scores, strict=True))

    def scores(self, lists, histories):
        """Return log-likelihoods, ``(n_users, depth)`` float32."""
        candidates, weight = self.candidates(lists), self.options["unconditional_weight"]
        latest = latest_items(histories, self.options["history_length"])
        prefixes = [history_text(items, self.titles) for items in latest]
        with Progress("likelihoods", len(candidates), "users") as progress:
            found = _log_likelihoods(self.model, prefixes, candidates, progress.advance)
        scores = [
            [score - weight * self.alone.get(text, 0.0) for score, text in zip(own, row, strict=True)]
            for own, row in zip(found, candidates, strict=True)
        ]
        known = np.array([[bool(text) for text in row] for row in candidates], bool)
        shape = lists.items.shape
        return _fill_unknown(np.array(scores, np.float64).reshape(shape), known.reshape(shape))

    def candidates(self, lists):
        """Return the text that is scored for each candidate; empty if it has no title."""
        titles = self.titles
        return [[titles[item] + END if item >= 0 and titles[item] else "" for item in row] for row in lists.items]


def _log_likelihoods(model, prefixes, candidates, advance=None):
    """Return the log-likelihoods of candidates, 0 for an empty text; each distinct text of a row is scored once."""
    distinct = [sorted({text for text in row if text}) for row in candidates]
    rows = [index for index, texts in enumerate(distinct) if texts]
    answers = model.likelihoods_of([prefixes[i] for i in rows], [distinct[i] for i in rows], advance)
    found = [{} for _ in candidates]
    for index, answer in zip(rows, answers, strict=True):
        found[index] = {text: score for text, (score, _) in zip(distinct[index], answer, strict=True)}
    return [[own.get(text, 0.0) for text in row] for own, row in zip(found, candidates, strict=True)]


def _fill_unknown(scores, known):
    """Set unknown entries to the mean of the known entries in their row, or 0 if none is known."""
    scores = scores.astype(np.float32).astype(np.float64)
    mean = np.where(known, scores, 0).sum(1) / np.maximum(known.sum(1), 1)
    return np.where(known, scores, mean[:, None]).astype(np.float32)

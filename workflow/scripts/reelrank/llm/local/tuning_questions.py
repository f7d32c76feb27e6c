"""Questions for fine-tuning with letters: a training history, candidates from training data, and the next item."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

#: Share of the negatives that are neighbours of the history; the rest is drawn by popularity.
NEIGHBOUR_SHARE = 0.5


@dataclass(frozen=True)
class TrainingQuestion:
    """One question for fine-tuning.

    Attributes
    ----------
    history : list of int
        Items, oldest first.
    shown : list of int
        Candidates in the order shown.
    place : int
        Index of the next item in `shown`.
    """

    history: list
    shown: list
    place: int


class TrainingQuestions:
    """Draws questions from training interactions only.

    The negatives are items chosen by users who chose the history, and popular items. Lists of
    a base model cannot be used: on its own training data, the model has memorised the answers.

    Parameters
    ----------
    data : reelrank.data.interactions.Interactions
    history_length : int
        Number of latest items in a history.
    candidates : int
        Number of candidates in a question, including the right one.
    """

    def __init__(self, data, history_length, candidates):
        self.history = data.training()
        self.history_length, self.candidates = history_length, candidates
        self.popularity = data.popularity().astype(np.float64)
        chosen = self.history.matrix().astype(np.float64)
        chosen.sum_duplicates()
        chosen.data[:] = 1
        self.together = sparse.csr_matrix(chosen.T @ chosen)
        self.users = np.flatnonzero(self.history.ends - self.history.starts >= 2)

    def draw(self, most, seed):
        """Return questions about at most `most` users, one per user, in random order.

        Parameters
        ----------
        most : int
        seed : sequence of int
            The right item and the other candidates of a question depend only on this
            seed and the user.

        Returns
        -------
        list of TrainingQuestion
        """
        users = np.random.default_rng(seed).permutation(self.users)[:most]
        drawn = [self._question(user, np.random.default_rng([*seed, 1, int(user)])) for user in users]
        return [question for question in drawn if len(question.shown) > 1]

    def _question(self, user, rng):
        start, end = self.history.starts[user], self.history.ends[user]
        row = rng.integers(start + 1, end)
        target = int(self.history.items[row])
        latest = self.history.items[max(start, row - self.history_length) : row]
        own = self.history.items[start:end]
        near = np.asarray(self.together[latest].sum(axis=0)).ravel()
        others = _weighted(near, round(NEIGHBOUR_SHARE * (self.candidates - 1)), own, rng)
        popular = _weighted(self.popularity, self.candidates - 1 - len(others), [*own, *others], rng)
        shown = rng.permutation([target, *others, *popular])
        return TrainingQuestion(latest.tolist(), shown.tolist(), int(np.flatnonzero(shown == target)[0]))


def _weighted(weights, count, without, rng):
    """Draw at most `count` different items by weight, except `without`; fewer if fewer have a positive weight."""
    weights = weights.copy()
    weights[np.asarray(without, np.int64)] = 0
    count = min(count, np.count_nonzero(weights))
    if not count:
        return []
    return rng.choice(len(weights), count, replace=False, p=weights / weights.sum()).tolist()

"""Questions to fine-tune on: a training history, candidates drawn from training data, and the item that came next."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

#: Share of the other candidates that are neighbours of the history; the rest is drawn by popularity.
NEIGHBOUR_SHARE = 0.5


@dataclass(frozen=True)
class TrainingQuestion:
    """One question.

    Attributes
    ----------
    history : list of int
        Items, the oldest first.
    shown : list of int
        Candidates in the order in which they are shown.
    place : int
        Where among them the item stands that came next.
    """

    history: list
    shown: list
    place: int


class TrainingQuestions:
    """Draws questions from training interactions; nothing else of the data is looked at.

    The other candidates are items that were chosen by those who chose the history, and
    popular items. A base model's lists would not do: over its own training data they
    hold what it has learned by heart.

    Parameters
    ----------
    data : reelrank.data.interactions.Interactions
    history_length : int
        Latest items of a history.
    candidates : int
        Items of a question, the right one among them.
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
        """Return one question about each of at most `most` users, in random order.

        Parameters
        ----------
        most : int
        seed : sequence of int
            Which of a user's training items is the right one, and beside what it
            stands, depends on this seed and the user alone.

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
    """Draw at most `count` different items by weight, none of `without`; fewer if fewer have a weight."""
    weights = weights.copy()
    weights[np.asarray(without, np.int64)] = 0
    count = min(count, np.count_nonzero(weights))
    if not count:
        return []
    return rng.choice(len(weights), count, replace=False, p=weights / weights.sum()).tolist()

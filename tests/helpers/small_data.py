"""Small datasets for tests, made in memory."""

import numpy as np
import pandas as pd

from reelrank.data.interactions import Interactions
from reelrank.data.splits import leave_one_out
from reelrank.datasets.comment_file import CommentFile


def interactions_of(histories, n_items, codes=None):
    """Return `Interactions` of lists of items, one per user, oldest first; split by leave-one-out unless given."""
    lengths = [len(history) for history in histories]
    user = np.repeat(np.arange(len(histories)), lengths)
    items = np.concatenate([np.asarray(history, np.int32) for history in histories])
    if codes is None:
        codes, _ = leave_one_out(user)
    starts = np.concatenate([[0], np.cumsum(lengths)])
    return Interactions(len(histories), n_items, items, starts, np.asarray(codes, np.int8))


def random_interactions(seed, n_users=12, n_items=15, shortest=3, longest=9):
    """Return `Interactions` of users who chose distinct items at random."""
    rng = np.random.default_rng(seed)
    histories = [
        rng.choice(n_items, rng.integers(shortest, min(longest, n_items) + 1), replace=False) for _ in range(n_users)
    ]
    return interactions_of(histories, n_items)


def checkerboard(n_users=60, n_items=40, length=8, seed=5):
    """Return `Interactions` in which a user chooses only items of the user's own parity."""
    rng = np.random.default_rng(seed)
    histories = [rng.choice(n_items // 2, length, replace=False) * 2 + user % 2 for user in range(n_users)]
    return interactions_of(histories, n_items)


class FixedScores:
    """A model whose scores are given: ``(n_users, n_items)``."""

    def __init__(self, scores):
        self.scores = np.asarray(scores, np.float32)

    def score(self, users, history):
        """Return a copy of the rows of `users`."""
        return self.scores[users]


def read_comments(path):
    """Return the comments of a file as a frame of user_id, item_id and comment."""
    file = CommentFile(path)
    parts = [
        {"user_id": users, "item_id": items, "comment": file.texts(starts, lengths).to_pylist()}
        for users, items, starts, lengths in file.rows()
    ]
    return pd.concat([pd.DataFrame(part) for part in parts], ignore_index=True)

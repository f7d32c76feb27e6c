"""Controls: what a re-ranker must beat to have done anything."""

import numpy as np


def random_scores(users, depth, seed):
    """Return uniform scores, drawn per user so that no user's order depends on the others.

    Parameters
    ----------
    users : numpy.ndarray
        ``(n,)``.
    depth : int
    seed : sequence of int

    Returns
    -------
    numpy.ndarray
        ``(n, depth)`` float32.
    """
    scores = np.empty((len(users), depth), np.float32)
    for row, user in enumerate(users):
        scores[row] = np.random.default_rng([*seed, int(user)]).random(depth, np.float32)
    return scores

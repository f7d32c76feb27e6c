"""Reciprocal rank fusion (Cormack, Clarke & Büttcher, SIGIR 2009): nothing is fitted."""

import numpy as np


def fit(valid, truth, options, stages, material):
    """Return the constant and the signals: nothing is learned; see `reelrank.rerank.fusion.fit`."""
    return {"k": options["k"]}, {"users_fitted": 0}


def score(fitted, split, aligned, material):
    """Score each candidate by the sum of ``1 / (k + rank)`` over the base list and the signals.

    A candidate beyond a signal's depth gets its base rank for that signal. See `reelrank.rerank.fusion.score`.
    """
    return fused_scores(aligned, fitted["k"])


def fused_scores(aligned, k):
    """Return fused scores, ``(n, depth)`` float32."""
    scores = np.empty(aligned.lists.items.shape, np.float32)
    for rows, some in aligned.lists.chunks():
        total = np.zeros(some.items.shape, np.float64)
        for name in aligned.ranks:
            total += 1 / (k + aligned.orders(name, rows).astype(np.float64))
        scores[rows] = total
    return scores

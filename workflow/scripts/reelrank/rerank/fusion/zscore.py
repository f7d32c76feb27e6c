"""A weighted sum of standardised scores, with weights fitted on valid."""

import logging

import numpy as np

from reelrank.data.lists import BASE
from reelrank.metrics.ranking import ndcg
from reelrank.rerank.signals.aligned import FITTED_AT, gain_z, single_scores, truth_ranks, usable
from reelrank.rerank.signals.gates import NOT_USED, USED

#: Weights that are tried for a signal; the base list has weight 1. A smaller weight moves so few held-out items that
#: a chance gain can look significant.
GRID = (0.0, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0)

#: Maximum number of passes over all signals.
MOST_PASSES = 10

#: Lists per sum: few enough for the processor's cache.
USERS_PER_CHUNK = 512


def fit(valid, truth, options, stages, material):
    """Fit the weights; see `reelrank.rerank.fusion.fit`.

    The signals are tried stage by stage, each upon the weights of the stage before. At the end, the weighted sum,
    the base list alone and each signal alone are compared by NDCG@10 on valid, and the best is used. So on valid
    the fusion is never worse than any of them.
    """
    rows = np.flatnonzero(truth >= 0)
    known = {name: usable(valid, scores)[rows] for name, scores in valid.scores.items()}
    # Users whose held-out item is not a candidate are misses for all weights: they only count in the mean.
    users = valid.all_users if valid.asked == "hits" else len(truth)
    weights, gates, shared = {BASE: 1.0}, [], {} if material is None else material["fitted"]
    for number, stage in enumerate(stages):
        some = {name: known[name] for name in (BASE, *stage["signals"])}
        before = weights
        key = "zscore", repr(stages[: number + 1]), repr(options), valid.lists.users.tobytes(), valid.lists.items.shape
        if key not in shared:  # rungs share their first stages
            shared[key] = fit_weights(some, truth[rows], users, options["threshold"], weights)
        weights, fitted = shared[key]
        gates.append({"decision": USED if weights != {**dict.fromkeys(some, 0.0), **before} else NOT_USED})
    best, alone = fitted.sum(), None
    for name in known:
        gain = ndcg(truth_ranks(usable(valid, single_scores(valid, name))[rows], truth[rows]), FITTED_AT).sum()
        if gain > best:
            best, alone = gain, name
    if alone is not None:
        logging.info("%s alone is better on valid than the weighted sum", alone)
        weights = {name: float(name == alone) for name in known}
    about = {"users_fitted": len(rows), "weights": weights, "gates": gates}
    return {"weights": weights, "alone": alone}, about


def score(fitted, split, aligned, material):
    """Return the weighted sum, or the order of one signal alone; see `reelrank.rerank.fusion.score`."""
    if fitted["alone"] is not None:
        return single_scores(aligned, fitted["alone"])
    return weighted_sum(aligned.scores, fitted["weights"])


def weighted_sum(scores, weights):
    """Return the weighted sum of the signals' scores, ``(n, depth)`` float32.

    The terms are added in the order of `scores`, so that the same weights give the same bytes.
    """
    total = np.zeros_like(scores[BASE])
    for name, values in scores.items():
        if weights[name]:
            total += np.float32(weights[name]) * values
    return total


def fit_weights(scores, truth, users, threshold, start=None):
    """Choose weights from the grid by forward selection.

    Each step takes the signal and weight with the largest gain in NDCG@10, if the gain, paired
    by user, is `threshold` standard errors above 0. Then the chosen weights are tuned again,
    one by one, until none improves. A useless signal keeps weight 0.

    Parameters
    ----------
    scores : dict of str to numpy.ndarray
        ``(k, depth)`` float32, the base list first, for users whose held-out item is a candidate.
    truth : numpy.ndarray
        ``(k,)`` columns of the held-out items.
    users : int
        Number of all users, including users whose held-out item is not a candidate.
    threshold : float
    start : dict of str to float, optional
        The weights to start from; a name without one has weight 0. Default: the base list alone.

    Returns
    -------
    weights : dict of str to float
        The base list has weight 1.
    values : numpy.ndarray
        ``(k,)`` NDCG@10 with these weights.
    """
    weights = {name: (start or {BASE: 1.0}).get(name, 0.0) for name in scores}
    current = _values(scores, weights, truth)
    for _ in range(MOST_PASSES * max(len(scores) - 1, 1)):
        trials = []
        for name in scores:
            if name == BASE:
                continue
            for weight in GRID:
                if weight != weights[name]:
                    values = _values(scores, {**weights, name: weight}, truth)
                    trials.append((values.sum() - current.sum(), name, weight, values))
        clear = [trial for trial in trials if gain_z(trial[3] - current, users) > threshold]
        if not clear:
            break
        _, name, weight, current = max(clear, key=lambda trial: trial[0])
        weights[name] = weight
    return weights, current


def _values(scores, weights, truth):
    ranks = np.empty(len(truth), np.int64)
    for start in range(0, len(truth), USERS_PER_CHUNK):
        rows = slice(start, start + USERS_PER_CHUNK)
        ranks[rows] = truth_ranks(weighted_sum({name: of[rows] for name, of in scores.items()}, weights), truth[rows])
    return ndcg(ranks, FITTED_AT)

"""The value of a fusion on valid, for the search of its settings. No list and no held-out item of test is read."""

import math
from dataclasses import replace

import numpy as np

from reelrank.data.interactions import some_rows
from reelrank.rerank.fusion import fit, score
from reelrank.rerank.signals.aligned import valid_ndcg

#: Types that score valid with weights fitted on the same users. They are fitted here on all other folds instead.
IN_SAMPLE = ("zscore",)

#: Folds of the users for these types.
FOLDS = 5

#: Options of a type while it is searched: the trees are judged themselves, without the gate that may refuse them.
JUDGED = {"lambdamart": {"threshold": -math.inf, "fold_seeds": 2}}


def valid_value(kind, aligned, truth, options, stage, material, seed):
    """Return the NDCG@10 on valid of a fusion; no user is scored by what was fitted on the same user.

    Parameters
    ----------
    kind : str
        Type of the fusion.
    aligned : reelrank.rerank.signals.aligned.Aligned
        The valid lists.
    truth : numpy.ndarray
        ``(n,)``, result of `truth_columns`.
    options, material : dict
        See `reelrank.rerank.fusion.fit`.
    stage : dict
        The columns of the fusion.
    seed : int
        Seed of the folds.
    """
    options = {**options, **JUDGED.get(kind, {})}
    if kind not in IN_SAMPLE:
        fitted, _ = fit(kind, aligned, truth, options, [stage], material)
        return valid_ndcg(aligned, truth, score(kind, fitted, "valid", aligned, material))
    folds = np.random.default_rng([seed, len(truth)]).permutation(len(truth)) % FOLDS
    scores = np.zeros(aligned.lists.items.shape, np.float32)
    for number in range(FOLDS):
        own, others = np.flatnonzero(folds == number), np.flatnonzero(folds != number)
        fitted, _ = fit(kind, rows_of(aligned, others), truth[others], options, [stage], material)
        scores[own] = score(kind, fitted, "valid", rows_of(aligned, own), material)
    return valid_ndcg(aligned, truth, scores)


def some_users(aligned, most, seed):
    """Return the lists of at most `most` users, drawn with the seed."""
    return rows_of(aligned, some_rows(len(aligned.lists.users), most, seed))


def rows_of(aligned, rows):
    """Return the lists in some rows; users that the signals do not cover are counted in proportion."""
    n = len(aligned.lists.users)
    if len(rows) == n:
        return aligned
    users = round(aligned.all_users * len(rows) / n)
    scores, ranks = ({name: values[rows] for name, values in of.items()} for of in (aligned.scores, aligned.ranks))
    return replace(aligned, lists=aligned.lists.of_rows(rows), scores=scores, ranks=ranks, all_users=users)

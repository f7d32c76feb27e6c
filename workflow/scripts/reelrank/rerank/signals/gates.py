"""The gate of a stage: do its columns help on valid, judged over several fold seeds together?"""

import numpy as np

from reelrank.rerank.signals.aligned import gain_z

#: Decisions. Only columns that are ``used`` change a list.
USED, NOT_USED, UNDECIDED = "used", "not used", "undecided"


def gate(values, below, users, threshold):
    """Return the decision on the columns of a stage.

    The standard error is over users, with each user's difference averaged over the fold seeds: how many of these
    standard errors is the gain above 0? Under each seed alone this number differs; twice the standard error of its
    mean over the seeds says how far the seeds can be trusted. If the threshold lies within that distance, the
    decision is ``undecided`` and the columns are not used.

    Parameters
    ----------
    values, below : numpy.ndarray
        ``(seeds, k)`` NDCG of each judged user with and without the columns, under each fold seed.
    users : int
        Number of users that the judged ones stand for; all others have a difference of 0.
    threshold : float
        Standard errors that the gain must exceed.

    Returns
    -------
    dict
        ``decision``, ``standard_errors``, ``spread`` (twice the standard error over the seeds), ``by_seed``,
        ``gain`` (mean difference in NDCG over `users`), ``judged_users``, ``threshold``.
    """
    differences = values - below
    together = float(gain_z(differences.mean(axis=0), users))
    by_seed = np.array([gain_z(row, users) for row in differences])
    spread = float(2 * by_seed.std(ddof=1) / np.sqrt(len(by_seed))) if len(by_seed) > 1 else 0.0
    decision = UNDECIDED
    if together - spread > threshold:
        decision = USED
    elif together + spread <= threshold:
        decision = NOT_USED
    return {
        "decision": decision,
        "standard_errors": round(together, 4),
        "spread": round(spread, 4),
        "by_seed": [round(float(value), 4) for value in by_seed],
        "gain": round(float(differences.mean(axis=0).sum() / max(users, 1)), 8),
        "judged_users": int(differences.shape[1]),
        "threshold": threshold,
    }

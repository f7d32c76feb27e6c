"""The paired bootstrap over users, and over training seeds where there are several, without touching a user twice.

Every metric of a user follows from two ranks, that of the list and that of the list it is compared to. Users with
the same two ranks are one group, and a resample of users is a multinomial draw of how many fall into each group:
the very distribution of drawing users one by one, at the cost of some hundred groups.
"""

from dataclasses import dataclass

import numpy as np

from reelrank.metrics.ranking import hits, ndcg, reciprocal_rank

#: What is measured of a rank, by column name of the tables.
METRICS = {"hit_rate": hits, "ndcg": ndcg, "mrr": reciprocal_rank}

#: Numbers drawn at a time: 32 MB.
CHUNK = 4_000_000

#: Of the draws. The same for all comparisons, so that none depends on which others are made.
SEED = 1


@dataclass(frozen=True)
class Pairs:
    """Users of two lists, grouped by their ranks.

    Attributes
    ----------
    ranks, against : numpy.ndarray
        ``(groups, seeds)`` int64: rank in the list and in the one it is compared to, under each
        training seed; 0 is a miss.
    counts : numpy.ndarray
        ``(groups,)`` int64: users of each group, at least one.
    """

    ranks: np.ndarray
    against: np.ndarray
    counts: np.ndarray

    @classmethod
    def of(cls, ranks, against, deepest):
        """Group users by their ranks; the order of the users makes no difference.

        Parameters
        ----------
        ranks, against : numpy.ndarray
            ``(users, seeds)`` int, 0 for a miss.
        deepest : int
            The largest cut-off; a rank beyond it is a miss for all of them.
        """
        both = np.hstack([ranks, against]).astype(np.int64)
        both[both > deepest] = 0
        code = np.zeros(len(both), np.int64)
        for column in both.T:  # numbered anew after each column, so that no product of ranks overflows
            _, code = np.unique(code * (deepest + 1) + column, return_inverse=True)
        _, first, counts = np.unique(code, return_index=True, return_counts=True)
        seeds = ranks.shape[1]
        return cls(both[first, :seeds], both[first, seeds:], counts)

    @property
    def users(self):
        """Number of users."""
        return int(self.counts.sum())

    @property
    def seeds(self):
        """Number of training seeds."""
        return self.ranks.shape[1]

    def outcomes(self, metric, n):
        """Return a metric at `n` of both sides, each ``(groups, seeds)`` float64 in [0, 1]."""
        measure = METRICS[metric]
        return measure(self.ranks, n).astype(float), measure(self.against, n).astype(float)


def bootstrap(pairs, measures, resamples):
    """Resample users and, where there are several, training seeds.

    A resample keeps a user's outcomes under all seeds together. Of S seeds, S - 1 are drawn with
    replacement: drawing S would understate the variance of so few by (S - 1) / S (Rao & Wu,
    "Resampling Inference with Complex Survey Data", JASA 1988). Resampling both ways counts what is
    particular to one user under one seed more than once, so the intervals err on the wide side (Owen,
    "The pigeonhole bootstrap", Ann. Appl. Stat. 2007).

    Parameters
    ----------
    pairs : Pairs
        With at least one user.
    measures : sequence of (str, int)
        Metric and cut-off.
    resamples : int

    Returns
    -------
    values, against : numpy.ndarray
        ``(resamples, measures)`` float64: means of the list and of the one it is compared to.
    """
    rng = np.random.default_rng(SEED)
    seeds, groups = pairs.seeds, len(pairs.counts)
    sides = [np.stack(side, axis=1) for side in zip(*(pairs.outcomes(*measure) for measure in measures), strict=True)]
    outcomes = np.stack(sides, axis=1)  # (groups, 2, measures, seeds)
    shares, table = pairs.counts / pairs.users, outcomes.reshape(groups, -1) / pairs.users
    means = np.empty((resamples, 2, len(measures)))
    size = max(1, CHUNK // groups)
    for start in range(0, resamples, size):
        count = min(size, resamples - start)
        drawn = rng.multinomial(pairs.users, shares, size=count).astype(float) @ table
        weights = _seed_weights(rng, seeds, count)
        means[start : start + count] = np.einsum("rsmk,rk->rsm", drawn.reshape(count, *outcomes.shape[1:]), weights)
    return means[:, 0], means[:, 1]


def _seed_weights(rng, seeds, count):
    """Return the weight of each training seed in each resample, ``(count, seeds)``, rows summing to 1."""
    if seeds == 1:
        return np.ones((count, 1))
    return rng.multinomial(seeds - 1, np.full(seeds, 1 / seeds), size=count) / (seeds - 1)

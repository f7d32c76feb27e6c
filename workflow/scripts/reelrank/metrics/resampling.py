"""The paired bootstrap over users, and over training seeds if there are several.

Every metric of a user depends on two ranks: in the list, and in the list it is compared to. Users with the same two
ranks form a group. A resample of users is a multinomial draw of the group sizes: the same distribution as drawing
users one by one, at the cost of a few hundred groups.
"""

from dataclasses import dataclass

import numpy as np

from reelrank.metrics.ranking import hits, ndcg, reciprocal_rank

#: Metrics of a rank, by column name in the tables.
METRICS = {"hit_rate": hits, "ndcg": ndcg, "mrr": reciprocal_rank}

#: Numbers per draw: 32 MB.
CHUNK = 4_000_000

#: Seed of the draws. All comparisons use the same seed, so that none depends on the others.
SEED = 1


@dataclass(frozen=True)
class Pairs:
    """Users of two lists, grouped by their ranks.

    Attributes
    ----------
    ranks, against : numpy.ndarray
        ``(groups, seeds)`` int64: rank in the list and in the compared list, for each training
        seed; 0 is a miss.
    counts : numpy.ndarray
        ``(groups,)`` int64: number of users in each group, at least one.
    """

    ranks: np.ndarray
    against: np.ndarray
    counts: np.ndarray

    @classmethod
    def of(cls, ranks, against, deepest):
        """Group users by their ranks; the order of users does not matter.

        Parameters
        ----------
        ranks, against : numpy.ndarray
            ``(users, seeds)`` int, 0 for a miss.
        deepest : int
            The largest cut-off; a larger rank is a miss at every cut-off.
        """
        both = np.hstack([ranks, against]).astype(np.int64)
        both[both > deepest] = 0
        code = np.zeros(len(both), np.int64)
        for column in both.T:  # renumber after each column, so that the product does not overflow
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
        """Return a metric at `n` for both lists, each ``(groups, seeds)`` float64 in [0, 1]."""
        measure = METRICS[metric]
        return measure(self.ranks, n).astype(float), measure(self.against, n).astype(float)


def bootstrap(pairs, measures, resamples):
    """Return the result of `_bootstrap`; pairs that were seen before are not drawn again.

    Rungs whose gates left a signal out have the same lists as others, so half of the pairs of a run are alike.
    """
    key = tuple(part.tobytes() for part in (pairs.ranks, pairs.against, pairs.counts)), tuple(measures), resamples
    if key not in _drawn:
        if len(_drawn) == MOST_KEPT:
            del _drawn[next(iter(_drawn))]
        _drawn[key] = _bootstrap(pairs, measures, resamples)
    return _drawn[key]


#: Results of `bootstrap`, the oldest first, and how many are kept (1.5 MB each for 10,000 resamples).
_drawn, MOST_KEPT = {}, 64


def _bootstrap(pairs, measures, resamples):
    """Return means of metrics over resampled users and, if there are several, training seeds.

    A resampled user keeps the outcomes under all seeds. Of S seeds, S - 1 are drawn with
    replacement: drawing S would understate the variance by the factor (S - 1) / S (Rao & Wu,
    "Resampling Inference with Complex Survey Data", JASA 1988). Resampling both users and seeds counts
    the variance of single (user, seed) pairs more than once, so the intervals are conservative (Owen,
    "The pigeonhole bootstrap", Ann. Appl. Stat. 2007).

    Parameters
    ----------
    pairs : Pairs
        Has at least one user.
    measures : sequence of (str, int)
        Metric and cut-off.
    resamples : int

    Returns
    -------
    values, against : numpy.ndarray
        ``(resamples, measures)`` float64: means for the list and for the compared list.
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
    """Return the weight of each training seed in each resample, ``(count, seeds)``, each row with sum 1."""
    if seeds == 1:
        return np.ones((count, 1))
    return rng.multinomial(seeds - 1, np.full(seeds, 1 / seeds), size=count) / (seeds - 1)

"""Populations of users whose two ranks have a known distribution, and tables drawn from them."""

import numpy as np

from reelrank.metrics.resampling import METRICS, Pairs
from reelrank.metrics.statistics import mcnemar_mid_p, paired_p

DEEPEST = 10


def population(hit_rate, moved, gain):
    """Return the joint probabilities of (rank, rank compared to), ``(11, 11)``, 0 being a miss.

    Parameters
    ----------
    hit_rate : float
        Of the list compared to, at 10.
    moved : float
        Share of users whose rank is drawn anew, all others keeping theirs.
    gain : float
        What is added to the hit rate of those who are drawn anew.
    """
    decay = 1 / np.arange(1, DEEPEST + 1)
    ranks = lambda rate: np.concatenate([[1 - rate], rate * decay / decay.sum()])  # noqa: E731
    base = ranks(hit_rate)
    return (1 - moved) * np.diag(base) + moved * np.outer(ranks(hit_rate + gain), base)


#: A re-ranker that changes much, one that moves few users and gains little, and one that only shuffles.
LARGE, SMALL, NO_EFFECT = population(0.2, 0.6, 0.1), population(0.15, 0.12, 0.05), population(0.2, 0.4, 0.0)


def draw(joint, users, rng):
    """Return a table of users drawn from a population, as `Pairs`."""
    counts = rng.multinomial(users, joint.ravel())
    seen = np.flatnonzero(counts)
    return Pairs(*(side[:, None] for side in np.divmod(seen, DEEPEST + 1)), counts[seen])


def truth(joint, metric, n):
    """Return the true mean of a metric, of the list and of the one it is compared to."""
    outcome = METRICS[metric](np.arange(DEEPEST + 1), n)
    return joint.sum(axis=1) @ outcome, joint.sum(axis=0) @ outcome


def one_way_p_values(pairs):
    """Return the p-values of hits and of NDCG at 10."""
    hits = np.subtract(*pairs.outcomes("hit_rate", 10))[:, 0]
    gained, lost = pairs.counts @ (hits > 0), pairs.counts @ (hits < 0)
    ndcg = np.subtract(*pairs.outcomes("ndcg", 10))[:, 0]
    return mcnemar_mid_p(gained, lost), paired_p(np.repeat(ndcg, pairs.counts))

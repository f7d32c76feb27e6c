"""The paired bootstrap of 100,000 users, 10 re-rankers and 10,000 resamples, and against drawing users one by one."""

import time

import numpy as np

from reelrank.evaluation.differences import effect
from reelrank.metrics.resampling import METRICS, Pairs, bootstrap

USERS, RERANKERS, RESAMPLES, CUTOFFS = 100_000, 10, 10_000, (5, 10, 20)
NAIVE_RESAMPLES = 10


def made_ranks(rng, hit_rate=0.2):
    """Return ranks of which `hit_rate` are within 20, the rest misses."""
    return np.where(rng.random(USERS) < hit_rate, rng.integers(1, 21, USERS), 0)


def test_the_bootstrap_of_ten_re_rankers():
    rng = np.random.default_rng(1)
    base = made_ranks(rng)
    others = [np.where(base > 0, rng.integers(1, 21, USERS), 0) for _ in range(RERANKERS)]
    measures = [(metric, n) for metric in METRICS for n in CUTOFFS]

    begun = time.perf_counter()
    for ranks in others:
        pairs = Pairs.of(ranks[:, None], base[:, None], max(CUTOFFS))
        values, against = bootstrap(pairs, measures, RESAMPLES)
        for column, (metric, n) in enumerate(measures):
            effect(pairs, metric, n, values[:, column], against[:, column], False, 0.3)
    ours = time.perf_counter() - begun

    outcomes = np.stack([METRICS[metric](side, n) for side in (others[0], base) for metric, n in measures], axis=1)
    begun = time.perf_counter()
    for _ in range(NAIVE_RESAMPLES):
        outcomes[rng.integers(0, USERS, USERS)].mean(axis=0)
    naive = (time.perf_counter() - begun) * RESAMPLES / NAIVE_RESAMPLES * RERANKERS
    print(f"\npaired bootstrap, {USERS} users x {RERANKERS} re-rankers x {RESAMPLES} resamples: {ours:.1f} s, ", end="")
    print(f"{naive / ours:.0f}x as fast as drawing users one by one ({naive / 60:.0f} minutes, extrapolated)")

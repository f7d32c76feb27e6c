"""Coverage of the intervals of rungs, and family-wise errors of the ladder's family, by simulation.

Run it in the repository's folder; it takes a few minutes::

    PYTHONPATH=workflow/scripts:tests/helpers python tests/benchmarks/simulate_family.py

Coverage: a rung draws the rank of some users anew, with more hits; the truth is known. Family-wise error: no rung is
better than another. Over each base model, the ladder is made as a run makes it: a rung is the one below with the rank
of some users drawn anew, or, if its gate left its columns out, the same list. So comparisons share lists, and their
p-values depend on each other.
"""

import argparse

import numpy as np
from synthetic_pairs import DEEPEST, draw, one_way_p_values, population, truth

from reelrank.evaluation.differences import effect
from reelrank.metrics.resampling import Pairs, bootstrap
from reelrank.metrics.statistics import holm

MEASURES = [("hit_rate", 10), ("ndcg", 10)]
LEVEL = 0.05
HIT_RATE = 0.2
BASES = 4

#: Rungs with the rung that each is drawn from, and the comparisons of an encoder's ladder.
RUNGS = {"permuted": "no_text", "words": "no_text", "words_permuted": "words", "encoder": "words"}
COMPARISONS = [*RUNGS.items(), ("encoder", "words_permuted")]

#: Share of gates that leave the columns of a rung out.
LEFT_OUT = 0.3


def coverage(users, moved, gain, tables, resamples=600):
    """Return how often the intervals of the difference and of the relative change hold the truth, by metric."""
    rng = np.random.default_rng(11)
    joint = population(HIT_RATE, moved, gain)
    found = {(metric, what): 0 for metric, _ in MEASURES for what in ("difference", "relative")}
    for _ in range(tables):
        pairs = draw(joint, users, rng)
        values, against = bootstrap(pairs, MEASURES, resamples)
        for column, (metric, n) in enumerate(MEASURES):
            row = effect(pairs, metric, n, values[:, column], against[:, column], False, np.nan)
            value, below = truth(joint, metric, n)
            found[metric, "difference"] += row["difference_low"] <= value - below <= row["difference_high"]
            found[metric, "relative"] += row["relative_low"] <= 100 * (value / below - 1) <= row["relative_high"]
    return {key: count / tables for key, count in found.items()}


def drawn_ranks(rng, size, hit_rate=HIT_RATE):
    """Return ranks up to `DEEPEST`, 0 for a miss; `hit_rate` is a number or an array that broadcasts to `size`."""
    decay = 1 / np.arange(1, DEEPEST + 1)
    ranks = rng.choice(np.arange(1, DEEPEST + 1), size=size, p=decay / decay.sum())
    return np.where(rng.random(size) < hit_rate, ranks, 0)


def ladder(rng, users, seeds, moved, spread):
    """Return the ranks of each rung over one base model, ``(users, seeds)``; no rung is better than another.

    Training seeds change half of the ranks. `spread` is the standard deviation, over seeds, of the hit rate of the
    users whose rank a rung draws anew; its mean is 0.
    """
    latent = np.repeat(drawn_ranks(rng, (users, 1)), seeds, axis=1)
    lists = {"no_text": np.where(rng.random((users, seeds)) < 0.5, latent, drawn_ranks(rng, (users, seeds)))}
    for rung, below in RUNGS.items():
        rates = np.clip(HIT_RATE + rng.normal(0, spread, seeds) * (seeds > 1), 0, 1)
        anew = rng.random((users, 1)) < moved
        lists[rung] = np.where(anew, drawn_ranks(rng, (users, seeds), rates), lists[below])
        if rng.random() < LEFT_OUT:
            lists[rung] = lists[below]
    return lists


def p_values(own, other, resamples):
    """Return the p-values of a comparison in hits and in NDCG."""
    pairs = Pairs.of(own, other, DEEPEST)
    if pairs.seeds == 1:
        return list(one_way_p_values(pairs))
    values, against = bootstrap(pairs, MEASURES, resamples)
    return [
        effect(pairs, *measure, values[:, column], against[:, column], False, np.nan)["p_value"]
        for column, measure in enumerate(MEASURES)
    ]


def errors(users, moved, families, seeds=1, spread=0.0, bases=BASES, resamples=400):
    """Return the size of a family, and the share of families with a p-value below the level before and after Holm."""
    rng = np.random.default_rng(12)
    before = after = 0
    for _ in range(families):
        family = []
        for _ in range(bases):
            lists = ladder(rng, users, seeds, moved, spread)
            for own, other in COMPARISONS:
                family += p_values(lists[own], lists[other], resamples)
        before += min(family) <= LEVEL
        after += holm(family).min() <= LEVEL
    return len(family), before / families, after / families


def main(tables, families):
    """Print two tables in Markdown."""
    print(f"Coverage of 95% intervals, {tables} tables each:\n")
    print("| users | moved | true difference of HR@10 | HR@10 | relative | NDCG@10 | relative |")
    print("|---:|---:|---:|---:|---:|---:|---:|")
    for users in (943, 5000):
        for moved, gain in ((0.03, 0.1), (0.1, 0.05), (0.3, 0.0), (0.3, 0.1)):
            found = coverage(users, moved, gain, tables)
            shares = " | ".join(f"{share:.1%}" for share in found.values())
            print(f"| {users:,} | {moved:.0%} | {moved * gain:.3f} | {shares} |", flush=True)
    print(f"\nFamilies with a test at {LEVEL} although nothing differs, {families} each (a fifth over seeds):\n")
    print("| users | training seeds | moved | tests | without adjustment | with Holm |")
    print("|---:|---:|---:|---:|---:|---:|")
    settings = [(users, 1, moved, families, 0.0, BASES) for users in (943, 5000) for moved in (0.03, 0.1, 0.3)]
    settings += [(943, 3, 0.3, families // 5, spread, 2) for spread in (0.0, 0.05)]
    for users, seeds, moved, count, spread, bases in settings:
        size, before, after = errors(users, moved, count, seeds, spread, bases)
        told = f"{seeds} (their hit rates vary)" if spread else seeds
        print(f"| {users:,} | {told} | {moved:.0%} | {size} | {before:.1%} | {after:.1%} |", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", type=int, default=500, help="tables for each coverage (default: %(default)s)")
    parser.add_argument("--families", type=int, default=1000, help="families for each error (default: %(default)s)")
    arguments = parser.parse_args()
    main(arguments.tables, arguments.families)

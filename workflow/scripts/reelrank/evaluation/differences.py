"""The difference of two lists in one metric, paired by user: its interval, its p-value and the smallest visible one."""

import numpy as np
import pandas as pd
from scipy import stats

from reelrank.metrics.resampling import METRICS, Pairs, bootstrap
from reelrank.metrics.statistics import (
    CONFIDENCE,
    SPARSE,
    adjusted_interval,
    adjusted_standard_error,
    effective_number,
    mcnemar_mid_p,
    paired_p,
    seed_degrees,
    sign_flip_p,
    smallest_effect,
    stretch,
    wilson_interval,
)

#: Columns that are computed, in the order of the tables.
NUMBERS = [
    "users", "value", "value_low", "value_high", "against_value", "difference", "difference_low", "difference_high",
    "relative_percent", "relative_low", "relative_high", "gained", "lost", "p_value", "p_adjusted", "in_family",
    "family_size", "structural_zero", "smallest_effect", "headroom_captured",
]  # fmt: skip


def differences(own, other, cutoffs, resamples, fixed=lambda metric, n: False, ceiling_depth=None):
    """Return the numbers of one list against another, for each metric and cut-off.

    Both sides are restricted to the users that both have, under all seeds.

    Parameters
    ----------
    own, other : sequence of pandas.Series
        Rank of the held-out item by user, 0 for a miss; one for each training seed.
    cutoffs : sequence of int
    resamples : int
    fixed : callable
        Takes metric and cut-off; returns whether the two sides cannot differ, whatever the re-ranker does.
    ceiling_depth : int, optional
        With it, the share of the possible gain is computed: the gain of the best order of the other list's first
        `ceiling_depth` items.

    Returns
    -------
    list of dict
        ``metric``, ``n`` and `NUMBERS`.
    """
    frame = pd.concat([*own, *other], axis=1, join="inner").to_numpy()
    ranks, against_ranks = np.split(frame, 2, axis=1)
    pairs = Pairs.of(ranks, against_ranks, max(cutoffs))
    ceiling = np.nan
    if ceiling_depth is not None and len(frame):
        ceiling = ((against_ranks > 0) & (against_ranks <= ceiling_depth)).mean()
    measures = [(metric, n) for metric in METRICS for n in sorted(cutoffs)]
    drawn = bootstrap(pairs, measures, resamples) if pairs.users else None
    rows = []
    for column, (metric, n) in enumerate(measures):
        numbers = {"users": 0}
        if drawn:
            both = (drawn[0][:, column], drawn[1][:, column])
            numbers = effect(pairs, metric, n, *both, fixed(metric, n), ceiling)
        rows.append({"metric": metric, "n": int(n), **numbers})
    return rows


def effect(pairs, metric, n, values, against_values, fixed, ceiling):
    """Return the numbers of one row.

    Parameters
    ----------
    pairs : reelrank.metrics.resampling.Pairs
        With at least one user.
    metric : str
        A key of `METRICS`.
    n : int
    values, against_values : numpy.ndarray
        ``(resamples,)`` values from `bootstrap`.
    fixed : bool
        Whether the two sides cannot differ, whatever the re-ranker does.
    ceiling : float
        Value of the best possible order; NaN against a twin.

    Returns
    -------
    dict
    """
    own, other = pairs.outcomes(metric, n)
    counts, differences = pairs.counts, (own - other).mean(axis=1)
    differ = (own != other).any()
    gained, lost = _discordant(pairs, n)
    value, against = (float(counts @ side.mean(axis=1) / pairs.users) for side in (own, other))
    row = {"users": pairs.users, "value": value, "against_value": against, "gained": gained, "lost": lost}
    row["value_low"], row["value_high"] = _value_interval(pairs, own, value, values)
    row["difference"] = difference = float(counts @ differences / pairs.users)
    row["structural_zero"] = bool(fixed and not differ)
    row["headroom_captured"] = difference / (ceiling - against) if ceiling - against > 1e-12 else np.nan
    row["relative_percent"] = 100 * difference / against if against else np.nan
    if row["structural_zero"]:
        relative = 0.0 if against else np.nan
        return row | dict.fromkeys(["difference_low", "difference_high"], 0.0) | {
            "relative_low": relative,
            "relative_high": relative,
        }  # fmt: skip
    drawn = values - against_values
    sparse = effective_number(differences, counts) < SPARSE
    error = float(drawn.std()) if pairs.seeds > 1 else _standard_error(differences, counts)
    degrees = seed_degrees(counts @ (own - other) / pairs.users, error)
    adjusted = adjusted_interval(differences, counts) if sparse else None
    row |= _difference_intervals(row, drawn, against_values, adjusted, stretch(degrees))
    error_shown = adjusted_standard_error(differences, counts) if sparse else error
    row["smallest_effect"] = smallest_effect(error_shown, degrees=degrees)
    row["p_value"] = _p_value(pairs, metric, np.repeat(differences, counts), (gained, lost), error, degrees)
    return row


def _discordant(pairs, n):
    """Return the number of hits at `n` of the list alone and of the other list alone, summed over the seeds."""
    own, other = (side > 0 for side in pairs.outcomes("hit_rate", n))
    return int(pairs.counts @ (own & ~other).sum(axis=1)), int(pairs.counts @ (other & ~own).sum(axis=1))


def _standard_error(differences, counts):
    """Return the standard error of the mean difference for one seed; NaN for a single user."""
    users = counts.sum()
    squares = counts @ (differences - counts @ differences / users) ** 2
    return float(np.sqrt(squares / (users - 1) / users)) if users > 1 else np.nan


def _percentiles(estimate, drawn, widen=1.0):
    """Return the percentile interval of the resampled values, `widen` times as wide; it includes the estimate."""
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail], method="nearest")  # interpolation could give inf - inf
    low, high = (float(estimate + widen * (end - estimate)) for end in (low, high))
    return min(low, estimate), max(high, estimate)


def _hull(*intervals):
    return min(low for low, _ in intervals), max(high for _, high in intervals)


def _value_interval(pairs, own, value, drawn):
    """Return the interval of a list's metric; Wilson's if few users hit or few users miss."""
    widen = stretch(seed_degrees(pairs.counts @ own / pairs.users, float(drawn.std())))
    low, high = _percentiles(value, drawn, widen)
    percentiles = max(low, 0.0), min(high, 1.0)
    if effective_number(own.mean(axis=1), pairs.counts) >= SPARSE:
        return percentiles
    wilson = wilson_interval(value * pairs.users, pairs.users)
    return _hull(wilson, percentiles) if pairs.seeds > 1 else wilson


def _difference_intervals(row, drawn, against_values, adjusted, widen):
    """Return the intervals of the difference and of the relative change, as columns.

    `adjusted` is an interval for the case that few users differ, else None. Both intervals cover it; the relative
    one covers it divided by the other list's value. The upper end of the relative change is NaN if the other list
    has no hit in too many resamples.
    """
    low, high = _percentiles(row["difference"], drawn, widen)
    interval = max(low, -1.0), min(high, 1.0)
    if adjusted:
        interval = _hull(interval, adjusted)
    found = {"difference_low": interval[0], "difference_high": interval[1]}
    against = row["against_value"]
    if not against:
        return found
    relative = [_relative_ends(row["relative_percent"], drawn, against_values, widen)]
    if adjusted:
        relative.append((100 * interval[0] / against, 100 * interval[1] / against))
    low, high = _hull(*relative)
    return found | {"relative_low": max(low, -100.0), "relative_high": high if np.isfinite(high) else np.nan}


def _relative_ends(estimate, drawn, against_values, widen):
    """Return the percentile interval of the relative change; a resample with a divisor of 0 widens both ends."""
    empty = against_values == 0
    ratio = 100 * drawn / np.where(empty, 1, against_values)
    return (
        _percentiles(estimate, np.where(empty, -100.0, ratio), widen)[0],
        _percentiles(estimate, np.where(empty, np.inf, ratio), widen)[1],
    )


def _p_value(pairs, metric, differences, discordant, error, degrees):
    """Return the p-value of no difference: mid-p McNemar, the paired t-test or, over seeds, a bootstrap t-test.

    Over seeds, t is the difference divided by the standard deviation of its resamples. The share of resamples
    beyond 0 is not used: it cannot be below 1 / resamples, and Holm's method would multiply that.
    """
    if pairs.seeds == 1:
        return mcnemar_mid_p(*discordant) if metric == "hit_rate" else paired_p(differences)
    differ = differences[differences != 0]
    if not len(differ):
        return 1.0
    p_value = float(2 * stats.t.sf(abs(differences.mean()) / error, degrees)) if error else 0.0
    return max(p_value, sign_flip_p(differ)) if len(differ) < SPARSE else p_value

"""Intervals for slices: a paired difference with few discordant users, and the largest gap among several slices."""

from functools import cache

import numpy as np
from scipy.stats import studentized_range

from reelrank.metrics.statistics import CONFIDENCE, adjusted_interval


def paired_difference(gained, lost, users, confidence=CONFIDENCE):
    """Return the interval of the difference of two hit rates on the same users, as ``(low, high)``.

    The adjusted Wald interval of Bonett & Price (`reelrank.metrics.statistics.adjusted_interval`). It has a
    width even if no user changed.

    Parameters
    ----------
    gained, lost : int
        Users hit by the first list only, and by the second list only.
    users : int
        All users. Without users the interval is (-1, 1).
    confidence : float
    """
    if users == 0:
        return -1.0, 1.0
    counts = np.array([gained, lost, users - gained - lost])
    return adjusted_interval(np.array([1.0, -1.0, 0.0]), counts, confidence)


def largest_gap(hits, users, confidence=CONFIDENCE):
    """Return the largest gap among several hit rates, with an interval that accounts for the search.

    The best and the worst of several slices differ by chance alone. So the interval comes from simultaneous intervals
    of all pairs: Tukey's, by the studentised range, of rates with one hit and one miss added to each slice (Agresti &
    Caffo 2000; for several groups, Agresti, Bini, Bertaccini & Ryu 2008, Biometrics 64). If each pair's
    interval holds, the true range lies between the largest lower end and the largest upper end.

    Parameters
    ----------
    hits, users : numpy.ndarray
        ``(k,)`` counts of each slice, k >= 2.
    confidence : float

    Returns
    -------
    best, worst : int
        Slices with the highest and the lowest hit rate, the first of equals.
    gap, low, high : float
        `low` is 0 if no pair differs significantly.
    """
    hits, users = np.asarray(hits, float), np.asarray(users, float)
    rates = hits / users
    best, worst = int(rates.argmax()), int(rates.argmin())
    if best == worst:  # all rates are equal: any other slice will do
        worst = 1
    adjusted = (hits + 1) / (users + 2)
    variance = adjusted * (1 - adjusted) / (users + 2)
    difference = adjusted[:, None] - adjusted[None, :]
    half = _critical(len(hits), confidence) * np.sqrt(variance[:, None] + variance[None, :])
    np.fill_diagonal(half, 0.0)
    low, high = (difference - half).max(), (difference + half).max()
    gap = float(rates[best] - rates[worst])
    return best, worst, gap, float(min(max(low, 0.0), gap)), float(min(max(high, gap), 1.0))


@cache
def _critical(groups, confidence):
    return float(studentized_range.ppf(confidence, groups, np.inf) / np.sqrt(2))

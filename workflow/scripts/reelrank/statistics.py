"""Intervals and tests over users."""

from scipy.stats import binomtest


def wilson_interval(successes, n, confidence=0.95):
    """Return Wilson's score interval of a proportion (Wilson 1927), as ``(low, high)``.

    Parameters
    ----------
    successes, n : int
        With ``n = 0`` nothing is known: the interval is (0, 1).
    confidence : float
    """
    if n == 0:
        return 0.0, 1.0
    interval = binomtest(int(successes), int(n)).proportion_ci(confidence, method="wilson")
    return float(interval.low), float(interval.high)

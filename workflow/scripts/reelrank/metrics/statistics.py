"""Intervals and tests over users. Each user has one outcome in [0, 1]: a hit, an NDCG or a reciprocal rank."""

import math

import numpy as np
from scipy import stats

#: Confidence level of all intervals.
CONFIDENCE = 0.95

#: If fewer users differ (or hit, or miss), the bootstrap is too coarse: many resamples contain none of them. If no
#: user differs, its interval is the single point 0, which is too narrow. `effective_number` counts these users.
SPARSE = 10


def wilson_interval(total, n, confidence=CONFIDENCE):
    """Return Wilson's score interval of a proportion (Wilson 1927), as ``(low, high)``.

    It is conservative for the mean of any outcome in [0, 1], since the variance is at most that
    of a proportion with the same mean. So `total` may be a sum of fractions.

    Parameters
    ----------
    total : float
        Number of successes, or sum of the outcomes.
    n : int
        Number of users; with ``n = 0`` the interval is (0, 1).
    confidence : float
    """
    if n == 0:
        return 0.0, 1.0
    z, share = stats.norm.ppf((1 + confidence) / 2), total / n
    centre = share + z * z / (2 * n)
    spread = z * math.sqrt(max(share * (1 - share), 0.0) / n + z * z / (4 * n * n))
    low, high = ((centre + sign * spread) / (1 + z * z / n) for sign in (-1, 1))
    return (float(low) if total > 0 else 0.0), (float(high) if total < n else 1.0)


def effective_number(outcomes, counts):
    """Return the effective number of users behind the variance: fewer if some users dominate.

    With few hits among many users it is about the number of hits; with few misses, the number of misses.

    Parameters
    ----------
    outcomes : numpy.ndarray
        ``(groups,)`` outcomes or differences.
    counts : numpy.ndarray
        ``(groups,)`` int: number of users in each group.
    """
    squares = (outcomes - counts @ outcomes / counts.sum()) ** 2
    total = counts @ squares
    return float(total**2 / (counts @ squares**2)) if total > 1e-12 else 0.0  # below 1e-12 is rounding noise


def adjusted_standard_error(differences, counts):
    """Return the standard error of a mean difference with two more users: one gains 1, one loses 1.

    See `adjusted_interval`, which has the same parameters.
    """
    return _adjusted(differences, counts)[1]


def adjusted_interval(differences, counts, confidence=CONFIDENCE):
    """Return the adjusted Wald interval of a mean paired difference, ``(low, high)``, for few differing users.

    For hits it is the interval of Bonett & Price ("Adjusted Wald Confidence Interval for a Difference
    of Binomial Proportions Based on Paired Data", J. Educ. Behav. Stat. 37(4), 2012): it adds one user
    who gains and one who loses. An NDCG or reciprocal rank differs by at most 1, as a hit does, so the
    same two users work there too. If no user differs, it is about ``±2.8 / n``, not the single point 0.

    Parameters
    ----------
    differences : numpy.ndarray
        ``(groups,)`` in [-1, 1].
    counts : numpy.ndarray
        ``(groups,)`` int: number of users with each difference.
    confidence : float
    """
    mean, error = _adjusted(differences, counts)
    spread = stats.norm.ppf((1 + confidence) / 2) * error
    return max(float(mean - spread), -1.0), min(float(mean + spread), 1.0)


def _adjusted(differences, counts):
    n = counts.sum() + 2
    mean = counts @ differences / n
    variance = (counts @ differences**2 + 2) / n - mean**2
    return mean, math.sqrt(variance / n)


def mcnemar_mid_p(gained, lost):
    """Return the two-sided mid-p value of McNemar's test.

    The exact conditional test counts the observed outcome fully and is too conservative. Mid-p
    counts half of it and keeps its level in practice (Fagerland, Lydersen & Laake, "The McNemar
    test for binary matched-pairs data: mid-p and asymptotic are better than exact conditional",
    BMC Med. Res. Methodol. 13:91, 2013).

    Parameters
    ----------
    gained, lost : int
        Number of users that only the first list hits, and that only the second hits. If both are 0, p is 1.
    """
    fewer, both = min(gained, lost), gained + lost
    return min(float(2 * stats.binom.cdf(fewer, both, 0.5) - stats.binom.pmf(fewer, both, 0.5)), 1.0)


def paired_p(differences):
    """Return the two-sided p-value of the hypothesis that paired differences have mean 0.

    It is the paired t-test, which agrees with the randomization test and the bootstrap on retrieval
    metrics (Smucker, Allan & Carterette, "A Comparison of Statistical Significance Tests for
    Information Retrieval Evaluation", CIKM 2007). If fewer than `SPARSE` users differ, the t-test rejects
    too often; then it is the exact randomization test over all signs.

    Parameters
    ----------
    differences : numpy.ndarray
        ``(users,)``; if all are 0, p is 1.
    """
    differ = differences[differences != 0]
    if not len(differ):
        return 1.0
    if len(differ) < SPARSE:
        return sign_flip_p(differ)
    if np.ptp(differences) == 0:
        return 2.0 ** (
            1 - len(differences)
        )  # only two of the 2**n sign choices, all + and all -, give a sum as far from 0
    return float(stats.ttest_1samp(differences, 0.0).pvalue)


def sign_flip_p(differences):
    """Return the exact two-sided p-value of the randomization test over all signs (Fisher 1935, Pitman 1937).

    Parameters
    ----------
    differences : numpy.ndarray
        ``(k,)`` with small k, since the test counts all ``2**k`` choices of signs.
    """
    signs = 1 - 2 * ((np.arange(2 ** len(differences))[:, None] >> np.arange(len(differences))) & 1)
    sums = np.abs(signs @ differences)
    return float((sums >= abs(differences.sum()) * (1 - 1e-9)).mean())


def holm(p_values):
    """Return p-values adjusted for multiple tests (Holm 1979), in the given order.

    The smallest of m p-values is multiplied by m, the next by m - 1, and so on; none may be smaller
    than the one before it. This bounds the probability of any false rejection in the family, for any
    dependence between the tests.

    Parameters
    ----------
    p_values : numpy.ndarray
        ``(n,)``, without NaN.
    """
    p_values = np.asarray(p_values, float)
    order = np.argsort(p_values, kind="stable")
    adjusted = np.empty_like(p_values)
    adjusted[order] = np.maximum.accumulate(p_values[order] * np.arange(len(order), 0, -1))
    return np.minimum(adjusted, 1.0)


def smallest_effect(standard_error, power=0.8, confidence=CONFIDENCE, degrees=np.inf):
    """Return the smallest true difference that a two-sided test detects with probability `power`.

    Parameters
    ----------
    standard_error : float
        Standard error of the estimated difference.
    power, confidence : float
    degrees : float
        Degrees of freedom of the standard error.
    """
    return float((stats.t.ppf((1 + confidence) / 2, degrees) + stats.t.ppf(power, degrees)) * standard_error)


def users_needed(users, difference, smallest):
    """Return the number of users with which a difference of this size would be detected.

    The standard error falls with the square root of the number of users.

    Parameters
    ----------
    users : int
        Number of users of the sample.
    difference : float
        Its mean difference.
    smallest : float
        The smallest difference that it detects, from `smallest_effect`.

    Returns
    -------
    int or None
        At least `users`; None if the difference is 0 or `smallest` is unknown.
    """
    if not difference or not math.isfinite(smallest):
        return None
    return math.ceil(users * max((smallest / abs(difference)) ** 2, 1.0))


def ab_test_users(one, other, power=0.8, confidence=CONFIDENCE):
    """Return the users in each arm with which a test of two independent proportions detects their difference.

    By the normal approximation (Fleiss, Levin & Paik, "Statistical Methods for Rates and Proportions", 2003).

    Parameters
    ----------
    one, other : float
        The two proportions, which differ.
    power, confidence : float
    """
    quantiles = stats.norm.ppf((1 + confidence) / 2) + stats.norm.ppf(power)
    return math.ceil(quantiles**2 * (one * (1 - one) + other * (1 - other)) / (one - other) ** 2)


def seed_degrees(means, error):
    """Return the degrees of freedom of a standard error over users and few training seeds (Satterthwaite 1946).

    The variance over users counts as known, since users are many. The variance over S seeds has S - 1 degrees of
    freedom. The result is infinite if the seeds agree, and S - 1 if all variance is between seeds. Normal quantiles
    would then make two seeds that agree by chance a significant effect much too often.

    Parameters
    ----------
    means : numpy.ndarray
        ``(seeds,)`` the estimate under each seed alone.
    error : float
        Standard error of their mean, over users and seeds.
    """
    between = means.var(ddof=1) / len(means) if len(means) > 1 else 0.0
    if between == 0 or between <= 1e-12 * error**2:
        return np.inf
    return float((len(means) - 1) * max(error**2 / between, 1.0) ** 2)


def stretch(degrees, confidence=CONFIDENCE):
    """Return the width of an interval by Student's t relative to one by the normal distribution."""
    if degrees == np.inf:
        return 1.0
    tail = (1 + confidence) / 2
    return float(stats.t.ppf(tail, degrees) / stats.norm.ppf(tail))

"""Intervals and tests over users. Each user has one outcome of a list in [0, 1]: a hit, an NDCG, a reciprocal rank."""

import math

import numpy as np
from scipy import stats

#: Of every interval.
CONFIDENCE = 0.95

#: With fewer users who differ (or hit, or miss) the bootstrap's distribution is too coarse: a resample easily holds
#: none of them, and with none at all its interval is the single point 0, as if nobody could ever differ. Counted by
#: `effective_number`.
SPARSE = 10


def wilson_interval(total, n, confidence=CONFIDENCE):
    """Return Wilson's score interval of a proportion (Wilson 1927), as ``(low, high)``.

    It also holds, conservatively, for the mean of any outcome in [0, 1], whose variance is at
    most that of a proportion with the same mean; so `total` may be a sum of fractions.

    Parameters
    ----------
    total : float
        Number of successes, or sum of the outcomes.
    n : int
        With ``n = 0`` nothing is known: the interval is (0, 1).
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
    """Return how many users the variance rests on: those who differ from the rest, fewer if some of them dominate.

    Of few hits among many users it is about the number of hits, of few misses that of the misses.

    Parameters
    ----------
    outcomes : numpy.ndarray
        ``(groups,)``, such as differences.
    counts : numpy.ndarray
        ``(groups,)`` int: users of each group.
    """
    squares = (outcomes - counts @ outcomes / counts.sum()) ** 2
    total = counts @ squares
    return float(total**2 / (counts @ squares**2)) if total > 1e-12 else 0.0  # all alike but for rounding


def adjusted_standard_error(differences, counts):
    """Return the standard error of a mean difference after one more user who gains 1 and one who loses 1.

    See `adjusted_interval`. Takes the same parameters.
    """
    return _adjusted(differences, counts)[1]


def adjusted_interval(differences, counts, confidence=CONFIDENCE):
    """Return the adjusted Wald interval of a mean paired difference where few users differ, as ``(low, high)``.

    For hits it is the interval of Bonett & Price ("Adjusted Wald Confidence Interval for a Difference
    of Binomial Proportions Based on Paired Data", J. Educ. Behav. Stat. 37(4), 2012): one user is
    added to those who gained and one to those who lost. An NDCG or reciprocal rank differs by at
    most as much as a hit does, so the same two users, with differences of 1 and -1, serve it too. Where
    nobody differs it is about ``±2.8 / n`` and not the single point 0.

    Parameters
    ----------
    differences : numpy.ndarray
        ``(groups,)`` in [-1, 1].
    counts : numpy.ndarray
        ``(groups,)`` int: users who have that difference.
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

    The exact conditional test counts the observed outcome fully and is too conservative; mid-p
    counts half of it, and keeps its level in practice (Fagerland, Lydersen & Laake, "The McNemar
    test for binary matched-pairs data: mid-p and asymptotic are better than exact conditional",
    BMC Med. Res. Methodol. 13:91, 2013).

    Parameters
    ----------
    gained, lost : int
        Users whom only the one side hits, and only the other. With none of either it is 1.
    """
    fewer, both = min(gained, lost), gained + lost
    return min(float(2 * stats.binom.cdf(fewer, both, 0.5) - stats.binom.pmf(fewer, both, 0.5)), 1.0)


def paired_p(differences):
    """Return the two-sided p-value of the hypothesis that paired differences have mean 0.

    The paired t-test, which agrees with the randomization test and the bootstrap on metrics of
    retrieval (Smucker, Allan & Carterette, "A Comparison of Statistical Significance Tests for
    Information Retrieval Evaluation", CIKM 2007). Where fewer than `SPARSE` users differ, t is not normal
    and the test rejects too often; then it is the exact randomization test, which flips every sign.

    Parameters
    ----------
    differences : numpy.ndarray
        ``(users,)``; 1 is returned where all are 0.
    """
    differ = differences[differences != 0]
    if not len(differ):
        return 1.0
    if len(differ) < SPARSE:
        return sign_flip_p(differ)
    if np.ptp(differences) == 0:
        return 2.0 ** (1 - len(differences))  # of all signs only the two that are alike are as far from 0
    return float(stats.ttest_1samp(differences, 0.0).pvalue)


def sign_flip_p(differences):
    """Return the exact two-sided p-value of the randomization test over all signs (Fisher 1935, Pitman 1937).

    Parameters
    ----------
    differences : numpy.ndarray
        ``(k,)`` with k small, since all ``2**k`` choices of signs are counted.
    """
    signs = 1 - 2 * ((np.arange(2 ** len(differences))[:, None] >> np.arange(len(differences))) & 1)
    sums = np.abs(signs @ differences)
    return float((sums >= abs(differences.sum()) * (1 - 1e-9)).mean())


def holm(p_values):
    """Return p-values adjusted for their number (Holm 1979), in the order given.

    The smallest is multiplied by their number, the next by one less, and so on; none falls
    below one before it. The chance of any false rejection in the family stays below the level,
    however the tests depend on each other.

    Parameters
    ----------
    p_values : numpy.ndarray
        ``(n,)``, none missing.
    """
    p_values = np.asarray(p_values, float)
    order = np.argsort(p_values, kind="stable")
    adjusted = np.empty_like(p_values)
    adjusted[order] = np.maximum.accumulate(p_values[order] * np.arange(len(order), 0, -1))
    return np.minimum(adjusted, 1.0)


def smallest_effect(standard_error, power=0.8, confidence=CONFIDENCE, degrees=np.inf):
    """Return the smallest true difference that a two-sided test shows with probability `power`.

    Parameters
    ----------
    standard_error : float
        Of the estimated difference.
    power, confidence : float
    degrees : float
        Degrees of freedom of the standard error.
    """
    return float((stats.t.ppf((1 + confidence) / 2, degrees) + stats.t.ppf(power, degrees)) * standard_error)


def seed_degrees(means, error):
    """Return the degrees of freedom of a standard error that few training seeds are a part of (Satterthwaite 1946).

    The part of the users, who are many, is known; that of the seeds has one degree less than seeds. Where the seeds
    agree there are countless degrees, where they decide all, as few as that: then normal quantiles would call two
    seeds that happen to agree an effect much too often.

    Parameters
    ----------
    means : numpy.ndarray
        ``(seeds,)`` what is estimated, under each seed alone.
    error : float
        Standard error of their mean, users and seeds both varying.
    """
    between = means.var(ddof=1) / len(means) if len(means) > 1 else 0.0
    if between == 0 or between <= 1e-12 * error**2:
        return np.inf
    return float((len(means) - 1) * max(error**2 / between, 1.0) ** 2)


def stretch(degrees, confidence=CONFIDENCE):
    """Return how much wider an interval by Student's t is than one by the normal distribution."""
    if degrees == np.inf:
        return 1.0
    tail = (1 + confidence) / 2
    return float(stats.t.ppf(tail, degrees) / stats.norm.ppf(tail))

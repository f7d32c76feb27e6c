"""Standardises scores to mean 0 and standard deviation 1 within each list."""

import numpy as np


def mean_of_standardised(scores, there, noise=0.0):
    """Return the mean of several features' scores, each standardised within its list.

    Features have different spreads, so each list's scores are standardised first. If a feature gives all
    candidates of a list the same score, its standardised scores are 0.

    Parameters
    ----------
    scores : sequence of numpy.ndarray
        ``(n_users, depth)`` float32 each.
    there : numpy.ndarray
        ``(n_users, depth)`` bool: True where a list has an entry.
    noise : float
        As in `standardised`.

    Returns
    -------
    numpy.ndarray
        ``(n_users, depth)`` float32.
    """
    return (sum(standardised(values, there, noise) for values in scores) / len(scores)).astype(np.float32)


def standardised(scores, there, noise=0.0):
    """Return the scores with mean 0 and standard deviation 1 in each list; equal scores become 0.

    Parameters
    ----------
    scores : numpy.ndarray
        ``(n, depth)``; an infinite score is replaced by the smallest or largest finite one of its list.
    there : numpy.ndarray
        ``(n, depth)`` bool: True for valid scores; all others become 0.
    noise : float
        Scores of a list count as equal if their range is at most this.

    Returns
    -------
    numpy.ndarray
        ``(n, depth)`` float32.
    """
    values = np.where(there, scores, 0).astype(np.float64)
    finite = there & np.isfinite(values)
    least = np.where(finite, values, np.inf).min(1, keepdims=True, initial=np.inf)
    most = np.where(finite, values, -np.inf).max(1, keepdims=True, initial=-np.inf)
    none = ~finite.any(1, keepdims=True)
    values = np.clip(values, np.where(none, 0, least), np.where(none, 0, most))
    count = np.maximum(there.sum(1, keepdims=True), 1)
    centred = np.where(there, values - np.where(there, values, 0).sum(1, keepdims=True) / count, 0)
    deviation = np.sqrt((centred**2).sum(1, keepdims=True) / count)
    # The mean of equal scores may differ from them by rounding, so a relative range below 1e-9 counts as equal.
    rounding = 1e-9 * np.maximum(np.abs(most), np.abs(least))
    constant = none | (most - least <= np.maximum(rounding, noise))
    return np.where(constant, 0, centred / np.where(constant, 1, deviation)).astype(np.float32)

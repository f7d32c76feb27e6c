"""Similarity of a candidate to the user's latest items, by the vectors of an encoder."""

import numpy as np

#: Between the titles of a history that is encoded as one text.
SEPARATOR = "; "

#: Users scored at a time; bounds memory at about 100 MB for 768-d vectors and 20 candidates.
USERS_PER_CHUNK = 2048

#: Users whose profiles are made together: a vector of each takes more memory than the lists, and texts that are
#: encoded together change each other's last bits.
USERS_TOGETHER = 2 * USERS_PER_CHUNK

#: What rounding may put between equal cosines of unit vectors in float32.
NOISE = 2e-7


def mean_profiles(history, vectors, present, length):
    """Return the mean vector of each user's latest items that have one.

    Parameters
    ----------
    history : reelrank.data.interactions.Histories
    vectors : numpy.ndarray
        ``(n_items, dimension)`` float32, unit rows; zero where absent.
    present : numpy.ndarray
        ``(n_items,)`` bool.
    length : int
        How many of the latest items count.

    Returns
    -------
    numpy.ndarray
        ``(n_users, dimension)`` float32, unit rows; zero where nothing is known.
    """
    padded = np.vstack([vectors * present[:, None], np.zeros((1, vectors.shape[1]), np.float32)])
    latest = history.last(length)
    profiles = np.empty((len(latest), vectors.shape[1]), np.float32)
    for start in range(0, len(latest), USERS_PER_CHUNK):
        profiles[start : start + USERS_PER_CHUNK] = padded[latest[start : start + USERS_PER_CHUNK]].sum(1)
    norms = np.linalg.norm(profiles, axis=1, keepdims=True)
    return profiles / np.where(norms > 0, norms, 1)


def history_texts(history, texts, length):
    """Return each user's latest texts as one text, the newest first (empty ones left out).

    The newest stands first because an encoder cuts what is too long at the end.
    """
    padded = [*texts, ""]
    latest = history.last(length)[:, ::-1]
    return [SEPARATOR.join(text for text in (padded[item] for item in row) if text) for row in latest]


def similarity_scores(lists, queries, profiles, matrices):
    """Return the similarity of each candidate to its user's profile, in the mean of several features.

    Parameters
    ----------
    lists : reelrank.data.lists.RankedLists
    queries : reelrank.data.interactions.Queries
        Of these users at least.
    profiles : callable
        Takes `Histories` and one of `matrices`, and returns ``(n_users, dimension)`` float32, as `mean_profiles`.
    matrices : sequence of (numpy.ndarray, numpy.ndarray)
        Of each feature: vectors, and where they are present.

    Returns
    -------
    numpy.ndarray
        ``(n_users, depth)`` float32: cosines of one feature, or `mean_of_standardised` of several.
    """
    scores = np.empty(lists.items.shape, np.float32)
    for start in range(0, len(lists.users), USERS_TOGETHER):
        rows = slice(start, start + USERS_TOGETHER)
        some = lists.of_rows(rows)
        asked = queries.of(some.users).history
        found = [cosine_scores(some, profiles(asked, *matrix), *matrix) for matrix in matrices]
        scores[rows] = found[0] if len(found) == 1 else mean_of_standardised(found, some.present)
    return scores


def cosine_scores(lists, profiles, vectors, present):
    """Return the cosine of each candidate with its user's profile.

    A candidate without a vector gets the mean of its list, so that absence neither
    lifts nor sinks it; a user without a profile gets zeros, which keeps the base order.

    Parameters
    ----------
    lists : reelrank.data.lists.RankedLists
    profiles : numpy.ndarray
        ``(n_users, dimension)`` float32, unit rows or zero.
    vectors, present
        As `mean_profiles`.

    Returns
    -------
    numpy.ndarray
        ``(n_users, depth)`` float32.
    """
    scores = np.zeros(lists.items.shape, np.float32)
    for start in range(0, len(profiles), USERS_PER_CHUNK):
        rows = slice(start, start + USERS_PER_CHUNK)
        scores[rows] = np.einsum("ukd,ud->uk", vectors[lists.items[rows]], profiles[rows])
    known = lists.present & present[lists.items]
    mean = np.where(known, scores, 0).sum(1, dtype=np.float64) / np.maximum(known.sum(1), 1)
    # Rounding must not put the mean of equal scores beside them.
    least, most = (
        np.where(known, scores, np.inf).min(1, initial=np.inf),
        np.where(known, scores, -np.inf).max(1, initial=-np.inf),
    )
    neutral = np.where(known.any(1), np.clip(mean, least, most), 0)
    return np.where(known, scores, neutral[:, None]).astype(np.float32)


def mean_of_standardised(scores, there):
    """Return the mean of several features' scores, each standardised within its list.

    Cosines of different encoders have different spreads; a list's scores are brought to mean 0 and standard
    deviation 1 first. A feature that tells the candidates of a list not apart, or knows nothing of the user,
    counts as 0 for all of them.

    Parameters
    ----------
    scores : sequence of numpy.ndarray
        ``(n_users, depth)`` float32 each, of `cosine_scores`.
    there : numpy.ndarray
        ``(n_users, depth)`` bool: where an entry stands.

    Returns
    -------
    numpy.ndarray
        ``(n_users, depth)`` float32.
    """
    return (sum(standardised(values, there, NOISE) for values in scores) / len(scores)).astype(np.float32)


def standardised(scores, there, noise=0.0):
    """Bring the scores of each list to mean 0 and standard deviation 1; equal scores become 0.

    Parameters
    ----------
    scores : numpy.ndarray
        ``(n, depth)``; an infinite one counts as the least or largest finite one of its list.
    there : numpy.ndarray
        ``(n, depth)`` bool: which of them count; the others become 0.
    noise : float
        Scores of a list that lie within so much of each other are equal.

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
    # The mean of equal scores can differ from them by rounding: spread is told from that by their size.
    rounding = 1e-9 * np.maximum(np.abs(most), np.abs(least))
    constant = none | (most - least <= np.maximum(rounding, noise))
    return np.where(constant, 0, centred / np.where(constant, 1, deviation)).astype(np.float32)

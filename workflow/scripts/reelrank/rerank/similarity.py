"""Rank candidates by similarity to the user's latest items, in the vector space of an encoder."""

import numpy as np

from reelrank import rerank
from reelrank.features.encoders import encode_present
from reelrank.metrics.standardising import mean_of_standardised
from reelrank.rerank.signals.cosines import neutral

#: Joins the titles of a history that is encoded as one text.
SEPARATOR = "; "

#: Users scored at a time; limits memory to about 100 MB for 768-d vectors and 20 candidates.
USERS_PER_CHUNK = 2048

#: Equal cosines of unit vectors in float32 can differ by this much because of rounding.
NOISE = 2e-7


class Reranker(rerank.Reranker):
    """Scores are cosines of candidate and user profile; with several features, the mean of standardised cosines.

    The profile is the mean vector of the latest items (``pooling: mean``), or the vector of
    their texts, joined into one text (``pooling: concatenate``).
    """

    users_together = 2 * USERS_PER_CHUNK

    def __init__(self, options, material):
        super().__init__(options, material)
        self.matrices = material.vectors
        if options["pooling"] == "concatenate":
            self.encoder, self.texts = material.encoder, material.texts

    def scores(self, lists, histories):
        """Return the cosines of one feature, or `mean_of_standardised` of several."""
        found = [cosine_scores(lists, self.profiles(histories, *matrix), *matrix) for matrix in self.matrices]
        return found[0] if len(found) == 1 else mean_of_standardised(found, lists.present, NOISE)

    def profiles(self, histories, vectors, present):
        """Return a unit vector per user, ``(n_users, dimension)`` float32; zero for a user without a known item."""
        length = self.options["history_length"]
        if self.options["pooling"] == "mean":
            return mean_profiles(histories, vectors, present, length)
        return encode_present(self.encoder, history_texts(histories, self.texts, length), "query")[0]


def mean_profiles(history, vectors, present, length):
    """Return the mean vector of each user's latest items; items without a vector are skipped.

    Parameters
    ----------
    history : reelrank.data.interactions.Histories
    vectors : numpy.ndarray
        ``(n_items, dimension)`` float32, unit rows; zero where absent.
    present : numpy.ndarray
        ``(n_items,)`` bool.
    length : int
        Number of latest items.

    Returns
    -------
    numpy.ndarray
        ``(n_users, dimension)`` float32, unit rows; zero for a user without a known item.
    """
    padded = np.vstack([vectors * present[:, None], np.zeros((1, vectors.shape[1]), np.float32)])
    latest = history.last(length)
    profiles = np.empty((len(latest), vectors.shape[1]), np.float32)
    for start in range(0, len(latest), USERS_PER_CHUNK):
        profiles[start : start + USERS_PER_CHUNK] = padded[latest[start : start + USERS_PER_CHUNK]].sum(1)
    norms = np.linalg.norm(profiles, axis=1, keepdims=True)
    return profiles / np.where(norms > 0, norms, 1)


def history_texts(history, texts, length):
    """Return each user's latest texts joined into one text, newest first; empty texts are skipped.

    The newest comes first because an encoder cuts off the end of a long text.
    """
    padded = [*texts, ""]
    latest = history.last(length)[:, ::-1]
    return [SEPARATOR.join(text for text in (padded[item] for item in row) if text) for row in latest]


def cosine_scores(lists, profiles, vectors, present):
    """Return the cosine of each candidate and its user's profile.

    A candidate without a vector gets the mean of its list, so that a missing vector is
    neutral. A user without a profile gets zeros, which keeps the base order.

    Parameters
    ----------
    lists : reelrank.data.lists.RankedLists
    profiles : numpy.ndarray
        ``(n_users, dimension)`` float32, unit rows or zero.
    vectors, present
        See `mean_profiles`.

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
    return neutral(np.where(known, scores, np.nan))

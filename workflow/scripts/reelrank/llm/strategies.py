"""Strategies: which candidates are shown together, and how the answers become a ranking.

A strategy knows neither prompts nor servers. It is a generator of questions, so that asking
and parsing follow the same sequence: asking sends each question, parsing looks up its answer.
"""

from dataclasses import dataclass

import numpy as np

from reelrank.data.tables import SPLITS

#: Strategies that read log-probabilities.
NEEDS_LOGPROBS = ("letter_logits", "pointwise")


@dataclass(frozen=True)
class Question:
    """Candidates that are shown together.

    Attributes
    ----------
    step : int
        Number of the question within the user's permutation.
    shown : tuple of int
        Places of the candidates in the base list (from 0), in label order.
    """

    step: int
    shown: tuple


@dataclass(frozen=True)
class Reading:
    """A parsed answer about the candidates of a question; see `reelrank.llm.answers.readings`.

    Attributes
    ----------
    order : tuple of int
        A permutation of ``range(len(shown))``, best first, missing candidates last.
    raw_ranks : tuple of int
        Place of each candidate in the raw answer; 0 if missing.
    scores : tuple of float or None
        Score of each candidate, if the strategy gives scores.
    fault : str
    counts : dict of str to int
    """

    order: tuple
    raw_ranks: tuple
    scores: tuple | None
    fault: str
    counts: dict


@dataclass(frozen=True)
class Outcome:
    """The ranking of a user's candidates, by place in the base list.

    Attributes
    ----------
    ranks : numpy.ndarray
        ``(n,)`` ranks from 1, a permutation.
    raw_ranks : numpy.ndarray
        ``(n,)`` ranks in the raw answers; 0 if the model left out the candidate.
    scores : numpy.ndarray
        ``(n,)`` float64, higher is better, in the same order as `ranks`.
    """

    ranks: np.ndarray
    raw_ranks: np.ndarray
    scores: np.ndarray


def shuffler(seed, split, user, permutation):
    """Return the random generator of one user's permutation; it does not depend on the other users."""
    return np.random.default_rng([seed, SPLITS.index(split), user, permutation])


def window_starts(n, size, stride):
    """Return the starts of windows over `n` candidates, from the bottom of the list to its top.

    Consecutive windows share ``size - stride`` candidates, so the best candidates move up to
    the top (the sliding window of Sun et al., EMNLP 2023).
    """
    starts = list(range(n - size, 0, -stride))
    return [start for start in starts if start > 0] + [0]


def slides(options, n):
    """Return whether a list of `n` candidates needs more than one window."""
    return options["strategy"] in ("listwise", "letter_logits") and options["window"] < n


def questions_per_list(options, n):
    """Return how many questions a list of `n` candidates needs."""
    if options["strategy"] == "pointwise":
        each = n
    else:
        each = len(window_starts(n, options["window"], options["stride"])) if slides(options, n) else 1
    return each * options["permutations"]


def chain(options, n, rng):
    """Ask for one permutation of one user's candidates.

    Parameters
    ----------
    options : dict
        ``strategy``, ``window``, ``stride``.
    n : int
        Number of candidates.
    rng : numpy.random.Generator

    Yields
    ------
    list of Question
        Questions that can be asked at the same time; expects their `Reading` objects to be sent.
        Only sliding windows need them before the last yield.

    Returns
    -------
    Outcome
    """
    if options["strategy"] == "pointwise":
        order = rng.permutation(n)
        readings = yield [Question(step, (int(place),)) for step, place in enumerate(order)]
        return _by_score(n, {int(p): r.scores[0] for p, r in zip(order, readings, strict=True) if r.raw_ranks[0]})
    if not slides(options, n):
        shown = tuple(rng.permutation(n).tolist())
        [reading] = yield [Question(0, shown)]
        if reading.scores is not None:
            return _by_score(
                n, {p: s for p, s, raw in zip(shown, reading.scores, reading.raw_ranks, strict=True) if raw}
            )
        return _by_order(shown, reading)
    return (yield from _sliding(options, n, rng))


def _sliding(options, n, rng):
    current = np.arange(n)
    kept = np.zeros(n, bool)
    size, stride = options["window"], options["stride"]
    for step, start in enumerate(window_starts(n, size, stride)):
        shown = rng.permutation(current[start : start + size])
        [reading] = yield [Question(step, tuple(shown.tolist()))]
        returned = np.array(reading.raw_ranks) > 0
        # Missing candidates go to the end of the window, in base order.
        lost = np.sort(shown[~returned])
        order = [int(shown[i]) for i in reading.order if returned[i]]
        current[start : start + size] = [*order, *lost]
        kept[shown] = returned
    ranks = np.empty(n, np.int64)
    ranks[current] = np.arange(1, n + 1)
    return Outcome(ranks, _ranks_among(ranks, kept), -ranks.astype(float))


def _by_order(shown, reading):
    """Return the outcome in the answer's order; missing candidates follow in base order."""
    raw = np.zeros(len(shown), np.int64)
    raw[list(shown)] = reading.raw_ranks
    returned = [shown[i] for i in reading.order if reading.raw_ranks[i]]
    ranks = np.empty(len(shown), np.int64)
    ranks[[*returned, *sorted(set(range(len(shown))) - set(returned))]] = np.arange(1, len(shown) + 1)
    return Outcome(ranks, raw, -ranks.astype(float))


def _by_score(n, scored):
    """Return the outcome by score; ties keep base order, and missing candidates get the lowest score."""
    known = np.array([place in scored for place in range(n)])
    below = min(scored.values(), default=0.0) - 1.0
    scores = np.array([scored.get(place, below) for place in range(n)], float)
    ranks = np.empty(n, np.int64)
    ranks[np.lexsort((np.arange(n), -scores, ~known))] = np.arange(1, n + 1)
    return Outcome(ranks, _ranks_among(ranks, known), scores)


def _ranks_among(ranks, kept):
    """Return the ranks among the kept candidates, and 0 for the others."""
    raw = np.zeros(len(ranks), np.int64)
    order = np.argsort(ranks)
    order = order[kept[order]]
    raw[order] = np.arange(1, len(order) + 1)
    return raw


def aggregate(outcomes):
    """Combine a user's permutations by mean rank; ties keep base order (Tang et al., NAACL 2024).

    A candidate is missing only if it is missing in every permutation.
    """
    if len(outcomes) == 1:
        return outcomes[0]
    mean = np.mean([outcome.ranks for outcome in outcomes], axis=0)
    kept = np.any([outcome.raw_ranks > 0 for outcome in outcomes], axis=0)
    ranks = np.empty(len(mean), np.int64)
    ranks[np.argsort(mean, kind="stable")] = np.arange(1, len(mean) + 1)
    return Outcome(ranks, _ranks_among(ranks, kept), -mean)

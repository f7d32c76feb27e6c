"""Strategies: which candidates are shown together, and what the readings of the answers make of a list.

A strategy knows neither prompts nor servers. It is a generator of questions, so that
asking and parsing walk the same path: one sends each question, the other looks its
answer up.
"""

from dataclasses import dataclass

import numpy as np

from reelrank.data.tables import SPLITS

#: Strategies that read log-probabilities, and what they fall back to where there are none.
NEEDS_LOGPROBS = ("letter_logits", "pointwise")


@dataclass(frozen=True)
class Question:
    """Candidates shown together.

    Attributes
    ----------
    step : int
        Number of the question within the user's permutation.
    shown : tuple of int
        Places of the candidates in the base list (from 0), in the order of their labels.
    """

    step: int
    shown: tuple


@dataclass(frozen=True)
class Reading:
    """What an answer says of the candidates of its question; see `reelrank.llm.answers.readings`.

    Attributes
    ----------
    order : tuple of int
        A permutation of ``range(len(shown))``, best first, lost candidates last.
    raw_ranks : tuple of int
        Place of each in what the model really returned; 0 where it was lost.
    scores : tuple of float or None
        Of each, where the strategy gives scores.
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
    """A user's candidates ranked, by place in the base list.

    Attributes
    ----------
    ranks : numpy.ndarray
        ``(n,)`` from 1, a permutation.
    raw_ranks : numpy.ndarray
        ``(n,)``, 0 where the model lost the candidate.
    scores : numpy.ndarray
        ``(n,)`` float64, higher is better, of the same order as `ranks`.
    """

    ranks: np.ndarray
    raw_ranks: np.ndarray
    scores: np.ndarray


def shuffler(seed, part, user, permutation):
    """Return the generator of one user's permutation: nobody's order depends on who else is asked."""
    return np.random.default_rng([seed, SPLITS.index(part), user, permutation])


def window_starts(n, size, stride):
    """Return where the windows over `n` candidates start, from the bottom of the list to its top.

    Each window shares ``size - stride`` candidates with the next, which carry the best
    of the depth upward (the sliding window of Sun et al., EMNLP 2023).
    """
    starts = list(range(n - size, 0, -stride))
    return [start for start in starts if start > 0] + [0]


def slides(options, n):
    """Return whether a list of `n` is shown in more than one window."""
    return options["strategy"] in ("listwise", "letter_logits") and options["window"] < n


def questions_per_list(options, n):
    """Return how many questions a list of `n` candidates costs."""
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
        Candidates.
    rng : numpy.random.Generator

    Yields
    ------
    list of Question
        That can be asked at the same time; expects their `Reading` s to be sent. Only
        sliding windows need them before the last yield.

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
        # What was lost goes to the end of the window in base order, as everywhere.
        lost = np.sort(shown[~returned])
        order = [int(shown[i]) for i in reading.order if returned[i]]
        current[start : start + size] = [*order, *lost]
        kept[shown] = returned
    ranks = np.empty(n, np.int64)
    ranks[current] = np.arange(1, n + 1)
    return Outcome(ranks, _ranks_among(ranks, kept), -ranks.astype(float))


def _by_order(shown, reading):
    """Rank as returned; lost candidates follow in base order."""
    raw = np.zeros(len(shown), np.int64)
    raw[list(shown)] = reading.raw_ranks
    returned = [shown[i] for i in reading.order if reading.raw_ranks[i]]
    ranks = np.empty(len(shown), np.int64)
    ranks[[*returned, *sorted(set(range(len(shown))) - set(returned))]] = np.arange(1, len(shown) + 1)
    return Outcome(ranks, raw, -ranks.astype(float))


def _by_score(n, scored):
    """Rank by score, equals and lost candidates in base order; the lost get a score below all."""
    known = np.array([place in scored for place in range(n)])
    below = min(scored.values(), default=0.0) - 1.0
    scores = np.array([scored.get(place, below) for place in range(n)], float)
    ranks = np.empty(n, np.int64)
    ranks[np.lexsort((np.arange(n), -scores, ~known))] = np.arange(1, n + 1)
    return Outcome(ranks, _ranks_among(ranks, known), scores)


def _ranks_among(ranks, kept):
    """Return the ranks among those kept, 0 for the others."""
    raw = np.zeros(len(ranks), np.int64)
    order = np.argsort(ranks)
    order = order[kept[order]]
    raw[order] = np.arange(1, len(order) + 1)
    return raw


def aggregate(outcomes):
    """Combine a user's permutations by mean rank, equals in base order (Tang et al., NAACL 2024).

    A candidate is lost only if every permutation lost it.
    """
    if len(outcomes) == 1:
        return outcomes[0]
    mean = np.mean([outcome.ranks for outcome in outcomes], axis=0)
    kept = np.any([outcome.raw_ranks > 0 for outcome in outcomes], axis=0)
    ranks = np.empty(len(mean), np.int64)
    ranks[np.argsort(mean, kind="stable")] = np.arange(1, len(mean) + 1)
    return Outcome(ranks, _ranks_among(ranks, kept), -mean)

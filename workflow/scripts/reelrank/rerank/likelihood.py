"""Candidates ranked by how likely a language model finds their title after the titles of the history."""

import numpy as np

from reelrank.llm.titles import END, history_text, latest_items
from reelrank.progress import Progress

#: Users that go to the model together: shards are made of whole chunks.
CHUNK = 256


def likelihood_scores(model, lists, histories, titles, history_length, unconditional_weight=0.0, rows=None):
    """Return the log-likelihood of each candidate's title after the user's latest titles.

    A candidate without a title gets the mean of its list, so that absence neither
    lifts nor sinks it; candidates of the same title get the same score, and a user
    without a titled history is ranked by the titles alone.

    Parameters
    ----------
    model : reelrank.llm.local.model.LocalModel
        Or anything with its ``likelihoods_of``.
    lists : reelrank.data.lists.RankedLists
    histories : reelrank.data.interactions.Histories
        One per user of the lists.
    titles : sequence of str
        By item, of `reelrank.llm.titles.plain_titles`; empty where there is none.
    history_length : int
        Latest items that are read.
    unconditional_weight : float
        How much of the title's log-likelihood without any history is taken off: 0
        ranks by the likelihood, 1 by the pointwise mutual information of title and
        history, which a popular title does not profit from.
    rows : (int, int), optional
        Those of the lists that are scored, whole chunks of them; all by default.

    Returns
    -------
    numpy.ndarray
        ``(n_rows, depth)`` float32.
    """
    start, stop = rows or (0, len(lists.users))
    everything = [[titles[item] + END if item >= 0 and titles[item] else "" for item in row] for row in lists.items]
    prefixes = [history_text(items, titles) for items in latest_items(histories, history_length)][start:stop]
    candidates = everything[start:stop]
    shape = (stop - start, lists.items.shape[1])
    known = np.array([[bool(text) for text in row] for row in candidates], bool).reshape(shape)
    conditional = []
    with Progress("likelihoods", stop - start, "users") as progress:
        for first in range(0, stop - start, CHUNK):
            asked = (prefixes[first : first + CHUNK], candidates[first : first + CHUNK])
            conditional += _asked(model, *asked, progress.advance)
            progress.done = first + len(asked[0])  # with the users that nothing was asked about
    if unconditional_weight and conditional:
        # Of all lists, for the same reason: each title is scored in the same company whatever the shard.
        distinct = sorted({text for row in everything for text in row if text})
        with Progress("likelihoods without a history"):
            alone = dict(zip(distinct, _asked(model, [""], [distinct])[0] if distinct else [], strict=True))
        conditional = [
            [score - unconditional_weight * alone.get(text, 0.0) for score, text in zip(scores, row, strict=True)]
            for scores, row in zip(conditional, candidates, strict=True)
        ]
    scores = np.array(conditional, np.float64).reshape(shape)
    return _neutral_where_unknown(scores, known)


def _asked(model, prefixes, candidates, advance=None):
    """Return the log-likelihoods of candidates, 0 for an empty one; each distinct one of a row is asked once."""
    distinct = [sorted({text for text in row if text}) for row in candidates]
    rows = [index for index, texts in enumerate(distinct) if texts]
    answers = model.likelihoods_of([prefixes[i] for i in rows], [distinct[i] for i in rows], advance)
    found = [{} for _ in candidates]
    for index, answer in zip(rows, answers, strict=True):
        found[index] = {text: score for text, (score, _) in zip(distinct[index], answer, strict=True)}
    return [[own.get(text, 0.0) for text in row] for own, row in zip(found, candidates, strict=True)]


def _neutral_where_unknown(scores, known):
    """Give entries that are not known the mean of their row's known ones, 0 where there is none."""
    scores = scores.astype(np.float32).astype(np.float64)
    mean = np.where(known, scores, 0).sum(1) / np.maximum(known.sum(1), 1)
    return np.where(known, scores, mean[:, None]).astype(np.float32)

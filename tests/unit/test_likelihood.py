"""Scores by likelihood: titles that are missing, equal or new, and histories without any."""

from types import SimpleNamespace

import numpy as np
import pytest
from small_data import interactions_of

from reelrank.data.lists import RankedLists
from reelrank.llm.titles import END, history_text, latest_items, plain_titles
from reelrank.rerank.likelihood import Reranker

TITLES = ["fox", "soup", "", "fox", "goal", "kitten"]


class LengthModel:
    """Finds a short title likely, and one that the history holds; remembers what it was asked."""

    def __init__(self):
        self.asked = []

    def likelihoods_of(self, prefixes, continuations, advance=None):
        """Return minus the length, plus 5 where the prefix holds the text."""
        self.asked += list(zip(prefixes, continuations, strict=True))
        return [
            [(5.0 * (text in prefix) - len(text), len(text)) for text in row]
            for prefix, row in zip(prefixes, continuations, strict=True)
        ]


def likelihood_scores(model, lists, histories, titles, history_length, unconditional_weight=0.0):
    """Return the scores that the re-ranker gives with this model."""
    options = {"history_length": history_length, "unconditional_weight": unconditional_weight}
    reranker = Reranker(options, SimpleNamespace(texts=titles, language_model=model))
    reranker.begin("test", lists)
    return reranker.scores(lists, histories)


def lists_of(rows):
    """Return `RankedLists` of lists of items, -1 where one is shorter."""
    depth = max(map(len, rows))
    items = np.array([[*row, *[-1] * (depth - len(row))] for row in rows], np.int32)
    return RankedLists(np.arange(len(rows)), items, np.zeros(items.shape, np.float32))


def histories_of(rows):
    """Return `Histories` of lists of items (any may be empty)."""
    whole = interactions_of([[item for row in rows for item in row] or [0]], len(TITLES)).training()
    ends = np.cumsum([len(row) for row in rows])
    return type(whole)(whole.items, ends - [len(row) for row in rows], ends, len(TITLES))


def test_the_history_is_what_is_read_before():
    model = LengthModel()
    lists, histories = lists_of([[4, 1], [5]]), histories_of([[0, 2, 1], []])
    scores = likelihood_scores(model, lists, histories, TITLES, history_length=2)
    assert scores.dtype == np.float32 and scores.shape == (2, 2)
    assert dict(model.asked) == {"soup\n": ["goal\n", "soup\n"], "": ["kitten\n"]}, "the latest two, one untitled"
    assert scores[0].tolist() == [-5, 0] and scores[1, 0] == -7


def test_equal_titles_tie_and_missing_ones_are_neutral():
    model = LengthModel()
    lists = lists_of([[3, 2, 0, 4], [2]])
    scores = likelihood_scores(model, lists, histories_of([[1], [1]]), TITLES, 10)
    assert scores[0, 0] == scores[0, 2], "one title, one score"
    assert scores[0, 1] == pytest.approx(scores[0, [0, 2, 3]].mean())
    assert lists.reordered(scores).items[0].tolist() == [3, 0, 2, 4]
    assert scores[1, 0] == 0, "nothing is known of the list"
    assert sum(len(row) for _, row in model.asked) == 2, "each title of a list is asked once"


def test_the_likelihood_without_history_is_taken_off():
    lists, histories = lists_of([[4, 1]]), histories_of([[1]])
    alone = likelihood_scores(LengthModel(), lists, histories_of([[]]), TITLES, 10)
    plain = likelihood_scores(LengthModel(), lists, histories, TITLES, 10)
    for weight in (0.25, 1.0):
        scores = likelihood_scores(LengthModel(), lists, histories, TITLES, 10, weight)
        np.testing.assert_allclose(scores, plain - weight * alone)
    assert scores.tolist() == [[0, 5]], "mutual information: only what the history says is left"


def test_titles_are_lines_that_end_nothing():
    found = plain_titles(["a\nb\t c", None, "", "x<bos>y", " trim "])
    assert found == ["a b c", "", "", "x‹bos›y", "trim"]
    assert history_text([0, 1, 4], found) == f"a b c{END}trim{END}"
    assert latest_items(histories_of([[1, 2, 3], []]), 2) == [[2, 3], []]

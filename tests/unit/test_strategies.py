"""Strategies against models whose mind is known, and readings of log-probabilities."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from llm_fixture import generative

from reelrank.llm.answers.readings import choice_probabilities, read
from reelrank.llm.messages import Answer
from reelrank.llm.strategies import Question, aggregate, chain, questions_per_list, shuffler, slides, window_starts


def options(strategy="listwise", window=26, stride=13, permutations=1):
    """Return the options of a strategy."""
    return generative(strategy=strategy, window=window, stride=stride, permutations=permutations)


def oracle(own, taste, question):
    """Return the answer of a model that ranks by `taste` (lower is better), by place in the base list."""
    shown = question.shown
    best = sorted(range(len(shown)), key=lambda index: taste[shown[index]])
    if own["strategy"] == "listwise":
        return Answer(text=", ".join(chr(65 + index) for index in best))
    if own["strategy"] == "letter_logits":
        return Answer(logprobs=[[chr(65 + index), -1.0 - place] for place, index in enumerate(best)])
    yes = 1 / (2 + taste[shown[0]])
    return Answer(logprobs=[["Yes", math.log(yes)], ["No", math.log(1 - yes)]])


def walk(own, n, taste, seed=1, respond=oracle):
    """Return the outcome of one permutation, and its questions."""
    generator = chain(own, n, shuffler(seed, "test", 7, 0))
    questions, asked = next(generator), []
    try:
        while True:
            asked += questions
            questions = generator.send([read(own, question, respond(own, taste, question)) for question in questions])
    except StopIteration as done:
        return done.value, asked


@pytest.mark.parametrize("strategy", ["listwise", "letter_logits", "pointwise"])
@given(st.integers(2, 26).flatmap(lambda n: st.permutations(range(n))))
def test_a_model_that_knows_is_believed(strategy, taste):
    own = options(strategy)
    outcome, asked = walk(own, len(taste), taste)
    np.testing.assert_array_equal(outcome.ranks, np.array(taste) + 1)
    np.testing.assert_array_equal(outcome.raw_ranks, outcome.ranks)
    assert (np.diff(outcome.scores[np.argsort(outcome.ranks)]) < 0).all()
    assert len(asked) == questions_per_list(own, len(taste))


@pytest.mark.parametrize("strategy", ["listwise", "letter_logits"])
@pytest.mark.parametrize(("n", "window", "stride"), [(20, 10, 5), (100, 20, 10), (7, 5, 2), (30, 26, 13), (21, 20, 20)])
def test_sliding_windows_bring_the_best_up(strategy, n, window, stride):
    own = options(strategy, window, stride)
    assert slides(own, n)
    taste = np.random.default_rng(n).permutation(n)
    outcome, asked = walk(own, n, taste)
    assert sorted(outcome.ranks) == list(range(1, n + 1)) and (outcome.raw_ranks > 0).all()
    best = np.argsort(taste)[: max(1, window - stride)]
    np.testing.assert_array_equal(outcome.ranks[best], np.arange(1, len(best) + 1))
    assert len(asked) == questions_per_list(own, n) == len(window_starts(n, window, stride))
    assert {place for question in asked for place in question.shown} == set(range(n)), "each is shown"
    assert max(len(question.shown) for question in asked) <= window


def test_candidates_are_shuffled_per_seed_user_and_permutation():
    def shown(seed, user, permutation, part="test"):
        return next(chain(options(), 20, shuffler(seed, part, user, permutation)))[0].shown

    orders = {shown(1, 7, 0), shown(2, 7, 0), shown(1, 8, 0), shown(1, 7, 1), shown(1, 7, 0, "valid")}
    assert len(orders) == 5 and shown(1, 7, 0) == shown(1, 7, 0)


def test_lost_candidates_keep_their_base_order_at_the_end():
    outcome, asked = walk(options(), 6, range(6), respond=lambda *_: Answer(text="C, A"))
    shown = asked[0].shown
    returned = [shown[2], shown[0]]
    expected = [*returned, *sorted(set(range(6)) - set(returned))]
    assert np.argsort(outcome.ranks).tolist() == expected
    assert outcome.raw_ranks[returned].tolist() == [1, 2] and (outcome.raw_ranks > 0).sum() == 2


@pytest.mark.parametrize("strategy", ["listwise", "letter_logits", "pointwise"])
@pytest.mark.parametrize("window", [26, 4])
def test_a_model_that_says_nothing_leaves_the_base_order(strategy, window):
    outcome, _ = walk(options(strategy, window, 2), 9, range(9), respond=lambda *_: Answer())
    np.testing.assert_array_equal(outcome.ranks, np.arange(1, 10))
    assert not outcome.raw_ranks.any()


def test_permutations_are_aggregated_by_mean_rank():
    first, _ = walk(options(), 4, [0, 1, 2, 3])
    second, _ = walk(options(), 4, [3, 1, 0, 2])
    both = aggregate([first, second])
    # Mean ranks 2.5, 2, 2, 3.5: equals in base order.
    assert both.ranks.tolist() == [3, 1, 2, 4] and both.scores.tolist() == [-2.5, -2.0, -2.0, -3.5]
    lost, _ = walk(options(), 4, range(4), respond=lambda *_: Answer())
    assert (aggregate([first, lost]).raw_ranks > 0).all() and not aggregate([lost, lost]).raw_ranks.any()


def test_variants_of_a_letter_are_summed():
    logprobs = [[" A", math.log(0.2)], ["A", math.log(0.3)], ["a", math.log(0.1)], ["B", math.log(0.35)], ["(B", -9.0]]
    logprobs += [["The", -1.0], ["▁C", math.log(0.01)], ["AB", -2.0], ["Ｄ", math.log(0.02)], ["", -3.0]]
    found = choice_probabilities(logprobs, ["a", "b", "c", "d", "e"])
    assert found == pytest.approx({"a": 0.6, "b": 0.35 + math.exp(-9), "c": 0.01, "d": 0.02})
    reading = read(options("letter_logits"), Question(0, (0, 1, 2, 3, 4)), Answer(logprobs=logprobs))
    assert reading.order == (0, 1, 3, 2, 4) and reading.raw_ranks == (1, 2, 4, 3, 0)
    assert reading.fault == "missing" and reading.counts["missing"] == 1


def test_a_refused_choice_is_counted():
    reading = read(options("letter_logits"), Question(0, (0, 1)), Answer(finish_reason="content_filter"))
    assert reading.fault == "refused"

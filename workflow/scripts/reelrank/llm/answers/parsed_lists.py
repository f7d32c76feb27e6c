"""Convert the table of raw answers to ranked lists, with the same sequence of questions as when asking."""

import json

import numpy as np

from reelrank.data.lists import RankedLists
from reelrank.errors import InputError
from reelrank.llm.answers.readings import read
from reelrank.llm.messages import Answer
from reelrank.llm.strategies import aggregate, chain, shuffler

#: Count columns of the table of faults.
COUNTS = ("missing", "repeated", "unknown", "out_of_range", "prose_around")

#: Maximum of counts and raw ranks (int16), however much a model wrote.
MOST = 32767


def answered_lists(base, answers):
    """Return the base lists of the users in a table of answers."""
    users = np.unique(answers["user"].to_numpy())
    rows = np.searchsorted(base.users, users)
    if len(users) and ((rows >= len(base.users)).any() or not np.array_equal(base.users[rows], users)):
        raise InputError("found answers for users who are not in the base list; run ask_llm again")
    return RankedLists(base.users[rows], base.items[rows], base.scores[rows])


def parse_table(answers, heads, options, split, path):
    """Parse all answers.

    Parameters
    ----------
    answers : pyarrow.Table
        Table with the contract ``answers``.
    heads : RankedLists
        The candidates that were asked about, in base order.
    options : dict
        The effective options, as they were used for asking.
    split : {'valid', 'test'}
    path : str or Path
        File of the answers, for errors.

    Returns
    -------
    scores : numpy.ndarray
        ``(n, depth)`` float32.
    raw_ranks : numpy.ndarray
        ``(n, depth)`` int16.
    columns : dict of str to list
        Columns of the contract ``parsing``.

    Raises
    ------
    InputError
        If the table lacks an answer.
    """
    given = _by_place(answers)
    scores = np.full(heads.items.shape, -np.inf, np.float32)
    raw_ranks = np.zeros(heads.items.shape, np.int16)
    columns = {name: [] for name in ("user", "permutation", "step", "fault", *COUNTS, "shown", "order")}
    for row, user in enumerate(heads.users.tolist()):
        n = int(heads.present[row].sum())
        outcomes = [
            _walk(given, options, split, user, permutation, n, columns, path)
            for permutation in range(options["permutations"])
        ]
        outcome = aggregate(outcomes)
        scores[row, :n], raw_ranks[row, :n] = outcome.scores, np.minimum(outcome.raw_ranks, MOST)
    return scores, raw_ranks, columns


def _by_place(answers):
    """Return the answers by (user, permutation, step)."""
    names = ("user", "permutation", "step", "text", "finish_reason", "logprobs")
    rows = zip(*(answers[name].to_pylist() for name in names), strict=True)
    return {
        (user, permutation, step): Answer(
            text=text, finish_reason=reason, logprobs=None if logprobs is None else json.loads(logprobs)
        )
        for user, permutation, step, text, reason, logprobs in rows
    }


def _walk(given, options, split, user, permutation, n, columns, path):
    generator = chain(options, n, shuffler(options["seed"], split, user, permutation))
    questions = next(generator)
    while True:
        readings = []
        for question in questions:
            answer = given.get((user, permutation, question.step))
            if answer is None:
                raise InputError(
                    f"{path}: found no answer to question {question.step} of user {user}; run ask_llm again"
                )
            reading = read(options, question, answer)
            _note(columns, user, permutation, question, reading)
            readings.append(reading)
        try:
            questions = generator.send(readings)
        except StopIteration as done:
            return done.value


def _note(columns, user, permutation, question, reading):
    values = {"user": user, "permutation": permutation, "step": question.step, "fault": reading.fault}
    values |= {name: min(reading.counts[name], MOST) for name in COUNTS}
    values |= {"shown": list(question.shown), "order": list(reading.order)}
    for name, value in values.items():
        columns[name].append(value)

"""From the table of raw answers to ranked lists: pure, and the same walk that asked."""

import json

import numpy as np

from reelrank.data.lists import RankedLists
from reelrank.errors import InputError
from reelrank.llm.answers.readings import read
from reelrank.llm.messages import Answer
from reelrank.llm.strategies import aggregate, chain, shuffler

#: Columns of counts in the table of faults.
COUNTS = ("missing", "repeated", "unknown", "out_of_range", "prose_around")

#: Counts and raw ranks end here (int16), however much a model wrote.
MOST = 32767


def answered_lists(base, answers):
    """Return the base lists of the users that a table of answers holds."""
    users = np.unique(answers["user"].to_numpy())
    rows = np.searchsorted(base.users, users)
    if len(users) and ((rows >= len(base.users)).any() or not np.array_equal(base.users[rows], users)):
        raise InputError("the answers hold users that the base list does not hold; run ask_llm again")
    return RankedLists(base.users[rows], base.items[rows], base.scores[rows])


def parse_table(answers, heads, options, part, path):
    """Read all answers.

    Parameters
    ----------
    answers : pyarrow.Table
        Of contract ``answers``.
    heads : RankedLists
        What was asked about, in base order.
    options : dict
        As they were used.
    part : {'valid', 'test'}
    path : str or Path
        Of the answers, for errors.

    Returns
    -------
    scores : numpy.ndarray
        ``(n, depth)`` float32.
    raw_ranks : numpy.ndarray
        ``(n, depth)`` int16.
    columns : dict of str to list
        Of contract ``parsing``.

    Raises
    ------
    InputError
        If an answer that the walk needs is not in the table.
    """
    given = _by_place(answers)
    scores = np.full(heads.items.shape, -np.inf, np.float32)
    raw_ranks = np.zeros(heads.items.shape, np.int16)
    columns = {name: [] for name in ("user", "permutation", "step", "fault", *COUNTS, "shown", "order")}
    for row, user in enumerate(heads.users.tolist()):
        n = int(heads.present[row].sum())
        outcomes = [
            _walk(given, options, part, user, permutation, n, columns, path)
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


def _walk(given, options, part, user, permutation, n, columns, path):
    generator = chain(options, n, shuffler(options["seed"], part, user, permutation))
    questions = next(generator)
    while True:
        readings = []
        for question in questions:
            answer = given.get((user, permutation, question.step))
            if answer is None:
                raise InputError(
                    f"{path}: holds no answer to question {question.step} of user {user}; run ask_llm again"
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

"""Run the question chains of all users: first from the cache, then by asking for the rest."""

import asyncio
import importlib
import logging

from reelrank.llm.ask.sending import StoppedError
from reelrank.llm.strategies import chain, shuffler, slides
from reelrank.progress import Progress


class Chains:
    """The chains of one job (one per user and permutation), and the rows of their answers.

    Parameters
    ----------
    asked : sequence of reelrank.llm.ask.users.Asked
    options : dict
    renderer : reelrank.llm.rendering.Renderer
    """

    def __init__(self, asked, options, renderer):
        self.asked, self.options, self.renderer = asked, options, renderer
        self.rows = {one.split: {} for one in asked}
        # Computed once for all users, because each is a computation over a whole matrix.
        self._latest = [one.history.last(options["history_length"]) for one in asked]
        self._depths = [one.lists.present.sum(1).tolist() for one in asked]

    def all(self):
        """Yield ``(index of the split, row of the user, permutation)`` for each chain."""
        for split, one in enumerate(self.asked):
            for row in range(len(one.lists.users)):
                for permutation in range(self.options["permutations"]):
                    yield split, row, permutation

    def open(self, split, row, permutation):
        """Return the generator of a chain, and a function that makes the request of a question."""
        one = self.asked[split]
        candidates = one.lists.items[row, : self._depths[split][row]].tolist()
        history = [item for item in self._latest[split][row].tolist() if item < one.history.n_items]
        rng = shuffler(self.options["seed"], one.split, int(one.lists.users[row]), permutation)
        generator = chain(self.options, len(candidates), rng)
        return generator, lambda question: self.renderer.request(
            history, [candidates[place] for place in question.shown]
        )

    def keep(self, split, row, permutation, answered):
        """Store the answers of a finished chain, as ``(step, key, answer)``."""
        one = self.asked[split]
        self.rows[one.split][int(one.lists.users[row]), permutation] = answered

    def reading(self, n):
        """Return the parser that a chain needs to continue, or None if it asks all questions at once."""
        if not slides(self.options, n):
            return None
        return importlib.import_module("reelrank.llm.answers.readings").read

    def depth(self, split, row):
        """Return how many candidates a user has."""
        return self._depths[split][row]


def from_cache(chains, asker):
    """Run all chains from the cache; return the chains that need asking."""
    pending = []
    for place in chains.all():
        generator, request_of = chains.open(*place)
        read = chains.reading(chains.depth(*place[:2]))
        answered, questions = [], next(generator)
        while questions:
            found = [(question, *asker.cached(request_of(question))) for question in questions]
            if any(answer is None for _, _, answer in found):
                pending.append(place)
                break
            answered += [(question.step, key, answer) for question, key, answer in found]
            questions = _next_questions(generator, read, chains.options, found)
        else:
            asker.counts.cached += len(answered)
            chains.keep(*place, answered)
    return pending


def _next_questions(generator, read, options, found):
    """Send readings to the chain if it needs them; return its next questions, or None at its end."""
    if read is None:
        return None
    try:
        return generator.send([read(options, question, answer) for question, _, answer in found])
    except StopIteration:
        return None


async def by_asking(chains, pending, asker, concurrency):
    """Ask for all pending chains, some at a time; raise the first error after all running requests are done."""
    places = iter(pending)

    def spent():
        """Return the numbers of sent and failed requests so far, and the cost."""
        counts = asker.counts
        return f"{counts.sent} requests sent, {counts.failed + counts.unknown} failed, ${counts.usd:.4f}"

    async def worker():
        """Run chains one after the other until none is left or the asker failed."""
        for place in places:
            if asker.failure is not None:
                return
            await _walk(chains, place, asker)
            progress.advance()

    with Progress("asking", len(pending), "lists", note=spent) as progress:
        done = await asyncio.gather(*(worker() for _ in range(concurrency)), return_exceptions=True)
    logging.info("%s", progress.line())
    errors = [error for error in done if isinstance(error, BaseException) and not isinstance(error, StoppedError)]
    if asker.failure is not None or errors:
        raise asker.failure or errors[0]


async def _walk(chains, place, asker):
    generator, request_of = chains.open(*place)
    read = chains.reading(chains.depth(*place[:2]))
    answered, questions = [], next(generator)
    while questions:
        requests = [request_of(question) for question in questions]
        if len(requests) == 1:
            replies = [await asker.answer(requests[0])]
        else:
            replies = await asyncio.gather(*(asker.answer(request) for request in requests))
        found = [(question, *reply) for question, reply in zip(questions, replies, strict=True)]
        answered += [(question.step, key, answer) for question, key, answer in found]
        questions = _next_questions(generator, read, chains.options, found)
    chains.keep(*place, answered)

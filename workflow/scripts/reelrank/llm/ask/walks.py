"""Walks the chains of all users: first through the cache alone, then, for what is left, asking."""

import asyncio
import importlib
import logging

from reelrank.llm.ask.sending import StoppedError
from reelrank.llm.strategies import chain, shuffler, slides
from reelrank.progress import Progress


class Chains:
    """The chains (a user and a permutation each) of one job, and the rows of their answers.

    Parameters
    ----------
    asked : sequence of reelrank.llm.ask.users.Asked
    options : dict
    renderer : reelrank.llm.rendering.Renderer
    """

    def __init__(self, asked, options, renderer):
        self.asked, self.options, self.renderer = asked, options, renderer
        self.rows = {one.part: {} for one in asked}
        # Once for all users: what is made of a whole matrix must not be made again for each of its rows.
        self._latest = [one.history.last(options["history_length"]) for one in asked]
        self._depths = [one.lists.present.sum(1).tolist() for one in asked]

    def all(self):
        """Yield ``(index of the part, row of the user, permutation)`` of each chain."""
        for part, one in enumerate(self.asked):
            for row in range(len(one.lists.users)):
                for permutation in range(self.options["permutations"]):
                    yield part, row, permutation

    def open(self, part, row, permutation):
        """Return the generator of a chain, and a function from its questions to requests."""
        one = self.asked[part]
        candidates = one.lists.items[row, : self._depths[part][row]].tolist()
        history = [item for item in self._latest[part][row].tolist() if item < one.history.n_items]
        rng = shuffler(self.options["seed"], one.part, int(one.lists.users[row]), permutation)
        generator = chain(self.options, len(candidates), rng)
        return generator, lambda question: self.renderer.request(
            history, [candidates[place] for place in question.shown]
        )

    def keep(self, part, row, permutation, answered):
        """Keep the answers of a finished chain: ``(step, key, answer)`` each."""
        one = self.asked[part]
        self.rows[one.part][int(one.lists.users[row]), permutation] = answered

    def reading(self, n):
        """Return the function that a chain needs to go on, or None where all is asked at once."""
        if not slides(self.options, n):
            return None
        return importlib.import_module("reelrank.llm.answers.readings").read

    def depth(self, part, row):
        """Return how many candidates a user has."""
        return self._depths[part][row]


def from_cache(chains, asker):
    """Walk all chains through the cache; return those that need asking."""
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
            questions = _go_on(generator, read, chains.options, found)
        else:
            asker.counts.cached += len(answered)
            chains.keep(*place, answered)
    return pending


def _go_on(generator, read, options, found):
    """Send readings to a chain that needs them; return its next questions, or None."""
    if read is None:
        return None
    try:
        return generator.send([read(options, question, answer) for question, _, answer in found])
    except StopIteration:
        return None


async def by_asking(chains, pending, asker, concurrency):
    """Ask for all pending chains, some at a time; raise the first error when all under way are done."""
    places = iter(pending)

    def spent():
        """Return what was sent so far, and what of it failed."""
        counts = asker.counts
        return f"{counts.sent} requests sent, {counts.failed + counts.unknown} failed, ${counts.usd:.4f}"

    async def worker():
        """Walk one chain after the other until none is left or the asker failed."""
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
        questions = _go_on(generator, read, chains.options, found)
    chains.keep(*place, answered)

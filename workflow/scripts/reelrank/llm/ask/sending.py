"""Sends requests: once each, within the limits, again after what passes, and never twice what was answered."""

import asyncio
import json
import logging
import random
import time
from dataclasses import dataclass

from reelrank.errors import InputError
from reelrank.llm.ask.budget import backoff
from reelrank.llm.ask.request_cache import answer_of
from reelrank.llm.clients import TransientError


class StoppedError(Exception):
    """Another request failed for good; this one was not sent."""


@dataclass
class Counts:
    """What one run did."""

    cached: int = 0
    sent: int = 0
    answered: int = 0
    failed: int = 0
    unknown: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    usd: float = 0.0


class Asker:
    """Answers requests from the cache, or by asking the client.

    Parameters
    ----------
    client : object
        See `reelrank.llm.clients`.
    cache : reelrank.llm.ask.request_cache.AnswerCache
    journal : reelrank.llm.ask.request_cache.Journal
    budget : reelrank.llm.ask.budget.Budget
    throttle : reelrank.llm.ask.budget.Throttle
    concurrency : int
        Requests under way at the same time.
    max_attempts : int
    first_wait_s : float
        Of the back-off.
    """

    def __init__(self, client, cache, journal, budget, throttle, concurrency=16, max_attempts=8, first_wait_s=0.5):
        self.client, self.cache, self.journal, self.budget, self.throttle = client, cache, journal, budget, throttle
        self.identity = json.dumps(client.identity, sort_keys=True)
        self.slots = asyncio.Semaphore(concurrency)
        self.max_attempts, self.first_wait_s = max_attempts, first_wait_s
        self.counts = Counts()
        self.failure = None
        self._under_way = {}
        self._rng = random.Random()

    def cached(self, request):
        """Return the key of a request and its answer, or None where it must be asked."""
        key = request.key(self.identity)
        record = self.cache.get(key)
        return key, None if record is None else answer_of(record)

    async def answer(self, request):
        """Return the key of a request and its answer; identical requests are sent once.

        Raises
        ------
        InputError
            What cannot be mended by trying again, a spent budget, or too many attempts.
        StoppedError
            If another request failed so.
        """
        key, answer = self.cached(request)
        if answer is not None:
            self.counts.cached += 1
            return key, answer
        if key in self._under_way:
            return key, await asyncio.shield(self._under_way[key])
        task = self._under_way[key] = asyncio.ensure_future(self._ask(key, request))
        try:
            return key, await task
        finally:
            del self._under_way[key]

    async def _ask(self, key, request):
        async with self.slots:
            for attempt in range(1, self.max_attempts + 1):
                if self.failure is not None:
                    raise StoppedError
                try:
                    await self.throttle.wait(request.size() // 4 + request.max_tokens)
                    return await self.send(key, request, attempt)
                except TransientError as error:
                    wait_s = backoff(attempt, self._rng, self.first_wait_s)
                    if error.retry_after_s:
                        self.throttle.pause(error.retry_after_s)
                        wait_s = min(wait_s, error.retry_after_s)
                    logging.info("request %s, attempt %d: %s; again in %.1f s", key[:8], attempt, error, wait_s)
                    last = error
                except OSError as error:
                    # An answer that cannot be kept would be paid for again: the others stop as well.
                    self.failure = self.failure or InputError(
                        f"{self.cache.folder}: an answer could not be kept ({error.strerror or error}); mend it and "
                        "run again: what was answered before is kept"
                    )
                    raise self.failure from None
                except InputError as error:
                    self.failure = self.failure or error
                    raise
                if attempt < self.max_attempts:
                    await asyncio.sleep(wait_s)
            self.failure = self.failure or InputError(
                f"config key rerankers.{self.budget.name}: a request failed {self.max_attempts} times, last with: "
                f"{last}; what was answered is kept: run again"
            )
            raise self.failure

    async def send(self, key, request, attempt, keep=True):
        """Send a request once, with a line in the journal before and after; `keep` its answer in the cache."""
        bound = self.budget.bound(request)
        await self.budget.reserve(bound)
        if self.failure is not None:
            self.budget.requests -= 1
            self.budget.settle(bound, 0.0)
            raise StoppedError
        self.journal.note("sent", key, attempt, usd_bound=bound)
        self.counts.sent += 1
        started = time.perf_counter()
        try:
            answer = await self.client.complete(request)
        except TransientError as error:
            # Where the fate is unknown the server may have answered and charged: it counts as spent.
            self.budget.settle(bound, bound if error.fate_unknown else 0.0)
            self.journal.note("unknown" if error.fate_unknown else "failed", key, attempt, reason=str(error)[:200])
            if error.fate_unknown:
                self.counts.unknown += 1
            else:
                self.counts.failed += 1
            raise
        except InputError:
            self.budget.settle(bound, 0.0)
            self.journal.note("failed", key, attempt, reason="refused by the server")
            self.counts.failed += 1
            raise
        except BaseException:
            self.budget.settle(bound, bound)  # nobody knows its fate; those that wait for the budget must not hang
            raise
        answer.latency_s, answer.attempt = time.perf_counter() - started, attempt
        try:
            if keep:
                self.cache.put(key, answer, self.journal.run)
        finally:
            self._settle(key, answer, bound)  # paid for, even if it could not be kept
        return answer

    def _settle(self, key, answer, bound):
        usd = self.budget.cost(answer)
        self.journal.note(
            "answered",
            key,
            answer.attempt,
            input_tokens=answer.input_tokens,
            output_tokens=answer.output_tokens,
            usd=usd,
        )
        self.budget.settle(bound, usd)
        self.counts.answered += 1
        self.counts.input_tokens += answer.input_tokens
        self.counts.output_tokens += answer.output_tokens
        self.counts.usd += usd or 0.0

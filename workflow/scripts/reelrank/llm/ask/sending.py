"""Send each request once, within the limits; retry after temporary failures, and never repeat an answered request."""

import asyncio
import json
import logging
import time
from dataclasses import dataclass

from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt

from reelrank.errors import InputError
from reelrank.llm.ask.request_cache import answer_of
from reelrank.llm.clients import TransientError
from reelrank.retries import growing_wait

#: Longest wait after the first failed attempt, in seconds; it doubles with each further failure.
FIRST_WAIT_S = 0.5


class StoppedError(Exception):
    """Another request failed permanently, so this one was not sent."""


@dataclass
class Counts:
    """Counts of the requests of one run."""

    cached: int = 0
    sent: int = 0
    answered: int = 0
    failed: int = 0
    unknown: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    usd: float = 0.0


class Asker:
    """Answers requests from the cache or the client.

    Parameters
    ----------
    client : object
        See `reelrank.llm.clients`.
    cache : reelrank.llm.ask.request_cache.AnswerCache
    journal : reelrank.llm.ask.request_cache.Journal
    budget : reelrank.llm.ask.budget.Budget
    throttle : reelrank.llm.ask.budget.Throttle
    concurrency : int
        Maximum number of requests at the same time.
    max_attempts : int
    """

    def __init__(self, client, cache, journal, budget, throttle, concurrency, max_attempts):
        self.client, self.cache, self.journal, self.budget, self.throttle = client, cache, journal, budget, throttle
        self.identity = json.dumps(client.identity, sort_keys=True)
        self.slots = asyncio.Semaphore(concurrency)
        self.max_attempts = max_attempts
        self.counts = Counts()
        self.failure = None
        self._under_way = {}

    def cached(self, request):
        """Return the key of a request and its cached answer, or None instead of the answer."""
        key = request.key(self.identity)
        record = self.cache.get(key)
        return key, None if record is None else answer_of(record)

    async def answer(self, request):
        """Return the key of a request and its answer; identical requests are sent once.

        Raises
        ------
        InputError
            If retrying cannot help, the budget is spent, or there were too many attempts.
        StoppedError
            If another request failed permanently.
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
            try:
                async for attempt in self.attempts(key, stop_after_attempt(self.max_attempts)):
                    with attempt:
                        if self.failure is not None:
                            raise StoppedError
                        await self.throttle.wait(request.size() // 4 + request.max_tokens)
                        return await self.send(key, request, attempt.retry_state.attempt_number)
            except TransientError as error:
                failure = InputError(
                    f"config key chat_models.{self.budget.name}: a request failed {self.max_attempts} times, last "
                    f"with: {error}; answers are kept: run again"
                )
            except OSError as error:
                # An answer that cannot be written would be paid for again, so all other requests stop too.
                failure = InputError(
                    f"{self.cache.folder}: cannot write an answer ({error.strerror or error}); fix this and "
                    "run again: earlier answers are kept"
                )
            except InputError as error:
                failure = error
            self.failure = self.failure or failure
            raise self.failure from None

    def attempts(self, key, stop):
        """Return the attempts at a request: a new one after each `TransientError`, until `stop`.

        Parameters
        ----------
        key : str
            Key of the request, for the log.
        stop : callable
            Stop condition of `tenacity`.
        """

        def pause(state):
            """Log the failure and return the wait; if the server asks for a pause, all requests wait."""
            error = state.outcome.exception()
            if error.retry_after_s:
                self.throttle.pause(error.retry_after_s)
            number, wait_s = state.attempt_number, state.next_action.sleep
            logging.info("request %s, attempt %d: %s; retrying in %.1f s", key[:8], number, error, wait_s)

        return AsyncRetrying(
            retry=retry_if_exception_type(TransientError),
            stop=stop,
            wait=growing_wait(FIRST_WAIT_S),
            before_sleep=pause,
            reraise=True,
        )

    async def send(self, key, request, attempt, keep=True):
        """Send a request once, with a journal line before and after; cache the answer if `keep`."""
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
            # If the outcome is unknown, the server may have answered and charged: it counts as spent.
            self.budget.settle(bound, bound if error.outcome_unknown else 0.0)
            self.journal.note("unknown" if error.outcome_unknown else "failed", key, attempt, reason=str(error)[:200])
            if error.outcome_unknown:
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
            self.budget.settle(bound, bound)  # outcome unknown; requests that wait for the budget must not hang
            raise
        answer.latency_s, answer.attempt = time.perf_counter() - started, attempt
        try:
            if keep:
                self.cache.put(key, answer, self.journal.run)
        finally:
            self._settle(key, answer, bound)  # paid for, even if it could not be cached
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

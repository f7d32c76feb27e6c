"""Limits on requests: budgets, rates, and pauses that a server asks for."""

import asyncio
import time

from reelrank.errors import InputError

#: Tokens that a server may add per message (roles, separators).
TOKENS_PER_MESSAGE = 16


class BudgetSpentError(InputError):
    """The next request could exceed ``max_requests`` or ``max_cost_usd``, so it was not sent."""


class Budget:
    """Counts spending and stops any request that could exceed a limit.

    Before a request is sent, its maximum cost is reserved (a token is at least one byte, so
    its bytes bound its tokens). Afterwards the reservation is replaced by the real cost.

    Parameters
    ----------
    name : str
        Name of the chat model, for errors.
    prices : tuple of (float, float) or None
        Dollars per million input and output tokens; None if unknown.
    max_requests : int or None
        None for no limit; 0 sends nothing.
    max_cost_usd : float or None
        None for no limit.
    requests, usd : int, float
        Spending of earlier runs of the same job.
    """

    def __init__(self, name, prices, max_requests=None, max_cost_usd=None, requests=0, usd=0.0):
        self.name, self.prices = name, prices
        self.max_requests, self.max_cost_usd = max_requests, max_cost_usd
        self.requests, self.usd, self.reserved = requests, usd, 0.0
        self._settled = asyncio.Event()
        if max_cost_usd is not None and prices is None:
            raise InputError(
                f"config key chat_models.{name}.max_cost_usd: the model has no price in config/prices.yaml; add it"
            )

    def bound(self, request):
        """Return the maximum cost of a request, in dollars."""
        if self.prices is None:
            return 0.0
        tokens = request.size() + TOKENS_PER_MESSAGE * (len(request.messages) + 1)
        return (tokens * self.prices[0] + request.max_tokens * self.prices[1]) / 1e6

    def cost(self, answer):
        """Return the cost of an answer, in dollars; None if prices are unknown."""
        if self.prices is None:
            return None
        return (answer.input_tokens * self.prices[0] + answer.output_tokens * self.prices[1]) / 1e6

    async def reserve(self, bound):
        """Wait until a request of at most `bound` dollars fits; raise `BudgetSpentError` if it never will."""
        while True:
            if self.max_requests is not None and self.requests >= self.max_requests:
                raise BudgetSpentError(
                    f"config key chat_models.{self.name}.max_requests: all {self.max_requests} requests are spent "
                    "(including failed ones and earlier runs); answers are kept: raise it and run again"
                )
            if self.max_cost_usd is None or self.usd + self.reserved + bound <= self.max_cost_usd:
                break
            if self.reserved <= 1e-12:
                raise BudgetSpentError(
                    f"config key chat_models.{self.name}.max_cost_usd: {self.usd:.4f} of {self.max_cost_usd} dollars "
                    "are spent and the next request could exceed it; answers are kept: raise it and run again"
                )
            self._settled.clear()
            await self._settled.wait()
        self.requests += 1
        self.reserved += bound

    def settle(self, bound, usd):
        """Replace a reservation by the real cost."""
        self.reserved = max(0.0, self.reserved - bound)
        self.usd += usd or 0.0
        self._settled.set()


class Throttle:
    """Limits requests and tokens per minute, and keeps pauses that a server asks for.

    Parameters
    ----------
    requests_per_minute, tokens_per_minute : float
        0 for no limit. A burst of one second is allowed.
    """

    def __init__(self, requests_per_minute=0, tokens_per_minute=0):
        self.rates = {"requests": requests_per_minute / 60, "tokens": tokens_per_minute / 60}
        self.free_at = {"requests": 0.0, "tokens": 0.0}
        self.paused_until = 0.0

    async def wait(self, tokens):
        """Wait until a request with `tokens` tokens may be sent."""
        if self.rates["requests"] or self.rates["tokens"]:
            now, start = time.monotonic(), 0.0
            for name, amount in (("requests", 1), ("tokens", tokens)):
                if self.rates[name]:
                    begin = max(self.free_at[name], now - 1.0)
                    self.free_at[name] = begin + amount / self.rates[name]
                    start = max(start, begin)
            if start > now:
                await asyncio.sleep(start - now)
        while (left := self.paused_until - time.monotonic()) > 0:
            await asyncio.sleep(left)

    def pause(self, seconds):
        """Stop all requests for `seconds` (``Retry-After``)."""
        self.paused_until = max(self.paused_until, time.monotonic() + seconds)
